package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// 2,000 changes are posted while three calls of ten fail: each is posted where it should, in
// the order of its document, repeated only if Slack's response was lost, and never above
// Slack's rate limit.
func TestChaos(t *testing.T) {
	perSeed(t, func(t *testing.T, seed uint64) {
		newAnarchy(t, seed, 60, 24*time.Hour).run(t, 2_000, 100, 0)
	})
}

// The same while the process is killed at random points: what was being sent is repeated,
// byte for byte, and what was recorded is not. Threads outlive the process.
func TestChaosKilled(t *testing.T) {
	perSeed(t, func(t *testing.T, seed uint64) {
		newAnarchy(t, seed, 60, 24*time.Hour).run(t, 2_000, 15, 40)
	})
}

// perSeed runs a test in fake time with a seed that is always the same, and with
// the one in COCSYNC_SEED. It decides all but the jitter of the retries.
func perSeed(t *testing.T, test func(t *testing.T, seed uint64)) {
	t.Helper()
	t.Parallel()
	seeds := []uint64{20261124}
	if s := os.Getenv("COCSYNC_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("COCSYNC_SEED: %v", err)
		}
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, seed) })
		})
	}
}

// anarchy is a bench whose calls to Slack fail at random, with an archive in a file. Its
// notifiers are ops, which has threads, and hook; they have no digests.
type anarchy struct {
	*bench
	story
	file string // of the archive
	seed uint64
	rng  *rand.Rand // of pauses and deaths
	life int        // of the process, counted from 1

	mu    sync.Mutex
	tried map[string]int // by what a call is about
	calls []*call
	marks map[subject]bool // what the archive has recorded as sent
}

// newAnarchy returns one with so many documents, and threads of this duration.
func newAnarchy(t *testing.T, seed uint64, documents int, thread time.Duration) *anarchy {
	t.Helper()
	ops, hook := byToken("ops", "C0OTHER"), byWebhook("hook")
	ops.Thread, ops.DigestOver, hook.DigestOver = thread, 1e6, 1e6
	return &anarchy{bench: setUp(t, ops, hook), story: story{fate: rand.New(rand.NewPCG(seed, 1)), documents: make([]state, documents)},
		file: filepath.Join(t.TempDir(), "a.db"), seed: seed, rng: rand.New(rand.NewPCG(seed, 0)),
		tried: map[string]int{}, marks: map[subject]bool{}}
}

// run archives changes, in bursts of at most most, until all are sent, and compares what was
// posted with what happened. The process is killed kills times.
func (a *anarchy) run(t *testing.T, changes, most, kills int) {
	t.Helper()
	begun, deaths := time.Now(), map[string]int{}
	for done := false; !done; {
		d, err := db.Open(t.Context(), a.file)
		if err != nil {
			t.Fatal(err)
		}
		m := &mortal{Outbox: d, anarchy: a, died: make(chan struct{})}
		if a.life++; a.life <= kills {
			m.point, m.left = a.death()
		}
		sender := &Sender{Outbox: m, Notifiers: a.Notifiers, Log: a.Log, HTTP: &http.Client{Transport: m}}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { sender.Run(ctx, nil) })
		for latest := time.Now(); !m.isDead() && !done; {
			select {
			case <-m.died:
			case <-time.After(a.pause(time.Minute, 12*time.Minute, 2)):
				if left := changes - len(a.tales); left > 0 {
					a.burst(t, d, min(left, 1+a.fate.IntN(most)))
					latest = time.Now()
				} else {
					done = settled(t, d) || time.Since(latest) > 12*time.Hour
				}
			}
		}
		cancel()
		running.Wait()
		if m.isDead() {
			deaths[m.point]++
		}
		if done {
			a.check(t, d)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(a.pause(5*time.Second, time.Hour, 4))
	}
	if a.life <= kills/2 {
		t.Errorf("killed %d times, want about %d: add changes", a.life-1, kills)
	}
	calls := len(slices.DeleteFunc(slices.Clone(a.calls), func(c *call) bool { return c.method == recorded }))
	t.Logf("%d changes, %d calls, %d messages, %d files in %v; killed %v", changes, calls, len(a.slack.Messages()),
		len(a.slack.Files()), time.Since(begun).Round(time.Minute), deaths)
}

