package diff

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// worstLines are pairs of contents of 64 KB whose changed lines cost the most to pair
// or to compare.
func worstLines() map[string][2]string {
	const size = 64 << 10
	random := rand.New(rand.NewPCG(1, 2))
	fill := func(format string, n int) string {
		var b strings.Builder
		for b.Len() < size {
			fmt.Fprintf(&b, format, random.IntN(n))
		}
		return b.String()[:size]
	}
	lines := func(width int, tokens string) string {
		var b strings.Builder
		for b.Len() < size {
			for range width {
				b.WriteByte(tokens[random.IntN(len(tokens))])
			}
			b.WriteByte('\n')
		}
		return b.String()[:size]
	}
	indent := func(s string) string { return strings.ReplaceAll(s, "\n", "\n ")[:size] }
	short, steps := lines(1, "abcdefgh"), fill("step%d: on\n", 1000)
	return map[string][2]string{
		"all lines changed":        {fill("  name: step%d\n", 1e6), fill("  name: node%d\n", 1e6)},
		"nothing in common":        {fill("  stop%d\n", 1e6), fill("drain all - %d\n", 1e6)},
		"all lines indented":       {string(job(size, 1)), "x:\n " + indent(string(job(size, 2)))},
		"steps indented":           {steps, indent(steps)},
		"one long line":            {fill("a%d ", 1000), fill("a%d ", 1000)},
		"one long word":            {strings.Repeat("a", size), strings.Repeat("a", size-1) + "b"},
		"lines of one char":        {short, strings.ToUpper(short)},
		"short lines indented":     {short, indent(short)},
		"two sorts of short lines": {lines(1, "ab"), indent(lines(1, "ab"))},
		"empty lines":              {strings.Repeat("\n", size), strings.Repeat(" \n", size/2)},
		"lines of 100 signs":       {lines(100, "+-*/"), lines(100, "+-*/")},
		"lines of 1,500 signs":     {lines(1500, "+-*/"), lines(1500, "+-*/")},
		"lines of 1,500 mixed":     {lines(1500, ".-*/"), lines(1500, "+-#/")},
		"repeated in a line":       {strings.Repeat(strings.Repeat("- ", 999)+"\n", 32), strings.Repeat(strings.Repeat("- + ", 499)+"\n", 32)},
	}
}

// BenchmarkRows is the whole cost of a view after the lines are compared.
func BenchmarkRows(b *testing.B) {
	for name, p := range worstLines() {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			hunks := Hunks(Read([]byte(p[0])), Read([]byte(p[1])), Options{})
			b.ReportAllocs()
			for b.Loop() {
				for _, h := range hunks {
					Rows(h, nil)
				}
			}
		})
	}
}

func BenchmarkWordsOfLines(b *testing.B) {
	for name, p := range map[string][2]string{
		"typical": {`      path_params: '{"project_id":"x","force":false}'`,
			`      path_params: '{"project_id":"x","force":true}'`},
		"1,500 shuffled":          {strings.Repeat("a b c d e ", 150), strings.Repeat("e c f a b ", 150)},
		"64 KB one change":        {strings.Repeat("a b ", 1<<14), strings.Repeat("a b ", 1<<13) + "c " + strings.Repeat("a b ", 1<<13)},
		"64 KB nothing in common": {strings.Repeat("a b ", 1<<14), strings.Repeat("c d ", 1<<14)},
	} {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				wordsOf(p[0], p[1])
			}
		})
	}
}

func BenchmarkIgnoreSpace64K(b *testing.B) {
	old, new := Read(job(64<<10, 1)), Read([]byte(strings.ReplaceAll(string(job(64<<10, 2)), "\n", "\r\n")))
	for b.Loop() {
		Hunks(old, new, Options{Context: 3, IgnoreSpace: true})
	}
}
