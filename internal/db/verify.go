package db

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/witness"
)

// The methods in this file read the log for verification. Package query compares.

// LogInfo is a log of an account.
type LogInfo struct {
	Account   int64
	Name      string // of the account
	ID        int64
	Origin    string
	PublicKey audit.PublicKey // with which it started; nil for none
	OldOrigin string          // of the log that it continues; "" for none
	OldSize   int64
	OldRoot   []byte
	// Restored is when a restore started it because records were lost, or may be; zero if none did.
	Restored   time.Time
	LostOrigin string // of the newest checkpoint of lost records; "" if it is unknown whether any were lost
	LostSize   int64
	LostRoot   []byte
	Size       int64
	Peaks      []byte
	Note       []byte // the newest checkpoint
	Closed     bool   // another log of the account continues it
}

// NeverSigned reports whether a log is closed and has no signature: it started without the key, and the
// log that continues it commits to it.
func (l *LogInfo) NeverSigned() bool { return l.Closed && len(l.PublicKey) == 0 }

// NewestHeads returns the newest checkpoints of the logs, as in a head file.
func (l *Log) NewestHeads(ctx context.Context) (*witness.Heads, error) {
	row, err := first[archiveRow](l.reading(ctx, "archive"), archiveRows)
	if err != nil {
		return nil, err
	}
	heads := &witness.Heads{Archive: row.Name}
	stored, err := collect[storedLog](l.reading(ctx, "logs"), storedLogs+` ORDER BY a.name`)
	for _, s := range stored {
		heads.Logs = append(heads.Logs, witness.Log{Account: s.Name, Change: s.Change,
			At: time.Now().UTC().Truncate(time.Millisecond), Note: string(s.Note)})
	}
	return heads, err
}

// Identity is what the database says of the archive: its name and its newest key.
type Identity struct {
	Name      string
	PublicKey audit.PublicKey // nil if there is no key
}

// Identity returns the archive's name and newest key.
func (l *Log) Identity(ctx context.Context) (Identity, error) {
	return first[Identity](l.reading(ctx, "archive"), `SELECT name, public_key FROM archive`)
}

// Logs returns all logs, by account.
func (l *Log) Logs(ctx context.Context) ([]LogInfo, error) {
	return collect[LogInfo](l.reading(ctx, "logs"), `
		SELECT l.account_id, a.name, l.id, l.origin, l.public_key, coalesce(l.old_origin, ''), coalesce(l.old_size, 0), l.old_root,
			CASE WHEN l.person IS NOT NULL THEN l.started_at END, coalesce(l.lost_origin, ''), coalesce(l.lost_size, 0), l.lost_root,
			l.size, l.peaks, l.note, l.id < max(l.id) OVER (PARTITION BY l.account_id)
		FROM logs l JOIN accounts a ON a.id = l.account_id ORDER BY a.name, l.id`)
}

// Origin returns the origin that a log of an account must have.
func (i Identity) Origin(account string, log int64) string { return originOf(i.Name, account, log) }

// Generation returns the number of the log of an account that has this origin; 0 for none.
func (i Identity) Generation(account, origin string) int64 {
	return generation(i.Name, account, origin)
}

// Leaf is a stored leaf of a log.
type Leaf struct {
	Index  int64
	Type   string
	Ref    int64 // the id of the row
	Hashes []audit.Hash
}

// leafRow is a row of leaves.
type leafRow struct {
	Index  int64
	Type   string
	Ref    int64
	Hashes []byte
}

func (l leafRow) leaf() Leaf { return Leaf{l.Index, l.Type, l.Ref, splitHashes(l.Hashes)} }

// loggedLeaf is a leaf with the id of its log.
type loggedLeaf struct {
	Log int64
	leafRow
}

const leafRows = `SELECT id, type, ref, hashes FROM leaves WHERE account_id = ? AND log_id = ?`

