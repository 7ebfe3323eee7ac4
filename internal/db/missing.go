package db

import (
	"context"
	"database/sql"

	"cocsync/internal/coc"
)

// MissingVersions returns listed versions whose content could not be fetched, of
// documents that a watch follows, in the order of account, document and observation; at
// most limit of them, and how many there are. One that no cycle has requested yet is
// not among them.
func (d *DB) MissingVersions(ctx context.Context, limit int) (list []coc.MissingVersion, all int, err error) {
	defer wrap(&err, "missing versions")
	list, err = collect(ctx, d.read, func(row scanner) (m coc.MissingVersion, err error) {
		var since, retry sql.NullInt64
		err = row.Scan(&m.Account, &m.DocumentID, &m.Name, &m.Label, &m.State, &m.Reason, &since, &retry, &all)
		m.Since, m.RetryAt = instant(since), instant(retry)
		return m, err
	}, `
		SELECT a.name, d.document_id, d.name, p.label, p.state, p.error, p.failed_since, p.retry_at, count(*) OVER ()
		FROM (SELECT id, document_id, label, state, error, failed_since, retry_at FROM versions
				WHERE state = 'pending' AND failures > 0
			UNION ALL
			SELECT id, document_id, label, state, error, failed_since, retry_at FROM versions
				WHERE state = 'unavailable' AND withdrawn_at IS NULL) p
		JOIN documents d ON d.id = p.document_id AND d.state <> 'deleted'
		JOIN accounts a ON a.id = d.account_id
		WHERE EXISTS (SELECT 1 FROM memberships m WHERE m.document_id = d.id AND m.until IS NULL)
		ORDER BY a.name, d.document_id, p.id LIMIT ?`, limit)
	return list, all, err
}
