package main

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/term"
	"cocsync/internal/text"

	"github.com/spf13/cobra"
)

// page is where a command writes its text for people.
type page struct {
	*term.Writer
	local *time.Location
}

func (a *app) output() term.Output {
	return term.Output{Out: a.out, Err: a.err, Color: a.color.value}
}

// print has write fill a page.
func (a *app) print(write func(*page) error) error { return a.output().Print(onPage(write)) }

// paged has write fill a page, and shows it in the pager on a terminal.
func (a *app) paged(write func(*page) error) error { return a.output().Page(onPage(write)) }

func onPage(write func(*page) error) func(*term.Writer) error {
	return func(w *term.Writer) error { return write(&page{w, time.Local}) }
}

// time writes an instant to the second in the local zone.
func (p *page) time(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.In(p.local).Format("2006-01-02 15:04:05 -0700")
}

// minute writes an instant to the minute, for narrow columns.
func (p *page) minute(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.In(p.local).Format("2006-01-02 15:04")
}

// fitted is to how many rows the columns of a table are fitted.
const fitted = 1000

// table writes rows under their heads, one by one: the columns are fitted to the first of
// them. after, if there is one, writes what is below a row, with an empty line after it.
func table[T any](p *page, columns []term.Column, values iter.Seq2[T, error], row func(T) []term.Span, after func(T) error) (err error) {
	var first []T
	var widths []int
	empty := true
	write := func(v T, spans []term.Span) error {
		if after != nil && !empty {
			p.WriteByte('\n')
		}
		empty = false
		p.Row(columns, widths, spans)
		if after == nil {
			return nil
		}
		return after(v)
	}
	flush := func() error {
		rows := make([][]term.Span, len(first))
		for i, v := range first {
			rows[i] = row(v)
		}
		widths = p.Heads(columns, rows)
		for i, v := range first {
			if err := write(v, rows[i]); err != nil {
				return err
			}
		}
		first = nil
		return nil
	}
	for v, failed := range values {
		switch {
		case failed != nil:
			err = failed
		case widths != nil:
			err = write(v, row(v))
		default:
			if first = append(first, v); len(first) == fitted {
				err = flush()
			}
		}
		if err != nil {
			break
		}
	}
	if len(first) > 0 {
		err = errors.Join(flush(), err)
	}
	return err
}

// field writes one "Name: value" line, and nothing for an empty value. The value
// may hold colours: what is hostile in it was made visible before.
func (p *page) field(name, value string) {
	if value != "" {
		fmt.Fprintf(p, "%-11s %s\n", name+":", value)
	}
}

// nothing says on stderr that a listing is empty.
func (a *app) nothing(text string) { fmt.Fprintln(a.err, text) }

// aside tells on stderr what is to be known beside the data.
func (a *app) aside(note string) {
	if note != "" {
		fmt.Fprintln(a.err, "cocsync: note:", text.Visible(note))
	}
}

// advise says on stderr how a question is better asked.
func (a *app) advise(advice string) { fmt.Fprintln(a.err, "cocsync: hint:", text.Visible(advice)) }

// choice is a flag that takes one of a few words.
type choice struct {
	value string
	known []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.known, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.known, s) {
		return fmt.Errorf("it is one of %s", strings.Join(c.known, ", "))
	}
	c.value = s
	return nil
}

// count is a flag that takes a number.
type count int

func (n *count) String() string { return strconv.Itoa(int(*n)) }
func (n *count) Type() string   { return "N" }

func (n *count) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil {
		return errors.New("it is a number, such as 3")
	}
	*n = count(v)
	return nil
}

// choose adds a flag that takes one of the known words; value is its default.
func choose(cmd *cobra.Command, name, short, value, usage string, known ...string) *choice {
	c := &choice{value, known}
	cmd.Flags().VarP(c, name, short, usage)
	c.complete(cmd, name)
	return c
}

// complete has the shell offer the words of the command's flag.
func (c *choice) complete(cmd *cobra.Command, flag string) {
	// The flag exists and has no completion yet: this cannot fail.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(c.known, cobra.ShellCompDirectiveNoFileComp))
}

// outputFlag adds -o.
func outputFlag(cmd *cobra.Command) *choice {
	return choose(cmd, "output", "o", "text", "how to write the answer", "text", "json")
}

// orUnknown is a text for people that may be unknown.
func orUnknown(s string) string { return cmp.Or(text.Visible(s), "unknown") }
