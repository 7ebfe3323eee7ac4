package diff

import (
	"fmt"
	"strings"
	"testing"
)

// hostile are contents made to exhaust or confuse a YAML parser.
func hostile() map[string]string {
	lines := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	return map[string]string{
		"nothing":        "",
		"flow lists":     strings.Repeat("[", 20_000),
		"flow mappings":  strings.Repeat("{a: ", 16_000),
		"block lists":    strings.Repeat("- ", 32_000),
		"keys of keys":   strings.Repeat("? ", 32_000),
		"closed lists":   strings.Repeat("[", 150) + strings.Repeat("]", 150),
		"deep":           strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000),
		"one line":       strings.Repeat("x", 64<<10),
		"one key":        strings.Repeat("x", 64<<10) + ": 1",
		"scalars":        "[" + strings.Repeat("a,", 32_000) + "]",
		"pairs":          "[" + strings.Repeat("a: b, ", 10_000) + "]",
		"keys":           lines(5_000, "key%d: v\n"),
		"same key":       strings.Repeat("a:\n", 20_000),
		"same keys":      strings.Repeat("a: 1\nb: 2\n", 6_000),
		"steps":          "steps:\n" + lines(5_000, "- name: s%d\n"),
		"same steps":     "steps:\n" + strings.Repeat("- name: s\n", 5_000),
		"anchors":        strings.Repeat("&a ", 20_000),
		"many anchors":   lines(5_000, "- &a%d x\n"),
		"aliases":        "a: &a x\nb: [" + strings.Repeat("*a,", 20_000) + "]",
		"self alias":     "a: &a [*a]",
		"own key":        "&a {*a : 1}",
		"merged self":    "a: &a\n  <<: *a\n",
		"chain":          "a0: &a0 x\n" + chain(3_000),
		"bomb":           bomb(9, 9),
		"wide bomb":      bomb(3, 200),
		"documents":      strings.Repeat("---\na\n", 10_000),
		"null documents": strings.Repeat("---\n", 16_000),
		"comments":       strings.Repeat("a: 1 #\n#\n", 6_000),
		"only comments":  strings.Repeat("#\n", 32_000),
		"tabs":           "a:\n\tb: 1\n",
		"mark":           "\ufeffa: 1\n---\n\ufeffb: 1",
		"CRLF":           "steps:\r\n- name: a\r\n  run: |\r\n    x\r\n",
		"CR":             "a: 1\rb: 2\r",
		"NUL":            "a: \x00",
		"invalid UTF-8":  "a: \xff",
		"UTF-16":         "\xff\xfea\x00:\x00 \x001\x00",
		"lone surrogate": `a: "\ud800"`,
		"binary":         "a: !!binary x\n",
		"tags":           strings.Repeat("!", 64<<10),
		"directives":     strings.Repeat("%TAG ! !\n", 7_000),
		"unknown alias":  "a: *" + strings.Repeat("b", 60_000),
		"collection key": "? [a, b]\n: 1\n",
		"alias key":      "a: &a k\n*a : 1\n",
		"blank lines":    "a: |\n" + strings.Repeat("\n", 60_000),
		"merge":          "a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n",
		"long name":      "steps:\n- name: " + strings.Repeat("é", 30_000) + "\n",
		"odd names":      "steps:\n- {name: 3}\n- {name: [x]}\n- {name: ''}\n- {name: \"a\\nb\"}\n- {Name: b}\n",
		"too long":       strings.Repeat("a: 1\n", 30_000),
	}
}

// bomb is a YAML bomb: depth anchors, each of which expands to width times the
// previous one.
func bomb(depth, width int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := range depth {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), width), ","))
	}
	return b.String()
}

// chain puts each anchor inside the next: deep only through its aliases.
func chain(length int) string {
	var b strings.Builder
	for i := range length {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d]\n", i+1, i+1, i)
	}
	return b.String()
}

// Every content can be compared with any other: the comparison terminates and does not
// panic, and its result is within the bounds.
func TestHostileContents(t *testing.T) {
	job := Read([]byte("meta: {name: j}\nsteps:\n- name: a\n  task: x\n"))
	for name, content := range hostile() {
		t.Run(name, func(t *testing.T) {
			third := len(content) / 3
			text, turned := Read([]byte(content)), Read([]byte(content[third:]+content[:third]))
			checkPair(t, text, job)
			checkPair(t, text, turned)
		})
	}
}

// The reason for a missing structure can be acted on.
func TestNoStructure(t *testing.T) {
	contents := hostile()
	for name, want := range map[string]string{
		"flow lists":     "line 1: nested more than 200 deep",
		"deep":           "line 1: nested more than 200 deep",
		"chain":          "line 202: nested more than 200 deep",
		"bomb":           "line 7: its aliases expand to more than 200000 values",
		"wide bomb":      "line 4: its aliases expand to more than 200000 values",
		"self alias":     "line 1: alias *a is inside its own anchor",
		"own key":        "line 1: alias *a is inside its own anchor",
		"merged self":    "line 2: alias *a is inside its own anchor",
		"same key":       `line 2: duplicate key "a"`,
		"same keys":      `line 3: duplicate key "a"`,
		"collection key": "line 1: a key that is a collection",
		"one line":       "plain text",
		"documents":      "more than 1000 documents",
		"too long":       "longer than 128 KB",
		"NUL":            "control characters are not allowed (value: 0)",
		"invalid UTF-8":  "not UTF-8",
	} {
		tree, got := parse(Read([]byte(contents[name])).Text)
		if tree != nil || got != want {
			t.Errorf("%s: structure %t, reason %q; want none, %q", name, tree != nil, got, want)
		}
	}
	for _, name := range []string{"nothing", "closed lists", "steps", "same steps", "aliases", "alias key", "merge",
		"CRLF", "mark", "only comments"} {
		if tree, why := parse(Read([]byte(contents[name])).Text); tree == nil {
			t.Errorf("%s: no structure: %s", name, why)
		}
	}
}

// A value that aliases share is stored once: the tree is no larger than the text.
func TestAliasesAreShared(t *testing.T) {
	tree, why := parse(Read([]byte(bomb(4, 10))).Text)
	if tree == nil {
		t.Fatal(why)
	}
	distinct := map[*node]bool{}
	var visit func(*node)
	visit = func(n *node) {
		if distinct[n] {
			return
		}
		distinct[n] = true
		for _, item := range n.items {
			visit(item.value)
		}
		for _, p := range n.pairs {
			visit(p.value)
		}
	}
	visit(tree.root)
	if got, want := len(distinct), 6; got != want {
		t.Errorf("%d nodes, want %d", got, want)
	}
	if tree.root.values < 11_111 {
		t.Errorf("the bomb expands to %d values, want at least 11,111", tree.root.values)
	}
}

// A single-quoted scalar may continue in the first column: COC accepts such jobs.
func TestQuotedScalarInFirstColumn(t *testing.T) {
	const job = "inputs:\n  list:\n    default: '[{\"name\":\"a\",\\\n\"id\":\"1\"}]'\nsteps:\n- name: %s\n  task: t\n"
	got := Compare(Read(fmt.Appendf(nil, job, "a")), Read(fmt.Appendf(nil, job, "b")))
	if got.Note() != "" || got.Summary != "a renamed to b" {
		t.Errorf("note %q, summary %q; want a step renamed", got.Note(), got.Summary)
	}
}
