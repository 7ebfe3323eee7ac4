package db

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"cocsync/internal/coc"
)

// Begin records the start of a cycle and returns its key. It returns ErrAltered if the schema
// was altered, and ErrLocked if the lock file was removed. It closes earlier cycles of the
// watch without an end: their process died.
func (a *Archive) Begin(ctx context.Context, c coc.Cycle) (key coc.Key, err error) {
	defer wrap(&err, "begin a cycle of watch %q", c.Watch)
	if err := a.ownsLock(); err != nil {
		return key, err
	}
	err = a.update(ctx, func(t tx) error {
		if err := t.checkSchema(); err != nil {
			return err
		}
		if err := t.putWatch(c.Watch, c.Account, c.StartedAt); err != nil {
			return err
		}
		err := t.exec(`
			UPDATE cycles SET outcome = 'stopped', error = 'its end was not recorded'
			WHERE watch = ? AND outcome = 'running'`, c.Watch)
		if err != nil {
			return err
		}
		account, err := t.account(c.Account)
		if err != nil {
			return err
		}
		key, err = t.add(account, cycleIDs, `
			INSERT INTO cycles (account_id, id, watch, cause, partial, started_at, outcome, missed)
			VALUES (?, ?, ?, ?, ?, ?, 'running', ?)`,
			c.Watch, c.Trigger, c.Partial, c.StartedAt, c.Missed)
		return err
	})
	return key, err
}

// Responded records when COC last served a request of a running cycle.
func (a *Archive) Responded(ctx context.Context, cycle coc.Key, when time.Time) (err error) {
	defer wrap(&err, "progress of cycle %d", cycle.ID)
	return a.update(ctx, func(t tx) error {
		return t.exec(`UPDATE cycles SET responded_at = ? WHERE account_id = ? AND id = ? AND outcome = 'running'`,
			when, cycle)
	})
}

// End records the end of a cycle, releases its deliveries and adds its notices.
func (a *Archive) End(ctx context.Context, c coc.Cycle, notices []coc.NewNotice) (err error) {
	defer wrap(&err, "end a cycle of watch %q", c.Watch)
	return a.update(ctx, func(t tx) error {
		err := t.exec(`
			UPDATE cycles SET ended_at = ?, outcome = ?, complete = ?, requests = ?, listed = ?, total = ?, skipped = ?,
				documents = ?, versions = ?, changes = ?, error = ? WHERE account_id = ? AND id = ?`,
			c.EndedAt, c.Outcome, c.Complete, c.Requests, c.Listed, c.Total, c.Skipped,
			c.Documents, c.Versions, c.Changes, c.Err, c.Key)
		if err != nil {
			return err
		}
		for _, f := range c.Failures {
			err := t.exec(`
				INSERT INTO cycle_failures (account_id, cycle_id, document_id, name, error) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT DO NOTHING`, c.Key, f.DocumentID, f.Name, f.Err)
			if err != nil {
				return fmt.Errorf("failure of %s: %w", f.DocumentID, err)
			}
		}
		if err := t.release(c.Key, c.EndedAt); err != nil {
			return err
		}
		if err := t.cover(c.Key); err != nil {
			return err
		}
		if _, err := t.checkpoint(false, c.EndedAt); err != nil {
			return err
		}
		for _, n := range notices {
			if err := t.addNotice(n); err != nil {
				return fmt.Errorf("notice: %w", err)
			}
		}
		return nil
	})
}

// cycleRows are cycles as scanCycle reads them.
const cycleRows = `
	SELECT c.account_id, c.id, c.watch, a.name, c.cause, c.partial, c.started_at, c.ended_at, c.outcome, c.complete, c.requests,
		c.listed, c.total, c.skipped, c.documents, c.versions, c.changes, c.error, c.missed, c.responded_at
	FROM cycles c JOIN accounts a ON a.id = c.account_id`

// ofWatch are the cycles of a watch in the account that it is in now.
const ofWatch = cycleRows + ` JOIN watches w ON w.name = c.watch AND w.account_id = c.account_id WHERE w.name = ?`

func scanCycle(row scanner) (c coc.Cycle, err error) {
	err = row.Scan(&c.Key, &c.Watch, &c.Account, &c.Trigger, &c.Partial, &c.StartedAt, &c.EndedAt, &c.Outcome, &c.Complete, &c.Requests,
		&c.Listed, &c.Total, &c.Skipped, &c.Documents, &c.Versions, &c.Changes, &c.Err, &c.Missed, &c.RespondedAt)
	return c, err
}

