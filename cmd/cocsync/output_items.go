package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// An outline has the width of the terminal, or outlineWidth without one.
const (
	outlineWidth = 100
	maxNameCells = 32 // maximum width to which the names of a group are padded
)

// mark returns the sign and the style of a difference.
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

// outline writes the differences of a job, part by part: those of the part itself, then
// those of its fields.
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
	if !slices.ContainsFunc(g.Fields, func(f diff.Field) bool { return f.Name == "task" }) { // else it is shown below
		e.task = g.Task
	}
	if len(g.Whole) > 0 {
		it := g.Whole[len(g.Whole)-1]
		e.lines = lineNote(it.Op, it.OldLines, it.NewLines)
		if len(g.Fields) == 0 && it.Op != diff.Renamed && it.Op != diff.Moved {
			e.op, e.old, e.new, e.short = it.Op, it.Old, it.New, it.New
		}
	}
	p.entry(e)
	wide := 0 // the widest name of a field
	for _, f := range g.Fields {
		if n := term.Width(text.Visible(f.Name)); n <= maxNameCells {
			wide = max(wide, n)
		}
	}
	for _, f := range g.Fields {
		sign, s := mark(f.Op)
		e := entry{indent: indent + "    ", sign: sign, style: s, name: f.Name, cells: wide, became: diff.Became(f.Item),
			lines: lineNote(f.Op, f.OldLines, f.NewLines)}
		if e.became == "" {
			e.op, e.old, e.new = f.Op, f.Old, f.New
			_, e.short = f.Values()
		}
		p.entry(e)
	}
}

// entry is one difference in an outline. Its texts may contain control characters.
type entry struct {
	indent, sign string
	style        term.Style
	name         string
	cells        int    // width to which the name is padded
	became       string // for a renamed or moved part: its previous name or position
	op, old, new string // change of the value; op is "" if no value is shown
	short        string // new, as shown next to old
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
	// Two values that do not fit on one line are written below each other.
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

// valueLines writes a changed value on separate lines: removed lines, added lines, and the
// changed words in them.
func (p *page) valueLines(old, now, indent string) {
	was, is := diff.Read([]byte(old)), diff.Read([]byte(now))
	for _, h := range diff.Hunks(was, is, diff.Options{Context: len(old)}) {
		for _, r := range diff.Rows(h, nil) {
			if r.New != nil && r.New.Op == diff.Same {
				p.valueLine(indent, "  ", term.Faint, whole(body(r.New)))
				continue
			}
			if r.Old != nil {
				p.valueLine(indent, "- ", term.Red, side(r.Old, r.Words, diff.Insert))
			}
			if r.New != nil {
				p.valueLine(indent, "+ ", term.Green, side(r.New, r.Words, diff.Delete))
			}
			if r.Old != nil && r.New != nil && body(r.Old) == body(r.New) {
				p.valueLine(indent, "  ", term.Faint, whole("(only the line ending changed)"))
			}
		}
	}
}

// valueLine writes a line of a value. On a terminal, wrapped lines keep the indent.
func (p *page) valueLine(indent, sign string, s term.Style, words []diff.Word) {
	for _, strip := range p.Wrap(p.Space(len(indent)+len(sign)), p.marked(s, words)...) {
		p.WriteString(indent + p.Paint(s, sign) + strip.Text + "\n")
		sign = strings.Repeat(" ", len(sign))
	}
}

// lineNote returns the lines of an item in the new version, or else in the old one. A
// removed item may have lines in the new version, which it shared with others; they are
// not shown.
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
