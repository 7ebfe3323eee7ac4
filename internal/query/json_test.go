package query

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/text"
)

// JSON is also shown on terminals: it is escaped without a change of meaning.
func TestJSONHasNoControlCharacters(t *testing.T) {
	want := []string{"evil\x1b[2Jname\u202egpj\u009b31m <!channel>", "\u007f\u200b\ufeff\u2066<&>\U000e0041\n\t重启"}
	var b bytes.Buffer
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return text.Hidden(r) && r != '\n' }); i >= 0 {
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
