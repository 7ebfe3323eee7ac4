package web

import (
	"cmp"
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// maxFeedValue is how many characters of a value stand in a feed; the change's page
// has it whole.
const maxFeedValue = 200

// feedContent tells a change in plain text: the summary, then what became of the
// job's structure.
func feedContent(c coc.Change) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if c.Summary != "" {
		line("%s", text.Visible(c.Summary))
	}
	for _, why := range []struct {
		so   bool
		text string
	}{
		{c.Kind == coc.KindRewritten, "The content behind a version that was there already was replaced."},
		{c.Backfill, "It was there before cocsync first looked."},
		{c.Late, "It is late: it could not be had when its successor came."},
	} {
		if why.so {
			line("%s", why.text)
		}
	}
	for _, g := range diff.Outline(c.Items) {
		feedGroup(line, g)
	}
	if note := c.Note(); note != "" {
		line("%s", text.Visible(note))
	}
	return b.String()
}

// feedGroup tells what became of one part of the job, and of the fields within it.
func feedGroup(line func(string, ...any), g diff.Group) {
	title := text.Visible(g.Title)
	if g.Task != "" {
		title += " (" + text.Visible(g.Task) + ")"
	}
	if len(g.Whole) == 0 {
		line("- %s:", title)
	}
	for _, it := range g.Whole {
		line("- %s %s%s", title, became(it), feedValues(len(g.Fields) == 0, it.Op, it.Old, it.New))
	}
	for _, f := range g.Fields {
		old, now := f.Values()
		line("    - %s %s%s", text.Visible(f.Name), became(f.Item), feedValues(true, f.Op, old, now))
	}
}

// became says what became of something: added, removed, renamed from x.
func became(it coc.Item) string {
	return cmp.Or(text.Visible(diff.Became(it)), it.Op)
}

// feedValues tells the values of something that came, went or changed.
func feedValues(told bool, op, old, now string) string {
	switch {
	case !told || op == diff.Renamed || op == diff.Moved:
		return ""
	case op == diff.Added:
		return feedValue(": ", now)
	case op == diff.Removed:
		return feedValue(": ", old)
	}
	return ": " + cmp.Or(feedValue("", old), `""`) + " → " + cmp.Or(feedValue("", now), `""`)
}

// feedValue is a value on one line, no longer than a reader of feeds cares for.
func feedValue(before, value string) string {
	value = strings.TrimSuffix(value, "\n")
	if value == "" {
		return ""
	}
	return before + text.Line(value, maxFeedValue)
}
