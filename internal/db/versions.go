package db

import (
	"context"
	"iter"
	"slices"
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
	Err          string   // why it is unavailable
	Hash         coc.Hash // of an erased content, the commitment
	Size         int
	Form         coc.Form
	Erased       bool
	ErasedAt     time.Time
	ErasedBy     string
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
func (a *Archive) Revisions(ctx context.Context, document coc.Key, label string) ([]Revision, error) {
	return collect[Revision](a.reading(ctx, "versions"), `
		SELECT coalesce(r.account_id, 0), coalesce(r.id, 0), v.label, coalesce(r.number, 0),
			(SELECT count(*) FROM revisions n WHERE n.account_id = v.account_id AND n.version_id = v.id),
			coalesce(r.version_uuid, v.version_uuid), v.state, v.error,
			c.hash, coalesce(c.size, 0), coalesce(c.form, 0), e.at IS NOT NULL, e.at, coalesce(e.person, ''), coalesce(e.reason, ''),
			coalesce(r.made_at, v.made_at), coalesce(r.seen_at, v.listed_at), v.checked_at, v.withdrawn_at,
			coalesce(r.author, ''), coalesce(r.request_id, ''), r.answered_at, r.previous_checked_at
		FROM versions v
		LEFT JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
		LEFT JOIN contents c ON c.account_id = r.account_id AND c.id = r.content_id
		LEFT JOIN erasures e ON `+isErasureOf("c")+`
		WHERE v.account_id = ?1 AND v.document_id = ?2 AND (?3 = '' OR v.label = ?3)`, document, label)
}

// Predecessors returns, for each revision that a change of the document added, the key of the
// revision that it was compared with; zero for none.
func (a *Archive) Predecessors(ctx context.Context, document coc.Key) (map[coc.Key]coc.Key, error) {
	return byKey[coc.Key, coc.Key](a.reading(ctx, "predecessors of versions"), `
		SELECT account_id, to_revision, CASE WHEN from_revision IS NULL THEN 0 ELSE account_id END, coalesce(from_revision, 0)
		FROM changes WHERE account_id = ? AND document_id = ? AND to_revision IS NOT NULL ORDER BY id`, document)
}

// opaqueContents are erased contents e, and the revisions r that have them, that cannot be
// recognized with the key with the id ?1.
const opaqueContents = `FROM erasures e JOIN revisions r ON r.account_id = e.account_id AND r.content_id = e.content_id
	WHERE e.key_id IS DISTINCT FROM ?1
		AND NOT EXISTS (SELECT 1 FROM revisions n WHERE n.account_id = r.account_id AND n.version_id = r.version_id AND n.number > r.number)`

// anyOpaque is the condition that there are such contents. Where it is false, which is nearly everywhere, the
// conditions that read each revision need not be evaluated.
const anyOpaque = `EXISTS (SELECT 1 FROM erasures o WHERE o.key_id IS DISTINCT FROM ?1)`

// opaqueVersion is the condition that the newest content of a version v is erased and cannot be
// recognized: it is not compared with COC.
const opaqueVersion = `(` + anyOpaque + ` AND EXISTS (SELECT 1 ` + opaqueContents + ` AND e.account_id = v.account_id AND r.version_id = v.id))`

// OpaqueVersions counts the versions that are not compared with COC, because their content is
// erased and the key does not recognize it. missing is set if there is no key now.
func (a *Archive) OpaqueVersions(ctx context.Context) (n int, missing bool, err error) {
	r := a.reading(ctx, "erased contents")
	key, err := first[[]byte](r, `SELECT erasure_key FROM archive`)
	if err != nil {
		return 0, false, err
	}
	if any, err := first[bool](r, `SELECT `+anyOpaque, key); !any || err != nil {
		return 0, false, err
	}
	n, err = first[int](r, `SELECT count(*) FROM (SELECT DISTINCT r.account_id, r.version_id `+opaqueContents+`) n`, key)
	return n, key == nil, err
}

func (s *store) knownVersions(r reader, document coc.Key) ([]coc.KnownVersion, error) {
	list, err := collect[coc.KnownVersion](r, `
		SELECT v.label, v.version_uuid, v.made_at, v.state, v.backfill, v.withdrawn_at IS NOT NULL, v.recorded, v.failures, v.failed_cycle,
			v.error, v.failed_since, v.retry_at, '', 0, v.checked_at, coalesce(r.number, 0),
			CASE WHEN r.id IS NULL THEN '' ELSE coalesce(r.version_uuid, v.version_uuid) END, c.hash,
			e.id IS NOT NULL, e.keyed_hash, e.id IS NOT NULL AND e.key_id IS DISTINCT FROM ?1, NULL
		FROM versions v
		LEFT JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
			AND r.number = (SELECT max(n.number) FROM revisions n WHERE n.account_id = v.account_id AND n.version_id = v.id)
		LEFT JOIN contents c ON c.account_id = r.account_id AND c.id = r.content_id
		LEFT JOIN erasures e ON `+isErasureOf("c")+`
		WHERE v.account_id = ?2 AND v.document_id = ?3`, s.erasureKey(), document)
	for i := range list {
		if v := &list[i]; err == nil && v.Number > 1 && !v.Recorded {
			v.Earlier, err = collect[coc.Hash](r, `
				SELECT c.hash FROM versions v JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
				JOIN contents c ON c.account_id = r.account_id AND c.id = r.content_id
				WHERE v.account_id = ? AND v.document_id = ? AND v.label = ? AND r.number < ? ORDER BY r.number`,
				document, v.Label, v.Number)
		}
	}
	return list, err
}

// Unchecked returns documents of a watch with versions last compared with COC before a time, or
// after now, which counts as never: the newest version of a document first, then the least
// recently checked. It returns at most limit versions.
func (a *Archive) Unchecked(ctx context.Context, watch string, before, now time.Time, limit int) (list []coc.Due, err error) {
	index := map[string]int{}
	// CROSS JOIN keeps SQLite from starting with another table.
	for v, err := range stream[struct {
		ID, Label string
		Newest    bool
	}](a.reading(ctx, "versions to check of watch %q", watch), `
		SELECT d.document_id, v.label, v.label = d.newest AS newest
		FROM (SELECT account_id, id, document_id, label, checked_at FROM versions WHERE checked_at < ?3
			UNION ALL SELECT account_id, id, document_id, label, 0 FROM versions WHERE checked_at > ?4) v
		CROSS JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id AND d.state = 'present'
		CROSS JOIN memberships m ON m.account_id = d.account_id AND m.document_id = d.id AND m.watch = ?2 AND m.until IS NULL
		JOIN watches w ON w.name = m.watch AND w.account_id = d.account_id
		WHERE NOT `+opaqueVersion+`
		ORDER BY newest DESC, v.checked_at
		LIMIT ?5`, a.erasureKey(), watch, before.UnixMilli(), now.UnixMilli(), limit) {
		if err != nil {
			return nil, err
		}
		i, ok := index[v.ID]
		if !ok {
			i = len(list)
			index[v.ID] = i
			list = append(list, coc.Due{DocumentID: v.ID})
		}
		list[i].Labels = append(list[i].Labels, v.Label)
	}
	return list, nil
}

// OldestChecks returns for each watch the last check of its least recently checked version by
// now. Watches without versions are omitted. It scans checks from the oldest until all watches
// are found.
func (a *Archive) OldestChecks(ctx context.Context, watches []string, now time.Time) (oldest map[string]time.Time, err error) {
	oldest = map[string]time.Time{}
	// CROSS JOIN keeps SQLite from starting with another table.
	for c, err := range stream[struct {
		Watch string
		At    time.Time
	}](a.reading(ctx, "oldest checks"), `
		SELECT m.watch, v.checked_at FROM versions v
		CROSS JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id AND d.state = 'present'
		CROSS JOIN memberships m ON m.account_id = v.account_id AND m.document_id = v.document_id AND m.until IS NULL
		WHERE v.checked_at > 0 AND v.checked_at <= ?2 AND NOT `+opaqueVersion+` ORDER BY v.checked_at`, a.erasureKey(), now.UnixMilli()) {
		if err != nil || len(oldest) == len(watches) {
			return oldest, err
		}
		if _, found := oldest[c.Watch]; !found && slices.Contains(watches, c.Watch) {
			oldest[c.Watch] = c.At
		}
	}
	return oldest, nil
}

// missingRows are the versions without archived content.
const missingRows = `
	SELECT a.name, d.document_id, d.name, v.label, v.state, v.error, v.failed_since, v.retry_at, v.made_at, v.listed_at
	FROM (SELECT * FROM versions WHERE state = 'pending' UNION ALL SELECT * FROM versions WHERE state = 'unavailable') v
	JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id JOIN accounts a ON a.id = d.account_id`

// MissingVersions returns the listed versions whose content is unavailable, of documents that
// a watch follows, in the order of account, document and observation; at most limit, with the
// total. Versions that no cycle has requested yet are not included.
func (a *Archive) MissingVersions(ctx context.Context, limit int) (list []coc.MissingVersion, all int, err error) {
	r := a.reading(ctx, "missing versions")
	const rows = missingRows + `
		WHERE d.state <> 'deleted' AND (v.state = 'pending' AND v.failures > 0 OR v.state = 'unavailable' AND v.withdrawn_at IS NULL)
			AND EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = d.account_id AND m.document_id = d.id AND m.until IS NULL)`
	if all, err = first[int](r, `SELECT count(*) FROM (`+rows+`) m`); err == nil {
		list, err = collect[coc.MissingVersion](r, rows+` ORDER BY a.name, d.document_id, v.id LIMIT ?`, limit)
	}
	return list, all, err
}

// Outstanding counts the documents and versions that were listed before a time and not
// requested yet, of documents that a watch follows.
func (a *Archive) Outstanding(ctx context.Context, before time.Time) (documents, versions int, err error) {
	err = a.reading(ctx, "count pending versions").row(`
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
	return stream[coc.MissingVersion](a.reading(ctx, "missing versions"), missingRows+`
		WHERE v.listed_at < ?1 AND (?2 = '' OR a.name = ?2) ORDER BY d.name, d.document_id, v.account_id, v.id`,
		until.UnixMilli(), account)
}
