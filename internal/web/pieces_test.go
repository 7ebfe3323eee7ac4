package web

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The replacement of invisible characters is a separate piece.
func TestVisible(t *testing.T) {
	want := pieces{{Text: "a\tb"}, {Raw: true, Text: "^J^["}, {Text: "c"}}
	if d := cmp.Diff(want, visible("a\tb\n\x1bc", "\t")); d != "" {
		t.Errorf("visible (-want +got):\n%s", d)
	}
}
