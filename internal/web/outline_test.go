package web

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// An item links to its first shown changed line, preferably in the new version. Without
// one it has no link.
func TestLinks(t *testing.T) {
	l := layout{
		old: map[int]*cell{4: {Number: 4}, 9: {Number: 9}},
		new: map[int]*cell{5: {Number: 5}, 6: {Number: 6}},
	}
	for _, tt := range []struct {
		old, new    coc.Span
		lines, href string
		op          string
	}{
		{coc.Span{From: 4, To: 4}, coc.Span{From: 3, To: 6}, "lines 3–6", "#diff-new-5", diff.Changed},
		{coc.Span{From: 4, To: 4}, coc.Span{From: 7, To: 7}, "line 7", "#diff-old-4", diff.Changed},
		{coc.Span{From: 8, To: 10}, coc.Span{}, "old lines 8–10", "#diff-old-9", diff.Changed},
		{coc.Span{}, coc.Span{From: 100, To: 200}, "lines 100–200", "", diff.Added},
		{coc.Span{}, coc.Span{}, "", "", diff.Changed},
		// The new lines of a removed item belong to other items.
		{coc.Span{From: 4, To: 4}, coc.Span{From: 5, To: 5}, "old line 4", "#diff-old-4", diff.Removed},
	} {
		it := coc.Item{Op: tt.op, Path: "a", OldLines: tt.old, NewLines: tt.new}
		lines, href := itemLines(it.Op, it.OldLines, it.NewLines), l.href(it)
		if lines != tt.lines || href != tt.href {
			t.Errorf("item %s at %v, %v has lines %q and links to %q, want %q and %q", tt.op, tt.old, tt.new, lines, href, tt.lines, tt.href)
		}
	}
	if got, want := l.new[5].ID, "diff-new-5"; got != want {
		t.Errorf("the line's id is %q, want %q", got, want)
	}
	if got := l.new[6].ID; got != "" {
		t.Errorf("a line without links has the id %q", got)
	}
}

// A final newline is shown only if the values differ in it.
func TestValues(t *testing.T) {
	for _, tt := range []struct {
		old, new         string
		wantOld, wantNew string
		block            bool
	}{
		{"30", "60", "30", "60", false},
		{"a\n", "b\n", "a", "b", false},
		{"a\nb\n", "", "a\nb", "", true},
		{"a", "a\n", "a", "a\n", true},
		{"\n", "\n\n", "\n", "\n\n", true},
	} {
		got := newItem(coc.Item{}, "", tt.old, tt.new)
		want := item{Old: tt.wantOld, New: tt.wantNew, Block: tt.block}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("newItem(%q, %q) (-want +got):\n%s", tt.old, tt.new, d)
		}
	}
}

// A note names the first lines of each kind of change; shifted lines have no note.
func TestFormattingNotes(t *testing.T) {
	at := func(n int) coc.Span { return coc.Span{From: n, To: n} }
	list := []coc.Formatting{
		{Kind: "comments", OldLines: coc.Span{From: 2, To: 3}}, {Kind: "shifted", NewLines: at(1)},
		{Kind: "quoting", OldLines: at(4), NewLines: at(5)}, {Kind: "comments", NewLines: at(9)},
	}
	for n := range 7 {
		list = append(list, coc.Formatting{Kind: "layout", NewLines: at(10 + 2*n)})
	}
	want := []string{
		"comments (old lines 2–3, line 9)", "quoting (line 5)",
		"layout (line 10, line 12, line 14, line 16, line 18 and 2 more)",
	}
	if d := cmp.Diff(want, formattingNotes(list)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
