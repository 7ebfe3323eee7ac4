package cocsim

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Generate yields n generated jobs with a number of versions each, every version about
// size bytes and one edit away from the previous one. The same seed gives the same
// jobs. The texts are generated when they are requested (Version.Lazy), so that
// 100,000 versions need not be in memory.
func Generate(n, versions, size int, seed uint64) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		texts := &histories{versions: versions, size: size, seed: seed, kept: map[int][]string{}}
		start := time.Date(2025, time.July, 1, 8, 0, 0, 0, time.UTC)
		for i := range n {
			d := Document{
				Name:    fmt.Sprintf("job-%06d", i),
				Creator: fmt.Sprintf("COC-user%02d", i%37),
			}
			for v := range versions {
				d.Versions = append(d.Versions, Version{
					CreatedAt: start.Add(time.Duration(i)*time.Second + time.Duration(v)*24*time.Hour),
					Lazy:      func() string { return texts.text(i, v) },
				})
			}
			if versions > 1 {
				d.Modifier = fmt.Sprintf("COC-user%02d", (i+versions)%37)
			}
			if !yield(d) {
				return
			}
		}
	}
}

// maxKept is how many histories are cached: callers request the versions of a few
// documents at a time.
const maxKept = 64

// histories generates the texts of documents.
type histories struct {
	versions, size int
	seed           uint64

	mu   sync.Mutex
	kept map[int][]string
	ring []int // documents in kept, oldest first
}

// text returns the content of one version of document i.
func (h *histories) text(i, version int) string {
	h.mu.Lock()
	texts, ok := h.kept[i]
	h.mu.Unlock()
	if ok {
		return texts[version]
	}
	texts = h.make(i)
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.kept[i]; !ok {
		if len(h.ring) == maxKept {
			delete(h.kept, h.ring[0])
			h.ring = h.ring[1:]
		}
		h.kept[i] = texts
		h.ring = append(h.ring, i)
	}
	return texts[version]
}

func (h *histories) make(i int) []string {
	rng := rand.New(rand.NewPCG(h.seed, uint64(i)))
	texts := make([]string, h.versions)
	for v := range texts {
		if v == 0 {
			texts[v] = newJob(i, h.size, rng)
			continue
		}
		texts[v], _ = Tweak(texts[v-1], rng)
	}
	return texts
}

// newJob generates a job of about size bytes.
func newJob(i, size int, rng *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, `meta:
  name: job-%06d
  schemaVersion: 3
  description: made-up job %d
inputs:
  instance_list:
    type: string
    default: '[{"name":"node-%d","resource_id":"%016x","region_id":"cn-north-4","provider":"ECS","type":"CLOUDSERVERS"}]'
    paramSource: INSTANCE
    description: nodes
    region: cn-north-4
steps:
`, i, i, i, rng.Uint64())
	for {
		b.WriteString(newStep(rng))
		if b.Len() >= size {
			return b.String()
		}
	}
}
