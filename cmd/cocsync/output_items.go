package main

import (
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// mark is how an item stands in an outline.
func mark(op string) (string, style) {
	switch op {
	case diff.Added:
		return "+", green
	case diff.Removed:
		return "-", red
	case diff.Renamed:
		return "→", cyan
	case diff.Moved:
		return "↕", cyan
	}
	return "~", yellow
}

// items writes an outline of structural differences, a line each; a value of
// several lines follows as a small diff.
func (p *page) items(items []coc.Item, indent string) {
	for _, it := range items {
		sign, style := mark(it.Op)
		line := sign + " " + visible(it.Path)
		lines := strings.Contains(it.Old, "\n") || strings.Contains(it.New, "\n")
		if text := values(it); text != "" && !lines {
			line += ": " + visible(text)
		}
		line = indent + p.paint(style, line)
		if it.Task != "" {
			line += "  " + p.paint(faint, visible(it.Task))
		}
		fmt.Fprintln(p, line)
		if lines {
			p.valueLines(it, indent+"    ")
		}
	}
}

// values says what became of a value.
func values(it coc.Item) string {
	switch it.Op {
	case diff.Added:
		return it.New
	case diff.Removed:
		return it.Old
	case diff.Moved:
		return "from place " + it.Old + " to " + it.New
	}
	return orEmpty(it.Old) + " → " + orEmpty(it.New)
}

func orEmpty(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// valueLines writes the lines of a value that differ.
func (p *page) valueLines(it coc.Item, indent string) {
	for _, h := range diff.Hunks(diff.Read([]byte(it.Old)), diff.Read([]byte(it.New)), diff.Options{}) {
		for _, l := range h.Lines {
			s := green
			if l.Op == diff.Delete {
				s = red
			}
			text := visibleBut(strings.TrimSuffix(string(l.Text), "\n"), "\t")
			fmt.Fprintln(p, indent+p.paint(s, string(l.Op)+" "+text))
		}
	}
}
