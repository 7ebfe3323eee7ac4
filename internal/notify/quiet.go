package notify

import (
	"time"

	"cocsync/internal/coc"
)

// Quiet are hours of the day in which changes are held back, to become a digest
// afterwards. They may span midnight. The zero value is none.
type Quiet struct {
	From, To time.Duration // since midnight, local time
	In       *time.Location
	Except   []coc.Kind // not held back
}

// bounds returns the quiet hours that a time is in, or else the last ones before it. ok is
// false if there are none.
func (q *Quiet) bounds(now time.Time) (from, to time.Time, ok bool) {
	if q.From == q.To {
		return from, to, false
	}
	in := q.In
	if in == nil {
		in = time.UTC
	}
	y, m, d := now.In(in).Date()
	for day := d; ; day-- {
		// Date accepts any hour, also on days on which the clock changes.
		from = time.Date(y, m, day, 0, int(q.From.Minutes()), 0, 0, in)
		end := day
		if q.To < q.From {
			end++
		}
		to = time.Date(y, m, end, 0, int(q.To.Minutes()), 0, 0, in)
		if !from.After(now) {
			return from, to, true
		}
	}
}

// until returns the end of the quiet hours that a time is in, or zero.
func (q *Quiet) until(now time.Time) time.Time {
	if _, to, ok := q.bounds(now); ok && now.Before(to) {
		return to
	}
	return time.Time{}
}

// delayed reports whether something that was due then was held back by quiet hours, which
// are over.
func (q *Quiet) delayed(due, now time.Time) bool {
	from, to, ok := q.bounds(now)
	return ok && !now.Before(to) && due.Before(to) && !due.Before(from)
}
