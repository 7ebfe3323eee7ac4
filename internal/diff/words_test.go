package diff

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// marked writes words for people: [-removed-]{+added+}.
func marked(words []Word) string {
	if words == nil {
		return "whole lines"
	}
	var b strings.Builder
	for _, w := range words {
		switch w.Op {
		case Same:
			b.WriteString(w.Text)
		case Delete:
			b.WriteString("[-" + w.Text + "-]")
		default:
			b.WriteString("{+" + w.Text + "+}")
		}
	}
	return b.String()
}

// mirror swaps removed and added words.
func mirror(words []Word) []Word {
	out := slices.Clone(words)
	for i, w := range out {
		switch {
		case w.Op == Delete && i+1 < len(out) && out[i+1].Op == Insert:
			out[i], out[i+1] = Word{Delete, out[i+1].Text}, Word{Insert, w.Text}
		case w.Op == Delete:
			out[i].Op = Insert
		case w.Op == Insert && (i == 0 || out[i-1].Op != Delete):
			out[i].Op = Delete
		}
	}
	return out
}

// wordsOf compares two lines with the effort for all lines of a hunk.
func wordsOf(old, new string) []Word {
	work := maxWork
	return refine(tokenize(old), tokenize(new), &work)
}

func TestWords(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		// Only the words that changed.
		{"timeout: 30", "timeout: 60", "timeout: [-30-]{+60+}"},
		{"timeout: 30", "timeout: 300", "timeout: [-30-]{+300+}"},
		{`{"force":false}`, `{"force":true}`, `{"force":[-false-]{+true+}}`},
		{"task: hwc:runbook:suspend@1.0.0", "task: hwc:runbook:suspend@1.1.0", "task: hwc:runbook:suspend@1.[-0-]{+1+}.0"},
		{"name: 'x'", `name: "x"`, `name: [-'-]{+"+}x[-'-]{+"+}`},

		// Identifiers are split at their signs, not at capitals or digits.
		{"restart_agent", "restart_node", "restart_[-agent-]{+node+}"},
		{"task: executeAPI", "task: executeScript", "task: [-executeAPI-]{+executeScript+}"},
		{"image: m3.large", "image: m4.large", "image: [-m3-]{+m4+}.large"},
		{"id: 9f86d081", "id: 60303ae2", "id: [-9f86d081-]{+60303ae2+}"},
		{"cafe au lait", "cafe\u0301 au lait", "[-cafe-]{+cafe\u0301+} au lait"},
		// A mark stays with its letter, however long the two words are the same.
		{"ordinateurpersonnele\u0301", "ordinateurpersonnele\u0300", "ordinateurpersonnel[-e\u0301-]{+e\u0300+}"},
		{"重启服务", "重启实例", "重启[-服务-]{+实例+}"},
		{"ก้า ข", "กา ข", "[-ก้-]{+ก+}า ข"},

		// An island that is no heavier than the changes around it joins them.
		{"version 1.2.3", "version 4.5.6", "version [-1.2.3-]{+4.5.6+}"},
		{"from 10.0.0.1 on", "from 10.0.1.2 on", "from 10.0.[-0.1-]{+1.2+} on"},
		{"run: stop a server now", "run: drain a pool now", "run: [-stop a server-]{+drain a pool+} now"},
		{"a=1, retries=2", "a=7, retries=8", "a=[-1-]{+7+}, retries=[-2-]{+8+}"},

		// A change with several possible positions is where one thing ends.
		{"[a, c]", "[a, b, c]", "[a, {+b, +}c]"},
		{`{"a":1,"c":3}`, `{"a":1,"b":2,"c":3}`, `{"a":1,{+"b":2,+}"c":3}`},
		{`{"a": 1, "b": 2, "c": 3}`, `{"a": 1, "c": 3}`, `{"a": 1, [-"b": 2, -]"c": 3}`},
		{`{"a":{}}`, `{"a":{},"b":{}}`, `{"a":{}{+,"b":{}+}}`},
		{"path: /a/c", "path: /a/b/c", "path: /a/{+b/+}c"},
		{"wait for it", "wait wait for it", "{+wait +}wait for it"},

		// White space is shown if nothing else changed.
		{"name: x", "name: x  ", "name: x{+  +}"},
		{"  name: x", "    name: x", "[-  -]{+    +}name: x"},
		{"name: x\r", "name: x", "name: x[-\r-]"},
		{"", "  ", "{+  +}"},

		// Two lines that share only chance are whole lines, unless they have the same key.
		{"foo-bar-baz", "x y", "whole lines"},
		{"- drain", "- restart", "whole lines"},
		{"restart_all_agents", "stop_all_nodes", "whole lines"},
		{"the quick brown fox", "a slow brown dog", "whole lines"},
		{`"name": "x"`, `"title": "y"`, "whole lines"},
		{"a", "", "whole lines"},
		{"- name: drain", "- name: restart", "- name: [-drain-]{+restart+}"},
		{"echo: stop all", "echo: some other thing altogether", "echo: [-stop all-]{+some other thing altogether+}"},
		{"超时:三十", "超时:六个小时以内", "超时:[-三十-]{+六个小时以内+}"},

		// Bytes that are not valid text are unchanged.
		{"key: \xff", "key: \xfe", "key: [-\xff-]{+\xfe+}"},
		{"key: a\x00", "key: a\ufffd", "key: a[-\x00-]{+\ufffd+}"},
	} {
		got := wordsOf(tt.old, tt.new)
		if marked(got) != tt.want {
			t.Errorf("Words(%q, %q) = %s, want %s", tt.old, tt.new, marked(got), tt.want)
		}
		if d := cmp.Diff(mirror(got), wordsOf(tt.new, tt.old)); d != "" {
			t.Errorf("Words(%q, %q) is no mirror (-want +got):\n%s", tt.new, tt.old, d)
		}
	}
	if got, want := wordsOf("a", "a"), []Word{{Same, "a"}}; !cmp.Equal(got, want) || wordsOf("", "") != nil {
		t.Errorf("Words(a, a) = %v, want %v, and none for two empty lines", got, want)
	}
}

