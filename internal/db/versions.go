package db

import (
	"context"
	"fmt"
	"iter"
	"time"

	"cocsync/internal/coc"
)

// Revision is a version with one of its revisions. Number is 0 for a version without archived
// content.
type Revision struct {
	Key          coc.Key // zero with Number 0
	Label        string
	Number       int
	Revisions    int // of its version
	UUID         string
	State        coc.VersionState
	Err          string // why it is unavailable
	Hash         coc.Hash
	Size         int
	Form         coc.Form
	Erased       bool
	ErasedAt     time.Time
	ErasedReason string
	MadeAt       time.Time
	SeenAt       time.Time
	CheckedAt    time.Time // when the version was last compared with COC
	WithdrawnAt  time.Time
	Author       string
	Evidence     coc.Evidence
	// PreviousCheckedAt is when the previous content of a rewritten version was last
	// compared with COC.
	PreviousCheckedAt time.Time
}

// Name returns the name of the revision, v3 or v3#2.
func (r Revision) Name() string { return coc.RevisionLabel(r.Label, r.Number, r.Revisions) }

// Listed returns the revision's version, for sorting.
func (r Revision) Listed() coc.Listed { return coc.Listed{Label: r.Label, MadeAt: r.MadeAt} }

// Revisions returns all revisions of the version of a document with a label, or for "" of all
// its versions, in no order. It returns none for an unknown label.
func (a *Archive) Revisions(ctx context.Context, document coc.Key, label string) (_ []Revision, err error) {
	defer wrap(&err, "versions")
	var c conditions
	c.add(true, "v.account_id = ? AND v.document_id = ?", document)
	c.add(label != "", "v.label = ?", label)
	where, args := c.where()
	return collect(ctx, a.read, scan[Revision], `
		SELECT coalesce(r.account_id, 0), coalesce(r.id, 0), v.label, coalesce(r.number, 0),
			(SELECT count(*) FROM revisions n WHERE n.account_id = v.account_id AND n.version_id = v.id),
			coalesce(r.version_uuid, v.version_uuid), v.state, v.error,
			c.sha256, coalesce(c.size, 0), coalesce(c.form, 0), c.erased_at IS NOT NULL, c.erased_at, coalesce(c.erased_reason, ''),
			coalesce(r.made_at, v.made_at), coalesce(r.seen_at, v.listed_at), v.checked_at, v.withdrawn_at,
			coalesce(r.author, ''), coalesce(r.request_id, ''), r.answered_at, r.previous_checked_at
		FROM versions v
		LEFT JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
		LEFT JOIN contents c ON c.account_id = r.account_id AND c.id = r.content_id
		WHERE `+where, args...)
}

func (r *Revision) columns() []any {
	return []any{&r.Key, &r.Label, &r.Number, &r.Revisions, &r.UUID, &r.State, &r.Err, &r.Hash, &r.Size, &r.Form,
		&r.Erased, &r.ErasedAt, &r.ErasedReason, &r.MadeAt, &r.SeenAt, &r.CheckedAt, &r.WithdrawnAt, &r.Author,
		&r.Evidence, &r.PreviousCheckedAt}
}

// Predecessors returns, for each revision that a change of the document added, the key of the
// revision that it was compared with; zero for none.
func (a *Archive) Predecessors(ctx context.Context, document coc.Key) (_ map[coc.Key]coc.Key, err error) {
	defer wrap(&err, "predecessors of versions")
	return byKey(ctx, a.read, scanPair[coc.Key, coc.Key], `
		SELECT account_id, to_revision, CASE WHEN from_revision IS NULL THEN 0 ELSE account_id END, coalesce(from_revision, 0)
		FROM changes WHERE account_id = ? AND document_id = ? AND to_revision IS NOT NULL ORDER BY id`, document)
}