// leavesOfRows selects the leaves of rows with the ids in a list that follows. SQLite finds their
// keys in an index, and would otherwise read all leaves of the account.
const leavesOfRows = `SELECT l.log_id, l.id, l.type, l.ref, l.hashes FROM leaves k CROSS JOIN leaves l
	WHERE l.account_id = k.account_id AND l.log_id = k.log_id AND l.id = k.id AND k.ref IN `

// Leaves returns every leaf of a log, in order. It reads pages, so that other queries may run
// at the same time.
func (l *Log) Leaves(ctx context.Context, account, log int64) iter.Seq2[Leaf, error] {
	return l.LeavesAfter(ctx, account, log, -1)
}

// LeafAt returns the leaf at an index. The error is coc.ErrNotFound if it does not exist.
func (l *Log) LeafAt(ctx context.Context, account, log, index int64) (Leaf, error) {
	row, err := find[leafRow](l.reading(ctx, "leaf %d", index), leafRows+` AND id = ?`, account, log, index)
	return row.leaf(), err
}

// LeavesAfter is Leaves without those up to an index.
func (l *Log) LeavesAfter(ctx context.Context, account, log, after int64) iter.Seq2[Leaf, error] {
	r := l.reading(ctx, "leaves")
	return func(yield func(Leaf, error) bool) {
		for {
			rows, err := collect[leafRow](r, leafRows+` AND id > ? ORDER BY id LIMIT ?`, account, log, after, recordsPage)
			for _, row := range rows {
				if !yield(row.leaf(), nil) {
					return
				}
				after = row.Index
			}
			if err != nil {
				yield(Leaf{}, err)
			}
			if err != nil || len(rows) < recordsPage {
				return
			}
		}
	}
}

// splitHashes splits hashes. An incomplete one at the end becomes a zero hash, which matches
// nothing.
func splitHashes(b []byte) (list []audit.Hash) {
	for h := range slices.Chunk(b, len(audit.Hash{})) {
		var hash audit.Hash
		if len(h) == len(hash) {
			copy(hash[:], h)
		}
		list = append(list, hash)
	}
	return list
}

// storedHashes returns the hashes that are stored with a leaf; level is that of the one needed.
type storedHashes func(leaf int64, level int) ([]audit.Hash, error)

// leafHashes reads the hashes that are stored with a leaf.
func leafHashes(r reader, account, log int64) storedHashes {
	return func(leaf int64, _ int) ([]audit.Hash, error) {
		b, err := first[[]byte](r, `SELECT hashes FROM leaves WHERE account_id = ? AND log_id = ? AND id = ?`, account, log, leaf)
		return splitHashes(b), err
	}
}

// hash returns hash number n of a level.
func (of storedHashes) hash(level int, n int64) (audit.Hash, error) {
	at := level
	if level > 0 {
		at -= audit.SkippedLevels
	}
	if level > 0 && at <= 0 {
		left, err := of.hash(level-1, 2*n)
		if err != nil {
			return left, err
		}
		right, err := of.hash(level-1, 2*n+1)
		return tlog.NodeHash(left, right), err
	}
	leaf := (n+1)<<level - 1 // which completes the subtree
	stored, err := of(leaf, level)
	if err == nil && at >= len(stored) {
		err = damaged("leaf %d of the log is missing or incomplete", leaf)
	}
	if err != nil {
		return audit.Hash{}, err
	}
	return stored[at], nil
}

// hashReader reads the hashes of a log for proofs.
func hashReader(of storedHashes) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) (list []audit.Hash, err error) {
		for _, index := range indexes {
			hash, err := of.hash(tlog.SplitStoredHashIndex(index))
			if err != nil {
				return nil, err
			}
			list = append(list, hash)
		}
		return list, nil
	})
}

// StoredHashes reads the hashes of a log, for proofs.
func (l *Log) StoredHashes(ctx context.Context, account, log int64) tlog.HashReader {
	return hashReader(leafHashes(l.reading(ctx, "hashes of the log"), account, log))
}

