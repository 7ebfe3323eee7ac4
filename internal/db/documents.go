package db

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// Document identifies a document and has its current state.
type Document struct {
	Key        coc.Key
	Account    string
	DocumentID string
	Name       string
	State      coc.DocState
	Version    string // newest label; "" if none is archived
}

// Details is a document with all other fields.
type Details struct {
	Document
	Versions      int       // archived ones
	MadeAt        time.Time // of the newest version
	FirstSeenAt   time.Time
	LastCheckedAt time.Time // when COC last confirmed it, by a response or in a list
	ChangedAt     time.Time // of its last change; zero if it is as of a time
	Watched       bool
	Meta          coc.Meta
}

// Named returns the documents whose document_id has the prefix text or whose current name is
// text, in all accounts, by name. It returns none for an empty text.
func (a *Archive) Named(ctx context.Context, text string) ([]Document, error) {
	if text == "" {
		return nil, nil
	}
	return collect[Document](a.reading(ctx, "document %q", text), documentRows+`
		WHERE d.name = ?1 OR d.account_id IN (SELECT id FROM accounts) AND d.document_id >= ?1 AND d.document_id < ?2
		ORDER BY d.name, d.document_id`, text, text+string(utf8.MaxRune))
}

// FormerlyNamed returns the documents that had the name earlier, by current name.
func (a *Archive) FormerlyNamed(ctx context.Context, name string) ([]Document, error) {
	return collect[Document](a.reading(ctx, "former name %q", name), documentRows+`
		WHERE (d.account_id, d.id) IN (SELECT account_id, document_id FROM document_states WHERE name = ?)
		ORDER BY d.name, d.document_id`, name)
}

// ByKey returns the document with a key. The error is coc.ErrNotFound if it does not exist.
func (a *Archive) ByKey(ctx context.Context, key coc.Key) (Document, error) {
	return find[Document](a.reading(ctx, "document %d", key.ID), documentRows+` WHERE d.account_id = ? AND d.id = ?`, key)
}

// ByID returns the document with an id in an account. The error is coc.ErrNotFound if it does
// not exist.
func (a *Archive) ByID(ctx context.Context, account, documentID string) (Document, error) {
	return find[Document](a.reading(ctx, "document %q of account %q", documentID, account),
		documentRows+` WHERE a.name = ? AND d.document_id = ?`, account, documentID)
}

const documentRows = `
	SELECT d.account_id, d.id, a.name, d.document_id, d.name, d.state, d.newest
	FROM documents d JOIN accounts a ON a.id = d.account_id`

// documentsPage is the number of documents per query.
const documentsPage = 500

// Documents returns all documents by name. It reads pages, so other queries may run at the
// same time.
func (a *Archive) Documents(ctx context.Context) iter.Seq2[Document, error] {
	return pages(documentsPage, func(last Document) ([]Document, error) {
		return collect[Document](a.reading(ctx, "documents"), documentRows+` WHERE `+afterDocument,
			last.Name, last.DocumentID, last.Key.Account, documentsPage)
	})
}

// afterDocument selects a page of the documents d after one, by name.
const afterDocument = `(d.name, d.document_id, d.account_id) > (?, ?, ?) ORDER BY d.name, d.document_id, d.account_id LIMIT ?`

// DocumentQuery selects documents. The zero value selects all.
type DocumentQuery struct {
	Text    string // a part of the name or a prefix of the id, in any case
	Account string
	State   coc.DocState
	Key     coc.Key
	// ChangedSince selects documents that changed since then.
	ChangedSince time.Time
	Skip         int
	Limit        int // 0: no limit
}

func (q DocumentQuery) where() (string, []any) {
	like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q.Text) + "%"
	var c conditions
	c.add(q.Text != "", `(lower(d.name) LIKE lower(?) ESCAPE '\' OR lower(d.document_id) LIKE lower(?) ESCAPE '\')`, like, like[1:])
	c.add(q.Account != "", `d.account_id = (SELECT id FROM accounts WHERE name = ?)`, q.Account)
	c.add(q.State != "", `d.state = ?`, q.State)
	c.add(!q.Key.IsZero(), `d.account_id = ? AND d.id = ?`, q.Key)
	c.add(!q.ChangedSince.IsZero(),
		`EXISTS (SELECT 1 FROM changes c WHERE c.account_id = d.account_id AND c.document_id = d.id AND c.at >= ?)`,
		q.ChangedSince)
	return c.where()
}