// Cycles returns the newest cycles of a watch, newest first, with their failures.
func (a *Archive) Cycles(ctx context.Context, watch string, limit int) (_ []coc.Cycle, err error) {
	defer wrap(&err, "cycles of watch %q", watch)
	list, err := collect(ctx, a.read, scanCycle, ofWatch+` ORDER BY c.id DESC LIMIT ?`, watch, limit)
	for i := range list {
		if err == nil {
			list[i].Failures, _, err = a.failures(ctx, list[i].Key, math.MaxInt64)
		}
	}
	return list, err
}

// failures returns the first failures of a cycle, and how many there are.
func (a *Archive) failures(ctx context.Context, cycle coc.Key, limit int) (_ []coc.Failure, all int, err error) {
	list, err := collect(ctx, a.read, func(row scanner) (f coc.Failure, err error) {
		err = row.Scan(&f.DocumentID, &f.Name, &f.Err, &all)
		return f, err
	}, `
		SELECT document_id, name, error, count(*) OVER () FROM cycle_failures WHERE account_id = ? AND cycle_id = ?
		ORDER BY document_id LIMIT ?`, cycle, limit)
	return list, all, err
}

// CycleQuery selects cycles of a watch. The zero value selects all full ones.
type CycleQuery struct {
	Partial bool        // also partial ones
	Ended   bool        // only those with a recorded end
	Outcome coc.Outcome // "" for any
}

// NewestCycle returns the newest cycle of a watch without its failures; the zero Cycle for
// none.
func (a *Archive) NewestCycle(ctx context.Context, watch string, q CycleQuery) (_ coc.Cycle, err error) {
	defer wrap(&err, "newest cycle of watch %q", watch)
	var c conditions
	c.add(!q.Partial, "c.partial = 0")
	c.add(q.Ended, "c.ended_at IS NOT NULL")
	c.add(q.Outcome != "", "c.outcome = ?", q.Outcome)
	where, args := c.where()
	return first(ctx, a.read, scanCycle, ofWatch+` AND `+where+` ORDER BY c.id DESC LIMIT 1`, append([]any{watch}, args...)...)
}

// LastFailure returns the newest full cycle of a watch that failed, with its first failed
// document and the number of failed documents.
func (a *Archive) LastFailure(ctx context.Context, watch string) (c coc.Cycle, failed int, err error) {
	defer wrap(&err, "last failed cycle of watch %q", watch)
	if c, err = a.NewestCycle(ctx, watch, CycleQuery{Outcome: coc.CycleFailed}); err == nil {
		c.Failures, failed, err = a.failures(ctx, c.Key, 1)
	}
	return c, failed, err
}

// UnstableSince returns when the first good cycle with an incomplete list started, after the
// newest one with a complete list; zero for none.
func (a *Archive) UnstableSince(ctx context.Context, watch string) (since time.Time, err error) {
	defer wrap(&err, "unstable lists of watch %q", watch)
	_, since, err = a.cyclesAfter(ctx, watch, coc.CycleGood, `x.complete = 1`)
	return since, err
}

// Stopped counts the watch's cycles since its newest good one that were stopped or have
// no recorded end, and returns when the first of them started.
func (a *Archive) Stopped(ctx context.Context, watch string) (n int, since time.Time, err error) {
	defer wrap(&err, "stopped cycles of watch %q", watch)
	return a.cyclesAfter(ctx, watch, coc.CycleStopped, `x.outcome = 'good'`)
}

// cyclesAfter counts the full cycles of a watch with an outcome after the newest full cycle x
// that a condition selects, and returns when the first of them started.
func (a *Archive) cyclesAfter(ctx context.Context, watch string, outcome coc.Outcome, x string) (n int, since time.Time, err error) {
	err = a.read.row(ctx, `
		SELECT count(*), min(c.started_at) FROM watches w JOIN cycles c ON c.watch = w.name AND c.account_id = w.account_id
		WHERE w.name = ? AND c.outcome = ? AND c.partial = 0 AND c.id > coalesce((SELECT x.id FROM cycles x
			WHERE x.watch = w.name AND x.account_id = w.account_id AND x.partial = 0 AND `+x+` ORDER BY x.id DESC LIMIT 1), 0)`,
		watch, outcome).Scan(&n, &since)
	return n, since, err
}

