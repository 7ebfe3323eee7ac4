package db

import (
	"strings"
	"time"

	"cocsync/internal/audit"
)

// docs/audit-log.md describes the records of the log and their fields. The queries in this
// file return the records of rows, for verification. Where a row is written its record is
// built from the same values in memory.

// source reads the records of one type.
type source struct {
	table string // of their rows x
	where string // a condition on x; "" for none
	// read returns the records of the rows of an account with these ids, at most recordsPage.
	read func(r reader, account int64, ids []int64) ([]event, error)
}

// recordsPage is the maximum number of rows per query.
const recordsPage = 500

// idsIn returns the list of an IN with its arguments. Repeated ids fill the list, so that there
// are two statements of a type and not one for each length.
func idsIn(ids []int64) (in string, args []any) {
	for _, id := range ids {
		args = append(args, id)
	}
	for len(args) > 1 && len(args) < recordsPage {
		args = append(args, ids[0])
	}
	return "(" + placeholders(len(args)) + ")", args
}

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

// record returns the record of a row of an account. The column salt is no field, but that of the next
// one: a hash, which becomes a commitment.
func (f *fields) record(typ, account string) audit.Record {
	r := audit.NewRecord(typ, "account", account)
	var salt []byte
	for i, name := range f.names {
		value := f.values[i]
		switch hash, _ := value.([]byte); {
		case name == "salt":
			salt = hash
			continue
		case strings.HasSuffix(name, "commitment") && hash != nil:
			value = commitment(salt, hash)
		}
		r.Add(name, value)
	}
	return r
}

// selected returns the source of a table x. columns are the fields of a record after the
// account's name; joined are the tables that they need.
func selected(typ, table, joined, columns string) source {
	query := `SELECT x.id, ` + columns + ` FROM ` + table + ` x` + joined + ` WHERE x.account_id = ? AND x.id IN `
	return source{table: table, read: func(r reader, account int64, ids []int64) ([]event, error) {
		name, err := first[string](r, `SELECT name FROM accounts WHERE id = ?`, account)
		if err != nil {
			return nil, err
		}
		in, args := idsIn(ids)
		rows, err := collect[fields](r, query+in, append([]any{account}, args...)...)
		list := make([]event, len(rows))
		for i, f := range rows {
			list[i] = event{f.id, f.record(typ, name)}
		}
		return list, err
	}}
}

