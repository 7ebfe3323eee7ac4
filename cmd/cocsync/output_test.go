package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"
)

// Wide letters, colours and cut cells must not move the columns.
func TestTableFitsTheTerminal(t *testing.T) {
	columns := []column{{head: "NAME", flexible: true}, {head: "N", right: true}, {head: "BY", flexible: true}}
	rows := [][]cell{
		{{"重启不健康的节点并且等待它们恢复", red}, {"7", plain}, {"李伟", plain}},
		{{"a", plain}, {"1234", plain}, {"somebody with a long name", plain}},
	}
	for _, tt := range []struct {
		width int
		color bool
		want  string
	}{
		{0, false, "" +
			"NAME                                 N  BY\n" +
			"重启不健康的节点并且等待它们恢复     7  李伟\n" +
			"a                                 1234  somebody with a long name\n"},
		{40, false, "" +
			"NAME                 N  BY\n" +
			"重启不健康的节…      7  李伟\n" +
			"a                 1234  somebody with a…\n"},
		{3, true, "" +
			"\x1b[1mNAME\x1b[0m         \x1b[1mN\x1b[0m  \x1b[1mBY\x1b[0m\n" +
			"\x1b[31m重启不…\x1b[0m      7  李伟\n" +
			"a         1234  somebod…\n"},
	} {
		var b bytes.Buffer
		p := &page{Writer: bufio.NewWriter(&b), width: tt.width, color: tt.color}
		p.table(columns, rows)
		p.Flush()
		if diff := cmp.Diff(tt.want, b.String()); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", tt.width, diff)
		}
		for line := range strings.Lines(b.String()) {
			if w := runewidth.StringWidth(strings.TrimSpace(line)); tt.width > 20 && w > tt.width {
				t.Errorf("width %d: %q is %d wide", tt.width, line, w)
			}
		}
	}
}
