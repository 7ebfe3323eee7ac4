package main

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"cocsync/internal/query"
	"cocsync/internal/text"
)

// shownReasons is the maximum number of reasons for failures shown.
const shownReasons = 5

func (p *page) report(r query.Report) error {
	fmt.Fprintf(p, "# COC documents, %s to %s\n\n", p.time(r.Since.Time), p.time(r.Until.Time))
	of := "all accounts"
	if r.Account != "" {
		of = "account " + code(string(r.Account))
	}
	p.item("Of %s in the archive %s", of, code(r.Archive))
	checked := "never"
	if !r.LastCheckedAt.IsZero() {
		checked = p.time(r.LastCheckedAt.Time)
	}
	p.item("COC was last checked: %s", checked)
	p.item("Report created: %s", p.time(r.ReportedAt.Time))
	if r.ReportedAt.Before(r.Until.Time) {
		p.item("The period has not ended yet")
	}
	p.coverage(r.Watches)
	p.section("Documents watched")
	if err := p.watchedDocuments(r.Documents); err != nil {
		return err
	}
	if err := p.reportChanges(r); err != nil {
		return err
	}
	err := errors.Join(
		section(p, "Rewrites", r.Rewrites, p.rewrite),
		section(p, "Deletions", r.Deletions, p.reportedOf),
		section(p, "Withdrawn", r.Withdrawn, p.reportedOf),
		section(p, "Missing versions", r.Missing, p.unavailable))
	p.section("Limits")
	for _, l := range r.Limits {
		p.item("%s", l)
	}
	return err
}

// section writes a section with one item per row.
func section[T any](p *page, title string, rows iter.Seq2[T, error], item func(T)) error {
	p.section(title)
	none := true
	for v, err := range rows {
		if err != nil {
			return err
		}
		item(v)
		none = false
	}
	if none {
		p.none()
	}
	return nil
}

func (p *page) section(title string) { fmt.Fprintf(p, "\n## %s\n\n", title) }

// item writes a list item. Texts from outside must be passed through code first.
func (p *page) item(format string, args ...any) { fmt.Fprintf(p, "- "+format+"\n", args...) }

func (p *page) none() { p.WriteString("none\n") }

func (p *page) period(x query.Period) string {
	return p.time(x.Since.Time) + " to " + p.time(x.Until.Time)
}

func (p *page) periods(list []query.Period) string {
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = p.period(x)
	}
	return strings.Join(texts, "; ")
}

func (p *page) coverage(watches []query.Coverage) {
	p.section("Coverage")
	if len(watches) == 0 {
		p.WriteString("No watch ran in the period.\n")
		return
	}
	p.WriteString("A gap is a period without a good cycle that read the whole list. It is longer than ten\n" +
		"minutes and than three times the typical interval. The typical interval is the median of\n" +
		"the times between the starts of two cycles in the period, at least one minute.\n")
	for _, c := range watches {
		fmt.Fprintf(p, "\n### Watch %s of account %s\n\n", code(c.Watch), code(c.Account))
		followed := p.periods(c.Followed)
		if followed == "" {
			followed = "none"
		}
		p.item("Followed documents: %s", followed)
		n := c.Cycles
		p.item("Cycles: %d good, %d failed, %d stopped, %d never ended or still running; %s to COC",
			n.Good, n.Failed, n.Stopped, n.Unended, text.Plural(c.Requests, "request"))
		if n.Missed > 0 {
			p.item("Cycles that were due but did not run: %d", n.Missed)
		}
		if n.Incomplete > 0 {
			p.item("Good cycles that did not read the whole list: %d", n.Incomplete)
		}
		if n.ByName > 0 {
			p.item("Cycles for documents given by name: %d", n.ByName)
		}
		p.item("Typical interval: %s; a gap is longer than %s", c.Interval.Round(time.Second), c.GapOver.Round(time.Second))
		p.reasons(c.Failures)
		p.gaps(c.Gaps)
	}
}

func (p *page) reasons(list []query.Failure) {
	if len(list) == 0 {
		p.item("Failures: none")
		return
	}
	p.item("Failures of cycles and of documents in them:")
	for i, f := range list {
		if i == shownReasons {
			p.WriteString("  ")
			p.item("and %s more", text.Plural(len(list)-i, "reason"))
			break
		}
		p.WriteString("  ")
		p.item("%s: %s", text.Plural(f.Times, "time"), code(f.Error))
	}
}

