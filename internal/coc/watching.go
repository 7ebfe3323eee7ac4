package coc

import (
	"fmt"
	"time"
)

// The watching is broken, which is told, and is not ready, after so many failed cycles
// in a row, or so long without a good one.
const (
	BrokenAfter   = 3
	BrokenWithout = time.Hour
)

// unknownPause is how far apart the cycles of a watch may be that ran only once: nobody
// who has the archive alone knows yet how often it runs.
const unknownPause = 24 * time.Hour

// Stale says why a watch does not work, "" where it does. It does once a cycle was
// good, until three in a row failed or none was good for an hour. That hour begins with
// the first that failed; where none ran at all, when the next one should have.
func (s WatchState) Stale(now time.Time) (why string) {
	pause := s.Pause
	if pause <= 0 {
		pause = unknownPause
	}
	switch {
	case s.LastGoodAt.IsZero():
		return "no cycle was good so far"
	case s.FailedInARow >= BrokenAfter:
		why = fmt.Sprintf("the last %d cycles failed", s.FailedInARow)
	case !s.FailingSince.IsZero() && now.Sub(s.FailingSince) >= BrokenWithout,
		now.Sub(s.LastGoodAt) >= pause+BrokenWithout:
		why = "no cycle was good for too long"
	default:
		return ""
	}
	return why + "; the last good one ended at " + s.LastGoodAt.UTC().Format(time.RFC3339)
}
