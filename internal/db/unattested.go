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

// CycleRange is the cycles of a watch from one id to another.
type CycleRange struct{ First, Last int64 }

// recordedBefore returns before which time the cycles that began are recorded now, if their
// process was not killed: within RecordEvery after they end, or at once if they take longer.
func recordedBefore(now time.Time) time.Time { return now.Add(-2 * RecordEvery) }

// Unattested returns the cycles of a watch in an account that the process that wrote them did not
// record, in order: it was killed, or someone inserted them. The next process records them as
// unattested; before it does, they are the old ones without a record.
func (a *Archive) Unattested(ctx context.Context, watch, account string, now time.Time) ([]CycleRange, error) {
	return collect[CycleRange](a.reading(ctx, "unattested cycles of watch %q", watch), unattestedRanges,
		account, watch, recordedBefore(now).UnixMilli())
}

const unattestedRanges = `
	SELECT g.first_cycle, g.last_cycle FROM accounts a CROSS JOIN coverages g
	WHERE a.name = ?1 AND g.account_id = a.id AND g.watch = ?2 AND g.type = 'unattested'
	UNION ALL SELECT min(c.id), max(c.id) FROM accounts a CROSS JOIN cycles c
	WHERE a.name = ?1 AND c.watch = ?2 AND c.account_id = a.id AND c.started_at < ?3 AND c.id > coalesce((
		SELECT g.last_cycle FROM coverages g CROSS JOIN cycles y
		WHERE g.account_id = a.id AND g.watch = ?2 AND y.id = g.first_cycle AND y.account_id = g.account_id AND y.partial = 0
		ORDER BY g.last_cycle DESC LIMIT 1), 0)
	HAVING count(*) > 0
	ORDER BY 1`
