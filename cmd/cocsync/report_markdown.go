package main

import (
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/history"
)

// report writes a report as Markdown. All of it but our own words may be hostile.
func (p *page) report(r history.Report, path string) {
	fmt.Fprintf(p, "# COC documents, %s to %s\n\n", p.minute(r.Since), p.minute(r.Until))
	counts := map[coc.Kind]int{}
	for _, c := range r.Changes {
		counts[c.Kind]++
	}
	p.rows([]string{"", ""}, [][]string{
		{"Period", p.time(r.Since) + " to " + p.time(r.Until)},
		{"Archive", markdown(path)},
		{"COC was last asked", p.time(r.AskedAt)},
		{"Documents watched", fmt.Sprint(len(r.Documents))},
		{"Changes", fmt.Sprint(len(r.Changes)) + backfilled(r.Backfill)},
		{"Rewrites in place", fmt.Sprint(len(r.Rewrites))},
		{"Deletions", fmt.Sprint(counts[coc.KindDeleted])},
	})
	p.watching(r.Watches)
	p.watchedDocuments(r)
	p.reportChanges("Changes", r.Changes, coc.Kinds...)
	p.rewrites(r.Rewrites)
	p.reportChanges("Deletions and returns", r.Changes, coc.KindDeleted, coc.KindRestored)
	p.reportChanges("Versions withdrawn", r.Changes, coc.KindWithdrawn)
	p.lacking(r.Lacking)
	p.WriteString(`
## What this report cannot say

- What came and went between two looks is not known, and nothing is known of a gap.
- When a version was made is what COC says; when it was seen is what the clock of this
  machine said.
- COC does not say who made each version. An author is named only where that is certain;
  elsewhere it says unknown, which accuses nobody.
- A rewrite happened at some time between when the old bytes were last seen to stand and
  when the new ones were seen.
`)
}

func backfilled(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d that were there before cocsync first looked", n)
}

// rows writes a Markdown table. Heads and cells are Markdown already.
func (p *page) rows(heads []string, rows [][]string) {
	fmt.Fprintf(p, "| %s |\n|%s\n", strings.Join(heads, " | "), strings.Repeat("---|", len(heads)))
	for _, row := range rows {
		fmt.Fprintf(p, "| %s |\n", strings.Join(row, " | "))
	}
}

func (p *page) section(name string) { fmt.Fprintf(p, "\n## %s\n\n", name) }

func (p *page) watching(watches []history.WatchReport) {
	p.section("Watching")
	if len(watches) == 0 {
		p.WriteString("No watch ran.\n")
		return
	}
	heads, rows := []string{"Watch", "Account", "Cycles", "Good", "Failed", "Stopped", "Requests", "Gaps"}, [][]string{}
	for _, w := range watches {
		rows = append(rows, []string{markdown(w.Watch), markdown(w.Account), fmt.Sprint(w.Good + w.Failed + w.Stopped),
			fmt.Sprint(w.Good), fmt.Sprint(w.Failed), fmt.Sprint(w.Stopped), fmt.Sprint(w.Requests), fmt.Sprint(len(w.Gaps))})
	}
	p.rows(heads, rows)
	for _, w := range watches {
		fmt.Fprintf(p, "\n### Gaps of %s\n\n%s\n", markdown(w.Watch), p.gapRule(w))
		if len(w.Gaps) == 0 {
			p.WriteString("There was none.\n")
			continue
		}
		heads, rows := []string{"From", "To", "Length"}, [][]string{}
		for _, g := range w.Gaps {
			rows = append(rows, []string{p.time(g.From), p.time(g.To), span(g.To.Sub(g.From))})
		}
		p.WriteByte('\n')
		p.rows(heads, rows)
	}
	for _, w := range watches {
		p.reportFailures(w)
	}
}

// maxReasons is how many reasons of failures are told.
const maxReasons = 10

