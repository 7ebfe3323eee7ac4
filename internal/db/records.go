package db

import (
	"strings"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// docs/audit-log.md describes the records of the log and their fields. The queries in this
// file return the records of rows, for verification. Where a row is written its record is
// built from the same values in memory.

// recordsPage is the number of rows per query.
const recordsPage = 500

// source reads the records of one type: those of an account whose rows have a higher id, in
// the order of ids.
type source func(r reader, after coc.Key, limit int) ([]event, error)

// event is a row that has a leaf.
type event struct {
	ref    int64
	record audit.Record
}

// fields are the columns of a row, its id first. A null is a missing field.
type fields struct {
	id     int64
	names  []string
	values []any
}

// dest returns the destinations of the columns.
func (f *fields) dest(columns []string) []any {
	f.names, f.values = columns[1:], make([]any, len(columns)-1)
	dest := []any{&f.id}
	for i := range f.values {
		dest = append(dest, &f.values[i])
	}
	return dest
}

// selected returns the source of a query. Its first column is the id of the row, and the
// others are the fields after the account's name. It ends in a condition on the row x.
func selected(typ, query string) source {
	return func(r reader, after coc.Key, limit int) ([]event, error) {
		name, err := first[string](r, `SELECT name FROM accounts WHERE id = ?`, after.Account)
		if err != nil {
			return nil, err
		}
		rows, err := collect[fields](r, query+` x.account_id = ? AND x.id > ? ORDER BY x.id LIMIT ?`, after, limit)
		list := make([]event, len(rows))
		for i, f := range rows {
			record := audit.NewRecord(typ, "account", name)
			for j, field := range f.names {
				record.Add(field, f.values[j])
			}
			list[i] = event{f.id, record}
		}
		return list, err
	}
}

// sources returns the source of each type.
func sources() map[string]source {
	const (
		ofDocument = ` JOIN documents d ON d.account_id = x.account_id AND d.id = x.document_id`
		ofVersion  = ` JOIN versions v ON v.account_id = x.account_id AND v.id = x.version_id
			JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id`
	)
	list := map[string]source{}
	for typ, query := range map[string]string{
		audit.TypeStart: `
			SELECT x.id, x.origin, x.public_key, x.started_at AS at, x.old_origin, x.old_size, x.old_root FROM logs x WHERE`,
		audit.TypeEndpoint: `
			SELECT x.id, x.endpoint, x.at FROM endpoints x WHERE`,
		audit.TypeWatch: `
			SELECT x.id, x.watch, x.at FROM watch_starts x WHERE`,
		audit.TypeDocument: `
			SELECT x.id, x.document_id, x.document_type, x.first_seen_at FROM documents x WHERE`,
		audit.TypeMember: `
			SELECT x.id, d.document_id, x.watch, x.since, nullif(x.initial, 0) AS initial FROM memberships x` + ofDocument + ` WHERE`,
		audit.TypeMemberEnd: `
			SELECT x.id, d.document_id, m.watch, m.since, x.until
			FROM membership_ends x JOIN memberships m ON m.account_id = x.account_id AND m.id = x.membership_id
			JOIN documents d ON d.account_id = m.account_id AND d.id = m.document_id WHERE`,
		audit.TypeState: `
			SELECT x.id, d.document_id, x.seen_at, x.name, x.description, x.risk_level, x.creator, x.modifier,
				x.enterprise_project_id, x.created_at, x.updated_at, x.extra AS others, nullif(x.request_id, '') AS request_id, x.answered_at
			FROM document_states x` + ofDocument + ` WHERE`,
		audit.TypeVersion: `
			SELECT x.id, d.document_id, x.label AS version, nullif(x.version_uuid, '') AS version_uuid,
				CASE WHEN EXISTS (SELECT 1 FROM listings l WHERE l.account_id = x.account_id AND l.version_id = x.id AND l.made_at IS NOT NULL)
					THEN NULL ELSE x.made_at END AS made_at,
				x.listed_at, nullif(x.backfill, 0) AS backfill
			FROM versions x` + ofDocument + ` WHERE`,
		audit.TypeListing: `
			SELECT x.id, d.document_id, v.label AS version, x.at, nullif(x.withdrawn, 0) AS withdrawn, x.made_at
			FROM listings x` + ofVersion + ` WHERE`,
		audit.TypeRevision: `
			SELECT x.id, d.document_id, v.label AS version, x.number AS revision, nullif(x.version_uuid, '') AS version_uuid,
				t.sha256, t.size, nullif(t.form, 0) AS raw_token, x.made_at, x.seen_at, nullif(x.author, '') AS author,
				x.previous_checked_at, nullif(x.request_id, '') AS request_id, x.answered_at
			FROM revisions x` + ofVersion + ` JOIN contents t ON t.account_id = x.account_id AND t.id = x.content_id WHERE`,
		audit.TypeUnavailable: `
			SELECT x.id, d.document_id, v.label AS version, x.at AS seen_at, nullif(x.error, '') AS error
			FROM unavailable_versions x` + ofVersion + ` WHERE`,
		audit.TypeChange: `
			SELECT x.id, d.document_id, x.id AS change, x.kind, vf.label AS from_version, rf.number AS from_revision, tf.sha256 AS from_sha256,
				vt.label AS to_version, rt.number AS to_revision, tt.sha256 AS to_sha256, nullif(v.label, '') AS version,
				CASE WHEN x.to_state IS NOT NULL THEN coalesce(x.from_state, 0) END AS from_state, x.to_state,
				x.at, x.seen_at, nullif(x.backfill, 0) AS backfill, nullif(x.late, 0) AS late, x.cycle_id AS cycle
			FROM changes x` + ofDocument + strings.ReplaceAll(compared, "c.", "x.") + ` WHERE`,
		audit.TypeTrust: `
			SELECT x.id, x.at, x.person, x.reason, x.checkpoint FROM trusts x WHERE`,
		audit.TypeErasure: `
			SELECT x.id, t.sha256, t.size, x.at, x.reason
			FROM erasures x JOIN contents t ON t.account_id = x.account_id AND t.id = x.content_id WHERE`,
	} {
		list[typ] = selected(typ, query)
	}
	for _, typ := range []string{audit.TypeCoverage, audit.TypeCycle, audit.TypeUnattested} {
		list[typ] = coveragesOf(typ)
	}
	list[audit.TypeDelivery] = deliveriesRecorded
	return list
}
