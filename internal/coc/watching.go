package coc

import "time"

// Monitoring fails, which is reported, and is not ready, after so many failed cycles
// in a row, or so long without a successful one.
const (
	BrokenAfter   = 3
	BrokenWithout = time.Hour
)