// CountDocuments counts the documents of a query, ignoring Skip and Limit.
func (a *Archive) CountDocuments(ctx context.Context, q DocumentQuery) (int, error) {
	where, args := q.where()
	return first[int](a.reading(ctx, "count documents"), `SELECT count(*) FROM documents d WHERE `+where, args...)
}

// ListDocuments returns documents with their details, by name. It reads pages, so other
// queries may run at the same time.
func (a *Archive) ListDocuments(ctx context.Context, q DocumentQuery) iter.Seq2[Details, error] {
	where, args := q.where()
	query := `
		WITH d AS (SELECT * FROM documents d WHERE ` + where + ` AND ` + afterDocument + ` OFFSET ?)
		SELECT d.account_id, d.id, a.name, d.document_id, d.name, d.state, d.newest,
			(SELECT count(*) FROM versions v WHERE v.account_id = d.account_id AND v.document_id = d.id)
				- (SELECT count(*) FROM versions v WHERE v.account_id = d.account_id AND v.document_id = d.id AND v.state = 'pending')
				- (SELECT count(*) FROM versions v WHERE v.account_id = d.account_id AND v.document_id = d.id
					AND v.state = 'unavailable'), -- only reads indexes
			(SELECT v.made_at FROM versions v WHERE v.account_id = d.account_id AND v.document_id = d.id AND v.label = d.newest),
			d.first_seen_at, (SELECT max(x.at) FROM (SELECT d.checked_at AS at UNION ALL SELECT ` + lastListed + `) x),
			(SELECT max(c.at) FROM changes c WHERE c.account_id = d.account_id AND c.document_id = d.id),
			EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = d.account_id AND m.document_id = d.id AND m.until IS NULL),
			` + metaColumns + `
		FROM d JOIN accounts a ON a.id = d.account_id
		LEFT JOIN document_states s ON s.account_id = d.account_id AND s.id = ` + newestState + `
		ORDER BY d.name, d.document_id, d.account_id`
	var left, skip int
	return pages(documentsPage, func(last Details) ([]Details, error) {
		if last.Key.IsZero() {
			left, skip = q.Limit, q.Skip
		}
		size := documentsPage
		if q.Limit > 0 {
			size = min(size, left)
		}
		defer func() { left, skip = left-size, 0 }()
		return collect[Details](a.reading(ctx, "documents"), query,
			append(slices.Clone(args), last.Name, last.DocumentID, last.Key.Account, size, skip)...)
	})
}

// metaColumns are the columns of a coc.Meta in the table document_states s.
const metaColumns = `s.name, s.description, s.risk_level, s.creator, s.modifier, s.enterprise_project_id,
	s.created_at, s.updated_at, coalesce(s.extra, '')`

// newestState is the id of the newest state of the document d.
const newestState = `(SELECT max(n.id) FROM document_states n WHERE n.account_id = d.account_id AND n.document_id = d.id)`

// lastListed is the end of the newest good cycle with a complete list that contained the
// document d.
const lastListed = `(
	SELECT max((SELECT c.ended_at FROM cycles c WHERE c.watch = m.watch AND c.account_id = m.account_id
		AND c.outcome = 'good' AND c.complete = 1 ORDER BY c.id DESC LIMIT 1))
	FROM memberships m WHERE m.account_id = d.account_id AND m.document_id = d.id AND m.until IS NULL AND d.state = 'present')`

// Details returns the document with a key and its details. The error is coc.ErrNotFound if it
// does not exist.
func (a *Archive) Details(ctx context.Context, key coc.Key) (Details, error) {
	for d, err := range a.ListDocuments(ctx, DocumentQuery{Key: key, Limit: 1}) {
		return d, err
	}
	return Details{}, fmt.Errorf("document %d: %w", key.ID, coc.ErrNotFound)
}

