package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) reportCommand() *cobra.Command {
	var r query.ReportQuery
	var keys []string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "write the audit report of a period",
		Long: `Report writes an audit report of a period (default: the last 30 days): the coverage of
each watch, with failures and gaps; the documents that were watched, and when; every
change with its author; rewrites, deletions and withdrawn versions; missing versions; and
the limits of the report. -o text is Markdown.

The report verifies the rows that it prints: the record of each must be in the log of its
account, under the newest signed head. It ends with the number of rows that verified, the
heads, and what no record covers. Without --key the signatures are checked with the key
file, or if it cannot be read with the keys in the archive: then give the verifier keys that
you noted earlier (cocsync audit keys). If a row does not verify, the report says so, and
the exit status is 3.

A gap is a period without a good cycle that read the whole list. It is longer than ten
minutes and longer than three typical intervals of the watch. The typical interval is the
median time between the starts of consecutive cycles, at least one minute.

--since and --until take a date (the whole day, in the local time zone), an RFC 3339 time
or an age. A change is included if it was made or first seen within the period, so that
reports of adjacent periods omit none.`,
		Example: `  cocsync report > report.md
  cocsync report --since 2026-06-01 --until 2026-06-30 --account prod
  cocsync report --since 7d -o json | jq '.watches[].gaps'`,
		Args: noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) (err error) {
			if r.Keys, err = readKeys(keys); err != nil {
				return err
			}
			return a.report(ctx, q, r)
		}),
	}
	s := cmd.Flags()
	s.StringVar(&r.Since, "since", "", "start of the period, such as 2026-06-01 or 7d (`WHEN`; default: 30 days before the end)")
	s.StringVar(&r.Until, "until", "", "end of the period, including `WHEN` (default: now)")
	s.StringVar(&r.Account, "account", "", "only account `NAME`")
	s.StringArrayVar(&keys, "key", nil, "a verifier key, or a `FILE` with some; may be repeated")
	return a.outputFlag(cmd)
}

// report writes a report. The error is about rows that do not verify.
func (a *app) report(ctx context.Context, q *query.Archive, which query.ReportQuery) error {
	r, err := q.Report(ctx, which)
	if err != nil {
		return err
	}
	if a.json() {
		err = query.Write(a.out, r)
	} else {
		err = a.paged(func(p *page) error { return p.report(r) })
	}
	return errors.Join(err, unverified(r.Verification))
}

// unverified returns the error for a report whose rows do not verify, or nil.
func unverified(v query.ReportVerdict) error {
	if v.Good {
		return nil
	}
	return &exitError{exitAltered, hint.Wrap(fmt.Errorf("rows of the report do not match the log: %s; %s in total",
		v.Faults[0], text.Plural(len(v.Faults)+v.More, "fault")),
		"`cocsync verify` checks the whole archive; keep the file as it is, as evidence")}
}

//go:embed report.md.tmpl
var reportTemplate string

// report writes a report as Markdown.
func (p *page) report(r query.Report) error {
	var failed error // of reading rows, without the template's position
	t, err := template.New("report").Funcs(template.FuncMap{
		"check": func(err error) (string, error) {
			failed = err
			return "", err
		},
		"documents": func(rows query.Rows[query.WatchedDocument]) (string, error) {
			failed = p.watchedDocuments(rows)
			return "", failed
		},
		"time":     func(t query.Time) string { return p.time(t.Time) },
		"period":   func(x query.Period) string { return p.periods([]query.Period{x}) },
		"periods":  p.periods,
		"reported": p.reported,
		"age":      func(d query.Duration) string { return text.Age(d.Duration) },
		"seconds":  func(d query.Duration) string { return d.Round(time.Second).String() },
		"code":     func(s any) string { return code(fmt.Sprint(s)) },
		"arrow":    func(old, now query.Text) string { return query.Arrow(string(old), string(now)) },
		"plural":   text.Plural,
		"more":     func(list []query.Failure, shown int) int { return max(0, len(list)-shown) },
	}).Parse(reportTemplate)
	if err == nil {
		err = t.Execute(p, r)
	}
	return cmp.Or(failed, err)
}

func (p *page) periods(list []query.Period) string {
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = p.time(x.Since.Time) + " to " + p.time(x.Until.Time)
	}
	return strings.Join(texts, "; ")
}

// watchedDocuments writes the table of the documents that were watched.
func (p *page) watchedDocuments(docs query.Rows[query.WatchedDocument]) error {
	heads := []string{"Document", "ID", "Watched", "Version at the end", "Versions", "Changes"}
	n, err := p.grid(heads, query.Convert(iter.Seq2[query.WatchedDocument, error](docs), func(d query.WatchedDocument) ([]string, error) {
		watched, version := "all the time", "none"
		if d.Partly {
			watched = "for a part: " + p.periods(d.Watched)
		}
		if d.Version != "" {
			version = code(string(d.Version))
		}
		return []string{code(d.Account + "/" + d.Name), code(d.DocumentID), watched, version, fmt.Sprint(d.Versions), fmt.Sprint(d.Changes)}, nil
	}))
	if n == 0 && err == nil {
		p.WriteString("none\n")
	}
	return err
}

// reported formats when a change was made and seen.
func (p *page) reported(c query.ChangeFacts, late bool) string {
	when, seen := "made "+p.time(c.MadeAt.Time), "seen "+p.time(c.SeenAt.Time)
	switch {
	case c.MadeAt.IsZero() || made(c.Kind) != "": // MadeAt is not the time of the change
		when = seen
	case p.time(c.MadeAt.Time) != p.time(c.SeenAt.Time):
		when += ", " + seen
	}
	return when + seenNote(false, late)
}

// code returns a text from outside as a Markdown code span, in which links, bare URLs, HTML
// and emphasis have no effect. A | would end a table's cell and a ` the span, so these two
// are written between spans as numeric character references.
func code(s string) string {
	s = text.Visible(s)
	if s == "" {
		return "(empty)"
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "|`")
		if i < 0 {
			i = len(s)
		}
		if part := s[:i]; part != "" {
			// Markdown removes one space on each side.
			if strings.HasPrefix(part, " ") && strings.HasSuffix(part, " ") && strings.Trim(part, " ") != "" {
				part = " " + part + " "
			}
			b.WriteString("`" + part + "`")
		}
		if i == len(s) {
			break
		}
		b.WriteString(map[byte]string{'|': "&#124;", '`': "&#96;"}[s[i]])
		s = s[i+1:]
	}
	return b.String()
}

// widestCell is the maximum width to which cells are padded.
const widestCell = 72

// grid writes rows as a Markdown table. It returns the number of rows; without rows it writes
// nothing.
func (p *page) grid(heads []string, rows iter.Seq2[[]string, error]) (n int, err error) {
	wide := make([]int, len(heads))
	write := func(row []string) error {
		for i, cell := range row {
			p.WriteString("| " + term.Pad(cell, wide[i]) + " ")
		}
		_, err := p.WriteString("|\n")
		return err
	}
	return inColumns(rows, func(first [][]string) {
		for _, row := range append([][]string{heads}, first...) {
			for i, cell := range row {
				wide[i] = max(wide[i], min(widestCell, term.Width(cell)))
			}
		}
		write(heads)
		for _, w := range wide {
			p.WriteString("|" + strings.Repeat("-", w+2))
		}
		p.WriteString("|\n")
	}, write)
}