func (a *Archive) knownVersions(ctx context.Context, document coc.Key) ([]coc.KnownVersion, error) {
	list, err := collect(ctx, a.read, func(row scanner) (v coc.KnownVersion, err error) {
		err = row.Scan(&v.Label, &v.Listed.UUID, &v.MadeAt, &v.State, &v.Withdrawn, &v.Backfill, &v.Recorded, &v.Failures,
			&v.FailedCycle, &v.Reason, &v.FailedSince, &v.RetryAt, &v.CheckedAt, &v.Number, &v.UUID, &v.Hash)
		return v, err
	}, `
		SELECT v.label, v.version_uuid, v.made_at, v.state, v.withdrawn_at IS NOT NULL, v.backfill, v.recorded, v.failures,
			v.failed_cycle, v.error, v.failed_since, v.retry_at, v.checked_at, coalesce(r.number, 0), coalesce(r.version_uuid, ''), c.sha256
		FROM versions v
		LEFT JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
			AND r.number = (SELECT max(n.number) FROM revisions n WHERE n.account_id = v.account_id AND n.version_id = v.id)
		LEFT JOIN contents c ON c.account_id = r.account_id AND c.id = r.content_id
		WHERE v.account_id = ? AND v.document_id = ?`, document)
	if err != nil {
		return nil, err
	}
	for i := range list {
		v := &list[i]
		if v.Number < 2 || v.Recorded {
			continue
		}
		v.Earlier, err = collect(ctx, a.read, scan[coc.Hash], `
			SELECT c.sha256 FROM versions v JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
			JOIN contents c ON c.account_id = r.account_id AND c.id = r.content_id
			WHERE v.account_id = ? AND v.document_id = ? AND v.label = ? AND r.number < ? ORDER BY r.number`,
			document, v.Label, v.Number)
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Unchecked returns documents of a watch with versions last compared with COC before a time:
// the newest version of a document first, then the least recently checked. It returns at most
// limit versions.
func (a *Archive) Unchecked(ctx context.Context, watch string, before time.Time, limit int) (list []coc.Due, err error) {
	defer wrap(&err, "versions to check of watch %q", watch)
	index := map[string]int{}
	_, err = collect(ctx, a.read, func(row scanner) (struct{}, error) {
		var id, label string
		var newest bool
		if err := row.Scan(&id, &label, &newest); err != nil {
			return struct{}{}, err
		}
		i, ok := index[id]
		if !ok {
			i = len(list)
			index[id] = i
			list = append(list, coc.Due{DocumentID: id})
		}
		list[i].Labels = append(list[i].Labels, label)
		return struct{}{}, nil
	}, `
		SELECT d.document_id, v.label, v.label = d.newest AS newest
		FROM versions v
		JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id AND d.state = 'present'
		JOIN memberships m ON m.account_id = d.account_id AND m.document_id = d.id AND m.watch = ?1 AND m.until IS NULL
		JOIN watches w ON w.name = m.watch AND w.account_id = d.account_id
		WHERE v.checked_at < ?2
		ORDER BY newest DESC, v.checked_at
		LIMIT ?3`, watch, before.UnixMilli(), limit)
	return list, err
}

// OldestChecks returns for each watch the last check of its least recently checked version.
// Watches without versions are omitted. It scans checks from the oldest until all watches are
// found.
func (a *Archive) OldestChecks(ctx context.Context, watches []string) (oldest map[string]time.Time, err error) {
	defer wrap(&err, "oldest checks")
	oldest = map[string]time.Time{}
	missing := map[string]bool{}
	for _, name := range watches {
		missing[name] = true
	}
	type check struct {
		watch string
		at    time.Time
	}
	// CROSS JOIN keeps SQLite from starting with another table.
	for c, err := range stream(ctx, a.read, func(row scanner) (c check, err error) {
		err = row.Scan(&c.watch, &c.at)
		return c, err
	}, `
		SELECT m.watch, v.checked_at FROM versions v
		CROSS JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id AND d.state = 'present'
		CROSS JOIN memberships m ON m.account_id = v.account_id AND m.document_id = v.document_id AND m.until IS NULL
		WHERE v.checked_at > 0 ORDER BY v.checked_at`) {
		if err != nil || len(missing) == 0 {
			return oldest, err
		}
		if missing[c.watch] {
			delete(missing, c.watch)
			oldest[c.watch] = c.at
		}
	}
	return oldest, nil
}

// missingVersions returns versions without archived content that a condition selects. all
// becomes their number.
func (a *Archive) missingVersions(ctx context.Context, all *int, where string, args ...any) iter.Seq2[coc.MissingVersion, error] {
	return stream(ctx, a.read, func(row scanner) (m coc.MissingVersion, err error) {
		err = row.Scan(&m.Account, &m.DocumentID, &m.Name, &m.Label, &m.State, &m.Reason, &m.Since, &m.RetryAt, &m.MadeAt, &m.ListedAt, all)
		return m, err
	}, `
		SELECT a.name, d.document_id, d.name, v.label, v.state, v.error, v.failed_since, v.retry_at, v.made_at, v.listed_at, count(*) OVER ()
		FROM (SELECT * FROM versions WHERE state = 'pending' UNION ALL SELECT * FROM versions WHERE state = 'unavailable') v
		JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id JOIN accounts a ON a.id = d.account_id
		WHERE `+where, args...)
}

// MissingVersions returns the listed versions whose content is unavailable, of documents that
// a watch follows, in the order of account, document and observation; at most limit, with the
// total. Versions that no cycle has requested yet are not included.
func (a *Archive) MissingVersions(ctx context.Context, limit int) (list []coc.MissingVersion, all int, err error) {
	defer wrap(&err, "missing versions")
	for m, err := range a.missingVersions(ctx, &all, `
		d.state <> 'deleted' AND (v.state = 'pending' AND v.failures > 0 OR v.state = 'unavailable' AND v.withdrawn_at IS NULL)
			AND EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = d.account_id AND m.document_id = d.id AND m.until IS NULL)
		ORDER BY a.name, d.document_id, v.id LIMIT ?`, limit) {
		if err != nil {
			return nil, 0, err
		}
		list = append(list, m)
	}
	return list, all, nil
}

// Outstanding counts the documents and versions that were listed before a time and not
// requested yet, of documents that a watch follows.
func (a *Archive) Outstanding(ctx context.Context, before time.Time) (documents, versions int, err error) {
	defer wrap(&err, "count pending versions")
	err = a.read.row(ctx, `
		SELECT (SELECT count(*) FROM documents d WHERE d.state = 'listed' AND d.first_seen_at < ?1 AND EXISTS (
				SELECT 1 FROM memberships m WHERE m.account_id = d.account_id AND m.document_id = d.id AND m.until IS NULL)),
			(SELECT count(*) FROM versions v WHERE v.state = 'pending' AND v.failures = 0 AND v.listed_at < ?1 AND EXISTS (
				SELECT 1 FROM memberships m WHERE m.account_id = v.account_id AND m.document_id = v.document_id AND m.until IS NULL))`,
		before.UnixMilli()).Scan(&documents, &versions)
	return documents, versions, err
}

// WithoutContent returns the versions listed before a time that have no archived content now,
// in an account or, for "", in all, in the order of documents' names.
func (a *Archive) WithoutContent(ctx context.Context, until time.Time, account string) iter.Seq2[coc.MissingVersion, error] {
	return a.missingVersions(ctx, new(int), `v.listed_at < ?1 AND (?2 = '' OR a.name = ?2)
		ORDER BY d.name, d.document_id, v.account_id, v.id`, until.UnixMilli(), account)
}

// revision returns the id of a revision of the step's document and the hash of its content;
// zero for the zero reference.
func (w *stepper) revision(ref coc.RevisionRef) (r storedRevision, err error) {
	if ref == (coc.RevisionRef{}) {
		return r, nil
	}
	if r, ok := w.revisions[ref]; ok {
		return r, nil
	}
	err = w.row(`
		SELECT r.id, c.sha256 FROM versions v JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
		JOIN contents c ON c.account_id = r.account_id AND c.id = r.content_id
		WHERE v.account_id = ? AND v.document_id = ? AND v.label = ? AND r.number = ?`,
		w.document, ref.Label, ref.Number).Scan(&r.id, &r.hash)
	if err != nil {
		return r, fmt.Errorf("revision %s: %w", coc.RevisionLabel(ref.Label, ref.Number, ref.Number), err)
	}
	return r, nil
}
