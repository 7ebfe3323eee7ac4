package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// ErrEndpoint means that an account's name now stands for another endpoint.
var ErrEndpoint = errors.New("the archive knows it by another endpoint")

// Account returns what is remembered of an account, making its row at first
// sight. It refuses another endpoint under the same name, unless accept says
// that a person wants it so: two services' documents would mix.
func (d *DB) Account(ctx context.Context, name, endpoint string, accept bool) (s coc.AccountState, err error) {
	defer wrap(&err, "account %q", name)
	s, known, err := d.account(ctx, name)
	if err == nil && known == endpoint || err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, err
	}
	if err == nil && !accept {
		return s, hint.Wrap(fmt.Errorf("%w, %s, not by %s", ErrEndpoint, known, endpoint),
			"give the new endpoint's account a new name, or run `cocsync sync --accept-endpoint` once if it is the same COC")
	}
	return s, d.update(ctx, func(t tx) error {
		return t.exec(`
			INSERT INTO accounts (name, endpoint) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET endpoint = excluded.endpoint`, name, endpoint)
	})
}

func (d *DB) account(ctx context.Context, name string) (s coc.AccountState, endpoint string, err error) {
	var until, paused sql.NullInt64
	err = d.read.row(ctx, `
		SELECT endpoint, coalesce(refused_key, ''), refused_until, coalesce(refused_reason, ''), paused_until
		FROM accounts WHERE name = ?`, name).Scan(&endpoint, &s.RefusedKey, &until, &s.RefusedReason, &paused)
	s.RefusedUntil, s.PausedUntil = instant(until), instant(paused)
	return s, endpoint, explain(err)
}

// Refused remembers that COC refused a key pair, so that the next process
// leaves it alone as well. A zero until forgets it.
func (d *DB) Refused(ctx context.Context, account, key, why string, until time.Time) (err error) {
	defer wrap(&err, "remember the refusal of account %q", account)
	return d.update(ctx, func(t tx) error {
		return t.exec(`UPDATE accounts SET refused_key = ?, refused_reason = ?, refused_until = ? WHERE name = ?`,
			key, why, millis(until), account)
	})
}

// Shortfall remembers that the list of a watch has fewer rows than its total; the zero
// Shortfall says that it is complete.
func (d *DB) Shortfall(ctx context.Context, watch string, s coc.Shortfall) (err error) {
	defer wrap(&err, "remember the list of watch %q", watch)
	return d.update(ctx, func(t tx) error {
		return t.exec(`UPDATE watches SET short_since = ?, short_listed = ?, short_total = ? WHERE name = ?`,
			millis(s.Since), s.Listed, s.Total, watch)
	})
}

// Paused remembers that COC asked for quiet.
func (d *DB) Paused(ctx context.Context, account string, until time.Time) (err error) {
	defer wrap(&err, "remember the pause of account %q", account)
	return d.update(ctx, func(t tx) error {
		return t.exec(`UPDATE accounts SET paused_until = ? WHERE name = ?`, millis(until), account)
	})
}

// Watch returns what is remembered of a watch; the zero state before it ran.
func (d *DB) Watch(ctx context.Context, name string) (s coc.WatchState, err error) {
	defer wrap(&err, "watch %q", name)
	var listed, greeted, trouble, good, latest, last, failing, short sql.NullInt64
	c := &s.Schedule
	var interval, set sql.NullInt64
	err = d.read.row(ctx, `
		SELECT first_listed_at, greeted_at, trouble_at, trouble_whole,
			a.name, a.endpoint, coalesce(w.schedule, ''), coalesce(w.timezone, ''), w.interval, w.scheduled_at,
			w.short_since, coalesce(w.short_listed, 0), coalesce(w.short_total, 0),
			(SELECT ended_at FROM cycles WHERE watch = w.name AND outcome = 'good' AND NOT partial ORDER BY id DESC LIMIT 1),
			(SELECT started_at FROM cycles WHERE watch = w.name AND NOT partial ORDER BY id DESC LIMIT 1),
			(SELECT id FROM cycles WHERE watch = w.name AND outcome = 'good' AND NOT partial ORDER BY id DESC LIMIT 1)
		FROM watches w JOIN accounts a ON a.id = w.account_id WHERE w.name = ?`, name).
		Scan(&listed, &greeted, &trouble, &s.FailureWhole, &c.Account, &c.Endpoint, &c.Spec, &c.Timezone, &interval, &set,
			&short, &s.Shortfall.Listed, &s.Shortfall.Total, &good, &latest, &last)
	if err != nil {
		return s, explain(ignore(err, sql.ErrNoRows))
	}
	c.Watch, c.Interval, c.SetAt = name, time.Duration(interval.Int64)*time.Millisecond, instant(set)
	if c.Spec == "" { // no configuration names the watch
		s.Schedule = coc.Schedule{}
	}
	s.Shortfall.Since = instant(short)
	s.FirstListedAt, s.SummarySentAt, s.FailureAt = instant(listed), instant(greeted), instant(trouble)
	s.LastGoodAt, s.LastCycleAt = instant(good), instant(latest)
	err = d.read.row(ctx, `
		SELECT count(*), min(started_at) FROM cycles WHERE watch = ? AND id > ? AND outcome = 'failed' AND NOT partial`,
		name, last.Int64).Scan(&s.FailedInARow, &failing)
	s.FailingSince = instant(failing)
	return s, explain(err)
}

