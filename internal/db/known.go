package db

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"cocsync/internal/coc"
)

// Known returns what the archive holds of a document, with Key 0 when that is
// nothing.
func (d *DB) Known(ctx context.Context, account, documentID string) (k coc.Known, err error) {
	defer wrap(&err, "document %s", documentID)
	k = coc.Known{DocumentID: documentID}
	var print []byte
	var created, updated sql.NullInt64
	m := &k.Meta
	err = d.read.row(ctx, `
		SELECT d.id, d.document_type, d.name, d.state, d.fingerprint,
			EXISTS (SELECT 1 FROM changes WHERE document_id = d.id AND kind = 'new'),
			s.name, s.description, s.risk_level, s.creator, s.modifier, s.enterprise_project_id,
			s.created_at, s.updated_at, coalesce(s.extra, '')
		FROM documents d JOIN accounts a ON a.id = d.account_id
		LEFT JOIN document_states s ON s.id = (SELECT max(id) FROM document_states WHERE document_id = d.id)
		WHERE a.name = ? AND d.document_id = ?`, account, documentID).
		Scan(&k.Key, &k.Type, &k.Name, &k.State, &print, &k.HasNew,
			&m.Name, &m.Description, &m.RiskLevel, &m.Creator, &m.Modifier, &m.ProjectID, &created, &updated, &m.Extra)
	if err != nil {
		return k, explain(ignore(err, sql.ErrNoRows))
	}
	copy(k.Fingerprint[:], print)
	m.CreatedAt, m.UpdatedAt = instant(created), instant(updated)
	if k.Versions, err = collect(ctx, d.read, scanKnownVersion, `
		SELECT v.label, v.version_uuid, v.made_at, v.state, v.withdrawn_at, v.backfill, v.recorded, v.failures,
			v.failed_cycle, iif(r.number > 1 AND NOT v.recorded, (SELECT group_concat(hex(e.sha256) ORDER BY q.number)
				FROM revisions q JOIN contents e ON e.id = q.content_id WHERE q.version_id = v.id), NULL),
			v.error, v.failed_since, v.retry_at, v.checked_at, coalesce(r.number, 0), coalesce(r.version_uuid, ''), c.sha256
		FROM versions v
		LEFT JOIN revisions r ON r.version_id = v.id
			AND r.number = (SELECT max(number) FROM revisions WHERE version_id = v.id)
		LEFT JOIN contents c ON c.id = r.content_id
		WHERE v.document_id = ?`, k.Key); err != nil {
		return k, err
	}
	k.Watches, err = collect(ctx, d.read, func(row scanner) (m coc.Membership, err error) {
		err = row.Scan(&m.Watch, &m.InitialSync)
		return m, err
	}, `SELECT watch, first_contact FROM memberships WHERE document_id = ? AND until IS NULL ORDER BY watch`, k.Key)
	return k, err
}

func scanKnownVersion(row scanner) (v coc.KnownVersion, err error) {
	var made, withdrawn, checked, since, retry sql.NullInt64
	var earlier sql.NullString
	err = row.Scan(&v.Label, &v.Listed.UUID, &made, &v.State, &withdrawn, &v.Backfill, &v.Recorded, &v.Failures,
		&v.FailedCycle, &earlier, &v.Reason, &since, &retry, &checked, &v.Number, &v.UUID, (*hashColumn)(&v.Hash))
	v.MadeAt, v.CheckedAt, v.Withdrawn = instant(made), instant(checked), withdrawn.Valid
	v.FailedSince, v.RetryAt = instant(since), instant(retry)
	if earlier.Valid {
		for digits := range strings.SplitSeq(earlier.String, ",") {
			h, err := coc.ParseHash(digits)
			if err != nil {
				return v, err
			}
			v.Earlier = append(v.Earlier, h)
		}
		v.Earlier = v.Earlier[:len(v.Earlier)-1] // the last is the newest
	}
	return v, err
}

// Unchecked returns documents of a watch with versions that were last held against
// COC's content before that instant: the newest version of a document first,
// then those that went unchecked for longest. At most limit versions.
func (d *DB) Unchecked(ctx context.Context, watch string, before time.Time, limit int) (_ []coc.Due, err error) {
	defer wrap(&err, "versions to check of watch %q", watch)
	var list []coc.Due
	at := map[string]int{}
	_, err = collect(ctx, d.read, func(row scanner) (struct{}, error) {
		var id, label string
		var newest bool
		if err := row.Scan(&id, &label, &newest); err != nil {
			return struct{}{}, err
		}
		i, ok := at[id]
		if !ok {
			i = len(list)
			at[id] = i
			list = append(list, coc.Due{DocumentID: id})
		}
		list[i].Labels = append(list[i].Labels, label)
		return struct{}{}, nil
	}, `
		SELECT d.document_id, v.label, v.label = d.newest AS newest
		FROM versions v
		JOIN documents d ON d.id = v.document_id AND d.state = 'present'
		JOIN memberships m ON m.watch = ?1 AND m.document_id = d.id AND m.until IS NULL
		JOIN watches w ON w.name = m.watch AND w.account_id = d.account_id
		WHERE v.checked_at < ?2
		ORDER BY newest DESC, v.checked_at
		LIMIT ?3`, watch, before.UnixMilli(), limit)
	return list, err
}
