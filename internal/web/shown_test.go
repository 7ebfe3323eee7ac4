package web

import "testing"

// Markup has the text of an untrusted string and no elements of it; the replacement of
// invisible characters is in an element.
func TestShown(t *testing.T) {
	if got, want := shown("a\t<b>&\n\x1bc", "\t"), "a\t&lt;b&gt;&amp;<b>^J^[</b>c"; string(got) != want {
		t.Errorf("shown = %q, want %q", got, want)
	}
}
