package db

import (
	"context"
	"fmt"
	"iter"
	"time"

	"cocsync/internal/coc"
)

// Begin records the start of a cycle and returns its key. It returns ErrAltered if the schema or
// the head of a log was altered, and ErrLocked if the lock file was removed. It closes earlier cycles of the
// watch without an end: their process died.
func (a *Archive) Begin(ctx context.Context, c coc.Cycle) (key coc.Key, err error) {
	err = a.update(ctx, fmt.Sprintf("begin a cycle of watch %q", c.Watch), func(t *tx) {
		t.fail(a.ownsLock())
		t.fail(checkObjects(ctx, t.raw))
		t.checkLogs()
		t.putWatch(c.Watch, c.Account, c.StartedAt)
		for _, c := range list[coc.Cycle](t, cycleRows+` WHERE c.watch = ? AND c.outcome = 'running'`, c.Watch) {
			c.Outcome, c.Err = coc.CycleStopped, "its end was not recorded"
			t.exec(`UPDATE cycles SET outcome = ?, error = ? WHERE account_id = ? AND id = ?`, c.Outcome, c.Err, c.Key)
			t.cover(&c)
		}
		key = t.add(t.account(c.Account), "cycles", "watch, cause, partial, started_at, outcome, missed",
			c.Watch, c.Trigger, c.Partial, c.StartedAt, coc.CycleRunning, c.Missed)
	})
	return key, err
}

// Responded records when COC last served a request of a running cycle.
func (a *Archive) Responded(ctx context.Context, cycle coc.Key, when time.Time) error {
	return a.exec(ctx, fmt.Sprintf("progress of cycle %d", cycle.ID),
		`UPDATE cycles SET responded_at = ? WHERE account_id = ? AND id = ? AND outcome = 'running'`, when, cycle)
}

// End records the end of a cycle, releases its deliveries and adds its notices.
func (a *Archive) End(ctx context.Context, c coc.Cycle, notices []coc.NewNotice) error {
	return a.update(ctx, fmt.Sprintf("end a cycle of watch %q", c.Watch), func(t *tx) {
		t.exec(`
			UPDATE cycles SET ended_at = ?, outcome = ?, complete = ?, requests = ?, listed = ?, total = ?, skipped = ?,
				documents = ?, versions = ?, changes = ?, error = ? WHERE account_id = ? AND id = ?`,
			c.EndedAt, c.Outcome, c.Complete, c.Requests, c.Listed, c.Total, c.Skipped,
			c.Documents, c.Versions, c.Changes, c.Err, c.Key)
		for _, f := range sortedFailures(c.Failures) {
			t.exec(insertInto("cycle_failures", "account_id, cycle_id, document_id, name, error"), c.Key, f)
		}
		t.release(c.Key, c.EndedAt)
		t.cover(&c)
		t.stored = func(r reader) (bool, error) {
			return first[bool](r, `SELECT outcome = ? FROM cycles WHERE account_id = ? AND id = ?`, c.Outcome, c.Key)
		}
		for _, n := range notices {
			t.addNotice(n)
		}
	})
}

// cycleRows are cycles without their failures.
const cycleRows = `
	SELECT c.account_id, c.id, c.watch, a.name, c.cause, c.partial, c.started_at, c.ended_at, c.outcome, c.missed, c.complete, c.requests,
		c.listed, c.total, c.skipped, c.documents, c.versions, c.changes, c.error, NULL, c.responded_at
	FROM cycles c JOIN accounts a ON a.id = c.account_id`

// CycleQuery selects cycles of a watch, in the account that it is in now. The zero value
// selects all full ones.
type CycleQuery struct {
	Partial bool        // also partial ones
	Ended   bool        // only those with a recorded end
	Outcome coc.Outcome // "" for any
}

