package notify

import (
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

const (
	// maxDetails bounds the messages below a digest.
	maxDetails = 4
	// maxDetailed bounds the changes of a digest whose contents are loaded.
	maxDetailed = 300
)

// details writes the messages in the thread of a digest: a paragraph for each change, the
// most important first, as many as fit, and all of them with their diffs in one file. load
// returns a change's contents.
func (w *writer) details(changes []*coc.Change,
	load func(*coc.Change) (contents, error)) ([]rendered, error) {
	changes = w.maskAllNames(changes)
	slices.SortStableFunc(changes, func(a, b *coc.Change) int { return rank(b) - rank(a) })
	var paragraphs []block
	var all strings.Builder // the title of every change, and its diff if there is one
	differs := false
	for i, c := range changes {
		var s excerpt
		if i < maxDetailed {
			pair, err := load(c)
			if err != nil {
				return nil, err
			}
			s = w.excerpt(c, pair)
			paragraphs = append(paragraphs, w.detail(c, s))
		}
		fmt.Fprintf(&all, "# %s: %s\n", idOf(c), w.title(c))
		if len(s.patch) > 0 && all.Len() < maxFile {
			differs = true
			w.writeDiff(&all, c, s)
		}
	}
	list, n := w.pack(changes, paragraphs)
	if w.n.files() && (differs || n < len(changes)) {
		ids := changeRange(changes)
		list[len(list)-1].file = &file{
			Name:    strings.NewReplacer(" ", "-", "–", "-").Replace(ids) + ".diff",
			Title:   "Diffs of " + ids,
			Content: all.String(),
			Instead: fmt.Sprintf("The diffs of %s: cocsync log -p --since %s shows them", ids, since(changes)),
		}
	}
	return list, nil
}

// pack puts the paragraphs about changes into as few messages as possible, at most
// maxDetails; the last one says how many changes are missing. n is how many are not.
func (w *writer) pack(changes []*coc.Change, paragraphs []block) (list []rendered, n int) {
	more := func(n int) string {
		rest := "… and " + text.Plural(n, "more change")
		if w.n.files() {
			return rest + " in the file below"
		}
		return fmt.Sprintf("%s; cocsync log --since %s shows all", rest, since(changes))
	}
	left := maxBlocks - weight(footer(plain(more(len(changes)))))
	for len(list) < maxDetails && n < len(paragraphs) {
		end := n + 1
		for end < len(paragraphs) && weight(rich(paragraphs[n:end+1]...)) < left {
			end++
		}
		list = append(list, rendered{blocks: []block{rich(paragraphs[n:end]...)},
			text: "Details of " + text.Plural(end-n, "change")})
		n = end
	}
	if rest := len(changes) - n; rest > 0 && len(list) > 0 {
		last := &list[len(list)-1]
		last.blocks = append(last.blocks, footer(plain(more(rest))))
		last.text += " " + more(rest)
	}
	return list, n
}

// detail is one change in the thread of a digest. It mentions no one.
func (w *writer) detail(c *coc.Change, s excerpt) block {
	pieces := []block{bold(w.title(c))}
	if by := w.author(c).text; by != "" {
		pieces = append(pieces, span(", "+by))
	}
	pieces = append(pieces, times(c, true)...)
	if s.summary != "" {
		pieces = append(pieces, span("\n"+s.summary))
	}
	return paragraph(append(pieces, span(" ("+idOf(c)+")"+hidden(s.masked)+"\n"))...)
}
