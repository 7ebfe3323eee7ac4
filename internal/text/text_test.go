package text

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// Characters that a reader cannot see are replaced by visible ones, and no others.
func TestVisible(t *testing.T) {
	type run struct {
		Text     string
		Replaced bool
	}
	for _, tt := range []struct {
		in   string
		want []run
	}{
		{"", nil},
		{"plain é 日本\u3000語 שלום 🙂 \ufffd", []run{{"plain é 日本\u3000語 שלום 🙂 \ufffd", false}}},
		{"a\x1b[31m", []run{{"a", false}, {"^[", true}, {"[31m", false}}},
		{"\x00\x7f\u0085", []run{{"^@^?<U+0085>", true}}},
		{"a\tb\nc", []run{{"a\tb", false}, {"^J", true}, {"c", false}}},
		{"x\u202ey", []run{{"x", false}, {"<U+202E>", true}, {"y", false}}},
		{"\u00a0\u00ad\u200b\ufeff\u2028", []run{{"<U+00A0><U+00AD><U+200B><U+FEFF><U+2028>", true}}},
		{"\ue000\ufffe\U000e0041", []run{{"<U+E000><U+FFFE><U+E0041>", true}}},
		{"a\xff\xc3", []run{{"a", false}, {"<FF><C3>", true}}},
	} {
		var got []run
		whole := ""
		for s, replaced := range Runs(tt.in, "\t") {
			got = append(got, run{s, replaced})
			whole += s
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Runs(%q) (-want +got):\n%s", tt.in, d)
		}
		if got := VisibleExcept(tt.in, "\t"); got != whole {
			t.Errorf("VisibleExcept(%q) = %q, want %q", tt.in, got, whole)
		}
	}
}

// For any text, the result has nothing hidden and is unchanged if it is made visible
// again.
func FuzzVisible(f *testing.F) {
	for _, s := range []string{"", "a\x1b[31m\u202e", "\xff\xfe\ufffd", "\U000e0041\u00a0\u3000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Visible(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, Hidden) || Visible(got) != got {
			t.Errorf("Visible(%q) = %q", s, got)
		}
	})
}

// A line is one line, keeps the joiners of emoji, and has the limit after it was made
// visible.
func TestLine(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"plain ✓ 扩容", 9, "plain ✓ …"},
		{"a\x00b\x1b[31m\x7f", 100, "a^@b^[[31m^?"},
		{"a\nb\r\nc\td\n", 100, "a ⏎ b ⏎ c d ⏎"},
		{"user\u202egnp.exe", 100, "user<U+202E>gnp.exe"},
		{"👩\u200d💻", 100, "👩\u200d💻"},
		{"\u202e\u202e", 10, "<U+202E><…"},
		{"bad\xff", 100, "bad<FF>"},
	} {
		if got := Line(tt.in, tt.limit); got != tt.want {
			t.Errorf("Line(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

// Truncate counts characters, not bytes, and never splits one.
func TestTruncate(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"äöü", 3, "äöü"}, {"äöüß", 3, "äö…"}, {"ab", 1, "…"}, {"", 5, ""}, {"日本語", 2, "日…"}} {
		if got := Truncate(tt.in, tt.limit); got != tt.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

// One thing is singular, none and many are plural.
func TestPlural(t *testing.T) {
	for _, tt := range []struct {
		n    int
		noun string
		want string
	}{{0, "change", "0 changes"}, {1, "change", "1 change"}, {2, "more change", "2 more changes"},
		{1, "delivery", "1 delivery"}, {3, "delivery", "3 deliveries"}, {7, "day", "7 days"}} {
		if got := Plural(tt.n, tt.noun); got != tt.want {
			t.Errorf("Plural(%d, %q) = %q, want %q", tt.n, tt.noun, got, tt.want)
		}
	}
}

// An age has one unit, the largest that is precise enough.
func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "a moment", 0: "a moment", 90 * time.Second: "90 seconds", 2 * time.Minute: "2 minutes",
		119 * time.Minute: "119 minutes", 47 * time.Hour: "47 hours", 48 * time.Hour: "2 days", 90 * 24 * time.Hour: "90 days",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%v) = %q, want %q", d, got, want)
		}
	}
}

// A time is before now, after it, or unknown.
func TestAgo(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for want, at := range map[string]time.Time{"never": {}, "a moment ago": now, "3 hours ago": now.Add(-3 * time.Hour),
		"in 4 days": now.AddDate(0, 0, 4)} {
		if got := Ago(at, now); got != want {
			t.Errorf("Ago(%v) = %q, want %q", at, got, want)
		}
	}
}

// A size has the largest unit of which there is at least one.
func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 1023: "1023 bytes", 1536: "1.5 KiB",
		3 << 20: "3.0 MiB", 5 << 40: "5.0 TiB", 1 << 62: "4194304.0 TiB"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}