// Cycles returns the newest cycles of a watch, newest first.
func (a *Archive) Cycles(ctx context.Context, watch string, q CycleQuery, limit int) ([]coc.Cycle, error) {
	r := a.reading(ctx, "cycles of watch %q", watch)
	var c conditions
	c.add(true, "w.name = ?", watch)
	c.add(!q.Partial, "c.partial = 0")
	c.add(q.Ended, "c.ended_at IS NOT NULL")
	c.add(q.Outcome != "", "c.outcome = ?", q.Outcome)
	where, args := c.where()
	list, err := collect[coc.Cycle](r, cycleRows+` JOIN watches w ON w.name = c.watch AND w.account_id = c.account_id
		WHERE `+where+` ORDER BY c.id DESC LIMIT ?`, append(args, limit)...)
	for i := range list {
		if err == nil {
			list[i].Failures, err = failuresOf(r, list[i].Key)
		}
	}
	return list, err
}

func failuresOf(r reader, cycle coc.Key) ([]coc.Failure, error) {
	return collect[coc.Failure](r, `
		SELECT document_id, name, error FROM cycle_failures WHERE account_id = ? AND cycle_id = ? ORDER BY document_id`, cycle)
}

// NewestCycle returns the newest cycle of a watch; the zero Cycle for none.
func (a *Archive) NewestCycle(ctx context.Context, watch string, q CycleQuery) (coc.Cycle, error) {
	list, err := a.Cycles(ctx, watch, q, 1)
	return append(list, coc.Cycle{})[0], err
}

// UnstableSince returns when the first good cycle with an incomplete list started, after the
// newest one with a complete list; zero for none.
func (a *Archive) UnstableSince(ctx context.Context, watch string) (since time.Time, err error) {
	_, since, err = cyclesAfter(a.reading(ctx, "unstable lists of watch %q", watch), watch, coc.CycleGood, `x.complete = 1`)
	return since, err
}

// Stopped counts the watch's cycles since its newest good one that were stopped or have
// no recorded end, and returns when the first of them started.
func (a *Archive) Stopped(ctx context.Context, watch string) (n int, since time.Time, err error) {
	return cyclesAfter(a.reading(ctx, "stopped cycles of watch %q", watch), watch, coc.CycleStopped, `x.outcome = 'good'`)
}

// cyclesAfter counts the full cycles of a watch with an outcome after the newest full cycle x
// that a condition selects, and returns when the first of them started.
func cyclesAfter(r reader, watch string, outcome coc.Outcome, x string) (n int, since time.Time, err error) {
	err = r.row(`
		SELECT count(*), min(c.started_at) FROM watches w JOIN cycles c ON c.watch = w.name AND c.account_id = w.account_id
		WHERE w.name = ? AND c.outcome = ? AND c.partial = 0 AND c.id > coalesce((SELECT x.id FROM cycles x
			WHERE x.watch = w.name AND x.account_id = w.account_id AND x.partial = 0 AND `+x+` ORDER BY x.id DESC LIMIT 1), 0)`,
		watch, outcome).Scan(&n, &since)
	return n, since, err
}

// Ran counts the watch's cycles that started in [since, until) by outcome, without partial
// ones, and the scheduled cycles before them that did not run. until is not in the future.
func (a *Archive) Ran(ctx context.Context, watch string, since, until time.Time) (ran map[coc.Outcome]int, missed int, err error) {
	counts, err := byKey[coc.Outcome, struct{ Ran, Missed int }](a.reading(ctx, "count cycles of watch %q", watch), `
		SELECT CASE WHEN x.outcome = 'good' AND NOT `+attested("?4")+` THEN 'unattested' ELSE x.outcome END,
			sum(1 - x.partial), sum(x.missed)
		FROM cycles x WHERE x.watch = ?1 AND x.started_at >= ?2 AND x.started_at < ?3 GROUP BY 1`,
		watch, since.UnixMilli(), until.UnixMilli(), recordedBefore(until).UnixMilli())
	ran = map[coc.Outcome]int{}
	for outcome, n := range counts {
		ran[outcome], missed = n.Ran, missed+n.Missed
	}
	return ran, missed, err
}

