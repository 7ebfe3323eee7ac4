package query

import (
	"fmt"
	"strconv"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/text"
)

// maxBackwards is by how much the times of consecutive records may decrease. Documents are
// visited concurrently, and a visit that fetches many versions takes minutes: its records have
// the time of its start.
const maxBackwards = 10 * time.Minute

// seenClock finds records of a log that were seen before the record that precedes them: the clock
// of the machine was set back.
type seenClock struct {
	last  time.Time // of the newest record with a time
	index int64     // of it
	times int       // how often the clock ran backwards
	first string    // the first time
}

// record checks the next record of the log.
func (c *seenClock) record(index int64, r *audit.Record) {
	ms, err := strconv.ParseInt(r.Get("seen_at"), 10, 64)
	if err != nil {
		return // it has no such time
	}
	at := time.UnixMilli(ms)
	if !c.last.IsZero() && c.last.Sub(at) > maxBackwards {
		if c.times++; c.times == 1 {
			c.first = fmt.Sprintf("record %d was seen at %s, and record %d before it at %s", index, stamp(at), c.index, stamp(c.last))
		}
	}
	c.last, c.index = at, index
}

// note says how often the clock ran backwards; "" for never.
func (c *seenClock) note() string {
	if c.times == 0 {
		return ""
	}
	note := "time runs backwards: " + c.first
	if c.times > 1 {
		note += fmt.Sprintf(", and %s", text.Plural(c.times-1, "more time"))
	}
	return note
}
