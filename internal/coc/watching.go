package coc

import "time"

// The watching is broken, which is told, and is not ready, after so many failed cycles
// in a row, or so long without a good one.
const (
	BrokenAfter   = 3
	BrokenWithout = time.Hour
)
