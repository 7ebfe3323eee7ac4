package term

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// written returns the output of write for a writer of a width.
func written(width int, color bool, write func(*Writer)) string {
	var b bytes.Buffer
	w := &Writer{Writer: bufio.NewWriter(&b), Width: width, Color: color}
	write(w)
	w.Flush()
	return b.String()
}

// Wide letters, colors and truncated cells must not move the columns.
func TestTableFitsTheTerminal(t *testing.T) {
	columns := []Column{{Head: "NAME", Flexible: true}, {Head: "N", Right: true}, {Head: "BY", Flexible: true}}
	rows := [][]Span{
		{{"重启不健康的节点并且等待它们恢复", Red}, {"7", Plain}, {"李伟", Plain}},
		{{"a", Plain}, {"1234", Plain}, {"someone with long names", Plain}},
	}
	for _, tt := range []struct {
		width int
		color bool
		want  string
	}{
		{0, false, "" +
			"NAME                                 N  BY\n" +
			"重启不健康的节点并且等待它们恢复     7  李伟\n" +
			"a                                 1234  someone with long names\n"},
		{40, false, "" +
			"NAME                 N  BY\n" +
			"重启不健康的节…      7  李伟\n" +
			"a                 1234  someone with lo…\n"},
		{3, true, "" +
			"\x1b[1mNAME\x1b[0m         \x1b[1mN\x1b[0m  \x1b[1mBY\x1b[0m\n" +
			"\x1b[31m重启不…\x1b[0m      7  李伟\n" +
			"a         1234  someone…\n"},
	} {
		got := written(tt.width, tt.color, func(w *Writer) { w.Table(columns, rows) })
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", tt.width, diff)
		}
		for line := range strings.Lines(got) {
			if n := Width(strings.TrimSpace(line)); tt.width > 20 && n > tt.width {
				t.Errorf("width %d: %q is %d wide", tt.width, line, n)
			}
		}
	}
}
