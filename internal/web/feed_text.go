package web

import (
	"cmp"
	"html/template"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// maxFeedValue is the maximum number of characters of a value in a feed. The page of the
// change shows the whole value.
const maxFeedValue = 200

// feedFuncs are the functions of a feed's template.
func feedFuncs() template.FuncMap {
	return template.FuncMap{
		"recorded":    recordedAt,
		"millisecond": func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") },
		"nanosecond":  func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") },
		"outline":     diff.Outline,
		"became":      func(it coc.Item) string { return cmp.Or(text.Visible(diff.Became(it)), it.Op) },
		"whole":       func(it coc.Item) string { return feedValues(it.Op, it.Old, it.New) },
		"values": func(f diff.Field) string {
			old, now := f.Values()
			return feedValues(f.Op, old, now)
		},
	}
}

// feedValues returns the values of an item that was added, removed or changed.
func feedValues(op, old, now string) string {
	line := func(value string) string { return text.Line(strings.TrimSuffix(value, "\n"), maxFeedValue) }
	switch op {
	case diff.Renamed, diff.Moved:
		return ""
	case diff.Added:
		old = ""
	case diff.Removed:
		now = ""
	default:
		return ": " + cmp.Or(line(old), `""`) + " → " + cmp.Or(line(now), `""`)
	}
	if value := line(old + now); value != "" {
		return ": " + value
	}
	return ""
}
