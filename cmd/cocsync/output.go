package main

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// page is the text output of a command.
type page struct {
	*term.Writer
	local *time.Location
}

func (a *app) output() term.Output {
	return term.Output{Out: a.out, Err: a.err, Color: a.color.value}
}

// paged writes a page with write, and shows it in the pager on a terminal.
func (a *app) paged(write func(*page) error) error {
	return a.output().Page(func(w *term.Writer) error { return write(&page{w, time.Local}) })
}

// time formats a time to the second, in the local time zone.
func (p *page) time(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.In(p.local).Format("2006-01-02 15:04:05 -0700")
}

// minute formats a time to the minute, for narrow columns.
func (p *page) minute(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.In(p.local).Format("2006-01-02 15:04")
}

// fitted is the number of rows that determine the column widths of a table.
const fitted = 1000

// inColumns writes rows one by one, after begin has got the first ones, which determine the
// column widths. Without rows it calls nothing. It returns the number of rows.
func inColumns[T any](rows iter.Seq2[T, error], begin func(first []T), write func(T) error) (n int, err error) {
	var first []T
	flush := func() error {
		rows := first
		first = nil
		begin(rows)
		for _, v := range rows {
			if err := write(v); err != nil {
				return err
			}
		}
		return nil
	}
	for v, failed := range rows {
		err = failed
		if err != nil {
			break
		}
		n++
		if n > fitted {
			err = write(v)
		} else {
			first = append(first, v)
		}
		if n == fitted {
			err = flush()
		}
		if err != nil {
			break
		}
	}
	if len(first) > 0 {
		err = errors.Join(flush(), err)
	}
	return n, err
}

// table writes rows under their heads. If after is not nil, it writes text below each row,
// followed by an empty line.
func table[T any](p *page, columns []term.Column, values iter.Seq2[T, error], row func(T) []term.Span, after func(T) error) error {
	var widths []int
	between := ""
	_, err := inColumns(values, func(first []T) {
		rows := make([][]term.Span, len(first))
		for i, v := range first {
			rows[i] = row(v)
		}
		widths = p.Heads(columns, rows)
	}, func(v T) error {
		p.WriteString(between)
		p.Row(columns, widths, row(v))
		if after == nil {
			return nil
		}
		between = "\n"
		return after(v)
	})
	return err
}

// field writes one "Name: value" line, and nothing for an empty value. The value may have
// colors, so the caller must make control characters visible.
func (p *page) field(name, value string) {
	if value != "" {
		fmt.Fprintf(p, "%-11s %s\n", name+":", value)
	}
}

// info writes a line to stderr, where it does not mix with the data.
func (a *app) info(text string) { fmt.Fprintln(a.err, text) }

// note writes a note to stderr.
func (a *app) note(note string) {
	if note != "" {
		fmt.Fprintln(a.err, "cocsync: note:", text.Visible(note))
	}
}

// advise writes a hint to stderr.
func (a *app) advise(advice string) { fmt.Fprintln(a.err, "cocsync: hint:", text.Visible(advice)) }

// choice is a flag whose value is one of a few words.
type choice struct {
	value  string
	values []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.values, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.values, s) {
		return fmt.Errorf("must be one of %s", strings.Join(c.values, ", "))
	}
	c.value = s
	return nil
}

// count is a flag whose value is a number.
type count int

func (n *count) String() string { return strconv.Itoa(int(*n)) }
func (n *count) Type() string   { return "N" }

func (n *count) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil {
		return errors.New("must be a number, such as 3")
	}
	*n = count(v)
	return nil
}

// choose adds a flag whose value is one of the values; value is its default.
func choose(cmd *cobra.Command, name, value, usage string, values ...string) *choice {
	c := &choice{value, values}
	cmd.Flags().Var(c, name, usage)
	c.complete(cmd, name)
	return c
}

// complete adds shell completion for the words of a flag.
func (c *choice) complete(cmd *cobra.Command, flag string) {
	// Cannot fail: the flag exists and has no completion yet.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(c.values, cobra.ShellCompDirectiveNoFileComp))
}

// outputFlag adds -o to a command, and returns it.
func (a *app) outputFlag(cmd *cobra.Command) *cobra.Command {
	a.format = choice{"text", []string{"text", formatJSON}}
	cmd.Flags().VarP(&a.format, "output", "o", "output format")
	a.format.complete(cmd, "output")
	return cmd
}

// json reports whether -o json was given.
func (a *app) json() bool { return a.format.value == formatJSON }

// result writes a value as JSON or, with show, as text.
func (a *app) result(v any, show func(*page)) error {
	if a.json() {
		return query.Write(a.out, v)
	}
	return a.paged(func(p *page) error {
		show(p)
		return nil
	})
}

// orUnknown returns text, or "unknown" if it is empty.
func orUnknown(s string) string { return cmp.Or(text.Visible(s), "unknown") }

// createFile writes a file, which must not exist.
func createFile(name string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
