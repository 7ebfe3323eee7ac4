package query

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// Since parses the start of a period: a date (its start), an RFC 3339 time, or an age such
// as 7d or 12h.
func (a *Archive) Since(text string) (time.Time, error) {
	at, _, err := a.parseTime(text)
	return at, err
}

// Until parses the end of a period and returns the first time after it: a date, a time or
// an age is part of the period.
func (a *Archive) Until(text string) (time.Time, error) {
	at, day, err := a.parseTime(text)
	if day {
		return at.AddDate(0, 0, 1), err
	}
	return at.Add(time.Millisecond), err
}

// Time parses the time of a query: a date (its end, or now if the day has not ended), an
// RFC 3339 time or an age.
func (a *Archive) Time(text string) (time.Time, error) {
	at, day, err := a.parseTime(text)
	if day {
		at = a.endOf(at)
	}
	if err == nil && at.After(a.Now()) {
		err = hint.Wrap(ambiguous("%q is in the future", text), "give a time in the past")
	}
	return at, err
}

// endOf returns the end of a day, or now if the day has not ended.
func (a *Archive) endOf(day time.Time) time.Time {
	end := day.AddDate(0, 0, 1).Add(-time.Millisecond)
	if now := a.Now(); !day.After(now) && end.After(now) {
		return now
	}
	return end
}

// Option parses the value of an option with Since, Until or Time; "" is the zero time.
func Option(name, value string, parse func(string) (time.Time, error)) (at time.Time, err error) {
	if value == "" {
		return at, nil
	}
	if at, err = parse(value); err != nil {
		err = badQuery(fmt.Errorf("--%s: %w", name, err))
	}
	return at, err
}

// SetAt sets At; "" is now.
func (a *Archive) SetAt(text string) (err error) {
	a.At, err = Option("at", text, a.Time)
	return err
}

// parseTime parses a time; day says that it is the start of a date.
func (a *Archive) parseTime(text string) (at time.Time, day bool, err error) {
	if at, day, err = a.parseDate(text); err == nil {
		return at, day, nil
	}
	if at, ok := parseAge(a.Now(), text); ok {
		return at, false, nil
	}
	return at, false, hint.Wrap(ambiguous("%q is not a valid time", text),
		"write a date (2026-06-01), RFC 3339 (2026-06-01T15:04:05Z) or an age (7d, 12h)")
}

// parseDate parses a date, whose start it returns, or an RFC 3339 time.
func (a *Archive) parseDate(text string) (at time.Time, day bool, err error) {
	if at, err = time.ParseInLocation(time.DateOnly, text, a.Local); err == nil {
		return at, true, nil
	}
	at, err = time.Parse(time.RFC3339, text)
	return at, false, err
}

// parseAge returns the time of an age: a number of days or weeks, or a Go duration.
func parseAge(now time.Time, age string) (time.Time, bool) {
	for unit, days := range map[string]int{"d": 1, "w": 7} {
		digits, ok := strings.CutSuffix(age, unit)
		if n, err := strconv.ParseUint(digits, 10, 16); ok && err == nil {
			return now.AddDate(0, 0, -int(n)*days), true
		}
	}
	d, err := time.ParseDuration(age)
	return now.Add(-d), err == nil && d >= 0
}

// parseReference parses a reference that is a time. A date is the end of that day, or now
// if the day has not ended. ok is false for what does not look like a time.
func (a *Archive) parseReference(ref string) (at time.Time, ok bool, err error) {
	if len(ref) < len(time.DateOnly) || ref[0] < '0' || ref[0] > '9' {
		return at, false, nil
	}
	at, day, err := a.parseDate(ref)
	if err != nil {
		return at, false, hint.Wrap(ambiguous("%q is not a valid time", ref), "write a date (2026-06-01) or RFC 3339 (2026-06-01T15:04:05Z)")
	}
	if day {
		at = a.endOf(at)
	}
	return at, true, nil
}

// versionAt returns COC's newest version at a time. A time at which it is unknown is an
// error: the nearest version would be a guess.
func (a *Archive) versionAt(ctx context.Context, doc Document, all []db.Revision, at time.Time) (v Version, err error) {
	if at.After(a.Now()) {
		return v, ambiguous("it is in the future")
	}
	deleted, err := a.deletedAt(ctx, doc, at)
	if err != nil {
		return v, err
	}
	if !deleted.IsZero() {
		return v, unavailable("the document was deleted then (since %s at the latest)", stamp(deleted))
	}
	found := -1 // COC's newest then
	for i, r := range all {
		if !validFrom(r).After(at) && (r.WithdrawnAt.IsZero() || r.WithdrawnAt.After(at)) {
			found = i
		}
	}
	switch {
	case len(all) == 0:
		return v, hint.Wrap(coc.NotFound("not found"), existing(all))
	case found < 0:
		return v, coc.NotFound("no version is known for that time; the first is from %s", stamp(validFrom(all[0])))
	}
	if v, err = archived(all[found]); err != nil {
		return v, err
	}
	now, err := a.db.Details(ctx, doc.key)
	v.Note = doubt(now.LastCheckedAt, all, found, at)
	return v, err
}

// doubt says why all[found] may not have been the newest version at a time, or why its content
// may have differed; "" if there is no doubt. checked is when COC was last checked.
func doubt(checked time.Time, all []db.Revision, found int, at time.Time) string {
	if next := found + 1; next < len(all) && all[next].Label == all[found].Label && all[next].PreviousCheckedAt.Before(at) {
		unaltered := "never"
		if t := all[next].PreviousCheckedAt; !t.IsZero() {
			unaltered = "at " + stamp(t)
		}
		return fmt.Sprintf("COC's copy of %s was rewritten before %s, and last seen unaltered %s: its content may have been different then",
			all[found].Label, stamp(all[next].SeenAt), unaltered)
	}
	if checked.Before(at) {
		return "COC was last checked at " + stamp(checked) + ": there may have been a newer version"
	}
	return ""
}

// validFrom is when a revision became COC's, as far as that is known.
func validFrom(r db.Revision) time.Time {
	if r.Number > 1 || r.MadeAt.IsZero() {
		return r.SeenAt
	}
	return r.MadeAt
}

// deletedAt returns when a document was deleted that did not exist at a time; zero if it
// existed.
func (a *Archive) deletedAt(ctx context.Context, doc Document, at time.Time) (since time.Time, err error) {
	for c, err := range a.db.Changes(ctx, db.Filter{Document: doc.key, Until: at.Add(time.Millisecond), Limit: 1,
		Kinds: []coc.Kind{coc.KindDeleted, coc.KindRestored}}) {
		if err != nil || c.Kind == coc.KindDeleted {
			return c.At, err
		}
	}
	return since, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
