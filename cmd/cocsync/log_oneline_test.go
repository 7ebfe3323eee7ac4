package main

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/term"
)

// On a terminal each change is one line with a truncated summary. In a pipe it is complete,
// with control characters made visible.
func TestOnelineFitsTheTerminal(t *testing.T) {
	summary := strings.Repeat("timeout 60 → 90 in wait, ", 10) + "\x1b[31m\nend"
	changes := []coc.Change{
		{Ref: "12", Kind: coc.KindVersion, Name: "注册-job", Previous: "v1", Version: "v2", By: "COC-wang", At: time.UnixMilli(0),
			Difference: coc.Difference{Summary: summary, Added: 1, Removed: 2}},
		{Ref: "3", Kind: coc.KindDeleted, Name: "job", At: time.UnixMilli(0), Difference: coc.Difference{Summary: "deleted"}},
	}
	for _, width := range []int{0, 80, 120} {
		var b strings.Builder
		p := &page{&term.Writer{Writer: bufio.NewWriter(&b), Width: width}, time.UTC}
		must(t, p.onelines(t.Context(), nil, rowsOf(changes), logFlags{stat: true}))
		must(t, p.Flush())
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("with %d columns two changes are %d lines, want 3:\n%s", width, len(lines), b.String())
		}
		for _, line := range lines {
			if n := term.Width(line); width > 0 && n > width {
				t.Errorf("with %d columns a line has %d: %s", width, n, line)
			}
		}
		if whole := strings.HasSuffix(lines[1], "^[[31m^Jend"); whole != (width == 0) {
			t.Errorf("with %d columns the summary is whole: %t\n%s", width, whole, lines[1])
		}
		if strings.Contains(lines[2], "+0 -0") {
			t.Errorf("a change without contents has lines: %s", lines[2])
		}
	}
}
