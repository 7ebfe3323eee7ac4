package web

import (
	"cmp"
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// maxFeedValue is the maximum number of characters of a value in a feed. The page of the
// change shows the whole value.
const maxFeedValue = 200

// feedContent describes a change in plain text: the summary, then the structural
// differences.
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
		{c.Kind == coc.KindRewritten, "The content of an existing version was replaced."},
		{c.Backfill, "It existed before the initial sync."},
		{c.Late, "It is late: it was unavailable when its successor was archived."},
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

// feedGroup describes the differences of one part of the job and of its fields.
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

// became describes the operation of an item, such as "added" or "renamed from x".
func became(it coc.Item) string {
	return cmp.Or(text.Visible(diff.Became(it)), it.Op)
}

// feedValues returns the values of an item that was added, removed or changed; "" if show
// is false.
func feedValues(show bool, op, old, now string) string {
	switch {
	case !show || op == diff.Renamed || op == diff.Moved:
		return ""
	case op == diff.Added:
		return feedValue(": ", now)
	case op == diff.Removed:
		return feedValue(": ", old)
	}
	return ": " + cmp.Or(feedValue("", old), `""`) + " → " + cmp.Or(feedValue("", now), `""`)
}

// feedValue returns a value on one line, at most maxFeedValue long.
func feedValue(before, value string) string {
	value = strings.TrimSuffix(value, "\n")
	if value == "" {
		return ""
	}
	return before + text.Line(value, maxFeedValue)
}
