package db

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// Columns that repeat what recorded rows say have no record of their own. They must agree with
// these rows.

// faultFunc receives a fault, as a format and its arguments. There may be one for each row.
type faultFunc = func(format string, args ...any)

// Contradictions finds the rows that other rows contradict: columns that repeat what recorded
// rows say, and rows and bytes that nothing names.
func (a *Archive) Contradictions(ctx context.Context, fault faultFunc) error {
	r := a.reading(ctx, "rows")
	if err := faultsOf(r, fault, append(counterQueries(), contradictions...)); err != nil {
		return err
	}
	for _, check := range []func(reader, faultFunc) error{versionFaults, accountFaults, numberedFaults, listedFaults, a.packFaults} {
		if err := check(r, fault); err != nil {
			return err
		}
	}
	return nil
}

// faultsOf finds the faults that queries return.
func faultsOf(r reader, fault faultFunc, queries []string) error {
	for _, query := range queries {
		for found, err := range stream[string](r, query) {
			if err != nil {
				return err
			}
			fault("%s", found)
		}
	}
	return nil
}

// inAccount names the row x of an account.
const inAccount = ` || ' of account ' || (SELECT a.name FROM accounts a WHERE a.id = x.account_id)`

const (
	// hasVersions is the condition that COC served the document x once.
	hasVersions = `EXISTS (SELECT 1 FROM versions v WHERE v.account_id = x.account_id AND v.document_id = x.id)`
	// lastDeleted and lastRestored are the newest such changes of the document x, firstNew the
	// change that added it; 0 for none. The first two have the condition of the partial index
	// changes_deleted, which SQLite uses only if the query has it.
	changesOf    = ` FROM changes c WHERE c.account_id = x.account_id AND c.document_id = x.id AND `
	lastDeleted  = `(SELECT coalesce(max(c.id), 0)` + changesOf + `c.kind IN ('deleted', 'restored') AND c.kind = 'deleted')`
	lastRestored = `(SELECT coalesce(max(c.id), 0)` + changesOf + `c.kind IN ('deleted', 'restored') AND c.kind = 'restored')`
	firstNew     = `(SELECT coalesce(min(c.id), 0)` + changesOf + `c.kind = 'new')`
)

// covers is the condition that a coverage has the cycle x.
const covers = `EXISTS (SELECT 1 FROM coverages g JOIN cycles f ON f.account_id = g.account_id
	AND f.id = g.first_cycle AND f.partial = x.partial
	WHERE g.account_id = x.account_id AND g.watch = x.watch AND g.last_cycle >= x.id AND g.first_cycle <= x.id)`

