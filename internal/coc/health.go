package coc

import "time"

// A failure of a watch is notified after BrokenAfter failed cycles in a row, or
// BrokenWithout without a good one.
const (
	BrokenAfter   = 3
	BrokenWithout = time.Hour
)