// In a line of any length a small change is marked, also in one long word. Only a
// middle that is too long to compare is marked as a whole.
func TestWordsOfLongLines(t *testing.T) {
	words, blob := strings.Repeat("lorem ipsum ", 5000), strings.Repeat("QUJDRA", 10000)
	digits, letters := strings.Repeat("1 2 ", 600), strings.Repeat("a b ", 600)
	for _, tt := range []struct {
		name, old, new string
		want           []Word
	}{
		{"words", words + "30, " + words, words + "60, " + words, []Word{{Same, words}, {Delete, "30"}, {Insert, "60"}, {Same, ", " + words}}},
		{"one word", blob + "+1" + blob, blob + "/é" + blob, []Word{{Same, blob}, {Delete, "+1"}, {Insert, "/é"}, {Same, blob}}},
		{"inside one word", blob + "xx" + blob, blob + "y" + blob, []Word{{Same, blob}, {Delete, "xx"}, {Insert, "y"}, {Same, blob}}},
		{"inside a rune", blob + "é" + blob, blob + "è" + blob, []Word{{Same, blob}, {Delete, "é"}, {Insert, "è"}, {Same, blob}}},
		{"too much", words + digits + letters + "end", words + letters + digits + "end",
			[]Word{{Same, words}, {Delete, digits + letters[:len(letters)-1]}, {Insert, letters + digits[:len(digits)-1]}, {Same, " end"}}},
		{"nothing in common", blob, words, nil},
	} {
		if got := wordsOf(tt.old, tt.new); !cmp.Equal(got, tt.want) {
			t.Errorf("%s: got %d words, want %d: the marks are not where the change is", tt.name, len(got), len(tt.want))
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("a b é", "a \xff 重 b")
	f.Add(`{"a":1,"c":3}`, `{"a":1,"b":2,"c":3}`)
	f.Add("e\u0301\u0301 a.b", "e\u0301 \u0301a,b")
	f.Add("aaaaaaaaaaaaaaaaaaaaé", "aaaaaaaaaaaaaaaaaaaa\xc3")
	f.Add("x: a a b a a", "x: a b a a a a")
	f.Fuzz(func(t *testing.T, old, new string) {
		words := wordsOf(old, new)
		checkWords(t, old, new, words)
		if got, want := wordsOf(new, old), mirror(words); !slices.Equal(got, want) {
			t.Errorf("Words(%q, %q) = %v, want the mirror %v", new, old, got, want)
		}
	})
}

// checkWords checks that words are of two lines, that they end between runes, and that
// none could be one with the previous word.
func checkWords(t *testing.T, old, new string, words []Word) {
	t.Helper()
	var a, b strings.Builder
	for i, w := range words {
		if w.Op != Insert {
			a.WriteString(w.Text)
		}
		if w.Op != Delete {
			b.WriteString(w.Text)
		}
		if utf8.ValidString(old) && utf8.ValidString(new) && !utf8.ValidString(w.Text) {
			t.Errorf("a rune is split: %q", w.Text)
		}
		if w.Text == "" || i > 0 && (words[i-1].Op == w.Op || words[i-1].Op == Insert && w.Op == Delete) {
			t.Errorf("Words(%q, %q) has word %d out of order or empty: %v", old, new, i, words)
		}
	}
	if words != nil && (a.String() != old || b.String() != new) {
		t.Errorf("Words(%q, %q) gives %q, %q", old, new, a.String(), b.String())
	}
}