var contradictions = []string{
	`SELECT 'account ' || x.name || ' has no log' FROM accounts x WHERE NOT EXISTS (SELECT 1 FROM logs l WHERE l.account_id = x.id)`,
	`SELECT x.type || ' ' || x.ref` + inAccount + ` || ' has ' || count(*) || ' leaves' FROM leaves x
		GROUP BY x.ref, x.type, x.account_id HAVING count(*) > 1`,
	`SELECT 'account ' || x.name || ' has no counters' FROM accounts x WHERE NOT EXISTS (SELECT 1 FROM counters c WHERE c.account_id = x.id)`,
	`SELECT 'account ' || x.name || ': its endpoint is not the newest that was recorded' FROM accounts x
		WHERE x.endpoint <> coalesce((SELECT e.endpoint FROM endpoints e WHERE e.account_id = x.id ORDER BY e.id DESC LIMIT 1), '')`,
	`SELECT 'the archive has another row' FROM archive x WHERE x.id <> 1`,
	`SELECT 'the key of the archive is not that of its newest logs' FROM archive x
		WHERE EXISTS (SELECT 1 FROM logs l WHERE l.id = (SELECT max(n.id) FROM logs n WHERE n.account_id = l.account_id)
			AND l.public_key IS NOT NULL AND coalesce(x.public_key, '') <> coalesce((SELECT k.new_key FROM key_changes k
				CROSS JOIN leaves g WHERE g.ref = k.id AND g.type = 'key' AND g.account_id = k.account_id AND g.log_id = l.id
				AND k.account_id = l.account_id ORDER BY k.id DESC LIMIT 1), l.public_key))`,
	`SELECT 'watch ' || x.name || ' was never started in its account' FROM watches x
		WHERE NOT EXISTS (SELECT 1 FROM watch_starts s WHERE s.account_id = x.account_id AND s.watch = x.name)`,
	`SELECT DISTINCT 'watch ' || x.watch || ' is missing' FROM watch_starts x
		WHERE NOT EXISTS (SELECT 1 FROM watches w WHERE w.name = x.watch)`,

	`SELECT 'document ' || x.document_id` + inAccount + ` || ': its name is not that of its newest state' FROM documents x
		JOIN document_states s ON s.account_id = x.account_id AND s.document_id = x.id
			AND s.id = (SELECT max(n.id) FROM document_states n WHERE n.account_id = x.account_id AND n.document_id = x.id)
		WHERE s.name <> '' AND s.name <> x.name`,
	`SELECT 'document ' || x.document_id` + inAccount + ` || ': its newest version is not listed' FROM documents x
		WHERE CASE x.newest WHEN '' THEN ` + hasVersions + ` ELSE NOT EXISTS (SELECT 1 FROM versions v
			WHERE v.account_id = x.account_id AND v.document_id = x.id AND v.label = x.newest AND v.withdrawn_at IS NULL) END`,
	// A document that is deleted before COC served it has no change.
	`SELECT 'document ' || x.document_id` + inAccount + ` || ': its state is ' || x.state || ', which its changes contradict' FROM documents x
		WHERE CASE x.state WHEN 'listed' THEN ` + hasVersions + `
			WHEN 'deleted' THEN ` + lastDeleted + ` < ` + lastRestored + ` OR ` + lastDeleted + ` = 0 AND ` + hasVersions + `
			ELSE NOT ` + hasVersions + ` OR ` + lastDeleted + ` > ` + lastRestored + ` AND ` + firstNew + ` BETWEEN 1 AND ` + lastDeleted + ` END`,
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
	// An unavailable version is requested again when it is listed again, also with its document.
	`SELECT 'version ' || x.id` + inAccount + ` || ': its state is ' || x.state || ', which is not what was recorded' FROM versions x
		WHERE x.state = 'unavailable' AND (x.account_id, x.id) NOT IN (SELECT account_id, version_id FROM unavailable_versions)
			OR x.state = 'pending' AND (x.account_id, x.id) IN (SELECT account_id, version_id FROM unavailable_versions)
				AND NOT EXISTS (SELECT 1 FROM listings l WHERE l.account_id = x.account_id AND l.version_id = x.id)
				AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.account_id = x.account_id AND c.document_id = x.document_id AND c.kind = 'deleted')`,
	`SELECT 'version ' || x.id` + inAccount + ` || ': whether a change records it is not what its changes say' FROM versions x
		WHERE x.state = 'archived' AND (x.recorded = 1) <> ((x.account_id, x.id) IN (SELECT r.account_id, r.version_id
			FROM changes c CROSS JOIN revisions r WHERE r.account_id = c.account_id AND r.id = c.to_revision))`,
	`SELECT 'version ' || x.id` + inAccount + ` || CASE WHEN x.checked_at IS NULL THEN ' would never be compared with COC again'
			ELSE ' has nothing to compare with COC' END FROM versions x
		WHERE (x.checked_at IS NOT NULL) <> (x.state = 'archived' AND x.withdrawn_at IS NULL)`,
	`SELECT 'revision ' || x.id` + inAccount + ` || ' has an empty author' FROM revisions x WHERE x.author = ''`,

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
	`SELECT 'change ' || x.id` + inAccount + ` || ' has a state before it and none after it' FROM changes x
		WHERE x.from_state IS NOT NULL AND x.to_state IS NULL`,

	`SELECT 'content ' || lower(hex(x.hash))` + inAccount + ` || ' belongs to no version' FROM contents x
		WHERE (x.account_id, x.id) NOT IN (SELECT account_id, content_id FROM revisions)`,
	`SELECT 'content ' || lower(hex(x.hash))` + inAccount + ` || CASE WHEN x.pack_id IS NULL THEN ' has no bytes, and no one erased it'
			ELSE ' was erased, and has bytes' END FROM contents x
		WHERE (x.pack_id IS NULL) <> EXISTS (SELECT 1 FROM erasures e WHERE e.account_id = x.account_id AND e.content_id = x.id)`,
	`SELECT 'content ' || lower(hex(x.hash))` + inAccount + ` || ' has no bytes, and a place for them' FROM contents x
		WHERE x.pack_id IS NULL AND x.start <> 0`,
	`SELECT 'content ' || lower(hex(x.hash))` + inAccount + ` || ' has a salt or an exact size although it is erased, or no salt' FROM contents x
		WHERE (x.pack_id IS NULL) <> (x.salt IS NULL) OR x.pack_id IS NULL AND x.size % 256 <> 0`,
	`SELECT 'erasure ' || x.id` + inAccount + ` || ' is of another content than its revision' FROM erasures x
		JOIN revisions r ON r.account_id = x.account_id AND r.id = x.revision_id WHERE r.content_id <> x.content_id`,
	`SELECT DISTINCT 'pack ' || x.id` + inAccount + ` || ' has contents of other documents' FROM packs x
		JOIN contents c ON c.account_id = x.account_id AND c.pack_id = x.id
		WHERE (x.account_id, c.id, x.document_id) NOT IN (SELECT r.account_id, r.content_id, v.document_id
			FROM revisions r JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id)`,

	// Only good cycles of the last hour are not recorded yet.
	`SELECT 'cycle ' || x.id` + inAccount + ` || ' of watch ' || x.watch || ' was never recorded' FROM cycles x
		WHERE NOT ` + covers + ` AND (x.outcome NOT IN ('running', 'good') OR x.missed > 0 OR x.partial = 1 AND x.outcome <> 'running'
			OR EXISTS (SELECT 1 FROM coverages g JOIN cycles f ON f.account_id = g.account_id AND f.id = g.first_cycle AND f.partial = x.partial
				WHERE g.account_id = x.account_id AND g.watch = x.watch AND g.last_cycle > x.id))`,
	`SELECT 'coverage ' || x.id` + inAccount + ` || ' of one cycle has others' FROM coverages x
		WHERE x.type = 'cycle' AND x.first_cycle <> x.last_cycle`,
	`SELECT 'the failure of document ' || x.document_id || ' in cycle ' || x.cycle_id` + inAccount + ` || ' is not that of a failed cycle'
		FROM cycle_failures x JOIN cycles c ON c.account_id = x.account_id AND c.id = x.cycle_id WHERE c.outcome IN ('running', 'good')`,

	`SELECT 'delivery ' || x.id || ' to ' || x.notifier || ': its state is ' || x.state || ', which its message contradicts' FROM deliveries x
		LEFT JOIN messages m ON m.id = x.message_id
		WHERE CASE coalesce(m.state, '') WHEN '' THEN x.state NOT IN ('waiting', 'dropped')
			WHEN 'waiting' THEN x.state <> 'claimed' ELSE x.state <> m.state END`,
	`SELECT 'delivery ' || x.id || ' to ' || x.notifier || ': its message is to ' || m.notifier FROM deliveries x
		JOIN messages m ON m.id = x.message_id WHERE x.notifier <> m.notifier`,
	`SELECT 'delivery ' || x.id || ' to ' || x.notifier || ': it is recorded, and was not sent' FROM deliveries x
		WHERE x.record_id IS NOT NULL AND (x.state <> 'sent' OR x.account_id IS NULL)`,
}

