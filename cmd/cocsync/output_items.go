package main

import (
	"fmt"
	"math"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// An outline goes by the terminal's width, and by outlineWidth without one.
const (
	outlineWidth = 100
	maxNameCells = 32 // that the names of a group are padded to
)

// mark is how a difference stands in an outline.
func mark(op string) (string, style) {
	switch op {
	case diff.Added:
		return "+", green
	case diff.Removed:
		return "-", red
	case diff.Renamed:
		return "→", magenta
	case diff.Moved:
		return "↕", magenta
	}
	return "~", bold
}

// diffItems are stored items for an outline. Their lines are not stored.
func diffItems(items []coc.Item) []diff.Item {
	list := make([]diff.Item, len(items))
	for i, it := range items {
		list[i] = diff.Item{Op: it.Op, Path: it.Path, Step: it.Step, Task: it.Task, Old: it.Old, New: it.New}
	}
	return list
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
		e := entry{indent: indent + "    ", sign: sign, style: s, name: f.Name, cells: wide, became: f.Became(), lines: lineNote(f.Op, f.OldLines, f.NewLines)}
		if e.became == "" {
			e.op, e.old, e.new = f.Op, f.Old, f.New
			_, e.short = f.Values()
		}
		p.entry(e)
	}
}

// nameCells returns how wide the names of fields are, but for the very wide ones.
func nameCells(fields []diff.Field) int {
	wide, measure := 0, widths()
	for _, f := range fields {
		if n := measure.StringWidth(text.Visible(f.Name)); n <= maxNameCells {
			wide = max(wide, n)
		}
	}
	return wide
}

// entry is one difference in an outline. Texts are as hostile as documents are.
type entry struct {
	indent, sign string
	style        style
	name         string
	cells        int    // that the name is padded to
	became       string // where it was before
	op, old, new string // what became of the value; no op: there is nothing to tell
	short        string // new, where it stands beside old
	task, lines  string
}

func (p *page) entry(e entry) {
	measure := widths()
	name := text.Visible(e.name)
	head := cell{e.sign + " " + name, e.style}
	value := ""
	switch {
	case e.op == diff.Added:
		value = e.new
	case e.op == diff.Removed:
		value = e.old
	case e.op != "":
		value = orEmpty(e.old) + " → " + orEmpty(e.short)
	}
	padding := strings.Repeat(" ", max(0, e.cells-measure.StringWidth(name)))
	room := p.outlineWidth() - measure.StringWidth(e.indent+head.text+padding) - gap
	// Two values that do not fit beside each other stand below each other.
	long := strings.Contains(e.old+e.new, "\n") ||
		e.op == diff.Changed && measure.StringWidth(text.Visible(value)) > room
	parts := []cell{head}
	if value != "" && !long {
		parts[0].text += padding
		parts = append(parts, cell{value, plain})
	}
	parts = append(parts, cell{e.became, plain}, cell{e.task, faint}, cell{e.lines, faint})
	p.fitted(e.indent, parts)
	if long {
		p.valueLines(e.old, e.new, e.indent+"    ")
	}
}

// fitted writes texts two spaces apart. One that does not fit on the line goes
// to the next, and to as many as it takes on a terminal.
func (p *page) fitted(indent string, parts []cell) {
	at, measure := len(indent), widths()
	hang := indent + "    "
	p.WriteString(indent)
	for i, c := range parts {
		shown := text.Visible(c.text)
		if shown == "" {
			continue
		}
		wide := measure.StringWidth(shown)
		switch {
		case i > 0 && at+gap+wide > p.outlineWidth():
			p.WriteString("\n" + hang)
			at = len(hang)
		case i > 0:
			p.WriteString("  ")
			at += gap
		}
		if p.width == 0 || at+wide <= p.width {
			p.WriteString(p.paint(c.style, shown))
			at += wide
			continue
		}
		line, rest := p.fold(shown, len(hang))
		for rest != "" {
			p.WriteString(p.paint(c.style, line) + "\n" + hang)
			line, rest = p.fold(rest, len(hang))
		}
		p.WriteString(p.paint(c.style, line))
		at = len(hang) + measure.StringWidth(line)
	}
	p.WriteByte('\n')
}

