package db

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"cocsync/internal/coc"
)

// Followed returns all documents of the account with their state for the watch. An unavailable
// version counts as pending if its next attempt is due by retry.
func (a *Archive) Followed(ctx context.Context, account, watch string, retry time.Time) (_ []coc.Followed, err error) {
	defer wrap(&err, "documents of account %q", account)
	urgent, err := byKey(ctx, a.read, scanPair[coc.Key, bool], `
		SELECT p.account_id, p.document_id, max(p.urgent) FROM (
			SELECT account_id, document_id, CASE WHEN backfill = 0 THEN 1 ELSE 0 END AS urgent FROM versions WHERE state = 'pending'
			UNION ALL
			SELECT account_id, document_id, 0 FROM versions WHERE state = 'unavailable' AND withdrawn_at IS NULL
				AND (coalesce(retry_at, 0) <= ?1 OR retry_at > ?2)) p -- later was set by a wrong clock
		GROUP BY p.account_id, p.document_id`, retry.UnixMilli(), retry.AddDate(0, 0, 1).UnixMilli())
	if err != nil {
		return nil, err
	}
	return collect(ctx, a.read, func(row scanner) (f coc.Followed, err error) {
		var key coc.Key
		var initial sql.NullBool
		err = row.Scan(&key, &f.DocumentID, &f.State, &f.Fingerprint, &f.CheckedAt, &initial, &f.MissingAt)
		f.Urgent, f.Pending = urgent[key]
		f.Member, f.InitialSync = initial.Valid, initial.Bool
		return f, err
	}, `
		SELECT d.account_id, d.id, d.document_id, d.state, d.fingerprint, d.checked_at, m.initial, m.missing_at
		FROM accounts a JOIN documents d ON d.account_id = a.id
		LEFT JOIN memberships m ON m.account_id = d.account_id AND m.document_id = d.id AND m.watch = ? AND m.until IS NULL
		WHERE a.name = ?`, watch, account)
}

// Follow records that a watch follows these documents since j.At. Documents that it already
// follows do not change.
func (a *Archive) Follow(ctx context.Context, j coc.Joining) (err error) {
	defer wrap(&err, "follow documents of watch %q", j.Watch)
	return a.update(ctx, func(t tx) error {
		if j.ListComplete {
			err := t.exec(`UPDATE watches SET first_listed_at = ? WHERE name = ?`, j.At, j.Watch)
			if err != nil {
				return err
			}
		}
		account, err := t.account(j.Account)
		if err != nil {
			return err
		}
		for _, r := range j.Rows {
			if err := t.follow(account, j, r); err != nil {
				return fmt.Errorf("document %s: %w", r.DocumentID, err)
			}
		}
		return nil
	})
}

func (t tx) follow(account int64, j coc.Joining, r coc.Row) error {
	doc, _, err := t.documentKey(account, r.DocumentID, j.DocumentType, r.Name, j.At)
	if err != nil {
		return err
	}
	var follows bool
	err = t.row(`SELECT EXISTS (SELECT 1 FROM memberships WHERE account_id = ? AND document_id = ? AND watch = ? AND until IS NULL)`,
		doc, j.Watch).Scan(&follows)
	if err != nil || follows {
		return err
	}
	return t.exec(`INSERT INTO memberships (account_id, document_id, watch, since, initial) VALUES (?, ?, ?, ?, ?)`,
		doc, j.Watch, j.At, j.InitialSync)
}

// Leave records that a watch no longer follows these documents.
func (a *Archive) Leave(ctx context.Context, account, watch string, ids []string, now time.Time) (err error) {
	defer wrap(&err, "end the memberships of watch %q", watch)
	return a.members(ctx, account, watch, ids, `UPDATE memberships SET until = ?1`, now)
}

// Missing records since when documents are missing from the list, if too many are missing to
// conclude that they were deleted. The zero time means that they are not missing.
func (a *Archive) Missing(ctx context.Context, account, watch string, ids []string, since time.Time) (err error) {
	defer wrap(&err, "missing documents of watch %q", watch)
	return a.members(ctx, account, watch, ids, `UPDATE memberships SET missing_at = ?1`, since)
}

func (a *Archive) members(ctx context.Context, account, watch string, ids []string, set string, when time.Time) error {
	return a.update(ctx, func(t tx) error {
		for _, id := range ids {
			err := t.exec(set+` WHERE watch = ?2 AND until IS NULL AND (account_id, document_id) =
				(SELECT d.account_id, d.id FROM documents d JOIN accounts a ON a.id = d.account_id
				 WHERE a.name = ?3 AND d.document_id = ?4)`, when, watch, account, id)
			if err != nil {
				return fmt.Errorf("document %s: %w", id, err)
			}
		}
		return nil
	})
}

// Followers returns the watches that follow a document now, by name.
func (a *Archive) Followers(ctx context.Context, document coc.Key) (names []string, err error) {
	defer wrap(&err, "watches of a document")
	return collect(ctx, a.read, scan[string], `
		SELECT DISTINCT watch FROM memberships WHERE account_id = ? AND document_id = ? AND until IS NULL ORDER BY watch`,
		document)
}

// Membership is a period in which a watch followed a document. Until is zero while it does.
type Membership struct {
	Watch string
	Since time.Time
	Until time.Time
}

func (m *Membership) columns() []any { return []any{&m.Watch, &m.Since, &m.Until} }

// MembershipsOf returns the memberships of a document, oldest first.
func (a *Archive) MembershipsOf(ctx context.Context, document coc.Key) (_ []Membership, err error) {
	defer wrap(&err, "memberships of a document")
	return collect(ctx, a.read, scan[Membership], `
		SELECT watch, since, until FROM memberships
		WHERE account_id = ? AND document_id = ? ORDER BY since, watch`, document)
}

// MembershipTimes returns the distinct periods in which a watch followed documents of an
// account and that overlap [since, until), oldest first.
func (a *Archive) MembershipTimes(ctx context.Context, watch, account string, since, until time.Time) iter.Seq2[Membership, error] {
	return stream(ctx, a.read, scan[Membership], `
		SELECT DISTINCT m.watch, m.since, m.until FROM memberships m JOIN accounts a ON a.id = m.account_id
		WHERE m.watch = ?1 AND a.name = ?2 AND m.since < ?4 AND (m.until IS NULL OR m.until > ?3) ORDER BY m.since, m.until`,
		watch, account, since.UnixMilli(), until.UnixMilli())
}

// NamesOf returns the names of documents of an account by id. Unknown ids are omitted.
func (a *Archive) NamesOf(ctx context.Context, account string, ids []string) (names map[string]string, err error) {
	defer wrap(&err, "names of documents")
	names = make(map[string]string, len(ids))
	for _, id := range ids {
		names[id], err = first(ctx, a.read, scan[string], `
			SELECT d.name FROM documents d JOIN accounts a ON a.id = d.account_id
			WHERE a.name = ? AND d.document_id = ?`, account, id)
		if err != nil {
			return names, err
		}
	}
	return names, nil
}