// counterQueries returns the queries for counters that are not those of their rows. An erasure
// removes words.
func counterQueries() (list []string) {
	for _, table := range strings.Split(counterColumns, ", ") {
		rows, wrong := `SELECT account_id, count(*) AS n, max(id) AS newest FROM `+table+` GROUP BY account_id`,
			`x.`+table+` <> coalesce(t.n, 0) OR x.`+table+` <> coalesce(t.newest, 0)`
		switch table {
		case "content_bytes":
			rows, wrong = `SELECT account_id, sum(size) AS n FROM contents GROUP BY account_id`, `x.content_bytes <> coalesce(t.n, 0)`
		case "changes": // a restore skips the numbers of changes that may have been lost
			wrong = `x.changes < coalesce(t.newest, 0)
				OR x.changes <> coalesce(t.n, 0) + (SELECT coalesce(sum(l.skipped_changes), 0) FROM logs l WHERE l.account_id = x.account_id)`
		case "words":
			wrong = `x.words < coalesce(t.newest, 0)`
		}
		list = append(list, `SELECT 'account ' || a.name || ': its counter of `+table+` is not that of its rows' FROM counters x
			JOIN accounts a ON a.id = x.account_id LEFT JOIN (`+rows+`) t ON t.account_id = x.account_id WHERE `+wrong)
	}
	return list
}

// versionFaults finds versions of the schema that no migration recorded: each has one row, and
// 0 too.
func versionFaults(r reader, fault faultFunc) error {
	rows, err := collect[struct {
		Version int64
		Applied bool
	}](r, `SELECT version_id, is_applied FROM goose_db_version ORDER BY version_id`)
	good := len(rows) == schemaVersion+1
	for i, row := range rows {
		good = good && row.Version == int64(i) && row.Applied
	}
	if err != nil || good {
		return err
	}
	fault("the versions of the schema in goose_db_version are not 0 to %d", schemaVersion)
	return nil
}

// accountFaults finds coverages of accounts that the archive does not have: none is ever
// removed or renamed.
func accountFaults(r reader, fault faultFunc) error {
	names, err := collect[string](r, `SELECT name FROM accounts ORDER BY id`)
	if err != nil {
		return err
	}
	seen, err := collect[struct {
		Accounts int
		Names    []byte
	}](r, `SELECT DISTINCT accounts, names FROM coverages`)
	for _, c := range seen {
		var hash []byte
		if c.Accounts >= 0 && c.Accounts <= len(names) {
			_, hash = namesHash(append([]string(nil), names[:c.Accounts]...))
		}
		if !bytes.Equal(c.Names, hash) {
			fault("cycles were recorded when the archive had %d accounts, which are not those that it has", c.Accounts)
		}
	}
	return err
}

