package db

import (
	"context"
	"database/sql"
	"time"

	"cocsync/internal/coc"
)

// Begun is when a watch had its first cycle in an account.
type Begun struct {
	Watch, Account string
	At             time.Time
}

// Begun returns the watches that ever ran, in each account that they ran in.
func (d *DB) Begun(ctx context.Context) (_ []Begun, err error) {
	defer wrap(&err, "first cycles of watches")
	return collect(ctx, d.read, func(row scanner) (b Begun, err error) {
		var at sql.NullInt64
		err = row.Scan(&b.Watch, &b.Account, &at)
		b.At = instant(at)
		return b, err
	}, `
		SELECT c.watch, a.name, min(c.started_at) FROM cycles c JOIN accounts a ON a.id = c.account_id
		GROUP BY c.watch, a.name ORDER BY c.watch, a.name`)
}

// LastAsked returns when the newest cycle ended that sent COC a request, of an account
// or for "" of all; zero if none did.
func (d *DB) LastAsked(ctx context.Context, account string) (at time.Time, err error) {
	defer wrap(&err, "newest request")
	return d.instant(ctx, `
		SELECT max(c.ended_at) FROM cycles c JOIN accounts a ON a.id = c.account_id
		WHERE c.requests > 0 AND (?1 = '' OR a.name = ?1)`, account)
}

// CyclesWithin returns the watch's cycles in an account that reach into [since, until),
// in the order in which they began, without what they found and their failures.
func (d *DB) CyclesWithin(ctx context.Context, watch, account string, since, until time.Time) (_ []coc.Cycle, err error) {
	defer wrap(&err, "cycles of watch %q", watch)
	return collect(ctx, d.read, func(row scanner) (c coc.Cycle, err error) {
		var started, ended sql.NullInt64
		err = row.Scan(&c.ID, &c.Watch, &c.Account, &c.Partial, &started, &ended, &c.Outcome, &c.Complete, &c.Requests, &c.Err, &c.Missed)
		c.StartedAt, c.EndedAt = instant(started), instant(ended)
		return c, err
	}, `
		SELECT c.id, c.watch, a.name, c.partial, c.started_at, c.ended_at, c.outcome, c.complete, c.requests, c.error, c.missed
		FROM cycles c JOIN accounts a ON a.id = c.account_id
		WHERE c.watch = ?1 AND a.name = ?2 AND c.started_at < ?4 AND (c.started_at >= ?3 OR c.ended_at >= ?3) ORDER BY c.id`,
		watch, account, since.UnixMilli(), until.UnixMilli())
}

// FailedWithin counts by error how often a document failed in those cycles of the watch
// that began within [since, until), cycles of some documents by name left out.
func (d *DB) FailedWithin(ctx context.Context, watch, account string, since, until time.Time) (_ map[string]int, err error) {
	defer wrap(&err, "failures of watch %q", watch)
	times := map[string]int{}
	_, err = collect(ctx, d.read, func(row scanner) (struct{}, error) {
		var text string
		var n int
		err := row.Scan(&text, &n)
		times[text] = n
		return struct{}{}, err
	}, `
		SELECT f.error, count(*) FROM cycles c
		JOIN accounts a ON a.id = c.account_id JOIN cycle_failures f ON f.cycle_id = c.id
		WHERE c.watch = ? AND a.name = ? AND NOT c.partial AND c.started_at >= ? AND c.started_at < ? GROUP BY f.error`,
		watch, account, since.UnixMilli(), until.UnixMilli())
	return times, err
}

// Stretch is a time in which a watch followed a document; Until is zero while it does.
type Stretch struct {
	Watch    string
	Account  string // of the document
	Document int64  // key
	Since    time.Time
	Until    time.Time
}

// FollowedWithin returns the stretches that reach into [since, until), oldest first.
func (d *DB) FollowedWithin(ctx context.Context, since, until time.Time) (_ []Stretch, err error) {
	defer wrap(&err, "documents followed in a period")
	return collect(ctx, d.read, func(row scanner) (s Stretch, err error) {
		var from, to sql.NullInt64
		err = row.Scan(&s.Watch, &s.Account, &s.Document, &from, &to)
		s.Since, s.Until = instant(from), instant(to)
		return s, err
	}, `
		SELECT m.watch, a.name, m.document_id, m.since, m.until
		FROM memberships m JOIN documents d ON d.id = m.document_id JOIN accounts a ON a.id = d.account_id
		WHERE m.since < ?2 AND (m.until IS NULL OR m.until > ?1) ORDER BY m.since, m.watch, m.document_id`,
		since.UnixMilli(), until.UnixMilli())
}

