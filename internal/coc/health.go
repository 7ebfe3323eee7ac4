package coc

import "time"

// A watch is reported as failed, and is not ready, after so many failed cycles in a row,
// or so long without a good one.
const (
	BrokenAfter   = 3
	BrokenWithout = time.Hour
)
