// Package text writes texts, numbers and times for people: it makes hidden
// characters visible, truncates, and formats counts, ages and sizes. It leaves
// the escapes of a format (JSON, HTML, Slack) to the packages that write it, and
// columns and colors to package term.
package text

import (
	"fmt"
	"strings"
	"time"
)

// Truncate returns at most limit characters of s. If any are missing, the last
// one is "…". The limit is at least 1.
func Truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	last := 0 // start of the last character that fits
	for i := range s {
		if limit == 0 {
			return s[:last] + "…"
		}
		last = i
		limit--
	}
	return s
}

// Line returns s as one line of at most limit characters, with hidden characters
// visible. Line ends are written as ⏎. The joiners that scripts and emoji need are
// kept.
func Line(s string, limit int) string {
	// No character gets shorter, so what is beyond the limit can be removed first.
	s = strings.NewReplacer("\r\n", " ⏎ ", "\n", " ⏎ ", "\t", " ").Replace(Truncate(s, limit))
	return Truncate(strings.TrimSpace(VisibleExcept(s, Joiners)), limit)
}

// Joiners are the zero-width joiner and non-joiner.
const Joiners = "\u200d\u200c"

// Plural returns a number with its noun: 1 change, 2 changes, 2 deliveries.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "ry"); ok {
		return fmt.Sprintf("%d %sries", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Age returns a duration in its largest unit, such as 3 hours.
func Age(d time.Duration) string {
	switch {
	case d < 2*time.Second: // or negative: a clock went back
		return "a moment"
	case d < 2*time.Minute:
		return Plural(int(d/time.Second), "second")
	case d < 2*time.Hour:
		return Plural(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return Plural(int(d/time.Hour), "hour")
	}
	return Plural(int(d/(24*time.Hour)), "day")
}

// Ago returns how long before now a time was, such as 3 hours ago, or how long
// after it; "never" for the zero time.
func Ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d < 0:
		return "in " + Age(-d)
	default:
		return Age(d) + " ago"
	}
}

// Size returns a number of bytes in its largest unit, such as 1.5 KiB.
func Size(n int64) string {
	if n < 1024 {
		return Plural(int(n), "byte")
	}
	f, unit := float64(n)/1024, 0
	for f >= 1024 && unit < 3 {
		f, unit = f/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGT"[unit])
}
