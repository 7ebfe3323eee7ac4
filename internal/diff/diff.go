// Package diff works out what changed between two contents of a document:
// lines, words inside a line, and the structure of the job's DSL.
//
// It is pure: two texts in, a value out, the same one each time. It owns how a
// difference is found and named. It leaves alone where contents come from, how
// differences are stored, and how they are coloured, masked or posted.
//
// Any bytes are a content. What is no YAML still has its lines; Result.Note
// then says why there is no structure.
package diff

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cocsync/internal/diff/lines"
	"cocsync/internal/text"
)

// Algorithm is the version of what Compare makes. It is stored with what was
// derived from a Result, and goes up whenever the same two contents could give
// another one.
const Algorithm = 3

// The words of Item.Op.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
	Renamed = "renamed"
	Moved   = "moved"
)

// Text is one content prepared for comparing. Consecutive versions share it:
// its lines are split and its DSL is parsed at most once, however often it is
// compared. It may be used from several goroutines. A nil Text, where one is
// allowed, stands for no content at all.
type Text struct {
	lines.Text

	once   sync.Once
	before *Text  // whose parts may be used again; nil once the structure is read
	tree   *tree  // nil when the structure can't be read
	why    string // the reason
	parts  parts  // of the tree, for the content after this one
}

// Read prepares a content. It keeps content, which must not be altered after.
func Read(content []byte) *Text {
	return &Text{Text: *lines.Read(content)}
}

// ReadAfter is Read for a content that is much like another, as consecutive
// versions are: the parts of the DSL that stand in both are parsed once. What
// comes of it is the same.
func ReadAfter(before *Text, content []byte) *Text {
	t := Read(content)
	t.before = before
	return t
}

// structure returns the DSL tree, or nil and why there is none.
func (t *Text) structure() (*tree, string) {
	t.once.Do(func() {
		pieces := split(t)
		if t.before != nil && len(t.Content) <= maxContent {
			t.before.structure()
			t.tree = assemble(pieces, t.before.parts)
		}
		t.before = nil
		if t.tree == nil {
			t.tree, t.why = parse(t.Text)
		}
		t.parts = index(pieces, t.tree)
	})
	return t.tree, t.why
}

// Item is one difference of the DSL.
type Item struct {
	Op string // added, removed, changed, renamed or moved
	// Path says where: steps[restart].inputs.timeout. An element of a list
	// stands under its name where that is unique, else under its place counted
	// from 0; a key that is no plain word is quoted: inputs["a.b"].
	Path string
	Step string // name of the innermost step it lies in; "" outside steps
	Task string // that step's task
	// Old and New are the values, what it stood and stands behind (moved: "first",
	// "after drain", "after [3]"; of several that moved as one, what they all do) or
	// the names (renamed). A step that came or went has neither: its body is not
	// told. A string stands bare; it is quoted inside a collection, where the type
	// changed ("30", 30), and when it is empty or would pass for something else. No
	// value is "".
	Old, New string
	// OldLines and NewLines are where it stands in both versions; the zero Span
	// on a side that lacks it.
	OldLines, NewLines Span
}

// Span is a run of lines counted from 1, both ends included. The zero Span has
// none.
type Span struct{ From, To int }

// Formatting is a run of changed lines, on either side or both, that mean the
// same as before.
type Formatting struct {
	// Sort is comments, anchors, key order, quoting, spelling (null for ~),
	// layout (flow or block style, document markers), white space, or shifted:
	// lines that stand in both versions and that the line diff shows
	// as changed because something near them came, went or moved.
	Sort               string
	OldLines, NewLines Span
}

// Result is what Compare found.
type Result struct {
	Equal   bool // the same bytes
	Added   int  // lines
	Removed int
	// Summary says it in one line for people, of at most 200 runes and without
	// control characters: `2 steps added, timeout 30 → 60 in wait_healthy`. Of
	// values it shows only short single words, and none under a key that sounds
	// like a secret.
	Summary string
	// Note says, in one line, why there is no structure or how many items were
	// left out; else "".
	Note string
	// Items are at most 200, in the order of the new content. Old and New have
	// at most 500 runes each, cut with "…", at their beginning too where it is long
	// and the same. Of a text of several lines on either side they hold the lines
	// that differ, with a line "…" for those between them that don't.
	Items []Item
	// Formatting accounts for the changed lines that no item has, where the
	// structure could be read: every changed line lies in one or the other, or
	// belongs to an item that Note counts as not listed.
	Formatting []Formatting
}

// Compare works out the difference from old to new. A nil old means that new is
// the first version: all its lines are added, the summary says how many steps
// it has, and there are no items.
func Compare(old, new *Text) Result {
	if new == nil {
		new = Read(nil)
	}
	if old == nil {
		return first(new)
	}
	if bytes.Equal(old.Content, new.Content) {
		return Result{Equal: true, Summary: "content unchanged"}
	}
	var r Result
	blocks := lines.Changed(&old.Text, &new.Text)
	for _, b := range blocks {
		r.Removed += b.OldEnd - b.Old
		r.Added += b.NewEnd - b.New
	}
	was, whyOld := old.structure()
	now, whyNew := new.structure()
	switch {
	case now == nil:
		r.Note = "structure not read: " + whyNew
	case was == nil:
		r.Note = "structure of the version before not read: " + whyOld
	default:
		w := newWalker(old, new)
		w.walk(was, now, blocks)
		r.Items, r.Note, r.Formatting = w.items, w.note(), w.account(blocks)
		r.Summary = w.say(r)
		return r
	}
	r.Summary = fmt.Sprintf("+%d −%d lines", r.Added, r.Removed)
	return r
}

// say is the summary of a walk. Beside differences of the structure, comments are
// worth a word, and other formatting when it is most of what changed.
func (w *walker) say(r Result) string {
	sorts := sorts(r.Formatting)
	parts, more := w.summary()
	switch formatted := formattedLines(r.Formatting); {
	case w.total == 0 && len(sorts) == 0:
		return "formatting only"
	case w.total == 0:
		return "formatting only (" + strings.Join(sorts, ", ") + ")"
	case 2*formatted > r.Added+r.Removed:
		parts = append(parts, clause{strings.Join(sorts, ", ") + " changed", 0})
	case slices.Contains(sorts, comments):
		parts = append(parts, clause{"comments changed", 0})
	}
	return fit(parts, more)
}

// Reformatted reports whether lines are written otherwise that mean the same.
func (r *Result) Reformatted() bool { return formattedLines(r.Formatting) > 0 }

// formattedLines counts the lines that are written otherwise and mean the same.
func formattedLines(list []Formatting) (n int) {
	for _, f := range list {
		if f.Sort == shifted {
			continue
		}
		for _, s := range []Span{f.OldLines, f.NewLines} {
			if s.From > 0 {
				n += s.To - s.From + 1
			}
		}
	}
	return n
}

// first is the result for a content with none before it.
func first(t *Text) Result {
	r := Result{Added: len(t.Lines), Summary: text.Plural(len(t.Lines), "line")}
	tree, why := t.structure()
	if tree == nil {
		r.Note = "structure not read: " + why
	} else if n := tree.steps(); n > 0 {
		r.Summary = text.Plural(n, "step")
	}
	return r
}
