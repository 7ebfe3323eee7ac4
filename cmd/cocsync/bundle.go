package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"cocsync/contrib/verifier"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) auditBundleCommand() *cobra.Command {
	var q query.BundleQuery
	var keys, kept []string
	var file string
	cmd := &cobra.Command{
		Use:   "bundle -o FILE",
		Short: "write a report with all that proves it",
		Long: `Bundle writes a zip file for an auditor: the report of a period (Markdown, HTML and JSON)
as "cocsync report" writes it, a proof of each record that it is made of, the checkpoints,
the contents of the versions that it names, and the source of a program that verifies all
of it without cocsync. README.txt in it says how. The contents are not masked: they have
all secrets that the documents have.

The report is verified first. If it does not verify, nothing is written and the exit status
is 3. --since, --until, --account and --key are those of report. The checkpoints in it are
those that were sent. With --checkpoint it also has one that the auditor kept.`,
		Example: `  cocsync audit bundle --account prod --since 2026-07-01 --until 2026-09-30 -o q3.zip`,
		Args:    noArgs,
		RunE: a.withArchive(func(ctx context.Context, archive *query.Archive, _ []string) (err error) {
			if file == "" {
				return usage(hint.Wrap(errors.New("-o is required"), "give a file that does not exist, such as -o bundle.zip"))
			}
			if q.Keys, err = readKeys(keys); err != nil {
				return err
			}
			for _, text := range kept {
				list, err := readExternal("--checkpoint", text)
				if err != nil {
					return err
				}
				q.External = append(q.External, list...)
			}
			q.Files = bundleFiles()
			return a.bundle(ctx, archive, q, file)
		}),
	}
	s := cmd.Flags()
	s.StringVar(&q.Since, "since", "", "start of the period, such as 2026-06-01 or 7d (`WHEN`; default: 30 days before the end)")
	s.StringVar(&q.Until, "until", "", "end of the period, including `WHEN` (default: now)")
	s.StringVar(&q.Account, "account", "", "only account `NAME`")
	s.StringArrayVar(&keys, "key", nil, "a verifier key, or a `FILE` with some; may be repeated")
	s.StringArrayVar(&kept, "checkpoint", nil, "a signed checkpoint that the logs must contain: a `FILE` or a note; may be repeated")
	s.StringVarP(&file, "file", "o", "", "write to `FILE`, which must not exist (required)")
	return cmd
}

// bundle writes a bundle to a new file that only its owner can read. A bundle that is not
// complete is removed.
func (a *app) bundle(ctx context.Context, archive *query.Archive, q query.BundleQuery, file string) (err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return hint.Wrap(err, "choose a new file: bundles never overwrite files")
	case err != nil:
		return hint.Wrap(err, "check that the folder exists and is writable")
	}
	v, err := archive.WriteBundle(ctx, f, q)
	if err == nil {
		err = unverified(v)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	a.info(fmt.Sprintf("%s: %s verified", text.Visible(filepath.Clean(file)), text.Plural(v.Rows, "record")))
	return nil
}

//go:embed bundle.txt
var bundleReadme string

//go:embed report.html.tmpl
var reportHTML string

// bundleFiles returns the files of a bundle for people, and the verifier.
func bundleFiles() []query.BundleFile {
	constant := func(name, content string) query.BundleFile {
		return query.BundleFile{Name: name, Write: func(w io.Writer, _ query.Report) error {
			_, err := io.WriteString(w, content)
			return err
		}}
	}
	return []query.BundleFile{
		{Name: "report.md", Write: func(w io.Writer, r query.Report) error {
			return term.Output{Out: w, Color: "never"}.Page(func(w *term.Writer) error { return (&page{w, time.UTC}).report(r) })
		}},
		{Name: "report.html", Write: writeReportHTML},
		constant("verifier.go", string(verifier.Source)),
		constant("README.txt", bundleReadme),
	}
}

// writeReportHTML writes a report as an HTML page. Its times are in UTC.
func writeReportHTML(w io.Writer, r query.Report) error {
	p := &page{local: time.UTC}
	t, err := template.New("report").Funcs(template.FuncMap{
		"check":   func(err error) (string, error) { return "", err },
		"time":    func(t query.Time) string { return p.time(t.Time) },
		"periods": p.periods,
		"period":  func(x query.Period) string { return p.periods([]query.Period{x}) },
		"age":     func(d query.Duration) string { return text.Age(d.Duration) },
		"show":    func(s any) string { return text.Visible(fmt.Sprint(s)) },
		"arrow":   func(old, now query.Text) string { return text.Visible(query.Arrow(string(old), string(now))) },
		"when":    p.reported,
		"plural":  text.Plural,
	}).Parse(reportHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}
