package term

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
)

// What is measured without the library's table has the library's width.
func TestWidthsAreTheLibrarys(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		if s := string(r); Width(s) != allWidths().StringWidth(s) {
			t.Errorf("%q is %d wide, want %d", s, Width(s), allWidths().StringWidth(s))
		}
	}
	pool := []rune("aZ~ é½→…↔—日가\u0301\u200d\ufe0f👩🏽🇩🇪\u00ad\t\x1b\ufffd")
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var b strings.Builder
		for range random.IntN(7) {
			b.WriteRune(pool[random.IntN(len(pool)-random.IntN(2)*(len(pool)-9))]) // half of them only single characters
		}
		s, cells := b.String(), random.IntN(7)
		if got, want := Width(s), allWidths().StringWidth(s); got != want {
			t.Errorf("%q is %d wide, want %d", s, got, want)
		}
		if got, want := truncate(s, cells), allWidths().Truncate(s, cells, "…"); got != want {
			t.Errorf("%q cut to %d cells is %q, want %q", s, cells, got, want)
		}
		if got, want := Pad(s, cells), allWidths().FillRight(s, cells); got != want {
			t.Errorf("%q filled to %d cells is %q, want %q", s, cells, got, want)
		}
	}
}
