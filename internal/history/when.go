package history

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

// Since reads where a period begins: a date (its start), an RFC 3339 instant, or
// an age such as 7d or 12h.
func (h *History) Since(text string) (time.Time, error) {
	at, _, err := h.bound(text)
	return at, err
}

// Until reads where a period ends and returns the first instant after it: a date
// counts to its end, an instant or an age is the last one that counts.
func (h *History) Until(text string) (time.Time, error) {
	at, day, err := h.bound(text)
	if day {
		return at.AddDate(0, 0, 1), err
	}
	return at.Add(time.Millisecond), err
}

// Instant reads the time that a question is about: a date (its end, or now while it
// lasts), an RFC 3339 instant or an age.
func (h *History) Instant(text string) (time.Time, error) {
	at, day, err := h.bound(text)
	switch {
	case err != nil:
		return at, err
	case day:
		at, _, err = h.instant(text)
	}
	if err == nil && at.After(h.Now()) {
		err = hint.Wrap(unclear("%q lies in the future", text), "the archive knows what was, until now")
	}
	return at, err
}

// bound reads an instant; day says that it is the start of a bare date.
func (h *History) bound(text string) (at time.Time, day bool, err error) {
	if at, err := time.ParseInLocation(time.DateOnly, text, h.Local); err == nil {
		return at, true, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, false, nil
	}
	if at, ok := ago(h.Now(), text); ok {
		return at, false, nil
	}
	return at, false, hint.Wrap(unclear("%q is no instant", text),
		"write a date (2026-06-01), RFC 3339 (2026-06-01T15:04:05Z) or an age (7d, 12h)")
}

// ago goes back by an age: a count of days or weeks, or a duration of Go's.
func ago(now time.Time, age string) (time.Time, bool) {
	for unit, days := range map[string]int{"d": 1, "w": 7} {
		digits, ok := strings.CutSuffix(age, unit)
		if n, err := strconv.ParseUint(digits, 10, 16); ok && err == nil {
			return now.AddDate(0, 0, -int(n)*days), true
		}
	}
	d, err := time.ParseDuration(age)
	return now.Add(-d), err == nil && d >= 0
}

// instant reads a reference to a time. A bare date is the end of that day, or
// now while it lasts. ok is false for what does not look like a time.
func (h *History) instant(ref string) (at time.Time, ok bool, err error) {
	if len(ref) < len(time.DateOnly) || ref[0] < '0' || ref[0] > '9' {
		return at, false, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, ref, h.Local)
	if err == nil {
		end := day.AddDate(0, 0, 1).Add(-time.Millisecond)
		if now := h.Now(); !day.After(now) && end.After(now) {
			end = now
		}
		return end, true, nil
	}
	at, err = time.Parse(time.RFC3339, ref)
	if err != nil {
		return at, false, hint.Wrap(unclear("%q is no instant", ref), "write a date (2026-06-01) or RFC 3339 (2026-06-01T15:04:05Z)")
	}
	return at, true, nil
}

// asOf returns what COC's newest was at that instant. What lies outside of what
// is known is an error: the nearest would be a guess.
func (h *History) asOf(ctx context.Context, doc db.Document, all []db.Revision, at time.Time) (v Version, err error) {
	if at.After(h.Now()) {
		return v, unclear("it lies in the future")
	}
	gone, err := h.goneAt(ctx, doc, at)
	if err != nil {
		return v, err
	}
	if !gone.IsZero() {
		return v, notHere("the document was deleted then (since %s at the latest)", stamp(gone))
	}
	found := newestAt(all, at)
	if found < 0 && len(all) == 0 {
		return v, hint.Wrap(coc.NotFound("there is none"), known(all))
	}
	if found < 0 {
		return v, coc.NotFound("no version of that time is known, the first is from %s", stamp(begins(all[0])))
	}
	if v, err = archived(all[found]); err != nil {
		return v, err
	}
	checked, err := h.DB.LastChecked(ctx, doc.Key)
	v.Note = doubt(checked, all, found, at)
	return v, err
}

// doubt says why all[found] may not be what was newest at that instant, or why
// its content may not be what stood then; "" when there is no doubt. COC was last asked
// at checked.
func doubt(checked time.Time, all []db.Revision, found int, at time.Time) string {
	if next := found + 1; next < len(all) && all[next].Label == all[found].Label && all[next].PreviousCheckedAt.Before(at) {
		return fmt.Sprintf("COC's copy of %s was rewritten before %s, and last seen unaltered %s: these may not be the bytes of then",
			all[found].Label, stamp(all[next].SeenAt), orNever(all[next].PreviousCheckedAt))
	}
	if checked.Before(at) {
		return "COC was last asked at " + stamp(checked) + ": a newer version may have been there"
	}
	return ""
}

// begins is when a revision began to hold, as far as that is known.
func begins(r db.Revision) time.Time {
	if r.Number > 1 || r.MadeAt.IsZero() {
		return r.SeenAt
	}
	return r.MadeAt
}

// goneAt returns since when the document was deleted at that instant; zero when
// it was there.
func (h *History) goneAt(ctx context.Context, doc db.Document, at time.Time) (since time.Time, err error) {
	list, err := h.DB.Changes(ctx, db.Filter{Document: doc.Key, Until: at.Add(time.Millisecond), Limit: 1,
		Kinds: []coc.Kind{coc.KindDeleted, coc.KindRestored}})
	if err != nil || len(list) == 0 || list[0].Kind != coc.KindDeleted {
		return since, err
	}
	return list[0].At, nil
}

func orNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return "at " + stamp(t)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
