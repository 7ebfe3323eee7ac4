package main

import (
	"cmp"
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// An outline goes by the terminal's width, and by outlineWidth without one.
const (
	outlineWidth = 100
	maxNameCells = 32 // that the names of a group are padded to
)

// mark is how a difference stands in an outline.
func mark(op string) (string, term.Style) {
	switch op {
	case diff.Added:
		return "+", term.Green
	case diff.Removed:
		return "-", term.Red
	case diff.Renamed:
		return "→", term.Magenta
	case diff.Moved:
		return "↕", term.Magenta
	}
	return "~", term.Bold
}

// outline writes what became of a job, part by part: what became of the part,
// then of the fields in it.
func (p *page) outline(groups []diff.Group, indent string) {
	for _, g := range groups {
		p.group(g, indent)
	}
}

func (p *page) group(g diff.Group, indent string) {
	e := entry{indent: indent, name: g.Title, became: g.Became()}
	for _, op := range g.Ops() {
		sign, s := mark(op)
		e.sign, e.style = e.sign+sign, s
	}
	e.task = g.Task
	for _, f := range g.Fields {
		if f.Name == "task" {
			e.task = "" // told below
		}
	}
	if len(g.Whole) > 0 {
		it := g.Whole[len(g.Whole)-1]
		e.lines = lineNote(it.Op, it.OldLines, it.NewLines)
		if len(g.Fields) == 0 && it.Op != diff.Renamed && it.Op != diff.Moved {
			e.op, e.old, e.new, e.short = it.Op, it.Old, it.New, it.New
		}
	}
	p.entry(e)
	wide := nameCells(g.Fields)
	for _, f := range g.Fields {
		sign, s := mark(f.Op)
		e := entry{indent: indent + "    ", sign: sign, style: s, name: f.Name, cells: wide, became: diff.Became(f.Item), lines: lineNote(f.Op, f.OldLines, f.NewLines)}
		if e.became == "" {
			e.op, e.old, e.new = f.Op, f.Old, f.New
			_, e.short = f.Values()
		}
		p.entry(e)
	}
}

// nameCells returns how wide the names of fields are, but for the very wide ones.
func nameCells(fields []diff.Field) int {
	wide := 0
	for _, f := range fields {
		if n := term.Width(text.Visible(f.Name)); n <= maxNameCells {
			wide = max(wide, n)
		}
	}
	return wide
}

// entry is one difference in an outline. Texts are as hostile as documents are.
type entry struct {
	indent, sign string
	style        term.Style
	name         string
	cells        int    // that the name is padded to
	became       string // where it was before
	op, old, new string // what became of the value; no op: there is nothing to tell
	short        string // new, where it stands beside old
	task, lines  string
}

func (p *page) entry(e entry) {
	name := text.Visible(e.name)
	head := term.Span{Text: e.sign + " " + name, Style: e.style}
	value := ""
	switch {
	case e.op == diff.Added:
		value = e.new
	case e.op == diff.Removed:
		value = e.old
	case e.op != "":
		value = cmp.Or(e.old, `""`) + " → " + cmp.Or(e.short, `""`)
	}
	padded := e.sign + " " + term.Pad(name, e.cells)
	room := p.outlineWidth() - term.Width(e.indent+padded) - len("  ")
	// Two values that do not fit beside each other stand below each other.
	long := strings.Contains(e.old+e.new, "\n") ||
		e.op == diff.Changed && term.Width(text.Visible(value)) > room
	parts := []term.Span{head}
	if value != "" && !long {
		parts[0].Text = padded
		parts = append(parts, term.Span{Text: value})
	}
	parts = append(parts, term.Span{Text: e.became}, term.Span{Text: e.task,
		Style: term.Faint}, term.Span{Text: e.lines, Style: term.Faint})
	p.Flow(e.indent, p.outlineWidth(), parts...)
	if long {
		p.valueLines(e.old, e.new, e.indent+"    ")
	}
}

func (p *page) outlineWidth() int {
	return cmp.Or(p.Width, outlineWidth)
}

// valueLines writes a value that takes lines of its own: those that went, those
// that came, and what of a line changed.
func (p *page) valueLines(old, now, indent string) {
	was, is := diff.Read([]byte(old)), diff.Read([]byte(now))
	for _, h := range diff.Hunks(was, is, diff.Options{Context: len(old)}) {
		for _, r := range diff.Rows(h, nil) {
			if r.Old != nil && r.New != nil && r.New.Op == diff.Same {
				p.valueLine(indent, "  ", term.Faint, whole(body(r.New)))
				continue
			}
			p.valueSide(indent, "- ", term.Red, r.Old, oneSide(r.Words, diff.Insert))
			p.valueSide(indent, "+ ", term.Green, r.New, oneSide(r.Words, diff.Delete))
			if r.Old != nil && r.New != nil && body(r.Old) == body(r.New) {
				p.valueLine(indent, "  ", term.Faint, whole("(the line end after it)"))
			}
		}
	}
}

func (p *page) valueSide(indent, sign string, s term.Style, l *diff.Line, words []diff.Word) {
	if l == nil {
		return
	}
	if len(words) == 0 {
		words = whole(body(l))
	}
	p.valueLine(indent, sign, s, words)
}

// valueLine writes a line of a value. On a terminal it stays right of the indent.
func (p *page) valueLine(indent, sign string, s term.Style, words []diff.Word) {
	for _, strip := range p.Wrap(p.Space(len(indent)+len(sign)), p.marked(s, words)...) {
		p.WriteString(indent + p.Paint(s, sign) + strip.Text + "\n")
		sign = strings.Repeat(" ", len(sign))
	}
}

// lineNote says where something stands: in the new version, if it is there. Of
// what was removed, the lines in the new one are those that it shared with others.
func lineNote(op string, was, is coc.Span) string {
	switch {
	case is != coc.Span{} && op != diff.Removed:
		return lineRange(is)
	case was != coc.Span{}:
		return "was " + lineRange(was)
	}
	return ""
}

func lineRange(s coc.Span) string {
	if s.To <= s.From {
		return fmt.Sprintf("line %d", s.From)
	}
	return fmt.Sprintf("lines %d-%d", s.From, s.To)
}