// numberedFaults finds documents whose versions are ordered by the wrong rule.
func numberedFaults(r reader, fault faultFunc) error {
	others := map[coc.Key]bool{}
	for v, err := range stream[struct {
		Document coc.Key
		Label    string
	}](r, `SELECT account_id, document_id, label FROM versions`) {
		if err != nil {
			return err
		}
		if n, ok := coc.Number(v.Label); !ok || n > maxNumber {
			others[v.Document] = true
		}
	}
	for d, err := range stream[struct {
		Key        coc.Key
		DocumentID string
		Numbered   bool
		Account    string
	}](r, `SELECT d.account_id, d.id, d.document_id, d.numbered, a.name FROM documents d JOIN accounts a ON a.id = d.account_id`) {
		if err != nil {
			return err
		}
		if d.Numbered == others[d.Key] {
			fault("document %s of account %s: the order of its versions is not that of their labels",
				text.Visible(d.DocumentID), text.Visible(d.Account))
		}
	}
	return nil
}

// listedFaults finds versions that no record lists: they are not among those that were listed
// together with the first one before them.
func listedFaults(r reader, fault faultFunc) error {
	type together struct {
		document, listedAt, newest, end int64
		name                            string
	}
	last := map[int64]together{}
	wrong := func(id int64, account string) {
		fault("version %d of account %s is not one of those that were listed together", id, text.Visible(account))
	}
	for v, err := range stream[struct {
		Account, ID, Document, ListedAt, Listed int64
		Name                                    string
	}](r, `SELECT v.account_id, v.id, v.document_id, v.listed_at, v.listed, a.name FROM versions v JOIN accounts a ON a.id = v.account_id
		ORDER BY v.id, v.account_id`) {
		if err != nil {
			return err
		}
		of, ok := last[v.Account]
		inside := v.ID < of.end
		if inside != (v.Listed == 0) || inside && (v.Document != of.document || v.ListedAt != of.listedAt) || !inside && ok && v.ID != of.end {
			wrong(v.ID, v.Name)
		}
		if of.newest, of.name = v.ID, v.Name; v.Listed > 0 {
			of = together{v.Document, v.ListedAt, v.ID, v.ID + v.Listed, v.Name}
		}
		last[v.Account] = of
	}
	for _, account := range slices.Sorted(maps.Keys(last)) {
		if of := last[account]; of.newest+1 != of.end {
			wrong(of.newest, of.name)
		}
	}
	return nil
}

// packFaults finds packs with bytes that belong to no content, in the unpacked data or in the
// frame.
func (a *Archive) packFaults(r reader, fault faultFunc) error {
	type used struct{ count, end int64 }
	packs := map[coc.Key]used{}
	gaps := map[coc.Key]bool{}
	for c, err := range stream[struct {
		Pack        coc.Key
		Start, Size int64
	}](r, `SELECT account_id, pack_id, start, size FROM contents WHERE pack_id IS NOT NULL ORDER BY account_id, pack_id, start, size`) {
		if err != nil {
			return err
		}
		p := packs[c.Pack]
		if c.Start != p.end {
			gaps[c.Pack] = true
		}
		packs[c.Pack] = used{p.count + 1, c.Start + c.Size}
	}
	for p, err := range stream[packRow](r, `SELECT account_id, id, count, size, frame FROM packs`) {
		if err != nil {
			return err
		}
		key := coc.Key{Account: p.Account, ID: p.ID}
		of := packs[key]
		if gaps[key] || of.count != int64(p.Count) || of.end != int64(p.Size) || !a.isFrame(p.Frame, p.Size) {
			fault("pack %d of account %d has bytes that belong to no content", p.ID, p.Account)
		}
	}
	return nil
}

// isFrame reports whether b is one zstd frame of so many unpacked bytes, and nothing else. No
// bytes are an empty frame.
func (s *store) isFrame(b []byte, size int) bool {
	var h zstd.Header
	if len(b) == 0 {
		return size == 0
	}
	if h.Decode(b) != nil || h.Skippable {
		return false
	}
	unpacked := int(h.FrameContentSize)
	if !h.HasFCS {
		data, _ := s.packs.unpack(b, nil) // an error is a fault of its contents
		unpacked = len(data)
	}
	rest := len(b) - h.HeaderSize
	for last := false; !last; {
		if rest < 3 {
			return false
		}
		at := len(b) - rest
		head := int(b[at]) | int(b[at+1])<<8 | int(b[at+2])<<16
		length := head >> 3
		if head>>1&3 == 1 { // one byte that is repeated
			length = 1
		}
		last = head&1 == 1
		rest -= 3 + length
	}
	if h.HasCheckSum {
		rest -= 4
	}
	return rest == 0 && unpacked == size
}
