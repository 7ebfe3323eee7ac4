// Package diff computes what changed between two contents of a document: lines, words
// within a line, and the structure of the job's DSL.
//
// It is pure: the result depends only on the two texts. It owns how a difference is
// found and named. It leaves to others where contents come from and how differences
// are stored, colored, masked and posted.
//
// A content can be any bytes. One that is not valid YAML still has lines;
// coc.Difference.Reason then says why it has no structure.
package diff

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cocsync/internal/coc"
	"cocsync/internal/diff/lines"
	"cocsync/internal/text"
)

// Algorithm is the version of what Compare computes. It is stored with each
// coc.Difference, and must increase whenever the result for the same two contents
// changes.
const Algorithm = 5

// The values of Item.Op.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
	Renamed = "renamed"
	Moved   = "moved"
)

// Text is one content prepared for comparing. Consecutive versions share it: its lines
// are split and its DSL is parsed at most once, however often it is compared. It is
// safe for concurrent use. Where a nil Text is allowed, it means no content.
type Text struct {
	lines.Text

	once sync.Once
	tree *tree  // nil if the structure cannot be read
	why  string // the reason
}

// Read prepares a content. It keeps content, which must not change later.
func Read(content []byte) *Text {
	return &Text{Text: *lines.Read(content)}
}

// structure returns the DSL tree, or nil and the reason why there is none.
func (t *Text) structure() (*tree, string) {
	t.once.Do(func() { t.tree, t.why = parse(t.Text) })
	return t.tree, t.why
}

// Compare computes the difference from old to new. A nil old means that new is the
// first version: all its lines are added, the summary says how many steps it has, and
// there are no items.
func Compare(old, new *Text) coc.Difference {
	if new == nil {
		new = Read(nil)
	}
	if old == nil {
		return first(new)
	}
	if bytes.Equal(old.Content, new.Content) {
		return coc.Difference{Algorithm: Algorithm, Class: coc.ClassUnchanged, Summary: "content unchanged"}
	}
	r := coc.Difference{Algorithm: Algorithm, Class: coc.ClassUnreadable}
	blocks := lines.Changed(&old.Text, &new.Text)
	for _, b := range blocks {
		r.Removed += b.OldEnd - b.Old
		r.Added += b.NewEnd - b.New
	}
	was, whyOld := old.structure()
	now, whyNew := new.structure()
	switch {
	case now == nil:
		r.Reason = "structure not read: " + whyNew
	case was == nil:
		r.Reason = "structure of the previous version not read: " + whyOld
	default:
		w := newWalker(old, new)
		w.walk(was, now, blocks)
		r.Items, r.Omitted, r.Cut = w.items, w.total-len(w.items), w.cut
		r.Formatting = w.explainLines(blocks)
		r.Class = coc.ClassStructural
		if w.total == 0 {
			r.Class = coc.ClassFormatting
		}
		r.Summary = w.summaryOf(r)
		return r
	}
	r.Summary = fmt.Sprintf("+%d −%d lines", r.Added, r.Removed)
	return r
}

// AddedItems returns each part of a content as an item that was added. complete is
// false if the structure cannot be read, or not everything is in the items.
func AddedItems(content *Text) (items []coc.Item, complete bool) {
	tree, _ := content.structure()
	if tree == nil {
		return nil, false
	}
	empty := Read([]byte("{}\n"))
	none, _ := empty.structure()
	w := newWalker(empty, content)
	w.walk(none, tree, lines.Changed(&empty.Text, &content.Text))
	return w.items, w.total == len(w.items) && !w.cut
}

// summaryOf returns the summary of a walk. With structural differences it mentions only
// comments, and other formatting if it is most of what changed.
func (w *walker) summaryOf(r coc.Difference) string {
	kinds := kinds(r.Formatting)
	parts, more := w.summary()
	switch formatted := r.FormattedLines(); {
	case w.total == 0 && len(kinds) == 0:
		return "formatting only"
	case w.total == 0:
		return "formatting only (" + strings.Join(kinds, ", ") + ")"
	case 2*formatted > r.Added+r.Removed:
		parts = append(parts, clause{strings.Join(kinds, ", ") + " changed", 0})
	case slices.Contains(kinds, comments):
		parts = append(parts, clause{"comments changed", 0})
	}
	return fit(parts, more)
}

// first returns the result for a content without a previous one.
func first(t *Text) coc.Difference {
	r := coc.Difference{Algorithm: Algorithm, Class: coc.ClassStructural, Added: len(t.Lines), Summary: text.Plural(len(t.Lines), "line")}
	tree, why := t.structure()
	if tree == nil {
		r.Class, r.Reason = coc.ClassUnreadable, "structure not read: "+why
	} else if n := tree.steps(); n > 0 {
		r.Summary = text.Plural(n, "step")
	}
	return r
}
