package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/text"
)

// Problem is one fault of a config file.
type Problem struct {
	File  string // "" when it is not in the file
	Line  int    // 0 when it lies in no line
	Fault string // watch "runbooks": unknown account "prd"
	Hint  string // how to fix it
}

// Error returns the problem in a line, and the hint in another.
func (p Problem) Error() string {
	text := p.Fault
	switch {
	case p.Line > 0:
		text = fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Fault)
	case p.File != "":
		text = p.File + ": " + p.Fault
	}
	if p.Hint != "" {
		text += "\n  hint: " + p.Hint
	}
	return text
}

// Problems are all faults of a config file, in the order of its lines.
type Problems struct {
	List []Problem
}

// maxShown bounds an error's text: whoever named the wrong file need not read
// all that is wrong with it.
const maxShown = 50

// Error returns one problem after the other.
func (p *Problems) Error() string {
	var lines []string
	for i, one := range p.List {
		if i == maxShown {
			lines = append(lines, fmt.Sprintf("… and %d more", len(p.List)-i))
			break
		}
		lines = append(lines, one.Error())
	}
	return strings.Join(lines, "\n")
}

// err returns the problems found, nil when there are none.
func (d *document) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	return &Problems{d.sorted()}
}

// sorted returns the problems in the order of their lines.
func (d *document) sorted() []Problem {
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return d.problems
}

// maxQuoted bounds what a fault quotes from the file.
const maxQuoted = 80

// quote shows a text of the file. It never gets a secret.
func quote(s string) string { return fmt.Sprintf("%q", text.Truncate(s, maxQuoted)) }