// sources are the sources of all types.
var sources = func() map[string]source {
	const (
		ofDocument = ` JOIN documents d ON d.account_id = x.account_id AND d.id = x.document_id`
		ofVersion  = ` JOIN versions v ON v.account_id = x.account_id AND v.id = x.version_id
			JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id`
		ofContent    = ` JOIN contents t ON t.account_id = x.account_id AND t.id = x.content_id`
		ofMembership = ` JOIN memberships m ON m.account_id = x.account_id AND m.id = x.membership_id
			JOIN documents d ON d.account_id = m.account_id AND d.id = m.document_id`
	)
	list := map[string]source{}
	for _, s := range []struct{ typ, table, joined, columns string }{
		{audit.TypeStart, "logs", "", `
			x.origin, x.public_key, x.started_at AS at, x.old_origin, x.old_size, x.old_root, x.person,
			x.lost_origin, x.lost_size, x.lost_root, nullif(x.skipped_changes, 0) AS skipped_changes`},
		{audit.TypeKey, "key_changes", "", `x.at, x.person, x.old_key, x.new_key, nullif(x.lost, 0) AS lost`},
		{audit.TypeEndpoint, "endpoints", "", `x.endpoint, x.at`},
		{audit.TypeWatch, "watch_starts", "", `x.watch, x.at`},
		{audit.TypeDocument, "documents", "", `x.document_id, x.document_type, x.first_seen_at`},
		{audit.TypeMember, "memberships", ofDocument, `d.document_id, x.watch, x.since, nullif(x.initial, 0) AS initial`},
		{audit.TypeMemberEnd, "membership_ends", ofMembership, `d.document_id, m.watch, m.since, x.until`},
		{audit.TypeState, "document_states", ofDocument, `
			d.document_id, x.seen_at, x.name, x.description, x.risk_level, x.creator, x.modifier, x.enterprise_project_id,
			x.created_at, x.updated_at, x.extra AS others, nullif(x.request_id, '') AS request_id, x.answered_at`},
		{audit.TypeListing, "listings", ofVersion, `
			d.document_id, v.label AS version, x.at, nullif(x.withdrawn, 0) AS withdrawn, x.made_at`},
		{audit.TypeRevision, "revisions", ofVersion + ofContent, `
			d.document_id, v.label AS version, x.number AS revision, nullif(coalesce(x.version_uuid, v.version_uuid), '') AS version_uuid,
			t.salt, t.hash AS commitment, ` + roundedSizeOf + ` AS size, nullif(t.form, 0) AS raw_token, x.made_at, x.seen_at, nullif(x.author, '') AS author,
			x.previous_checked_at, nullif(x.request_id, '') AS request_id, x.answered_at`},
		{audit.TypeUnavailable, "unavailable_versions", ofVersion, `
			d.document_id, v.label AS version, x.at AS seen_at, nullif(x.error, '') AS error`},
		{audit.TypeChange, "changes", ofDocument + strings.ReplaceAll(compared, "c.", "x."), `
			d.document_id, x.id AS change, x.kind, vf.label AS from_version, rf.number AS from_revision, tf.salt, tf.hash AS from_commitment,
			vt.label AS to_version, rt.number AS to_revision, tt.salt, tt.hash AS to_commitment, nullif(v.label, '') AS version,
			CASE WHEN x.to_state IS NOT NULL THEN coalesce(x.from_state, 0) END AS from_state, x.to_state,
			x.at, x.seen_at, nullif(x.backfill, 0) AS backfill, nullif(x.late, 0) AS late, x.cycle_id AS cycle`},
		{audit.TypeTrust, "trusts", "", `x.at, x.person, x.reason, x.checkpoint`},
		{audit.TypeErasure, "erasures", ` JOIN revisions r ON r.account_id = x.account_id AND r.id = x.revision_id` +
			strings.ReplaceAll(ofVersion, "x.", "r.") + ofContent, `
			d.document_id, v.label AS version, r.number AS revision, t.salt, t.hash AS commitment, ` + roundedSizeOf + ` AS size,
			x.keyed_hash, x.key_id, x.at, x.person, x.reason`},
	} {
		list[s.typ] = selected(s.typ, s.table, s.joined, s.columns)
	}
	list[audit.TypeVersions] = source{"versions", "x.listed > 0", listedVersions}
	for _, typ := range []string{audit.TypeCoverage, audit.TypeCycle, audit.TypeUnattested} {
		list[typ] = coveragesOf(typ)
	}
	list[audit.TypeDelivery] = source{table: "delivery_records", read: deliveriesRecorded}
	return list
}()

// firstListed is the id of the first of the versions that were listed together with a version v.
func firstListed(v string) string {
	return strings.ReplaceAll(`(SELECT n.id FROM versions n WHERE n.account_id = v.account_id AND n.id <= v.id
		AND n.listed > 0 ORDER BY n.id DESC LIMIT 1)`,
		"v.", v+".")
}

// listedVersions reads the records of versions that were listed together, by their first one.
func listedVersions(r reader, account int64, ids []int64) (list []event, err error) {
	in, args := idsIn(ids)
	rows, err := collect[struct {
		First               int64
		Account, DocumentID string
		ListedAt            time.Time
		Label, UUID         string
		MadeAt              time.Time
		Backfill            bool
	}](r, `
		SELECT f.id, a.name, d.document_id, f.listed_at, x.label, x.version_uuid,
			CASE WHEN EXISTS (SELECT 1 FROM listings l WHERE l.account_id = x.account_id AND l.version_id = x.id AND l.made_at IS NOT NULL)
				THEN NULL ELSE x.made_at END,
			x.backfill
		FROM versions f JOIN accounts a ON a.id = f.account_id JOIN documents d ON d.account_id = f.account_id AND d.id = f.document_id
		CROSS JOIN versions x
		WHERE f.account_id = ? AND f.id IN `+in+` AND x.account_id = f.account_id AND x.id >= f.id
			AND x.id < f.id + CASE WHEN f.listed < 100 THEN f.listed ELSE 100 END
			AND x.document_id = f.document_id AND x.listed_at = f.listed_at
		ORDER BY f.id, x.id`, append([]any{account}, args...)...)
	for len(rows) > 0 {
		first, n := rows[0], 0
		var versions []audit.ListedVersion
		for n < len(rows) && rows[n].First == first.First {
			versions = append(versions, audit.NewListedVersion(rows[n].Label, rows[n].UUID, rows[n].MadeAt, rows[n].Backfill))
			n++
		}
		list = append(list, event{first.First, audit.NewRecord(audit.TypeVersions, "account", first.Account, "document_id", first.DocumentID,
			"listed_at", first.ListedAt, "versions", audit.EncodeListed(versions))})
		rows = rows[n:]
	}
	return list, err
}
