package db

import (
	"context"
	"time"
)

// recordOf is the type of the record of the cycle x, null if it has none.
const recordOf = `(SELECT g.type FROM coverages g WHERE g.account_id = x.account_id AND g.watch = x.watch
	AND g.last_cycle >= x.id AND g.first_cycle <= x.id ORDER BY g.last_cycle LIMIT 1)`

// lastGood is the id of the newest good cycle of the watch w whose record a condition accepts.
func lastGood(record string) string {
	return `(SELECT x.id FROM cycles x WHERE x.watch = w.name AND x.account_id = w.account_id AND x.outcome = 'good' AND x.partial = 0
		AND ` + record + ` ORDER BY x.id DESC LIMIT 1)`
}

// LastRecorded returns when the newest good cycle of a watch ended that its process recorded;
// zero for none. A process records its cycles before it ends, unless it is killed.
func (a *Archive) LastRecorded(ctx context.Context, watch string) (time.Time, error) {
	return first[time.Time](a.reading(ctx, "recorded cycles of watch %q", watch), `
		SELECT c.ended_at FROM watches w JOIN cycles c ON c.account_id = w.account_id AND c.id = `+lastGood(recordOf+` <> 'unattested'`)+`
		WHERE w.name = ?`, watch)
}

// LastGood returns when the newest good cycle of a watch ended that its process recorded, or did
// not have to record yet; zero for none.
func (a *Archive) LastGood(ctx context.Context, watch string, now time.Time) (time.Time, error) {
	return first[time.Time](a.reading(ctx, "good cycles of watch %q", watch), `
		SELECT c.ended_at FROM watches w JOIN cycles c ON c.account_id = w.account_id AND c.id = `+lastGood(attested("?1"))+`
		WHERE w.name = ?2`, recordedBefore(now).UnixMilli(), watch)
}

// attested is the condition that the process of the cycle x recorded it, or did not have to record
// it yet, because it began at a time or later.
func attested(since string) string {
	return `coalesce(` + recordOf + `, CASE WHEN x.started_at < ` + since + ` THEN 'unattested' ELSE '' END) <> 'unattested'`
}

// RecordedRange is the full cycles of a watch from one id to another that one record has.
type RecordedRange struct {
	First, Last int64
	Attested    bool // the process that wrote them recorded them
}

// recordedBefore returns before which time the cycles that began are recorded now, if their
// process was not killed: within RecordEvery after they end, or at once if they take longer.
func recordedBefore(now time.Time) time.Time { return now.Add(-2 * RecordEvery) }

// RecordedWithin returns which full cycles of a watch in an account have a record, in order. It
// returns the records of [since, until) that Reported returns, so that a report verifies them all.
func (a *Archive) RecordedWithin(ctx context.Context, watch, account string, since, until time.Time) ([]RecordedRange, error) {
	return collect[RecordedRange](a.reading(ctx, "recorded cycles of watch %q", watch), recordedRanges,
		account, since.UnixMilli(), until.UnixMilli(), watch)
}

// A record of type cycle is only of its first cycle: it does not have last_cycle.
const (
	recordedRanges = `
		SELECT g.first_cycle, CASE g.type WHEN 'cycle' THEN g.first_cycle ELSE g.last_cycle END, g.type <> 'unattested'
		FROM accounts a CROSS JOIN coverages g ` + coverageCycles + `
		WHERE a.name = ?1 AND g.account_id = a.id AND g.watch = ?4 AND f.partial = 0 AND ` + coverageWithin + `
		ORDER BY g.last_cycle`
	// coverageCycles are the first cycle f and the last cycle e of the coverage g.
	coverageCycles = `JOIN cycles f ON f.account_id = g.account_id AND f.id = g.first_cycle
		LEFT JOIN cycles e ON e.account_id = g.account_id AND e.id = g.last_cycle`
	// coverageWithin is the condition that a report of [?2, ?3) prints cycles of the coverage g.
	coverageWithin = `f.started_at < ?3 AND (coalesce(e.ended_at, e.started_at) >= ?2 OR f.started_at >= ?2)`
)

// MustBeRecorded reports whether a cycle that began at a time has a record now, unless its process
// was killed or someone inserted it.
func MustBeRecorded(startedAt, now time.Time) bool { return startedAt.Before(recordedBefore(now)) }
