package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/text"
)

// Problem is one error in a config file, or in what it refers to.
type Problem struct {
	File  string // "" if it is not in the file
	Line  int    // 0 if it has no line
	Fault string // watch "runbooks": unknown account "prd"
	Hint  string // how to fix it

	path string // of the key
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

// Problems are all problems of a config file, in the order of its lines.
type Problems struct {
	List []Problem
}

// maxShown bounds an error's text: a user who named the wrong file need not read
// everything that is wrong with it.
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

// err returns the problems found; nil if there are none.
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

// maxQuoted bounds what a message quotes from the file.
const maxQuoted = 80

// quote shows a text of the file. Callers never pass a secret.
func quote(s string) string { return fmt.Sprintf("%q", text.Truncate(s, maxQuoted)) }