// LogSize returns the number of records of all logs, and how many of them are signed. Closed logs that
// were never signed do not count: no key signs them later.
func (l *Log) LogSize(ctx context.Context) (records, signed int64, err error) {
	list, err := l.Logs(ctx)
	for _, g := range list {
		if g.NeverSigned() {
			continue
		}
		records += g.Size
		if c, ok, err := checkpointIn(g.Note); err == nil && ok {
			signed += c.Size
		}
	}
	return records, signed, err
}

// Signed is a checkpoint that was sent or printed.
type Signed struct {
	Size int64
	Note []byte
}

// Checkpoints returns the checkpoints of a log that were sent or printed, in the order of size.
func (l *Log) Checkpoints(ctx context.Context, account, log int64) ([]Signed, error) {
	return collect[Signed](l.reading(ctx, "checkpoints"), `
		SELECT size, note FROM checkpoints WHERE account_id = ? AND log_id = ? ORDER BY size`, account, log)
}

// Records returns the records of the rows of a type in an account that have these ids, by id.
func (l *Log) Records(ctx context.Context, account int64, typ string, ids []int64) (map[int64]audit.Record, error) {
	of, ok := sources[typ]
	if !ok { // a leaf may have any type
		return nil, nil
	}
	records := make(map[int64]audit.Record, len(ids))
	for page := range slices.Chunk(ids, recordsPage) {
		rows, err := of.read(l.reading(ctx, "records of type %s", typ), account, page)
		if err != nil {
			return nil, err
		}
		for _, e := range rows {
			records[e.ref] = e.record
		}
	}
	return records, nil
}

// Unlogged returns the keys of rows of a type that have no leaf, at most limit.
func (l *Log) Unlogged(ctx context.Context, typ string, limit int) ([]coc.Key, error) {
	of := sources[typ]
	return collect[coc.Key](l.reading(ctx, "rows without a leaf"), `
		SELECT x.account_id, x.id FROM `+of.table+` x WHERE `+cmp.Or(of.where, "true")+` AND NOT EXISTS (
			SELECT 1 FROM leaves l WHERE l.ref = x.id AND l.type = ? AND l.account_id = x.account_id)
		ORDER BY x.account_id, x.id LIMIT ?`, typ, limit)
}

// RecordOf returns the record of a row and its leaf. The error is coc.ErrNotFound if one of
// them does not exist.
func (l *Log) RecordOf(ctx context.Context, typ string, row coc.Key) (record audit.Record, log int64, leaf Leaf, err error) {
	records, err := l.Records(ctx, row.Account, typ, []int64{row.ID})
	if err != nil {
		return record, 0, leaf, err
	}
	record, ok := records[row.ID]
	if !ok {
		return record, 0, leaf, coc.ErrNotFound
	}
	found, err := find[loggedLeaf](l.reading(ctx, "leaf of %s %d", typ, row.ID),
		leavesOfRows+`(?) AND k.type = ? AND k.account_id = ?`, row.ID, typ, row.Account)
	return record, found.Log, found.leaf(), err
}

// Basis is the evidence of a change.
type Basis struct {
	Evidence     coc.Evidence // the response of COC with the new content or fields; zero for none
	OldCheckedAt time.Time    // for a rewrite: when the old content was last compared with COC
	Cycle        coc.Key      // the cycle that found the change; zero if unknown
	Watch        string       // of the cycle
	Leaf         int64        // its index in the log, from 0; -1 for none
	Signed       bool         // whether the newest checkpoint of its log is signed
}