// wrap lays out a text that stands right of an indent in strips that fit the
// terminal; in one where there is none.
func (p *page) wrap(s style, words []diff.Word, indent int) []strip {
	cells := math.MaxInt
	if p.width > 0 {
		cells = max(minCells, p.width-indent)
	}
	return (&sheet{page: p, cells: cells, measure: widths()}).wrap(s, words)
}

// proseHang is what stands before the lines of a prose but the first.
const proseHang = "    "

// prose writes a text of words, on as many lines as it takes on a terminal. The
// indent is no longer than proseHang.
func (p *page) prose(indent string, s style, words string) {
	words = strings.TrimRight(text.Visible(words), " ")
	for p.width > 0 {
		line, rest := p.fold(words, len(proseHang))
		if rest == "" {
			break
		}
		p.WriteString(indent + p.paint(s, line) + "\n")
		indent, words = proseHang, rest
	}
	p.WriteString(indent + p.paint(s, words) + "\n")
}

// fold parts what fits on a line right of an indent from the rest, at a space if
// it has one.
func (p *page) fold(text string, indent int) (line, rest string) {
	fits := len(p.wrap(plain, whole(text), indent)[0].text)
	if fits == len(text) {
		return text, ""
	}
	if text[fits] == ' ' {
		return text[:fits], strings.TrimLeft(text[fits:], " ")
	}
	if space := strings.LastIndexByte(text[:fits], ' '); strings.TrimSpace(text[:max(space, 0)]) != "" {
		return text[:space], text[space+1:]
	}
	return text[:fits], text[fits:]
}

func (p *page) outlineWidth() int {
	if p.width > 0 {
		return p.width
	}
	return outlineWidth
}

// valueLines writes a value that takes lines of its own: those that went, those
// that came, and what of a line changed.
func (p *page) valueLines(old, now, indent string) {
	was, is := diff.Read([]byte(old)), diff.Read([]byte(now))
	for _, h := range diff.Hunks(was, is, diff.Options{Context: len(old)}) {
		for _, r := range diff.Rows(h, nil) {
			if r.Old != nil && r.New != nil && r.New.Op == diff.Same {
				p.valueLine(indent, "  ", faint, whole(body(r.New)))
				continue
			}
			p.valueSide(indent, "- ", red, r.Old, oneSide(r.Words, diff.Insert))
			p.valueSide(indent, "+ ", green, r.New, oneSide(r.Words, diff.Delete))
			if r.Old != nil && r.New != nil && body(r.Old) == body(r.New) {
				p.valueLine(indent, "  ", faint, whole("(the line end after it)"))
			}
		}
	}
}

func (p *page) valueSide(indent, sign string, s style, l *diff.Line, words []diff.Word) {
	if l == nil {
		return
	}
	if len(words) == 0 {
		words = whole(body(l))
	}
	p.valueLine(indent, sign, s, words)
}

// valueLine writes a line of a value. On a terminal it stays right of the indent.
func (p *page) valueLine(indent, sign string, s style, words []diff.Word) {
	for _, strip := range p.wrap(s, words, len(indent)+len(sign)) {
		p.WriteString(indent + p.paint(s, sign) + strip.text + "\n")
		sign = strings.Repeat(" ", len(sign))
	}
}

// lineNote says where something stands: in the new version, if it is there. Of
// what was removed, the lines in the new one are those that it shared with others.
func lineNote(op string, was, is diff.Span) string {
	switch {
	case is != diff.Span{} && op != diff.Removed:
		return lineRange(is)
	case was != diff.Span{}:
		return "was " + lineRange(was)
	}
	return ""
}

func lineRange(s diff.Span) string {
	if s.To <= s.From {
		return fmt.Sprintf("line %d", s.From)
	}
	return fmt.Sprintf("lines %d-%d", s.From, s.To)
}

func orEmpty(s string) string {
	if s == "" {
		return `""`
	}
	return s
}