// pause is up to short, and once in often up to long.
func (a *anarchy) pause(short, long time.Duration, often int) time.Duration {
	if a.rng.IntN(often) == 0 {
		short = long
	}
	return time.Duration(a.rng.Int64N(int64(short)))
}

// settled reports whether everything was sent.
func settled(t *testing.T, d *db.DB) bool {
	t.Helper()
	unsent, err := d.Messages(t.Context(), false, 1)
	if err != nil {
		t.Fatal(err)
	}
	backlogs, err := d.Backlogs(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return len(unsent) == 0 && !slices.ContainsFunc(backlogs, func(b db.Backlog) bool { return b.Waiting > 0 })
}

// story is what happens to some documents.
type story struct {
	fate      *rand.Rand
	documents []state
	tales     []tale // by the id of a change, from 1
}

// state is the newest version of a document.
type state struct {
	version, revision int
	long              bool
}

func (s state) ref() coc.RevisionRef {
	if s.version == 0 {
		return coc.RevisionRef{}
	}
	return coc.RevisionRef{Label: fmt.Sprintf("v%d", s.version), Number: s.revision}
}

// tale is what is to be sent about a change.
type tale struct {
	name   string   // of its document
	notify []string // whom
	urgent bool
	long   bool // its diff is too long for a message
}

// burst archives changes as a cycle does. Some cycles do not end: then the deliveries are due
// two minutes later, or at the end of the next cycle.
func (a *anarchy) burst(t *testing.T, d *db.DB, changes int) {
	t.Helper()
	if _, err := d.Account(t.Context(), "prod", "https://coc.example", false); err != nil {
		t.Fatal(err)
	}
	c := coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: time.Now(), Outcome: coc.CycleGood}
	var err error
	if c.Key, err = d.Begin(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var steps []coc.Step
	for range changes {
		steps = append(steps, a.step(c.Key))
	}
	if err := d.Commit(t.Context(), steps...); err != nil {
		t.Fatal(err)
	}
	if c.EndedAt = time.Now(); a.fate.IntN(4) > 0 {
		if err := d.End(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// step is the next change of some document: mostly a new version with another
// line in it, at times one with a diff of 11,000 characters, or a rewritten one.
func (s *story) step(cycle coc.Key) coc.Step {
	i := s.fate.IntN(len(s.documents))
	old := s.documents[i]
	now := state{version: old.version + 1, revision: 1, long: s.fate.IntN(50) == 0}
	c := coc.NewChange{Kind: coc.KindVersion, At: time.Now(), Notify: [][]string{{"ops", "hook"}, {"ops"}, {"hook"}}[i%3]}
	if old.version == 0 {
		c.Kind = coc.KindNew
	} else if s.fate.IntN(30) == 0 {
		c.Kind = coc.KindRewritten
		now.version, now.revision = old.version, old.revision+1
	}
	s.documents[i] = now
	c.From, c.To = old.ref(), now.ref()
	name := fmt.Sprintf("job-%02d", i)
	s.tales = append(s.tales, tale{name, c.Notify, c.Kind == coc.KindRewritten, old.long || now.long})
	content := fmt.Sprintf("name: %s\nversion: %d\nrevision: %d\n", name, now.version, now.revision)
	for n := 0; now.long && n < 14; n++ {
		content += fmt.Sprintf("# %d %d %s\n", len(s.tales), n, strings.Repeat("0123456789", 80))
	}
	return coc.Step{Account: "prod", DocumentID: "DM-" + name, Cycle: cycle, SeenAt: time.Now(),
		Name: name, Newest: c.To.Label, State: coc.DocPresent, Meta: &coc.Meta{Name: &name},
		Versions: []coc.VersionStep{{Listed: coc.Listed{Label: c.To.Label, MadeAt: time.Now()}, State: coc.Archived,
			Recorded: true, Checked: true,
			Revision: &coc.NewRevision{Number: now.revision, Content: coc.Content{Bytes: []byte(content)}}}},
		Changes: []coc.NewChange{c}}
}

// subject is what a call posts.
type subject struct {
	notifier string
	file     bool
	change   int64 // 0: nothing
}

// call is a call to Slack and what became of it.
type call struct {
	subject
	method, body string
	at           time.Time
	life         int
	again        bool          // its subject was marked as sent before
	taken        bool          // Slack did it, and
	answered     bool          // its response was received
	quiet        time.Duration // the Retry-After of a 429
	tooFast      bool          // by Slack's own rule
}

// record records that the archive has the result of the newest call about s.
func (a *anarchy) record(s subject, state coc.MessageState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.marks[s] = state == coc.Sent
	a.calls = append(a.calls, &call{subject: subject{notifier: s.notifier}, method: recorded, life: a.life})
}

// recorded marks, among the calls, where the result of the previous one was stored.
const recorded = "recorded"

// read makes a call of a request.
func (a *anarchy) read(r *http.Request) *call {
	c := &call{subject: subject{notifier: "ops"}, method: path.Base(r.URL.Path), at: time.Now(), life: a.life}
	if body, err := r.GetBody(); err == nil {
		raw, _ := io.ReadAll(body) // from memory
		c.body = string(raw)
	}
	c.change = idIn(c.body)
	switch {
	case strings.HasPrefix(r.URL.Path, "/services/"):
		c.notifier, c.method = "hook", "webhook"
	case strings.HasPrefix(r.URL.Path, "/upload/"):
		c.method = "upload"
	}
	c.file = c.method == "files.completeUploadExternal"
	return c
}

var changeID = regexp.MustCompile(`change[ +](\d+)`) // + in a form

// idIn returns the id of the change that a text names, 0 when it names none.
func idIn(text string) (id int64) {
	if m := changeID.FindStringSubmatch(text); m != nil {
		id, _ = strconv.ParseInt(m[1], 10, 64)
	}
	return id
}

// luck decides what becomes of a call: by what it is about and how often that was
// tried, whatever else happens meanwhile.
func (a *anarchy) luck(c *call) *rand.Rand {
	about := fmt.Sprint(c.subject, c.method)
	if c.change == 0 {
		about += c.body
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tried[about]++
	c.again = c.change != 0 && a.marks[c.subject]
	a.calls = append(a.calls, c)
	h := fnv.New64a()
	fmt.Fprint(h, about, a.tried[about])
	return rand.New(rand.NewPCG(a.seed, h.Sum64()))
}

var errReset = errors.New("read: connection reset by peer")

// RoundTrip takes a request to Slack and back, or not.
func (a *anarchy) RoundTrip(r *http.Request) (*http.Response, error) {
	c := a.read(r)
	luck := a.luck(c)
	fate := -1
	if luck.IntN(10) < 3 {
		fate = luck.IntN(5)
	}
	switch fate {
	case 0:
		return c.limit(luck), nil
	case 1:
		rec := httptest.NewRecorder()
		rec.WriteHeader([]int{500, 502, 503, 504}[luck.IntN(4)])
		return rec.Result(), nil
	case 2:
		return nil, errReset // before it reached Slack
	}
	// Slack handles the request also if the caller was killed.
	res, err := a.wire.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	c.taken = string(body) == "ok" || bytes.Contains(body, []byte(`"ok":true`))
	if c.tooFast = res.StatusCode == http.StatusTooManyRequests; c.tooFast {
		c.quiet = seconds(res.Header.Get("Retry-After"))
	}
	time.Sleep(time.Duration(luck.IntN(400)) * time.Millisecond)
	switch fate {
	case 3:
		return nil, errReset // after it reached Slack
	case 4:
		res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return res, nil
	}
	c.answered = true
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// limit responds 429, with a Retry-After in one of its forms, or none.
func (c *call) limit(luck *rand.Rand) *http.Response {
	slacks := time.Now().Add(-3 * time.Minute) // its clock differs
	wait := time.Duration(1+luck.IntN(40)) * time.Second
	var after string
	switch luck.IntN(5) {
	case 0:
		after = strconv.Itoa(int(wait.Seconds()))
	case 1:
		wait += 250 * time.Millisecond
		after = fmt.Sprint(wait.Seconds())
	case 2:
		after = slacks.Add(wait).UTC().Format(http.TimeFormat)
	case 3:
		after, wait = "0", 0
	case 4:
		wait = 0
	}
	c.quiet = wait
	rec := httptest.NewRecorder()
	rec.Header().Set("Date", slacks.UTC().Format(http.TimeFormat))
	if after != "" {
		rec.Header().Set("Retry-After", after)
	}
	rec.WriteHeader(http.StatusTooManyRequests)
	return rec.Result()
}