// Basis returns the evidence of a change.
func (l *Log) Basis(ctx context.Context, change coc.Key) (Basis, error) {
	return find[Basis](l.reading(ctx, "basis of change %d", change.ID), `
		SELECT coalesce(r.request_id, s.request_id, ''), coalesce(r.answered_at, s.answered_at), r.previous_checked_at,
			coalesce(y.account_id, 0), coalesce(y.id, 0), coalesce(y.watch, ''),
			coalesce((SELECT min(id) FROM leaves WHERE type = 'change' AND ref = c.id AND account_id = c.account_id), -1),
			EXISTS (SELECT 1 FROM leaves k JOIN logs l ON l.account_id = k.account_id AND l.id = k.log_id
				WHERE k.type = 'change' AND k.ref = c.id AND k.account_id = c.account_id AND instr(l.note, x'0A0A') > 0)
		FROM changes c LEFT JOIN revisions r ON r.account_id = c.account_id AND r.id = c.to_revision
		LEFT JOIN document_states s ON s.account_id = c.account_id AND s.id = c.to_state
		LEFT JOIN cycles y ON y.account_id = c.account_id AND y.id = c.cycle_id
		WHERE c.account_id = ? AND c.id = ?`, change)
}

// Integrity returns the faults that SQLite's own checks find in the file, one line each.
func (d *DB) Integrity(ctx context.Context) ([]string, error) {
	r := d.reading(ctx, "integrity of the file")
	list, err := collect[string](r, `PRAGMA integrity_check(20)`)
	if err != nil {
		return nil, err
	}
	keys, err := collect[string](r, `
		SELECT 'row ' || coalesce(rowid, 0) || ' of ' || "table" || ' refers to a missing row of ' || parent
		FROM pragma_foreign_key_check`)
	if err != nil {
		return nil, err
	}
	checks, err := checkFaults(r)
	if err != nil {
		return nil, err
	}
	rest, err := d.unusedBytes(r)
	return slices.Concat(slices.DeleteFunc(list, func(s string) bool { return s == "ok" }), keys, checks, rest), err
}

// unusedBytes finds what SQLite ignores: a number in the header, and bytes after the last page.
// With a write-ahead log the file may have other pages.
func (d *DB) unusedBytes(r reader) (faults []string, err error) {
	var user, size int64
	err = r.row(`
		SELECT user_version, page_count * page_size FROM pragma_user_version, pragma_page_count, pragma_page_size`).Scan(&user, &size)
	if err != nil {
		return nil, err
	}
	if user != 0 {
		faults = append(faults, fmt.Sprintf("its user_version is %d, and cocsync sets none", user))
	}
	info, err := os.Stat(d.path)
	if err == nil && d.walBytes() == 0 && info.Size() != size {
		faults = append(faults, fmt.Sprintf("it has %d bytes, and its pages %d", info.Size(), size))
	}
	return faults, ignore(err, fs.ErrNotExist)
}

// checkFaults finds rows that CHECK constraints do not allow. SQLite does not read these
// constraints of a file that is open for reading only, so integrity_check skips them:
// https://sqlite.org/src/file?name=src/build.c (sqlite3AddCheckConstraint).
func checkFaults(r reader) (faults []string, err error) {
	for _, o := range expectedSchema() {
		checks := checksIn(o.SQL)
		if o.Type != "table" || len(checks) == 0 {
			continue
		}
		n, err := first[int](r, `SELECT count(*) FROM `+o.Name+` WHERE NOT (`+strings.Join(checks, ` AND `)+`)`)
		if err != nil {
			return faults, err
		}
		if n > 0 {
			faults = append(faults, fmt.Sprintf("rows of %s that its constraints do not allow: %d", o.Name, n))
		}
	}
	return faults, nil
}

// checksIn returns the expressions of the CHECK constraints in the definition of a table.
func checksIn(definition string) (list []string) {
	for {
		_, rest, found := strings.Cut(definition, "CHECK (")
		if !found {
			return list
		}
		depth, end := 1, 0
		for ; depth > 0 && end < len(rest); end++ {
			switch rest[end] {
			case '(':
				depth++
			case ')':
				depth--
			}
		}
		list = append(list, "coalesce("+rest[:end-1]+", 1)")
		definition = rest[end:]
	}
}
