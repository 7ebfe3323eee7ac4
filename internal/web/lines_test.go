package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/diff"
)

// A diff of two jobs of the maximum size of COC is complete even if all lines differ. A
// longer diff ends with the number of omitted lines.
func TestBounds(t *testing.T) {
	const size = 64 << 10
	lines := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, old, new string
		shown          bool
	}{
		{"job", lines("    old_parameter_%d: value\n"), lines("    new_thing_%d: another\n"), true},
		{"one line", strings.Repeat("<", size), strings.Repeat(">", size), true},
		{"hidden characters", strings.Repeat("a\x01", size/2), strings.Repeat("b\x02", size/2), true},
		{"short lines", strings.Repeat("a\n", size/2), strings.Repeat("b\n", size/2), false},
		{"long words", lines("a%d <a\x01> \n"), lines("<b%d \x02\"\n"), false},
		{"huge", strings.Repeat("&\n", size/2), strings.Repeat(`"`, 20*size), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := section(t, compare(tt.old, tt.new))
			if max := 6 << 20; len(got) > max {
				t.Errorf("%d bytes of HTML, want at most %d", len(got), max)
			}
			checkMarkup(t, got)
			shown := strings.Count(got, `<td>-</td>`) + strings.Count(got, `<td>&#43;</td>`)
			all := strings.Count(tt.old, "\n") + strings.Count(tt.new, "\n")
			for _, s := range []string{tt.old, tt.new} {
				if !strings.HasSuffix(s, "\n") {
					all++
				}
			}
			note := fmt.Sprintf("%d changed lines are not shown here", all-shown)
			if tt.shown != (all == shown) || tt.shown == strings.Contains(got, note) {
				t.Errorf("%d lines of %d shown, want all: %t, otherwise the note %q", shown, all, tt.shown, note)
			}
		})
	}
}

// The heading of a hunk names its lines.
func TestHeading(t *testing.T) {
	for _, tt := range []struct {
		h    diff.Hunk
		want string
	}{
		{diff.Hunk{OldStart: 3, OldLines: 3, NewStart: 4, NewLines: 1}, "Old lines 3–5, new line 4"},
		{diff.Hunk{OldStart: 2, OldLines: 0, NewStart: 3, NewLines: 2}, "New lines 3–4"},
		{diff.Hunk{OldStart: 3, OldLines: 1, NewStart: 2, NewLines: 0}, "Old line 3"},
	} {
		if got := heading(tt.h); got != tt.want {
			t.Errorf("heading(%+v) = %q, want %q", tt.h, got, tt.want)
		}
	}
}

// Each side of a pair of lines shows its own words, with the differences marked.
func TestPair(t *testing.T) {
	old := &diff.Line{Op: diff.Delete, Old: 7, Text: []byte("timeout: 30\n")}
	new := &diff.Line{Op: diff.Insert, New: 8, Text: []byte("timeout: 60")}
	words := []diff.Word{{Op: diff.Same, Text: "timeout: "}, {Op: diff.Delete, Text: "30"}, {Op: diff.Insert, Text: "60"}}
	want := row{
		Op:  "mod",
		Old: &cell{Number: 7, Sign: "-", Text: "timeout: <del>30</del>"},
		New: &cell{Number: 8, Sign: "+", Text: "timeout: <ins>60</ins>", NoEnd: true},
	}
	got, _ := newRow(diff.Row{Old: old, New: new, Words: words})
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
