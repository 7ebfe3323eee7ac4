package db

import (
	"context"
)

// Contradictions returns the rows that other rows contradict, a line each: columns that repeat
// what recorded rows say, and contents that nothing names.
func (a *Archive) Contradictions(ctx context.Context) (faults []string, err error) {
	r := a.reading(ctx, "rows")
	for _, query := range contradictions {
		found, err := collect[string](r, query)
		if faults = append(faults, found...); err != nil {
			return faults, err
		}
	}
	return faults, nil
}

// inAccount names the row x of an account.
const inAccount = ` || ' of account ' || (SELECT a.name FROM accounts a WHERE a.id = x.account_id)`

var contradictions = []string{
	`SELECT 'change ' || x.id` + inAccount + ` || ' names a revision or a state of another document' FROM changes x
		LEFT JOIN revisions rf ON rf.account_id = x.account_id AND rf.id = x.from_revision
		LEFT JOIN versions vf ON vf.account_id = rf.account_id AND vf.id = rf.version_id
		LEFT JOIN revisions rt ON rt.account_id = x.account_id AND rt.id = x.to_revision
		LEFT JOIN versions vt ON vt.account_id = rt.account_id AND vt.id = rt.version_id
		LEFT JOIN versions v ON v.account_id = x.account_id AND v.id = x.version_id
		LEFT JOIN document_states sf ON sf.account_id = x.account_id AND sf.id = x.from_state
		LEFT JOIN document_states st ON st.account_id = x.account_id AND st.id = x.to_state
		WHERE vf.document_id <> x.document_id OR vt.document_id <> x.document_id OR v.document_id <> x.document_id
			OR sf.document_id <> x.document_id OR st.document_id <> x.document_id`,
	`SELECT 'account ' || x.name || ': its endpoint is not the newest that was recorded' FROM accounts x
		WHERE x.endpoint <> coalesce((SELECT e.endpoint FROM endpoints e WHERE e.account_id = x.id ORDER BY e.id DESC LIMIT 1), '')`,
	`SELECT 'membership ' || x.id` + inAccount + ` || ': its end is not the one that was recorded' FROM memberships x
		LEFT JOIN membership_ends e ON e.account_id = x.account_id AND e.membership_id = x.id
		WHERE coalesce(x.until, -1) <> coalesce(e.until, -1)`,
	`SELECT 'version ' || x.id` + inAccount + ` || ': whether it is withdrawn is not what was recorded' FROM versions x
		WHERE coalesce(x.withdrawn_at, -1) <> coalesce((SELECT CASE l.withdrawn WHEN 1 THEN l.at END FROM listings l
			WHERE l.account_id = x.account_id AND l.version_id = x.id ORDER BY l.id DESC LIMIT 1), -1)`,
	`SELECT 'version ' || x.version_id` + inAccount + ` || ': its create_time is not the one that was recorded' FROM listings x
		JOIN versions v ON v.account_id = x.account_id AND v.id = x.version_id
		WHERE x.made_at IS NOT NULL AND x.made_at <> coalesce(v.made_at, -1)`,
	`SELECT 'version ' || x.id` + inAccount + ` || ': its state is ' || x.state || ', which its revisions contradict' FROM versions x
		WHERE (x.state = 'archived') <> EXISTS (SELECT 1 FROM revisions r WHERE r.account_id = x.account_id AND r.version_id = x.id)`,
	`SELECT 'document ' || x.document_id` + inAccount + ` || ': its state is ' || x.state || ', which its changes contradict' FROM documents x
		WHERE (x.state = 'deleted') <> (coalesce((SELECT c.kind FROM changes c WHERE c.account_id = x.account_id AND c.document_id = x.id
			AND c.kind IN ('deleted', 'restored') ORDER BY c.id DESC LIMIT 1), '') = 'deleted')`,
	`SELECT 'content ' || lower(hex(x.sha256))` + inAccount + ` || ' belongs to no version' FROM contents x
		WHERE NOT EXISTS (SELECT 1 FROM revisions r WHERE r.account_id = x.account_id AND r.content_id = x.id)`,
	`SELECT 'content ' || lower(hex(x.sha256))` + inAccount + ` || CASE WHEN x.pack_id IS NULL THEN ' has no bytes, and no one erased it'
			ELSE ' was erased, and has bytes' END FROM contents x
		WHERE (x.pack_id IS NULL) <> EXISTS (SELECT 1 FROM erasures e WHERE e.account_id = x.account_id AND e.content_id = x.id)`,
	`SELECT 'pack ' || x.id` + inAccount + ` || ' has bytes that belong to no content' FROM packs x
		WHERE x.count <> (SELECT count(*) FROM contents c WHERE c.account_id = x.account_id AND c.pack_id = x.id)
			OR x.size <> (SELECT coalesce(sum(c.size), 0) FROM contents c WHERE c.account_id = x.account_id AND c.pack_id = x.id)`,
	`SELECT 'account ' || a.name || ': its counters are not those of its rows' FROM counters x JOIN accounts a ON a.id = x.account_id
		WHERE x.documents <> (SELECT coalesce(max(id), 0) FROM documents n WHERE n.account_id = x.account_id)
			OR x.versions <> (SELECT coalesce(max(id), 0) FROM versions n WHERE n.account_id = x.account_id)
			OR x.revisions <> (SELECT coalesce(max(id), 0) FROM revisions n WHERE n.account_id = x.account_id)
			OR x.contents <> (SELECT coalesce(max(id), 0) FROM contents n WHERE n.account_id = x.account_id)
			OR x.changes <> (SELECT coalesce(max(id), 0) FROM changes n WHERE n.account_id = x.account_id)
			OR x.cycles <> (SELECT coalesce(max(id), 0) FROM cycles n WHERE n.account_id = x.account_id)`,
}
