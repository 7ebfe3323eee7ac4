package notify

import (
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

const (
	// maxDetails bounds the messages below a digest: a flood stays a handful.
	maxDetails = 4
	// maxDetailed bounds the changes of a digest whose contents are looked at.
	maxDetailed = 300
)

// details is what stands in the thread of a digest: a paragraph for each change,
// the worst first, as many as there is room for, and all of them with their diffs in
// one file. load gives a change's contents.
func (w *writer) details(changes []*coc.Change, load func(*coc.Change) (contents, error)) ([]wording, error) {
	changes = w.maskAllNames(changes)
	slices.SortStableFunc(changes, func(a, b *coc.Change) int { return rank(b) - rank(a) })
	var paragraphs []block
	var all strings.Builder // of every change what it is, and its diff if there is one
	differs := false
	for i, c := range changes {
		var s said
		if i < maxDetailed {
			pair, err := load(c)
			if err != nil {
				return nil, err
			}
			s = w.content(c, pair)
			paragraphs = append(paragraphs, w.detail(c, s))
		}
		fmt.Fprintf(&all, "# %s: %s\n", idOf(c), w.title(c))
		if len(s.patch) > 0 && all.Len() < maxFile {
			differs = true
			w.writeDiff(&all, c, s, maxFile)
		}
	}
	list, told := w.pack(changes, paragraphs)
	if w.n.files() && (differs || told < len(changes)) {
		ids := between(changes)
		list[len(list)-1].file = &file{
			Name:    strings.NewReplacer(" ", "-", "–", "-").Replace(ids) + ".diff",
			Title:   "Diffs of " + ids,
			Content: all.String(),
			Instead: fmt.Sprintf("The diffs of %s: cocsync log -p --since %s shows them", ids, since(oldest(changes))),
		}
	}
	return list, nil
}

// pack puts the paragraphs about changes into as few messages as hold them, and
// no more than maxDetails; the last one says what is missing. told is how many
// changes they tell of.
func (w *writer) pack(changes []*coc.Change, paragraphs []block) (list []wording, told int) {
	more := func(n int) string {
		if w.n.files() {
			return fmt.Sprintf("… and %s in the file below", text.Plural(n, "more change"))
		}
		return fmt.Sprintf("… and %s; cocsync log --since %s shows all",
			text.Plural(n, "more change"), since(oldest(changes)))
	}
	room := maxBlocks - weight(footer(plain(more(len(changes)))))
	for len(list) < maxDetails && told < len(paragraphs) {
		n := 1
		for told+n < len(paragraphs) && weight(rich(paragraphs[told:told+n+1]...)) < room {
			n++
		}
		w := wording{blocks: []block{rich(paragraphs[told : told+n]...)}, text: "Details of " + text.Plural(n, "change")}
		told += n
		list = append(list, w)
	}
	if rest := len(changes) - told; rest > 0 && len(list) > 0 {
		w := &list[len(list)-1]
		w.blocks = append(w.blocks, footer(plain(more(rest))))
		w.text += " " + more(rest)
	}
	return list, told
}

// detail is one change in the thread of a digest. It rings nobody's bell.
func (w *writer) detail(c *coc.Change, s said) block {
	pieces := []block{bold(w.title(c))}
	if by := w.who(c).text; by != "" {
		pieces = append(pieces, span(", "+by))
	}
	pieces = append(pieces, when(c, true)...)
	if s.summary != "" {
		pieces = append(pieces, span("\n"+s.summary))
	}
	return paragraph(append(pieces, span(" ("+idOf(c)+")"+s.hidden()+"\n"))...)
}

// rank is how much a change stands out; worst is highest.
func rank(c *coc.Change) int {
	switch {
	case c.Kind == coc.KindRewritten:
		return 3
	case c.Kind == coc.KindDeleted:
		return 2
	case high(c):
		return 1
	}
	return 0
}
