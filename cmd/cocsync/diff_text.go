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

// stat writes the numbers of added and removed lines.
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

// structure writes the changes in the job's structure, and which lines changed only in
// formatting.
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

// maxPlaces is the maximum number of line ranges that a note lists for one class.
const maxPlaces = 5

// shifted is the class of formatting that is not shown: such lines are in both versions,
// and the change that moved them is shown.
const shifted = "shifted"

// formattingNotes lists the lines that changed only in formatting:
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
