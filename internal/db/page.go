package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"cocsync/internal/coc"
)

// Part is a part of the documents, by name.
type Part struct {
	Text    string // stands in the name or begins the id, whatever its case; "" for all
	Account string // "" for all
	State   coc.DocState
	Skip    int
	Limit   int
}

// Part returns a part of the documents, and how many there are of such in all.
func (d *DB) Part(ctx context.Context, p Part) (docs []Details, all int, err error) {
	defer wrap(&err, "documents")
	like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(p.Text) + "%"
	const such = `FROM documents WHERE (?1 = '%%' OR name LIKE ?1 ESCAPE '\' OR document_id LIKE substr(?1, 2) ESCAPE '\')
		AND (?2 = '' OR state = ?2) AND (?3 = '' OR account_id = (SELECT id FROM accounts WHERE name = ?3))`
	if err := d.read.row(ctx, `SELECT count(*) `+such, like, string(p.State), p.Account).Scan(&all); err != nil {
		return nil, 0, explain(err)
	}
	docs, err = d.details(ctx, `d.id IN (SELECT id `+such+` ORDER BY name, document_id LIMIT ?4 OFFSET ?5)`,
		like, string(p.State), p.Account, p.Limit, p.Skip)
	return docs, all, err
}

// Names returns the name and the id of every document, one behind the other, in the
// order in which cocsync first saw them: to sort them takes longer than to read them.
func (d *DB) Names(ctx context.Context) (names []string, err error) {
	defer wrap(&err, "names of documents")
	_, err = collect(ctx, d.read, func(row scanner) (struct{}, error) {
		var name, id string
		err := row.Scan(&name, &id)
		names = append(names, name, id)
		return struct{}{}, err
	}, `SELECT name, document_id FROM documents ORDER BY id`)
	return names, err
}

// ChangeTo returns the change that led to a revision of a document; 0 when none did yet.
func (d *DB) ChangeTo(ctx context.Context, document, revision int64) (id int64, err error) {
	defer wrap(&err, "change of a version")
	err = d.read.row(ctx, `SELECT id FROM changes WHERE document_id = ? AND to_revision = ? ORDER BY id LIMIT 1`, document, revision).Scan(&id)
	return id, explain(ignore(err, sql.ErrNoRows))
}

// DocumentStates counts the documents by how they stand.
func (d *DB) DocumentStates(ctx context.Context) (_ map[coc.DocState]int, err error) {
	defer wrap(&err, "count documents")
	type count struct {
		state coc.DocState
		n     int
	}
	list, err := collect(ctx, d.read, func(row scanner) (c count, err error) {
		err = row.Scan(&c.state, &c.n)
		return c, err
	}, `SELECT state, count(*) FROM documents GROUP BY state`)
	states := make(map[coc.DocState]int, len(list))
	for _, c := range list {
		states[c.state] = c.n
	}
	return states, err
}

// Times returns when changes were from an instant on, in the order of time. document
// narrows it; 0 does not. Backfill, which tells of the time before cocsync, is among
// them.
func (d *DB) Times(ctx context.Context, document int64, since time.Time) (_ []time.Time, err error) {
	defer wrap(&err, "times of changes")
	among := `?2 = 0`
	if document != 0 {
		among = `document_id = ?2` // said alone it is read by its index
	}
	return collect(ctx, d.read, func(row scanner) (time.Time, error) {
		var at int64
		err := row.Scan(&at)
		return time.UnixMilli(at).UTC(), err
	}, `SELECT at FROM changes WHERE at >= ?1 AND `+among+` ORDER BY at`, since.UnixMilli(), document)
}

// LastChanges returns when each of a few documents changed last.
func (d *DB) LastChanges(ctx context.Context, docs []Details) (_ map[int64]time.Time, err error) {
	defer wrap(&err, "last changes of documents")
	keys := make([]int64, len(docs))
	for i, doc := range docs {
		keys[i] = doc.Key
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	return byKey(ctx, d.read, func(row scanner) (key int64, at time.Time, err error) {
		var ms sql.NullInt64
		err = row.Scan(&key, &ms)
		return key, instant(ms), err
	}, `SELECT value, (SELECT max(at) FROM changes WHERE document_id = value) FROM json_each(?)`, string(list))
}