func (p *page) gaps(list []query.Gap) {
	if len(list) == 0 {
		p.item("Gaps: none")
		return
	}
	p.item("Gaps:")
	for _, g := range list {
		why := "no cycle ran"
		if g.Cycles > 0 {
			why = text.Plural(g.Cycles, "cycle") + ", none of them good with the whole list"
		}
		if g.Complete > 0 {
			why += fmt.Sprintf("; %d failed after the list was read", g.Complete)
		}
		p.WriteString("  ")
		p.item("%s, %s: %s", p.period(g.Period), text.Age(g.Duration.Duration), why)
	}
}

func (p *page) watchedDocuments(docs iter.Seq2[query.WatchedDocument, error]) error {
	heads := []string{"Document", "ID", "Watched", "Version at the end", "Versions", "Changes"}
	n, err := p.grid(heads, func(yield func([]string, error) bool) {
		for d, err := range docs {
			watched, version := "all the time", "none"
			if d.Partly {
				watched = "for a part: " + p.periods(d.Watched)
			}
			if d.Version != "" {
				version = code(string(d.Version))
			}
			row := []string{code(d.Account + "/" + d.Name), code(d.DocumentID), watched, version, fmt.Sprint(d.Versions), fmt.Sprint(d.Changes)}
			if !yield(row, err) {
				return
			}
		}
	})
	if n == 0 && err == nil {
		p.none()
	}
	return err
}

// reportChanges lists the changes by document.
func (p *page) reportChanges(r query.Report) error {
	p.section("Changes")
	if r.Backfill.Changes > 0 {
		fmt.Fprintf(p, "Not listed: %s of %s from before the initial sync.\n",
			text.Plural(r.Backfill.Changes, "change"), text.Plural(r.Backfill.Documents, "document"))
	}
	first := true
	for doc, err := range r.ByDocument {
		if err != nil {
			return err
		}
		if !first || r.Backfill.Changes > 0 {
			p.WriteByte('\n')
		}
		first = false
		fmt.Fprintf(p, "### %s\n\n", named(doc.Ref))
		for c, err := range doc.Changes {
			if err != nil {
				return err
			}
			p.item("%s", p.reported(c))
		}
	}
	if first {
		p.none()
	}
	return nil
}

// named formats a reference to a document.
func named(doc query.Ref) string {
	return code(doc.Account+"/"+doc.Name) + " (" + code(doc.DocumentID) + ")"
}

// reported formats a change in one line: time, kind, author, and difference.
func (p *page) reported(c query.ReportedChange) string {
	when, seen := "made "+p.time(c.MadeAt.Time), "seen "+p.time(c.SeenAt.Time)
	switch {
	case c.MadeAt.IsZero() || made(c.Kind) != "": // MadeAt is not the time of the change
		when = seen
	case p.time(c.MadeAt.Time) != p.time(c.SeenAt.Time):
		when += ", " + seen
	}
	text := when + seenNote(false, c.Late) + ": " + string(c.Kind)
	if c.Version != "" {
		text += " " + code(query.Arrow(string(c.Previous), string(c.Version)))
	}
	by := "unknown"
	if c.By != "" {
		by = code(string(c.By))
	}
	text += ", by " + by
	if c.Summary != "" {
		text += ": " + code(c.Summary)
	}
	if c.Note != "" {
		text += " (" + code(string(c.Note)) + ")"
	}
	return text
}

func (p *page) rewrite(c query.Rewrite) {
	p.reportedOf(c.ReportedChange)
	seen := "the old content was not seen again after it was archived"
	if !c.PreviousCheckedAt.IsZero() {
		seen = "the old content was last seen at " + p.time(c.PreviousCheckedAt.Time)
	}
	for _, line := range []string{seen, "SHA-256 before: " + hash(c.PreviousSHA256), "SHA-256 after: " + hash(c.SHA256)} {
		p.WriteString("  ")
		p.item("%s", line)
	}
}

func (p *page) reportedOf(c query.ReportedChange) { p.item("%s, %s", named(c.Ref), p.reported(c)) }

func hash(h query.Text) string {
	if h == "" {
		return "unknown"
	}
	return code(string(h))
}

func (p *page) unavailable(v query.UnavailableVersion) {
	p.item("%s %s, listed %s: %s", named(v.Ref), code(v.Version), p.time(v.ListedAt.Time), code(v.Reason()))
}
