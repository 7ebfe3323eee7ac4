package answer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// JSON shows on a terminal too, and must mean the same after escaping.
func TestJSONHoldsNothingThatATerminalObeys(t *testing.T) {
	want := []string{"evil\x1b[2Jname\u202egpj\u009b31m <!channel>", "\u007f\u200b\ufeff\u2066<&>\n\t重启"}
	var b bytes.Buffer
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return Hidden(r) && r != '\n' }); i >= 0 {
		t.Errorf("Write wrote %q", b.String())
	}
	var got []string
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// An age is written in one unit, the largest that says enough.
func TestAgeSaysOneUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "a moment", 0: "a moment", 90 * time.Second: "90 seconds", 2 * time.Minute: "2 minutes",
		119 * time.Minute: "119 minutes", 47 * time.Hour: "47 hours", 48 * time.Hour: "2 days", 90 * 24 * time.Hour: "90 days",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%v) = %q, want %q", d, got, want)
		}
	}
}