// Ran counts the watch's cycles that started in [since, until) by outcome, without partial
// ones, and the scheduled cycles before them that did not run.
func (a *Archive) Ran(ctx context.Context, watch string, since, until time.Time) (ran map[coc.Outcome]int, missed int, err error) {
	defer wrap(&err, "count cycles of watch %q", watch)
	ran, err = byKey(ctx, a.read, func(row scanner) (outcome coc.Outcome, n int, err error) {
		var m int
		err = row.Scan(&outcome, &n, &m)
		missed += m
		return outcome, n, err
	}, `
		SELECT outcome, sum(1 - partial), sum(missed) FROM cycles
		WHERE watch = ? AND started_at >= ? AND started_at < ? GROUP BY outcome`,
		watch, since.UnixMilli(), until.UnixMilli())
	return ran, missed, err
}

// FirstCycle returns when the archive's first cycle started; zero for none.
func (a *Archive) FirstCycle(ctx context.Context) (when time.Time, err error) {
	defer wrap(&err, "first cycle")
	return first(ctx, a.read, scan[time.Time], `SELECT min(started_at) FROM cycles WHERE id = 1`)
}

// Unreached is a document that a cycle could not update.
type Unreached struct {
	coc.Failure
	CheckedAt time.Time // when COC last confirmed it; zero for never
}

func (u *Unreached) columns() []any { return []any{&u.DocumentID, &u.Name, &u.Err, &u.CheckedAt} }

// Unreached returns the documents that the watch's newest ended cycle could not update,
// the longest pending first.
func (a *Archive) Unreached(ctx context.Context, watch string) (_ []Unreached, err error) {
	defer wrap(&err, "documents that watch %q did not reach", watch)
	return collect(ctx, a.read, scan[Unreached], `
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

func (s *WatchStart) columns() []any { return []any{&s.Watch, &s.Account, &s.At} }

// WatchStarts returns the first cycle of each watch in each account.
func (a *Archive) WatchStarts(ctx context.Context) (_ []WatchStart, err error) {
	defer wrap(&err, "first cycles of watches")
	return collect(ctx, a.read, scan[WatchStart], `
		SELECT c.watch, a.name, min(c.started_at) FROM cycles c JOIN accounts a ON a.id = c.account_id
		GROUP BY c.watch, a.name ORDER BY c.watch, a.name`)
}

// LastRequestAt returns the end of the newest cycle that sent requests to COC, in an account
// or, for "", in all; zero for none.
func (a *Archive) LastRequestAt(ctx context.Context, account string) (when time.Time, err error) {
	defer wrap(&err, "newest request")
	return first(ctx, a.read, scan[time.Time], `
		SELECT max(c.ended_at) FROM cycles c JOIN accounts a ON a.id = c.account_id
		WHERE c.requests > 0 AND (?1 = '' OR a.name = ?1)`, account)
}

// CyclesWithin returns the watch's cycles in an account that overlap [since, until), in the
// order of their start, without their failures.
func (a *Archive) CyclesWithin(ctx context.Context, watch, account string, since, until time.Time) iter.Seq2[coc.Cycle, error] {
	return stream(ctx, a.read, scanCycle, cycleRows+`
		WHERE c.watch = ?1 AND a.name = ?2 AND c.started_at < ?4 AND (c.started_at >= ?3 OR c.ended_at >= ?3) ORDER BY c.id`,
		watch, account, since.UnixMilli(), until.UnixMilli())
}

// FailuresWithin counts the failures of documents by error, in full cycles of the watch
// that started in [since, until).
func (a *Archive) FailuresWithin(ctx context.Context, watch, account string, since, until time.Time) (_ map[string]int, err error) {
	defer wrap(&err, "failures of watch %q", watch)
	return byKey(ctx, a.read, scanPair[string, int], `
		SELECT f.error, count(*) FROM cycles c JOIN accounts a ON a.id = c.account_id
		JOIN cycle_failures f ON f.account_id = c.account_id AND f.cycle_id = c.id
		WHERE c.watch = ? AND a.name = ? AND c.partial = 0 AND c.started_at >= ? AND c.started_at < ? GROUP BY f.error`,
		watch, account, since.UnixMilli(), until.UnixMilli())
}
