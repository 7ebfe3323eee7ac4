package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/history"
	"cocsync/internal/text"
)

// shownReasons is how many reasons for failures are shown.
const shownReasons = 5

func (p *page) report(r history.Report, archive, account string) {
	fmt.Fprintf(p, "# COC documents, %s to %s\n\n", p.time(r.Since), p.time(answer.LastOf(r.Until)))
	of := "all accounts"
	if account != "" {
		of = "account " + code(account)
	}
	p.item("Of %s in the archive %s", of, code(archive))
	asked := "never"
	if !r.AskedAt.IsZero() {
		asked = p.time(r.AskedAt)
	}
	p.item("COC was last asked: %s", asked)
	p.item("This page was made: %s", p.time(r.MadeAt))
	if r.MadeAt.Before(answer.LastOf(r.Until)) {
		p.item("The period has not ended yet")
	}
	p.coverage(r.Watches)
	p.watchedDocuments(r.Documents)
	p.reportChanges(r)
	p.rewrites(r)
	p.only("Deletions", r.Of(coc.KindDeleted, coc.KindRestored))
	p.only("Withdrawn", r.Of(coc.KindWithdrawn))
	p.lacking(r)
	p.section("Limits")
	for _, l := range answer.Limits() {
		p.item("%s", l)
	}
}

func (p *page) section(title string) { fmt.Fprintf(p, "\n## %s\n\n", title) }

// item writes an item of a list. What comes from outside goes through code before.
func (p *page) item(format string, args ...any) { fmt.Fprintf(p, "- "+format+"\n", args...) }

func (p *page) none() { p.WriteString("none\n") }

func (p *page) span(s history.Span) string { return p.time(s.From) + " to " + p.time(s.To) }

func (p *page) spans(list []history.Span) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = p.span(s)
	}
	return strings.Join(texts, "; ")
}

func (p *page) coverage(watches []history.Coverage) {
	p.section("Coverage")
	if len(watches) == 0 {
		p.WriteString("No watch ran in the period.\n")
		return
	}
	p.WriteString("A gap is a stretch without a good cycle that read the whole list, longer than three times\n" +
		"the usual interval and than ten minutes. Usual is the median of the times between the\n" +
		"starts of two cycles in the period, one minute at least.\n")
	for _, c := range watches {
		fmt.Fprintf(p, "\n### Watch %s of account %s\n\n", code(c.Watch), code(c.Account))
		followed := p.spans(c.Followed)
		if followed == "" {
			followed = "none"
		}
		p.item("Followed documents: %s", followed)
		p.item("Cycles: %d good, %d failed, %d stopped, %d never ended or still running; %s to COC",
			c.Good, c.Failed, c.Stopped, c.Unended, text.Plural(c.Requests, "request"))
		if c.Missed > 0 {
			p.item("Besides, cycles that were due by the schedule and did not run: %d", c.Missed)
		}
		if c.Unlisted > 0 {
			p.item("Of the good ones %d did not read the whole list", c.Unlisted)
		}
		if c.Named > 0 {
			p.item("Besides, cycles of some documents by name: %d", c.Named)
		}
		p.item("Usual interval: %s; a gap is longer than %s", c.Usual.Round(time.Second), c.MostBetween.Round(time.Second))
		p.reasons(c.Failures)
		p.gaps(c.Gaps)
	}
}

func (p *page) reasons(list []history.Failure) {
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
		p.item("%s: %s", text.Plural(f.Times, "time"), code(f.Err))
	}
}

func (p *page) gaps(list []history.Gap) {
	if len(list) == 0 {
		p.item("Gaps: none")
		return
	}
	p.item("Gaps:")
	for _, g := range list {
		why := "no cycle ran"
		if g.Tried > 0 {
			why = text.Plural(g.Tried, "cycle") + ", none good over the whole list"
		}
		if g.Listed > 0 {
			why += fmt.Sprintf("; %d failed after the list was read", g.Listed)
		}
		p.WriteString("  ")
		p.item("%s, %s: %s", p.span(g.Span), text.Age(g.To.Sub(g.From)), why)
	}
}

