package db

import (
	"context"
	"database/sql"
	"time"
	"unicode/utf8"

	"cocsync/internal/coc"
)

// Document is what tells a document from others, and how it stands now.
type Document struct {
	Key        int64
	Account    string
	DocumentID string
	Name       string
	State      coc.DocState
	Version    string // newest label; "" when none is archived
}

// Details is a document with all else that is known of it now.
type Details struct {
	Document
	Versions      int       // archived ones
	MadeAt        time.Time // of the newest version
	FirstSeenAt   time.Time
	LastCheckedAt time.Time // when COC last confirmed it, by an answer or in a list
	Watched       bool
	Meta          coc.Meta
}

// Documents returns every document, by name.
func (d *DB) Documents(ctx context.Context) (_ []Document, err error) {
	defer wrap(&err, "documents")
	return d.documents(ctx, `true`)
}

// Named returns the documents whose document_id is or begins with the text, and those
// that are called so now, in all accounts, by name. No text names none.
func (d *DB) Named(ctx context.Context, text string) (_ []Document, err error) {
	defer wrap(&err, "document %q", text)
	if text == "" {
		return nil, nil
	}
	return d.documents(ctx, `d.name = ?1 OR d.account_id IN (SELECT id FROM accounts) AND d.document_id >= ?1 AND d.document_id < ?2`,
		text, text+string(utf8.MaxRune))
}

// OnceNamed returns the documents that were ever called so, by the name of now.
func (d *DB) OnceNamed(ctx context.Context, name string) (_ []Document, err error) {
	defer wrap(&err, "former name %q", name)
	return d.documents(ctx, `d.id IN (SELECT document_id FROM document_states WHERE name = ?)`, name)
}

// ByKey returns the document of that key; coc.ErrNotFound when there is none.
func (d *DB) ByKey(ctx context.Context, key int64) (_ Document, err error) {
	defer wrap(&err, "document %d", key)
	return only(d.documents(ctx, `d.id = ?`, key))
}

// ByID returns the document of that id in that account; coc.ErrNotFound when there is
// none.
func (d *DB) ByID(ctx context.Context, account, documentID string) (_ Document, err error) {
	defer wrap(&err, "document %q of account %q", documentID, account)
	return only(d.documents(ctx, `d.account_id = (SELECT id FROM accounts WHERE name = ?) AND d.document_id = ?`, account, documentID))
}

// only is what a query for one thing found.
func only[T any](list []T, err error) (one T, _ error) {
	switch {
	case err != nil:
		return one, err
	case len(list) == 0:
		return one, coc.ErrNotFound
	}
	return list[0], nil
}

func (d *DB) documents(ctx context.Context, where string, args ...any) ([]Document, error) {
	return collect(ctx, d.read, func(row scanner) (doc Document, err error) {
		err = row.Scan(&doc.Key, &doc.Account, &doc.DocumentID, &doc.Name, &doc.State, &doc.Version)
		return doc, err
	}, `
		SELECT d.id, a.name, d.document_id, d.name, d.state, d.newest
		FROM documents d JOIN accounts a ON a.id = d.account_id
		WHERE `+where+`
		ORDER BY d.name, d.document_id`, args...)
}

// AllDetails returns every document with its details, by name. account narrows it; ""
// does not.
func (d *DB) AllDetails(ctx context.Context, account string) (_ []Details, err error) {
	defer wrap(&err, "documents")
	return d.details(ctx, `?1 = '' OR a.name = ?1`, account)
}

// Details returns the document of that key with its details; coc.ErrNotFound when there
// is none.
func (d *DB) Details(ctx context.Context, key int64) (_ Details, err error) {
	defer wrap(&err, "document %d", key)
	return only(d.details(ctx, `d.id = ?`, key))
}

// LastChecked is Details.LastCheckedAt of the document of that key.
func (d *DB) LastChecked(ctx context.Context, key int64) (_ time.Time, err error) {
	defer wrap(&err, "last check of document %d", key)
	var checked sql.NullInt64
	err = d.read.row(ctx, `SELECT `+lastChecked+` FROM documents d WHERE d.id = ?`, key).Scan(&checked)
	return instant(checked), explain(err)
}

// lastChecked is when COC last confirmed the document d.
const lastChecked = `max(d.checked_at, coalesce((
	SELECT max((SELECT ended_at FROM cycles c WHERE c.watch = m.watch AND c.outcome = 'good' AND c.complete ORDER BY c.id DESC LIMIT 1))
	FROM memberships m WHERE m.document_id = d.id AND m.until IS NULL AND d.state = 'present'), 0))`

func (d *DB) details(ctx context.Context, where string, args ...any) ([]Details, error) {
	return collect(ctx, d.read, scanDetails, `
		SELECT d.id, a.name, d.document_id, d.name, d.state, d.newest,
			(SELECT count(*) FROM versions v WHERE v.document_id = d.id)
				- (SELECT count(*) FROM versions v WHERE v.document_id = d.id AND v.state = 'pending')
				- (SELECT count(*) FROM versions v WHERE v.document_id = d.id AND v.state = 'unavailable'), -- indexes know
			(SELECT made_at FROM versions v WHERE v.document_id = d.id AND v.label = d.newest),
			d.first_seen_at, `+lastChecked+`,
			EXISTS (SELECT 1 FROM memberships m WHERE m.document_id = d.id AND m.until IS NULL),
			s.name, s.description, s.risk_level, s.creator, s.modifier, s.enterprise_project_id,
			s.created_at, s.updated_at, coalesce(s.extra, '')
		FROM documents d JOIN accounts a ON a.id = d.account_id
		LEFT JOIN document_states s ON s.id = (SELECT max(id) FROM document_states WHERE document_id = d.id)
		WHERE `+where+`
		ORDER BY d.name, d.document_id`, args...)
}

func scanDetails(row scanner) (doc Details, err error) {
	var made, first, checked, created, updated sql.NullInt64
	m := &doc.Meta
	err = row.Scan(&doc.Key, &doc.Account, &doc.DocumentID, &doc.Name, &doc.State, &doc.Version, &doc.Versions,
		&made, &first, &checked, &doc.Watched,
		&m.Name, &m.Description, &m.RiskLevel, &m.Creator, &m.Modifier, &m.ProjectID, &created, &updated, &m.Extra)
	doc.MadeAt, doc.FirstSeenAt, doc.LastCheckedAt = instant(made), instant(first), instant(checked)
	m.CreatedAt, m.UpdatedAt = instant(created), instant(updated)
	return doc, err
}
