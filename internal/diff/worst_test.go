package diff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// worst are pairs of about 64 KB that cost more than any real job.
func worst() map[string][2]string {
	const size = 64 << 10
	fill := func(line func(i int) string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			b.WriteString(line(i))
		}
		return b.String()
	}
	steps := func(step func(i int) string) string { return "steps:\n" + fill(step) }
	reversed := func(s string) string {
		lines := strings.SplitAfter(strings.TrimPrefix(s, "steps:\n"), "\n")
		slices.Reverse(lines)
		return "steps:\n" + strings.Join(lines, "")
	}
	noise := rand.New(rand.NewPCG(1, 2))
	shuffled := func(s string) string {
		lines := strings.SplitAfter(strings.TrimPrefix(s, "steps:\n"), "\n")
		noise.Shuffle(len(lines)-1, func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		return "steps:\n" + strings.Join(lines, "")
	}
	named := steps(func(i int) string { return fmt.Sprintf("- {name: s%d, task: t%d}\n", i, i%7) })
	script := func(word string) string {
		return "steps:\n- name: a\n  script: |\n" + fill(func(i int) string { return fmt.Sprintf("    echo %s %d\n", word, i) })
	}
	alias := func(n int) string {
		return fmt.Sprintf("x: &x {a: [%s]}\n", strings.Repeat("1, ", 300)) +
			steps(func(i int) string { return fmt.Sprintf("- {name: s%d, n: %d, x: *x}\n", i, n) })
	}
	random := func(n int) string { return fill(func(int) string { return fmt.Sprintf("%d\n", noise.IntN(n)) }) }
	named30K := func(n int) string {
		return fmt.Sprintf("x: &x %s\nsteps:\n", strings.Repeat("a_", 15<<10)) +
			fill(func(i int) string { return fmt.Sprintf("- {name: *x, b: %d, c: 2}\n", i*n) })[:size/2]
	}
	deepLists := func(n int) string {
		return fill(func(int) string {
			return "- " + strings.Repeat("[[],", 180) + fmt.Sprint(n) + strings.Repeat("]", 180) + "\n"
		})
	}
	return map[string][2]string{
		"nothing in common": {
			fill(func(i int) string { return fmt.Sprintf("k%d: %d\n", i, i) }),
			fill(func(i int) string { return fmt.Sprintf("m%d: x%d\n", i, i) }),
		},
		"no words in common": {
			fill(func(i int) string { return fmt.Sprintf("%x\n", noise.Uint64()) }),
			fill(func(i int) string { return fmt.Sprintf("%x\n", noise.Uint64()) }),
		},
		"all steps renamed": {
			steps(func(i int) string { return fmt.Sprintf("- {name: a%d, task: t, n: %d}\n", i, i) }),
			steps(func(i int) string { return fmt.Sprintf("- {name: b%d, task: t, n: %d}\n", i, i) }),
		},
		"all steps renamed and similar": {
			steps(func(i int) string { return fmt.Sprintf("- {name: a%d, task: t}\n", i) }),
			steps(func(i int) string { return fmt.Sprintf("- {name: b%d, task: t}\n", i) }),
		},
		"all steps renamed and changed": {
			steps(func(i int) string { return fmt.Sprintf("- {name: a%d, task: t%d, n: 1, o: 7}\n", i, i) }),
			steps(func(i int) string { return fmt.Sprintf("- {name: b%d, task: t%d, n: 2, o: 7}\n", i, i) }),
		},
		"few large steps renamed": {
			steps(func(i int) string {
				return fmt.Sprintf("- {name: a%d, l: [%s]}\n", i, strings.Repeat("a, b, c, ", 100))
			}),
			steps(func(i int) string {
				return fmt.Sprintf("- {name: b%d, l: [%s]}\n", i, strings.Repeat("a, c, b, ", 100))
			}),
		},
		"all steps reversed": {named, reversed(named)},
		"all steps shuffled": {named, shuffled(named)},
		"names twice":        {strings.ReplaceAll(named, "s1", "s"), strings.ReplaceAll(shuffled(named), "s2", "s")},
		"all lines equal":    {fill(func(int) string { return "a\n" }), fill(func(int) string { return "a\n" })[2:] + "b\n"},
		"all lines alternate": {fill(func(i int) string { return []string{"a\n", "b\n"}[i%2] }),
			fill(func(i int) string { return []string{"b\n", "c\n"}[i%2] })},
		"all list items equal": {fill(func(int) string { return "- a\n" }), fill(func(i int) string { return []string{"- a\n", "- b\n"}[i%2] })},
		"lists shuffled": {
			fill(func(i int) string { return fmt.Sprintf("- %d\n", i*7919%10007) }),
			fill(func(i int) string { return fmt.Sprintf("- %d\n", i*5003%10007) }),
		},
		"one line":         {"a: " + strings.Repeat("x y ", size/4), "a: " + strings.Repeat("y z ", size/4)},
		"one line of JSON": {"a: '[" + strings.Repeat(`{"a":1},`, size/8) + "{}]'\n", "a: '[" + strings.Repeat(`{"a":2},`, size/8) + "{}]'\n"},
		"scripts":          {script("a"), script("b")},
		"keys reversed": {
			fill(func(i int) string { return fmt.Sprintf("k%05d: 1\n", i) }),
			fill(func(i int) string { return fmt.Sprintf("k%05d: 1\n", 5957-i) }),
		},
		"all in quotes": {
			fill(func(i int) string { return fmt.Sprintf("k%d: %d\n", i, i) }),
			fill(func(i int) string { return fmt.Sprintf("'k%d': '%d'\n", i, i) }),
		},
		"comments only": {fill(func(i int) string { return fmt.Sprintf("# %d\n", i) }),
			fill(func(i int) string { return fmt.Sprintf("# x%d\n", i) })},
		"blank lines": {"a: 1\n" + fill(func(int) string { return "\n" }), fill(func(int) string { return " \n" }) + "a: 1\n"},
		"aliases":     {alias(1), alias(2)},
		"aliases of a collection that changed all over": {
			"x: &x {" + fill(func(i int) string { return fmt.Sprintf("k%d: 1, ", i) })[:4000] + "}\nl:\n" + strings.Repeat("- *x\n", 400),
			"x: &x {" + fill(func(i int) string { return fmt.Sprintf("k%d: 2, ", i) })[:4000] + "}\nl:\n" + strings.Repeat("- *x\n", 400),
		},
		"aliases of JSON": {
			"x: &x '[" + strings.Repeat(`{"a":1},`, size/16) + "{}]'\n" + "l:\n" + strings.Repeat("- *x\n", size/10),
			"x: &x '[" + strings.Repeat(`{"a":2},`, size/16) + "{}]'\n" + "l:\n" + strings.Repeat("- *x\n", size/10),
		},
		"aliases of a text": {
			"x: &x |\n" + fill(func(i int) string { return fmt.Sprintf("  a %d\n", i) })[:size/2] + "\nl:\n" + strings.Repeat("- *x\n", size/10),
			"x: &x |\n" + fill(func(i int) string { return fmt.Sprintf("  b %d\n", i) })[:size/2] + "\nl:\n" + strings.Repeat("- *x\n", size/10),
		},
		"parameters renamed": {
			"inputs:\n" + fill(func(i int) string { return fmt.Sprintf("  a%d: {type: string, default: %d}\n", i, i) }),
			"inputs:\n" + fill(func(i int) string { return fmt.Sprintf("  b%d: {type: string, default: %d}\n", i, i+1) }),
		},
		"few lines, over and over": {random(10), random(10)},
		"a list of few values": {"- " + strings.ReplaceAll(random(10), "\n", "\n- ")[:size],
			"- " + strings.ReplaceAll(random(10), "\n", "\n- ")[:size]},
		"a script of few lines": {"a: |\n  " + strings.ReplaceAll(random(9), "\n", "\n  ")[:size],
			"a: |\n  " + strings.ReplaceAll(random(9), "\n", "\n  ")[:size]},
		"JSON of few values": {"a: '[" + strings.ReplaceAll(random(3), "\n", ",")[:size] + "1]'\n",
			"a: '[" + strings.ReplaceAll(random(3), "\n", ",")[:size] + "1]'\n"},
		"a list of lists":        {"[" + strings.Repeat("[[]],", size/5) + "]\n", "[" + strings.Repeat("[[1]],", size/6) + "]\n"},
		"aliases of a long name": {named30K(1), named30K(2)},
		"aliases of a text in maps": {
			"x: &x |\n" + strings.Repeat("  a b\n", 500) + "l:\n" + fill(func(i int) string { return fmt.Sprintf("- [{a: *x, n: %d}]\n", i) }),
			"x: &x |\n" + strings.Repeat("  a b\n", 500) + "l:\n" + fill(func(i int) string { return fmt.Sprintf("- [{a: *x, n: x%d}]\n", i) }),
		},
		"deep lists": {deepLists(1), deepLists(7)},
		"deep": {
			strings.Repeat("[", 190) + "1" + strings.Repeat("]", 190) + "\n" + fill(func(int) string { return "# x\n" }),
			strings.Repeat("[", 190) + "2" + strings.Repeat("]", 190) + "\n" + fill(func(int) string { return "# y\n" }),
		},
	}
}

// All promises hold for the worst pairs.
func TestWorst(t *testing.T) {
	for name, pair := range worst() {
		t.Run(name, func(t *testing.T) { checkPair(t, Read([]byte(pair[0])), Read([]byte(pair[1]))) })
	}
}

// BenchmarkWorst reads and compares such pairs and writes the patch.
func BenchmarkWorst(b *testing.B) {
	for name, pair := range worst() {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				old, new := Read([]byte(pair[0])), Read([]byte(pair[1]))
				Compare(old, new)
				Unified(old, new, "a", "b", Options{Context: 3})
			}
		})
	}
}