func (p *page) reportFailures(w history.WatchReport) {
	if len(w.Failures) == 0 {
		return
	}
	fmt.Fprintf(p, "\n### Failures of %s\n\n", markdown(w.Watch))
	heads, rows := []string{"Times", "Why"}, [][]string{}
	for i, f := range w.Failures {
		if i == maxReasons {
			rows = append(rows, []string{"", fmt.Sprintf("and %s", plural(len(w.Failures)-i, "other reason"))})
			break
		}
		rows = append(rows, []string{fmt.Sprint(f.Times), markdown(f.Err)})
	}
	p.rows(heads, rows)
}

func (p *page) watchedDocuments(r history.Report) {
	p.section("Documents")
	if len(r.Documents) == 0 {
		p.WriteString("No document was watched.\n")
		return
	}
	heads, rows := []string{"Document", "ID", "Stands now", "Newest", "Versions", "Changes", "Watched"}, [][]string{}
	for _, d := range r.Documents {
		rows = append(rows, []string{markdown(d.Name), markdown(d.Account + "/" + d.DocumentID), standing(d.Document).text,
			markdown(d.Version), fmt.Sprint(d.Versions), fmt.Sprint(d.Changes), p.stretches(d.Stretches, r)})
	}
	p.rows(heads, rows)
}

// stretches says who watched a document, and when if not for the whole period.
func (p *page) stretches(list []db.Stretch, r history.Report) string {
	var parts []string
	for _, s := range list {
		text := markdown(s.Watch)
		if s.Since.After(r.Since) {
			text += " from " + p.minute(s.Since)
		}
		if !s.Until.IsZero() && s.Until.Before(r.Until) {
			text += " until " + p.minute(s.Until)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// reportChanges writes those of the kinds.
func (p *page) reportChanges(head string, changes []coc.Change, kinds ...coc.Kind) {
	p.section(head)
	heads, rows := []string{"Change", "Made", "Seen", "Kind", "Document", "Version", "Author", "What"}, [][]string{}
	for _, c := range changes {
		for _, k := range kinds {
			if c.Kind == k {
				rows = append(rows, []string{fmt.Sprint(c.ID), p.known(c.MadeAt), p.time(c.SeenAt), string(c.Kind), markdown(c.Name),
					markdown(arrow(c.Previous, c.Version)), markdown(orUnknown(c.By)), markdown(c.Summary)})
			}
		}
	}
	if len(rows) == 0 {
		p.WriteString("None.\n")
		return
	}
	p.rows(heads, rows)
}

func (p *page) rewrites(list []history.Rewrite) {
	p.section("Rewrites in place")
	if len(list) == 0 {
		p.WriteString("None.\n")
		return
	}
	heads, rows := []string{"Change", "Document", "Version", "Old content stood until at least", "New content seen", "SHA-256 old", "SHA-256 new"}, [][]string{}
	for _, r := range list {
		stood := "unknown"
		if !r.StoodAt.IsZero() {
			stood = p.time(r.StoodAt)
		}
		rows = append(rows, []string{fmt.Sprint(r.ID), markdown(r.Name), markdown(arrow(r.Previous, r.Version)), stood, p.time(r.SeenAt),
			r.Old.String(), r.New.String()})
	}
	p.rows(heads, rows)
}

func (p *page) lacking(list []history.LackingVersion) {
	p.section("Versions whose content is not in the archive now")
	if len(list) == 0 {
		p.WriteString("None.\n")
		return
	}
	heads, rows := []string{"Document", "Version", "Listed", "Why"}, [][]string{}
	for _, l := range list {
		why := history.Reason(db.Revision{State: l.State, Err: l.Err})
		rows = append(rows, []string{markdown(l.Name), markdown(l.Label), p.time(l.ListedAt), markdown(why)})
	}
	p.rows(heads, rows)
}

// markdown is a text in which nothing is Markdown or HTML, and nothing becomes a link,
// on one line. https://github.github.com/gfm/#backslash-escapes
func markdown(s string) string {
	var b strings.Builder
	for _, r := range visible(strings.Join(strings.Fields(s), " ")) {
		if strings.ContainsRune("\\`*_{}[]<>#|~&@:!$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(b.String(), "www.", `www\.`)
}