// ListDocumentsAt returns the documents that had a version at a time, by their names then,
// with the version that `DOC@TIME` names. Fields unknown for that time are absent, except the
// name, and LastCheckedAt is zero. It reads pages, so other queries may run at the same time;
// only the keys are in memory.
func (a *Archive) ListDocumentsAt(ctx context.Context, when time.Time, q DocumentQuery) iter.Seq2[Details, error] {
	where, args := q.where()
	return func(yield func(Details, error) bool) {
		keys, err := collect[coc.Key](a.reading(ctx, "documents at %s", when.UTC().Format(time.RFC3339)), `
			SELECT d.account_id, d.id FROM documents d
			LEFT JOIN document_states s ON s.account_id = d.account_id AND s.id = `+stateAt+`
			WHERE `+where+` ORDER BY coalesce(s.name, d.name), d.document_id, d.account_id`, append([]any{when.UnixMilli()}, args...)...)
		for page := range slices.Chunk(keys, documentsPage) {
			var docs map[coc.Key]Details
			if docs, err = a.DetailsAt(ctx, when, page); err != nil {
				break
			}
			for _, key := range page {
				if d, ok := docs[key]; ok && !yield(d, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(Details{}, err)
		}
	}
}

// stateAt is the id of the newest state of the document d at a time.
const stateAt = `(SELECT max(n.id) FROM document_states n WHERE n.account_id = d.account_id AND n.document_id = d.id AND n.seen_at <= ?)`

// versionsAt are the versions of the document d that had begun at a time.
const versionsAt = `FROM versions v WHERE v.account_id = d.account_id AND v.document_id = d.id AND ` + begins + ` <= asked.t`

// listedAt is the condition that COC listed a version at a time.
const listedAt = `(v.withdrawn_at IS NULL OR v.withdrawn_at > asked.t)`

// begins is when a version starts: when COC made it, or when cocsync first archived it. The
// rest is a subquery, so that an index has all columns of a version that COC dated.
const begins = `coalesce(v.made_at, (SELECT coalesce(r.seen_at, w.listed_at) FROM versions w
	LEFT JOIN revisions r ON r.account_id = w.account_id AND r.version_id = w.id AND r.number = 1
	WHERE w.account_id = v.account_id AND w.id = v.id))`

// DetailsAt returns up to 500 documents at a time, as ListDocumentsAt does. It omits documents
// that had no version yet.
func (a *Archive) DetailsAt(ctx context.Context, when time.Time, keys []coc.Key) (map[coc.Key]Details, error) {
	args := []any{when.UnixMilli()}
	for _, k := range keys {
		args = append(args, k)
	}
	for i := len(keys); i < documentsPage; i++ { // so that one statement serves any number of keys
		args = append(args, coc.Key{})
	}
	return byKey[coc.Key, Details](a.reading(ctx, "documents at %s", when.UTC().Format(time.RFC3339)), `
		WITH asked (t) AS (SELECT CAST(? AS BIGINT)),
		k (account_id, id) AS (VALUES `+strings.TrimSuffix(strings.Repeat("(?, ?), ", documentsPage), ", ")+`),
		n AS MATERIALIZED ( -- one walk over the versions: N of the newest vN, and how many are archived
			SELECT d.*, asked.t, (SELECT max(CASE WHEN d.numbered = 1 AND `+listedAt+` THEN CAST(substr(v.label, 2) AS BIGINT) ELSE 0 END) * 1000000
				+ sum(CASE v.state WHEN 'archived' THEN 1 ELSE 0 END) `+versionsAt+`) AS counts
			FROM asked CROSS JOIN k CROSS JOIN documents d WHERE d.account_id = k.account_id AND d.id = k.id),
		d AS MATERIALIZED (
			SELECT d.*, CASE WHEN d.counts >= 1000000 THEN 'v' || (d.counts / 1000000) WHEN d.numbered = 0 THEN
				(SELECT v.label `+versionsAt+` AND `+listedAt+` ORDER BY coalesce(v.made_at, 0) DESC, v.label DESC LIMIT 1) END AS version
			FROM asked CROSS JOIN n d)
		SELECT d.account_id, d.id, d.account_id, d.id, a.name, d.document_id, coalesce(s.name, d.name),
			CASE (SELECT c.kind FROM changes c WHERE c.account_id = d.account_id AND c.document_id = d.id
				AND c.kind IN ('deleted', 'restored') AND c.at <= d.t
					ORDER BY c.at DESC, c.id DESC LIMIT 1) WHEN 'deleted' THEN 'deleted' ELSE 'present' END,
			d.version,
			d.counts % 1000000,
			(SELECT v.made_at FROM versions v WHERE v.account_id = d.account_id AND v.document_id = d.id AND v.label = d.version),
			d.first_seen_at, NULL, NULL,
			EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = d.account_id AND m.document_id = d.id AND m.since <= d.t
				AND (m.until IS NULL OR m.until > d.t)),
			`+metaColumns+`
		FROM d JOIN accounts a ON a.id = d.account_id
		LEFT JOIN document_states s ON s.account_id = d.account_id AND s.id = `+strings.Replace(stateAt, "?", "d.t", 1)+`
		WHERE d.version IS NOT NULL`, args...)
}

// LastConfirmedAt returns when COC last confirmed a document of an account or, for "", of
// any: by a response or by a complete list. It is zero for never.
func (a *Archive) LastConfirmedAt(ctx context.Context, account string) (time.Time, error) {
	const ofAccount = ` AND (?1 = '' OR x.account_id = (SELECT id FROM accounts WHERE name = ?1))`
	return first[time.Time](a.reading(ctx, "last check"), `
		SELECT max(b.at) FROM (SELECT max(x.checked_at) AS at FROM documents x WHERE 1 = 1`+ofAccount+`
			UNION ALL SELECT max(x.ended_at) FROM cycles x WHERE x.outcome = 'good' AND x.complete = 1`+ofAccount+`) b`, account)
}

// Names returns the names and ids of all documents in the order of first observation. It
// keeps a connection until it ends.
func (a *Archive) Names(ctx context.Context) iter.Seq2[string, error] {
	return stream[string](a.reading(ctx, "names"), `SELECT name FROM documents UNION ALL SELECT document_id FROM documents`)
}

// FirstName returns the first known name of a document, which never changes; "" if none is
// known.
func (a *Archive) FirstName(ctx context.Context, key coc.Key) (string, error) {
	return first[string](a.reading(ctx, "first name of a document"), `
		SELECT name FROM document_states WHERE account_id = ? AND document_id = ? AND name IS NOT NULL ORDER BY id LIMIT 1`, key)
}

// Known returns the stored data of a document; its Key is zero if the document is unknown.
func (a *Archive) Known(ctx context.Context, account, documentID string) (coc.ArchivedDocument, error) {
	r := a.reading(ctx, "document %s", documentID)
	k, err := first[coc.ArchivedDocument](r, `
		SELECT d.account_id, d.id, d.document_id, d.document_type, d.name, d.state, `+metaColumns+`, d.fingerprint, NULL, NULL,
			EXISTS (SELECT 1 FROM changes c WHERE c.account_id = d.account_id AND c.document_id = d.id AND c.kind = 'new')
		FROM documents d JOIN accounts a ON a.id = d.account_id
		LEFT JOIN document_states s ON s.account_id = d.account_id AND s.id = `+newestState+`
		WHERE a.name = ? AND d.document_id = ?`, account, documentID)
	k.DocumentID = documentID
	if err != nil || k.Key.IsZero() {
		return k, err
	}
	if k.Versions, err = a.knownVersions(r, k.Key); err != nil {
		return k, err
	}
	k.Watches, err = collect[coc.Membership](r, `
		SELECT watch, initial FROM memberships WHERE account_id = ? AND document_id = ? AND until IS NULL ORDER BY watch`, k.Key)
	return k, err
}

// documentKey returns the key of a document and adds its row if it is new.
func (t *tx) documentKey(accountName, documentID, typ, name string, now time.Time) (key coc.Key, isNew bool) {
	account := t.account(accountName)
	key, ok := get[coc.Key](t, `SELECT account_id, id FROM documents WHERE account_id = ? AND document_id = ?`, account, documentID)
	if !ok {
		key = t.add(account, "documents", "document_id, document_type, first_seen_at, state, name, checked_at, lines_version",
			documentID, typ, now, coc.DocListed, name, now, linesAlgorithm)
		t.leaf(key, audit.NewRecord(audit.TypeDocument, "account", accountName, "document_id", documentID, "document_type",
			typ, "first_seen_at", now))
	}
	return key, !ok
}
