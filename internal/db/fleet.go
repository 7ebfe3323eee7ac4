package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"cocsync/internal/coc"
)

// Fleet is what is known of all documents as they stood at an instant, by their keys.
type Fleet struct {
	// Revisions are all revisions of all versions, of later ones too, and also those
	// whose content is not here. They are in no order, and have only Label, Number and
	// their times.
	Revisions map[int64][]Revision
	// Metas are the other fields of those that were seen by then, as last seen.
	Metas   map[int64]coc.Meta
	Deleted map[int64]bool
	Watched map[int64]bool
}

// Fleet returns what is known of documents at an instant: of those of the keys, or of
// all where there are none.
func (d *DB) Fleet(ctx context.Context, at time.Time, keys ...int64) (f Fleet, err error) {
	defer wrap(&err, "documents at %s", at.UTC().Format(time.RFC3339))
	among := `NOT NULL`
	if keys != nil {
		list, _ := json.Marshal(keys) // numbers: this can't fail
		among = `IN (SELECT value FROM json_each('` + string(list) + `'))`
	}
	f.Revisions = map[int64][]Revision{}
	_, err = collect(ctx, d.read, func(row scanner) (struct{}, error) {
		var key int64
		var r Revision
		var made, seen, withdrawn sql.NullInt64
		err := row.Scan(&key, &r.Label, &r.Number, &made, &seen, &withdrawn)
		r.MadeAt, r.SeenAt, r.WithdrawnAt = instant(made), instant(seen), instant(withdrawn)
		f.Revisions[key] = append(f.Revisions[key], r)
		return struct{}{}, err
	}, `
		SELECT v.document_id, v.label, coalesce(r.number, 0), coalesce(r.made_at, v.made_at), coalesce(r.seen_at, v.listed_at), v.withdrawn_at
		FROM versions v LEFT JOIN revisions r ON r.version_id = v.id WHERE v.document_id `+among)
	if err != nil {
		return f, err
	}
	f.Metas, err = byKey(ctx, d.read, func(row scanner) (key int64, m coc.Meta, err error) {
		var created, updated sql.NullInt64
		err = row.Scan(&key, &m.Name, &m.Description, &m.RiskLevel, &m.Creator, &m.Modifier, &m.ProjectID, &created, &updated, &m.Extra)
		m.CreatedAt, m.UpdatedAt = instant(created), instant(updated)
		return key, m, err
	}, `
		SELECT document_id, name, description, risk_level, creator, modifier, enterprise_project_id, created_at, updated_at, extra
		FROM document_states WHERE id IN (SELECT max(id) FROM document_states WHERE seen_at <= ? AND document_id `+among+` GROUP BY document_id)`, at.UnixMilli())
	if err != nil {
		return f, err
	}
	f.Deleted, err = byKey(ctx, d.read, scanMark, `
		SELECT document_id, kind = 'deleted' FROM changes
		WHERE kind IN ('deleted', 'restored') AND at <= ? AND document_id `+among+` ORDER BY at, id`, at.UnixMilli())
	if err != nil {
		return f, err
	}
	f.Watched, err = byKey(ctx, d.read, scanMark, `
		SELECT document_id, 1 FROM memberships WHERE since <= ?1 AND (until IS NULL OR until > ?1) AND document_id `+among, at.UnixMilli())
	return f, err
}

// ChangedSince returns the keys of the documents that changed from an instant on.
func (d *DB) ChangedSince(ctx context.Context, since time.Time) (_ map[int64]bool, err error) {
	defer wrap(&err, "documents changed since %s", since.UTC().Format(time.RFC3339))
	return byKey(ctx, d.read, scanMark, `SELECT DISTINCT document_id, 1 FROM changes WHERE at >= ?`, since.UnixMilli())
}

func scanMark(row scanner) (key int64, is bool, err error) {
	err = row.Scan(&key, &is)
	return key, is, err
}

// byKey reads rows of a key and a value; of several with one key the last counts.
func byKey[T any](ctx context.Context, r *reader, scan func(scanner) (int64, T, error), query string, args ...any) (map[int64]T, error) {
	values := map[int64]T{}
	_, err := collect(ctx, r, func(row scanner) (struct{}, error) {
		key, value, err := scan(row)
		values[key] = value
		return struct{}{}, err
	}, query, args...)
	return values, err
}