// FirstCycle returns when the archive's first cycle started; zero for none.
func (a *Archive) FirstCycle(ctx context.Context) (time.Time, error) {
	return first[time.Time](a.reading(ctx, "first cycle"), `SELECT min(started_at) FROM cycles WHERE id = 1`)
}

// Unreached is a document that a cycle could not update.
type Unreached struct {
	coc.Failure
	CheckedAt time.Time // when COC last confirmed it; zero for never
}

// Unreached returns the documents that the watch's newest ended cycle could not update,
// the longest pending first.
func (a *Archive) Unreached(ctx context.Context, watch string) ([]Unreached, error) {
	return collect[Unreached](a.reading(ctx, "documents that watch %q did not reach", watch), `
		SELECT f.document_id, f.name, f.error, nullif(d.checked_at, 0)
		FROM watches w JOIN cycle_failures f ON f.account_id = w.account_id AND f.cycle_id = (SELECT max(c.id) FROM cycles c
			WHERE c.watch = w.name AND c.account_id = w.account_id AND c.outcome IN ('good', 'failed') AND c.partial = 0)
		LEFT JOIN documents d ON d.account_id = f.account_id AND d.document_id = f.document_id
		WHERE w.name = ? ORDER BY coalesce(d.checked_at, 0), f.document_id`, watch)
}

// WatchStart is when a watch had its first cycle in an account.
type WatchStart struct {
	Watch, Account string
	At             time.Time
}

// WatchStarts returns the first cycle of each watch in each account.
func (a *Archive) WatchStarts(ctx context.Context) ([]WatchStart, error) {
	return collect[WatchStart](a.reading(ctx, "first cycles of watches"), `
		SELECT c.watch, a.name, min(c.started_at) FROM cycles c JOIN accounts a ON a.id = c.account_id
		GROUP BY c.watch, a.name ORDER BY c.watch, a.name`)
}

// LastRequestAt returns the end of the newest cycle that sent requests to COC, in an account
// or, for "", in all; zero for none. It leaves out those that are unattested now.
func (a *Archive) LastRequestAt(ctx context.Context, account string, now time.Time) (time.Time, error) {
	return first[time.Time](a.reading(ctx, "newest request"), `
		SELECT max(c.ended_at) FROM watch_starts w JOIN accounts a ON a.id = w.account_id
		JOIN cycles c ON c.account_id = w.account_id AND c.id = (SELECT x.id FROM cycles x
			WHERE x.watch = w.watch AND x.account_id = w.account_id AND x.requests > 0 AND x.ended_at IS NOT NULL
				AND `+attested("?2")+` ORDER BY x.id DESC LIMIT 1)
		WHERE ?1 = '' OR a.name = ?1`, account, recordedBefore(now).UnixMilli())
}

// CyclesWithin returns the watch's cycles in an account that overlap [since, until), in the
// order of their start, without their failures.
func (a *Archive) CyclesWithin(ctx context.Context, watch, account string, since, until time.Time) iter.Seq2[coc.Cycle, error] {
	return stream[coc.Cycle](a.reading(ctx, "cycles of watch %q", watch), cycleRows+`
		WHERE c.watch = ?1 AND a.name = ?2 AND c.started_at < ?4 AND (c.started_at >= ?3 OR c.ended_at >= ?3) ORDER BY c.id`,
		watch, account, since.UnixMilli(), until.UnixMilli())
}

// FailuresWithin counts the failures of documents by error, in full cycles of the watch
// that started in [since, until).
func (a *Archive) FailuresWithin(ctx context.Context, watch, account string, since, until time.Time) (map[string]int, error) {
	return byKey[string, int](a.reading(ctx, "failures of watch %q", watch), `
		SELECT f.error, count(*) FROM cycles c JOIN accounts a ON a.id = c.account_id
		JOIN cycle_failures f ON f.account_id = c.account_id AND f.cycle_id = c.id
		WHERE c.watch = ? AND a.name = ? AND c.partial = 0 AND c.started_at >= ? AND c.started_at < ? GROUP BY f.error`,
		watch, account, since.UnixMilli(), until.UnixMilli())
}
