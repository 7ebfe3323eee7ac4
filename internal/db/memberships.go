package db

import (
	"context"
	"fmt"
	"iter"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// Followed returns all documents of the account with their state for the watch. An unavailable
// version counts as pending if its next attempt is due by retry.
func (a *Archive) Followed(ctx context.Context, account, watch string, retry time.Time) ([]coc.Followed, error) {
	return collect[coc.Followed](a.reading(ctx, "documents of account %q", account), `
		WITH p AS MATERIALIZED (SELECT v.account_id, v.document_id, max(v.urgent) AS urgent FROM (
			SELECT account_id, document_id, CASE WHEN backfill = 0 THEN 1 ELSE 0 END AS urgent FROM versions WHERE state = 'pending'
			UNION ALL
			SELECT account_id, document_id, 0 FROM versions WHERE state = 'unavailable' AND withdrawn_at IS NULL
				AND (coalesce(retry_at, 0) <= ?1 OR retry_at > ?2)) v -- later was set by a wrong clock
			GROUP BY v.account_id, v.document_id)
		SELECT d.document_id, d.state, d.fingerprint, d.checked_at, p.urgent IS NOT NULL, coalesce(p.urgent, 0),
			m.initial IS NOT NULL, coalesce(m.initial, 0), m.missing_at
		FROM accounts a JOIN documents d ON d.account_id = a.id
		LEFT JOIN memberships m ON m.account_id = d.account_id AND m.document_id = d.id AND m.watch = ?3 AND m.until IS NULL
		LEFT JOIN p ON p.account_id = d.account_id AND p.document_id = d.id
		WHERE a.name = ?4`, retry.UnixMilli(), retry.AddDate(0, 0, 1).UnixMilli(), watch, account)
}

// Follow records that a watch follows these documents since m.At. Documents that it already
// follows do not change.
func (a *Archive) Follow(ctx context.Context, m coc.NewMembers) error {
	return a.update(ctx, fmt.Sprintf("follow documents of watch %q", m.Watch), func(t *tx) {
		if m.ListComplete {
			t.exec(`UPDATE watches SET first_listed_at = ? WHERE name = ?`, m.At, m.Watch)
		}
		for _, r := range m.Rows {
			t.follow(m, r)
		}
	})
}

func (t *tx) follow(m coc.NewMembers, r coc.Row) {
	defer t.naming("document %s", r.DocumentID)()
	doc, _ := t.documentKey(m.Account, r.DocumentID, m.DocumentType, r.Name, m.At)
	if _, ok := get[int64](t, `SELECT id FROM memberships WHERE account_id = ? AND document_id = ? AND watch = ?
		AND until IS NULL`, doc, m.Watch); ok {
		return
	}
	key := t.add(doc.Account, "memberships", "document_id, watch, since, initial", doc.ID, m.Watch, m.At, m.InitialSync)
	t.leaf(key, audit.NewRecord(audit.TypeMember, "account", m.Account, "document_id", r.DocumentID, "watch", m.Watch,
		"since", m.At, "initial", m.InitialSync))
}

// Leave records that a watch no longer follows these documents.
func (a *Archive) Leave(ctx context.Context, account, watch string, ids []string, now time.Time) error {
	return a.update(ctx, fmt.Sprintf("end the memberships of watch %q", watch), func(t *tx) {
		for _, id := range ids {
			t.endMemberships(now, ` AND m.watch = ? AND a.name = ? AND d.document_id = ?`, watch, account, id)
		}
	})
}

// endMemberships ends the memberships that a condition selects.
func (t *tx) endMemberships(now time.Time, where string, args ...any) {
	for _, m := range list[struct {
		Key                        coc.Key
		Account, DocumentID, Watch string
		Since                      time.Time
	}](t, `
		SELECT m.account_id, m.id, a.name, d.document_id, m.watch, m.since FROM memberships m JOIN accounts a ON a.id = m.account_id
		JOIN documents d ON d.account_id = m.account_id AND d.id = m.document_id WHERE m.until IS NULL`+where+`
			ORDER BY m.account_id, m.id`, args...) {
		t.exec(`UPDATE memberships SET until = ? WHERE account_id = ? AND id = ?`, now, m.Key)
		key := t.add(m.Key.Account, "membership_ends", "membership_id, until", m.Key.ID, now)
		t.leaf(key, audit.NewRecord(audit.TypeMemberEnd, "account", m.Account, "document_id", m.DocumentID, "watch", m.Watch,
			"since", m.Since, "until", now))
	}
}

// Missing records since when documents are missing from the list, if too many are missing to
// conclude that they were deleted. The zero time means that they are not missing.
func (a *Archive) Missing(ctx context.Context, account, watch string, ids []string, since time.Time) error {
	return a.update(ctx, fmt.Sprintf("missing documents of watch %q", watch), func(t *tx) {
		for _, id := range ids {
			t.exec(`UPDATE memberships SET missing_at = ? WHERE watch = ? AND until IS NULL AND (account_id, document_id) =
				(SELECT d.account_id, d.id FROM documents d JOIN accounts a ON a.id = d.account_id
				 WHERE a.name = ? AND d.document_id = ?)`, since, watch, account, id)
		}
	})
}

// Followers returns the watches that follow a document now, by name.
func (a *Archive) Followers(ctx context.Context, document coc.Key) ([]string, error) {
	return collect[string](a.reading(ctx, "watches of a document"), `
		SELECT DISTINCT watch FROM memberships WHERE account_id = ? AND document_id = ? AND until IS NULL ORDER BY watch`,
		document)
}

// Membership is a period in which a watch followed a document. Until is zero while it does.
type Membership struct {
	Watch string
	Since time.Time
	Until time.Time
}

// MembershipsOf returns the memberships of a document, oldest first.
func (a *Archive) MembershipsOf(ctx context.Context, document coc.Key) ([]Membership, error) {
	return collect[Membership](a.reading(ctx, "memberships of a document"), `
		SELECT watch, since, until FROM memberships
		WHERE account_id = ? AND document_id = ? ORDER BY since, watch`, document)
}

// MembershipTimes returns the distinct periods in which a watch followed documents of an
// account and that overlap [since, until), oldest first.
func (a *Archive) MembershipTimes(ctx context.Context, watch, account string, since, until time.Time) iter.Seq2[Membership, error] {
	return stream[Membership](a.reading(ctx, "memberships of watch %q", watch), `
		SELECT DISTINCT m.watch, m.since, m.until FROM memberships m JOIN accounts a ON a.id = m.account_id
		WHERE m.watch = ?1 AND a.name = ?2 AND m.since < ?4 AND (m.until IS NULL OR m.until > ?3) ORDER BY m.since, m.until`,
		watch, account, since.UnixMilli(), until.UnixMilli())
}

// NamesOf returns the names of documents of an account by id. Unknown ids have none.
func (a *Archive) NamesOf(ctx context.Context, account string, ids []string) (names map[string]string, err error) {
	r := a.reading(ctx, "names of documents")
	names = make(map[string]string, len(ids))
	for i := 0; err == nil && i < len(ids); i++ {
		names[ids[i]], err = first[string](r, `
			SELECT d.name FROM documents d JOIN accounts a ON a.id = d.account_id
			WHERE a.name = ? AND d.document_id = ?`, account, ids[i])
	}
	return names, err
}