// within are the conditions of a change that was made or seen within [?1, ?2), in the
// account ?3 or for "" in any.
const within = `(c.at >= ?1 AND c.at < ?2 OR c.seen_at >= ?1 AND c.seen_at < ?2) AND (?3 = '' OR a.name = ?3)`

// ChangesWithin returns the changes that were made or seen within [since, until),
// oldest first and without their items. Those that were there before cocsync first
// looked are left out.
func (d *DB) ChangesWithin(ctx context.Context, since, until time.Time, account string) (_ []coc.Change, err error) {
	defer wrap(&err, "changes of a period")
	return collect(ctx, d.read, scanChange, changeRows+`
		WHERE NOT c.backfill AND `+within+` ORDER BY c.at, c.id`, since.UnixMilli(), until.UnixMilli(), account)
}

// BackfillWithin counts those that ChangesWithin leaves out, and their documents.
func (d *DB) BackfillWithin(ctx context.Context, since, until time.Time, account string) (changes, documents int, err error) {
	defer wrap(&err, "count earlier changes")
	err = d.read.row(ctx, `
		SELECT count(*), count(DISTINCT c.document_id)
		FROM changes c JOIN documents d ON d.id = c.document_id JOIN accounts a ON a.id = d.account_id
		WHERE c.backfill AND `+within, since.UnixMilli(), until.UnixMilli(), account).Scan(&changes, &documents)
	return changes, documents, explain(err)
}

// Replaced is what a rewrite put in place of what.
type Replaced struct {
	Old, New coc.Hash
	// StoodAt is when the old bytes were last seen to stand; zero for never again after
	// they came.
	StoodAt time.Time
}

// ReplacedWithin returns by change the rewrites among those of ChangesWithin.
func (d *DB) ReplacedWithin(ctx context.Context, since, until time.Time, account string) (_ map[int64]Replaced, err error) {
	defer wrap(&err, "rewrites of a period")
	return byKey(ctx, d.read, func(row scanner) (id int64, r Replaced, err error) {
		var stood sql.NullInt64
		err = row.Scan(&id, (*hashColumn)(&r.Old), (*hashColumn)(&r.New), &stood)
		r.StoodAt = instant(stood)
		return id, r, err
	}, `
		SELECT c.id, o.sha256, n.sha256, rt.previous_checked_at
		FROM changes c JOIN documents d ON d.id = c.document_id JOIN accounts a ON a.id = d.account_id
		LEFT JOIN revisions rt ON rt.id = c.to_revision LEFT JOIN contents n ON n.id = rt.content_id
		LEFT JOIN revisions rf ON rf.id = c.from_revision LEFT JOIN contents o ON o.id = rf.content_id
		WHERE c.kind = 'rewritten' AND NOT c.backfill AND `+within, since.UnixMilli(), until.UnixMilli(), account)
}

// Lacking is a listed version whose content is not here.
type Lacking struct {
	Account, DocumentID, Name string
	Revision                  // with Number 0
}

// Lacking returns the versions listed before an instant whose content is not here now,
// of an account or for "" of all.
func (d *DB) Lacking(ctx context.Context, until time.Time, account string) (_ []Lacking, err error) {
	defer wrap(&err, "versions without a content")
	return collect(ctx, d.read, func(row scanner) (l Lacking, err error) {
		var made, listed, withdrawn sql.NullInt64
		err = row.Scan(&l.Account, &l.DocumentID, &l.Name, &l.Label, &l.State, &l.Err, &made, &listed, &withdrawn)
		l.MadeAt, l.SeenAt, l.WithdrawnAt = instant(made), instant(listed), instant(withdrawn)
		return l, err
	}, `
		SELECT a.name, d.document_id, d.name, v.label, v.state, v.error, v.made_at, v.listed_at, v.withdrawn_at
		FROM versions v JOIN documents d ON d.id = v.document_id JOIN accounts a ON a.id = d.account_id
		WHERE v.state <> 'archived' AND v.listed_at < ?1 AND (?2 = '' OR a.name = ?2)
		ORDER BY d.name, d.document_id, v.id`, until.UnixMilli(), account)
}
