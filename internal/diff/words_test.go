package diff

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	for _, tt := range []struct {
		old, new string
		want     []Word
	}{
		{"", "", nil},
		{"a", "a", []Word{{Same, "a"}}},
		{"timeout: 30", "timeout: 300", []Word{{Same, "timeout: "}, {Delete, "30"}, {Insert, "300"}}},
		{"restart_all", "restart_one", []Word{{Delete, "restart_all"}, {Insert, "restart_one"}}},
		{"café", "cafés", []Word{{Delete, "café"}, {Insert, "cafés"}}},
		{"重启服务", "重启实例", []Word{{Same, "重启"}, {Delete, "服务"}, {Insert, "实例"}}},
		{"\xff", "\xfe", []Word{{Delete, "\xff"}, {Insert, "\xfe"}}},
		{"a\x00", "a\ufffd", []Word{{Same, "a"}, {Delete, "\x00"}, {Insert, "\ufffd"}}},
	} {
		if d := cmp.Diff(tt.want, Words(tt.old, tt.new)); d != "" {
			t.Errorf("Words(%q, %q) (-want +got):\n%s", tt.old, tt.new, d)
		}
	}
}

// Lines beyond the bound are shown whole: nil, not a slow answer.
func TestWordsAreBounded(t *testing.T) {
	long := strings.Repeat("é", 2000)
	if Words(long, "x") == nil || Words(long+"y", "x") != nil || Words("x", long+"y") != nil {
		t.Error("the bound is not at 2,000 runes")
	}
}

func FuzzWords(f *testing.F) {
	f.Add("a b é", "a \xff 重 b")
	f.Fuzz(func(t *testing.T, old, new string) {
		var a, b strings.Builder
		words := Words(old, new)
		for _, w := range words {
			if w.Op != Insert {
				a.WriteString(w.Text)
			}
			if w.Op != Delete {
				b.WriteString(w.Text)
			}
			if utf8.ValidString(old) && utf8.ValidString(new) && !utf8.ValidString(w.Text) {
				t.Errorf("a rune is split: %q", w.Text)
			}
		}
		if words != nil && (a.String() != old || b.String() != new) {
			t.Errorf("Words(%q, %q) gives %q, %q", old, new, a.String(), b.String())
		}
	})
}
