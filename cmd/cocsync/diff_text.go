package main

import (
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// stat writes how many lines came and went.
func (p *page) stat(c *query.Comparison, hunks []diff.Hunk) {
	added, removed := 0, 0
	for _, h := range hunks {
		for _, l := range h.Lines {
			switch l.Op {
			case diff.Insert:
				added++
			case diff.Delete:
				removed++
			}
		}
	}
	fmt.Fprintf(p, "%s  %s %s\n", text.Visible(c.Title()),
		p.Paint(term.Green, fmt.Sprintf("+%d", added)), p.Paint(term.Red, fmt.Sprintf("-%d", removed)))
}

// structure writes what became of the job's structure, and which changed lines
// mean the same as before.
func (p *page) structure(c *query.Comparison) {
	r := c.Result()
	p.Prose("", term.Bold, c.Title())
	p.Prose("", term.Plain, r.Summary)
	if groups := diff.Outline(r.Items); len(groups) > 0 {
		p.WriteByte('\n')
		p.outline(groups, "")
	}
	if notes := formattingNotes(r.Formatting); notes != "" {
		p.WriteByte('\n')
		p.Prose("", term.Faint, "formatting: "+notes)
	}
	if note := r.Note(); note != "" {
		p.WriteByte('\n')
		p.Prose("", term.Faint, note)
	}
}

// maxPlaces bounds how many places a note names of one sort.
const maxPlaces = 5

// shifted is the sort of formatting that needs no telling: such lines stand in
// both versions, and what made them shift is told.
const shifted = "shifted"

// formattingNotes tells the lines that are written otherwise and mean the same:
// "comments (line 3), quoting (lines 7-9, line 12)".
func formattingNotes(list []coc.Formatting) string {
	var sorts []string
	places := map[string][]string{}
	for _, f := range list {
		if f.Sort == shifted {
			continue
		}
		if places[f.Sort] == nil {
			sorts = append(sorts, f.Sort)
		}
		places[f.Sort] = append(places[f.Sort], lineNote("", f.OldLines, f.NewLines))
	}
	for i, sort := range sorts {
		where, more := places[sort], ""
		if n := len(where) - maxPlaces; n > 0 {
			where, more = where[:maxPlaces], fmt.Sprintf(" and %d more", n)
		}
		sorts[i] = fmt.Sprintf("%s (%s%s)", sort, strings.Join(where, ", "), more)
	}
	return strings.Join(sorts, ", ")
}