// Followed returns every document of the account, as the watch stands to it. An
// unavailable version counts as pending if it is requested again by that time.
func (d *DB) Followed(ctx context.Context, account, watch string, retry time.Time) (_ []coc.Followed, err error) {
	defer wrap(&err, "documents of account %q", account)
	urgent := map[int64]bool{} // documents with a pending version
	_, err = collect(ctx, d.read, func(row scanner) (struct{}, error) {
		var id int64
		var late bool
		err := row.Scan(&id, &late)
		urgent[id] = late
		return struct{}{}, err
	}, `
		SELECT p.document_id, max(p.urgent) FROM (
			SELECT document_id, backfill = 0 AS urgent FROM versions WHERE state = 'pending'
			UNION ALL
			SELECT document_id, 0 FROM versions WHERE state = 'unavailable' AND withdrawn_at IS NULL
				AND (coalesce(retry_at, 0) <= ?1 OR retry_at > ?2)) p -- later was set by a wrong clock
		GROUP BY p.document_id`, retry.UnixMilli(), retry.AddDate(0, 0, 1).UnixMilli())
	if err != nil {
		return nil, err
	}
	return collect(ctx, d.read, func(row scanner) (coc.Followed, error) {
		var f coc.Followed
		var id, checked int64
		var print []byte
		var first, missing sql.NullInt64
		err := row.Scan(&id, &f.DocumentID, &f.State, &print, &checked, &first, &missing)
		copy(f.Fingerprint[:], print)
		f.CheckedAt = time.UnixMilli(checked).UTC()
		f.Urgent, f.Pending = urgent[id]
		f.Member, f.InitialSync = first.Valid, first.Int64 == 1
		f.MissingAt = instant(missing)
		return f, err
	}, `
		SELECT d.id, d.document_id, d.state, d.fingerprint, d.checked_at, m.first_contact, m.missing_at
		FROM accounts a JOIN documents d ON d.account_id = a.id
		LEFT JOIN memberships m ON m.watch = ? AND m.document_id = d.id AND m.until IS NULL
		WHERE a.name = ?`, watch, account)
}

// NamesOf returns the names of documents of an account by their ids; nothing for one that
// it does not have.
func (d *DB) NamesOf(ctx context.Context, account string, ids []string) (names map[string]string, err error) {
	defer wrap(&err, "names of documents")
	names = make(map[string]string, len(ids))
	for _, id := range ids {
		var name string
		err := d.read.row(ctx, `
			SELECT d.name FROM documents d JOIN accounts a ON a.id = d.account_id
			WHERE a.name = ? AND d.document_id = ?`, account, id).Scan(&name)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return names, explain(err)
		}
		names[id] = name
	}
	return names, nil
}

// Follow records that a watch follows these documents from j.At on. A document that
// it follows already stays as it is.
func (d *DB) Follow(ctx context.Context, j coc.Joining) (err error) {
	defer wrap(&err, "follow documents of watch %q", j.Watch)
	return d.update(ctx, func(t tx) error {
		if j.ListComplete {
			err := t.exec(`UPDATE watches SET first_listed_at = ? WHERE name = ?`, j.At.UnixMilli(), j.Watch)
			if err != nil {
				return err
			}
		}
		for _, r := range j.Rows {
			if err := t.join(j, r); err != nil {
				return fmt.Errorf("document %s: %w", r.DocumentID, err)
			}
		}
		return nil
	})
}

func (t tx) join(j coc.Joining, r coc.Row) error {
	id, _, err := t.documentKey(j.Account, r.DocumentID, j.DocumentType, r.Name, j.At)
	if err != nil {
		return err
	}
	return t.exec(`
		INSERT INTO memberships (watch, document_id, since, first_contact)
		SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS
			(SELECT 1 FROM memberships WHERE watch = ?1 AND document_id = ?2 AND until IS NULL)`,
		j.Watch, id, j.At.UnixMilli(), j.InitialSync)
}

// Leave records that a watch no longer follows these documents.
func (d *DB) Leave(ctx context.Context, account, watch string, ids []string, now time.Time) (err error) {
	defer wrap(&err, "leave documents of watch %q", watch)
	return d.members(ctx, account, watch, ids, `UPDATE memberships SET until = ?1`, now)
}

// Missing records since when documents are missing together with too many
// others to believe; the zero time says that they are not.
func (d *DB) Missing(ctx context.Context, account, watch string, ids []string, since time.Time) (err error) {
	defer wrap(&err, "missing documents of watch %q", watch)
	return d.members(ctx, account, watch, ids, `UPDATE memberships SET missing_at = ?1`, since)
}

func (d *DB) members(ctx context.Context, account, watch string, ids []string, set string, at time.Time) error {
	return d.update(ctx, func(t tx) error {
		for _, id := range ids {
			err := t.exec(set+` WHERE watch = ?2 AND until IS NULL AND document_id =
				(SELECT d.id FROM documents d JOIN accounts a ON a.id = d.account_id
				 WHERE a.name = ?3 AND d.document_id = ?4)`, millis(at), watch, account, id)
			if err != nil {
				return fmt.Errorf("document %s: %w", id, err)
			}
		}
		return nil
	})
}

// endWatch closes the memberships of a watch; what it lists next is its first
// contact again.
func (t tx) endWatch(name string, now time.Time) error {
	err := t.exec(`UPDATE memberships SET until = ? WHERE watch = ? AND until IS NULL`, now.UnixMilli(), name)
	if err != nil {
		return err
	}
	return t.exec(`
		UPDATE watches SET first_listed_at = NULL, greeted_at = NULL, trouble_at = NULL, schedule = NULL, timezone = NULL,
			interval = NULL, scheduled_at = NULL, short_since = NULL, short_listed = NULL, short_total = NULL
		WHERE name = ?`, name)
}