func (p *page) watchedDocuments(list []history.WatchedDocument) {
	p.section("Documents watched")
	if len(list) == 0 {
		p.none()
		return
	}
	rows := [][]string{{"Document", "ID", "Watched", "Version at the end", "Versions", "Changes"}}
	for _, d := range list {
		watched, version := "all the time", "none"
		if d.Partly {
			watched = "for a part: " + p.spans(d.Watched)
		}
		if d.Version != "" {
			version = code(d.Version)
		}
		rows = append(rows, []string{code(d.Account + "/" + d.Name), code(d.DocumentID), watched, version, fmt.Sprint(d.Versions), fmt.Sprint(d.Changes)})
	}
	p.grid(rows)
}

// reportChanges lists the changes by document, in the order of the first ones.
func (p *page) reportChanges(r history.Report) {
	p.section("Changes")
	if r.Backfill > 0 {
		fmt.Fprintf(p, "Not listed: %s of %s that were there before cocsync first looked.\n",
			text.Plural(r.Backfill, "change"), text.Plural(r.BackfillDocuments, "document"))
	}
	if len(r.Changes) == 0 {
		p.none()
		return
	}
	var order []int64
	of := map[int64][]coc.Change{}
	for _, c := range r.Changes {
		if of[c.Document] == nil {
			order = append(order, c.Document)
		}
		of[c.Document] = append(of[c.Document], c)
	}
	for i, key := range order {
		if i > 0 || r.Backfill > 0 {
			p.WriteByte('\n')
		}
		fmt.Fprintf(p, "### %s\n\n", named(of[key][0]))
		for _, c := range of[key] {
			p.item("%s", p.told(c))
		}
	}
}

// named names a change's document.
func named(c coc.Change) string {
	return code(c.Account+"/"+c.Name) + " (" + code(c.DocumentID) + ")"
}

// told is a change in one line: when, what, who, and what became of the content.
func (p *page) told(c coc.Change) string {
	when, seen := "made "+p.time(c.MadeAt), "seen "+p.time(c.SeenAt)
	switch {
	case c.MadeAt.IsZero() || made(c) != "": // it is not the change that was made then
		when = seen
	case p.time(c.MadeAt) != p.time(c.SeenAt):
		when += ", " + seen
	}
	text := when + beside(c) + ": " + string(c.Kind)
	if c.Version != "" {
		text += " " + code(answer.Arrow(c.Previous, c.Version))
	}
	by := "unknown"
	if c.By != "" {
		by = code(c.By)
	}
	text += ", by " + by
	if c.Summary != "" {
		text += ": " + code(c.Summary)
	}
	if note := c.Note(); note != "" {
		text += " (" + code(note) + ")"
	}
	return text
}

func (p *page) rewrites(r history.Report) {
	list := r.Of(coc.KindRewritten)
	p.only("Rewrites", list, func(c coc.Change) {
		x := r.Replaced[c.ID]
		stood := "the old content was never seen to stand again after it came"
		if !x.StoodAt.IsZero() {
			stood = "the old content was last seen to stand at " + p.time(x.StoodAt)
		}
		for _, line := range []string{stood, "SHA-256 before: " + hash(x.Old), "SHA-256 after: " + hash(x.New)} {
			p.WriteString("  ")
			p.item("%s", line)
		}
	})
}

// only writes a section of some of the changes, each followed by its details.
func (p *page) only(title string, list []coc.Change, details ...func(coc.Change)) {
	p.section(title)
	if len(list) == 0 {
		p.none()
	}
	for _, c := range list {
		p.item("%s, %s", named(c), p.told(c))
		for _, tell := range details {
			tell(c)
		}
	}
}

func hash(h coc.Hash) string {
	if h == (coc.Hash{}) {
		return "unknown"
	}
	return code(hex.EncodeToString(h[:]))
}

func (p *page) lacking(r history.Report) {
	p.section("Versions that could not be had")
	if len(r.Lacking) == 0 {
		p.none()
	}
	for _, l := range r.Lacking {
		p.item("%s (%s) %s, listed %s: %s", code(l.Account+"/"+l.Name), code(l.DocumentID), code(l.Label),
			p.time(l.SeenAt), code(history.Reason(l.Revision)))
	}
}
