package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"cocsync/internal/coc"
)

// Begin records that a cycle begins and returns its id. It fails with ErrAltered when the
// schema was altered, and with ErrLocked when the lock's file was removed. Cycles of the
// watch that never ended are closed: their process died.
func (d *DB) Begin(ctx context.Context, c coc.Cycle) (id int64, err error) {
	defer wrap(&err, "begin a cycle of watch %q", c.Watch)
	if err := d.ownsLock(); err != nil {
		return 0, err
	}
	err = d.update(ctx, func(t tx) error {
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
		id, err = t.insert(`
			INSERT INTO cycles (watch, account_id, cause, partial, started_at, outcome, missed)
			SELECT ?, id, ?, ?, ?, 'running', ? FROM accounts WHERE name = ?`,
			c.Watch, string(c.Trigger), c.Partial, c.StartedAt.UnixMilli(), c.Missed, c.Account)
		return err
	})
	return id, err
}

// Responded records when COC last served a request of a running cycle.
func (d *DB) Responded(ctx context.Context, cycle int64, at time.Time) (err error) {
	defer wrap(&err, "progress of cycle %d", cycle)
	return d.update(ctx, func(t tx) error {
		return t.exec(`UPDATE cycles SET responded_at = ? WHERE id = ? AND outcome = 'running'`, at.UnixMilli(), cycle)
	})
}

// Release makes what the cycle has to tell so far fall due now.
func (d *DB) Release(ctx context.Context, cycle int64, now time.Time) (err error) {
	defer wrap(&err, "release deliveries")
	var waits bool
	err = d.read.row(ctx, `
		SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 'waiting' AND cycle_id = ? AND due_at > ?)`,
		cycle, now.UnixMilli()).Scan(&waits)
	if err != nil || !waits {
		return explain(err)
	}
	return d.update(ctx, func(t tx) error { return t.release(cycle, now) })
}

// release takes what an earlier cycle left to tell of the same documents along,
// so that nothing overtakes it.
func (t tx) release(cycle int64, now time.Time) error {
	return t.exec(`
		UPDATE deliveries SET due_at = ?1 WHERE state = 'waiting' AND due_at > ?1 AND change_id IN (
			SELECT c.id FROM changes c WHERE c.document_id IN (
				SELECT x.document_id FROM deliveries y JOIN changes x ON x.id = y.change_id
				WHERE y.state = 'waiting' AND y.cycle_id = ?2))`, now.UnixMilli(), cycle)
}

// End records how a cycle ended, releases its deliveries and queues what is to
// be told of the cycle itself.
func (d *DB) End(ctx context.Context, c coc.Cycle, tell []coc.NewNotice) (err error) {
	defer wrap(&err, "end a cycle of watch %q", c.Watch)
	return d.update(ctx, func(t tx) error {
		err := t.exec(`
			UPDATE cycles SET ended_at = ?, outcome = ?, complete = ?, requests = ?, listed = ?, total = ?, skipped = ?,
				documents = ?, versions = ?, changes = ?, error = ? WHERE id = ?`,
			c.EndedAt.UnixMilli(), string(c.Outcome), c.Complete, c.Requests, c.Listed, c.Total, c.Skipped,
			c.Documents, c.Versions, c.Changes, c.Err, c.ID)
		if err != nil {
			return err
		}
		for _, f := range c.Failures {
			err := t.exec(`
				INSERT INTO cycle_failures (cycle_id, document_id, name, error) VALUES (?, ?, ?, ?)
				ON CONFLICT DO NOTHING`, c.ID, f.DocumentID, f.Name, f.Err)
			if err != nil {
				return fmt.Errorf("failure of %s: %w", f.DocumentID, err)
			}
		}
		if err := t.release(c.ID, c.EndedAt); err != nil {
			return err
		}
		if err := t.cover(c.ID); err != nil {
			return err
		}
		if _, err := t.checkpoint(false, c.EndedAt); err != nil {
			return err
		}
		for _, n := range tell {
			if err := t.tell(n); err != nil {
				return fmt.Errorf("notice: %w", err)
			}
		}
		return nil
	})
}

// tell queues a notice, and remembers on its watch that it was told.
func (t tx) tell(n coc.NewNotice) error {
	column := map[coc.NoticeKind]string{
		coc.NoticeInitialSync: `greeted_at = ?1`,
		coc.NoticeFailure:     `trouble_at = ?1, trouble_whole = ?3`,
		coc.NoticeRecovered:   `trouble_at = NULL, trouble_whole = 0`,
	}[n.Kind]
	if column != "" {
		if err := t.exec(`UPDATE watches SET `+column+` WHERE name = ?2 AND ?3 IS NOT NULL`, n.At.UnixMilli(), n.Watch, n.Whole); err != nil {
			return err
		}
	}
	if len(n.Notify) == 0 {
		return nil
	}
	lines, err := json.Marshal(n.Lines)
	if err != nil {
		return err
	}
	id, err := t.insert(`INSERT INTO notices (kind, watch, at, title, lines) VALUES (?, ?, ?, ?, ?)`,
		string(n.Kind), n.Watch, n.At.UnixMilli(), n.Title, string(lines))
	if err != nil {
		return err
	}
	for _, notifier := range n.Notify {
		err := t.exec(`
			INSERT INTO deliveries (notifier, notice_id, state, due_at) VALUES (?, ?, 'waiting', ?)`,
			notifier, id, n.At.UnixMilli())
		if err != nil {
			return err
		}
	}
	return nil
}

// Cycles returns the newest cycles of a watch, newest first, with their
// failures.
func (d *DB) Cycles(ctx context.Context, watch string, limit int) (_ []coc.Cycle, err error) {
	defer wrap(&err, "cycles of watch %q", watch)
	list, err := collect(ctx, d.read, scanCycle, cycleRows+`
		WHERE c.watch = ? ORDER BY c.id DESC LIMIT ?`, watch, limit)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Failures, err = collect(ctx, d.read, func(row scanner) (f coc.Failure, err error) {
			err = row.Scan(&f.DocumentID, &f.Name, &f.Err)
			return f, err
		}, `SELECT document_id, name, error FROM cycle_failures WHERE cycle_id = ? ORDER BY document_id`, list[i].ID)
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// cycleRows are cycles as scanCycle reads them.
const cycleRows = `
	SELECT c.id, c.watch, a.name, c.cause, c.started_at, c.ended_at, c.outcome, c.complete, c.requests,
		c.listed, c.total, c.skipped, c.documents, c.versions, c.changes, c.error, c.missed, c.responded_at
	FROM cycles c JOIN accounts a ON a.id = c.account_id`

func scanCycle(row scanner) (c coc.Cycle, err error) {
	var started, ended, responded sql.NullInt64
	err = row.Scan(&c.ID, &c.Watch, &c.Account, &c.Trigger, &started, &ended, &c.Outcome, &c.Complete, &c.Requests,
		&c.Listed, &c.Total, &c.Skipped, &c.Documents, &c.Versions, &c.Changes, &c.Err, &c.Missed, &responded)
	c.StartedAt, c.EndedAt, c.RespondedAt = instant(started), instant(ended), instant(responded)
	return c, err
}
