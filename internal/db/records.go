package db

import (
	"slices"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// docs/audit-log.md describes the records of the log and their fields. The queries in this
// file return the records of rows, for verification and for a new log. The methods of stepper
// build the same records from values.

// source selects the records of one type: the key of the row, then a column for each field.
// A null is a missing field.
type source struct{ typ, query string }

// event is a row of a source: it has a leaf.
type event struct {
	ref    coc.Key
	names  []string
	values []any
}

// dest returns the destinations of the columns.
func (e *event) dest(columns []string) []any {
	e.names, e.values = columns[2:], make([]any, len(columns)-2)
	dest := []any{&e.ref.Account, &e.ref.ID}
	for i := range e.values {
		dest = append(dest, &e.values[i])
	}
	return dest
}

func (e *event) record(typ string) *audit.Record {
	r := audit.NewRecord(typ)
	for i, name := range e.names {
		r.Add(name, e.values[i])
	}
	return &r
}

// recordOf returns the record of a row.
func recordOf(r reader, typ string, ref coc.Key) (*audit.Record, error) {
	e, err := find[event](r, `SELECT * FROM (`+sourceOf(typ).query+`) q WHERE q.account_id = ? AND q.id = ?`, ref)
	return e.record(typ), err
}

// sourceOf returns the source of a type.
func sourceOf(typ string) source {
	list := sources()
	return list[slices.IndexFunc(list, func(s source) bool { return s.typ == typ })]
}

// sources returns all types in the order of verification.
func sources() []source {
	return []source{{audit.TypeStart, `
		SELECT 0 AS account_id, g.id, g.origin, g.public_key, g.at, g.old_origin, g.old_size, g.old_root FROM generations g`,
	}, {audit.TypeState, `
		SELECT s.account_id, s.id, a.name AS account, d.document_id, s.seen_at, s.name, s.description, s.risk_level, s.creator,
			s.modifier, s.enterprise_project_id, s.created_at, s.updated_at, s.extra AS others, nullif(s.request_id, '') AS request_id,
			s.answered_at
		FROM document_states s JOIN documents d ON d.account_id = s.account_id AND d.id = s.document_id
		JOIN accounts a ON a.id = d.account_id`,
	}, {audit.TypeRevision, `
		SELECT r.account_id, r.id, a.name AS account, d.document_id, v.label AS version, r.number AS revision,
			nullif(r.version_uuid, '') AS version_uuid, t.sha256, t.size, nullif(t.form, 0) AS raw_token, r.made_at, r.seen_at,
			nullif(r.author, '') AS author, r.previous_checked_at, nullif(r.request_id, '') AS request_id, r.answered_at
		FROM revisions r JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
		JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id
		JOIN accounts a ON a.id = d.account_id JOIN contents t ON t.account_id = r.account_id AND t.id = r.content_id`,
	}, {audit.TypeUnavailable, `
		SELECT u.account_id, u.id, a.name AS account, d.document_id, v.label AS version, u.at AS seen_at, nullif(u.error, '') AS error
		FROM unavailable_versions u JOIN versions v ON v.account_id = u.account_id AND v.id = u.version_id
		JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id
		JOIN accounts a ON a.id = d.account_id`,
	}, {audit.TypeChange, `
		SELECT c.account_id, c.id, a.name AS account, d.document_id, c.id AS change, c.kind,
			vf.label AS from_version, rf.number AS from_revision, tf.sha256 AS from_sha256,
			vt.label AS to_version, rt.number AS to_revision, tt.sha256 AS to_sha256, nullif(v.label, '') AS version,
			CASE WHEN c.to_state IS NOT NULL THEN coalesce(c.from_state, 0) END AS from_state, c.to_state,
			c.at, c.seen_at, nullif(c.backfill, 0) AS backfill, nullif(c.late, 0) AS late
		FROM changes c JOIN documents d ON d.account_id = c.account_id AND d.id = c.document_id
		JOIN accounts a ON a.id = d.account_id` + compared,
	}, {audit.TypeErasure, `
		SELECT c.account_id, c.id, a.name AS account, c.sha256, c.size, c.erased_at AS at, coalesce(c.erased_reason, '') AS reason
		FROM contents c JOIN accounts a ON a.id = c.account_id WHERE c.erased_at IS NOT NULL`,
	}, {audit.TypeCoverage, coverageQuery}}
}

// A coverage summarizes the full cycles of a watch from first_cycle to last_cycle. Only
// a row of a single cycle has an error.
const coverageQuery = `
	SELECT g.account_id, g.id, a.name AS account, g.watch, y.started_at, y.ended_at, y.cycles, y.good, y.complete, y.requests,
		y.listed, nullif(y.missed, 0) AS missed, nullif(y.error, '') AS errors
	FROM coverages g JOIN accounts a ON a.id = g.account_id JOIN (
		SELECT o.account_id, o.id, count(*) AS cycles, min(c.started_at) AS started_at, max(c.ended_at) AS ended_at,
			sum(CASE c.outcome WHEN 'good' THEN 1 ELSE 0 END) AS good, sum(c.complete) AS complete,
			sum(c.requests) AS requests, max(c.listed) AS listed, sum(c.missed) AS missed, max(c.error) AS error
		FROM coverages o JOIN cycles c ON c.watch = o.watch AND c.account_id = o.account_id
			AND c.id BETWEEN o.first_cycle AND o.last_cycle AND c.partial = 0
		GROUP BY o.account_id, o.id) y ON y.account_id = g.account_id AND y.id = g.id`
