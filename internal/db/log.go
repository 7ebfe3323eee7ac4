package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Every event is a leaf of its account's log, written and signed in the transaction of the
// event. records.go defines the records.

// accountLog is the log of an account as this process signed it last.
type accountLog struct {
	account string
	id      int64
	origin  string
	edge    *audit.Edge
	note    []byte // the newest checkpoint; without a key only its text
	change  int64  // the highest number of a change
}

// storedLog is the newest log of an account in the database.
type storedLog struct {
	Account    int64
	Name       string
	ID         int64
	Origin     string
	PublicKey  []byte
	Size       int64
	Peaks      []byte
	Note       []byte
	Change     int64
	OldOrigin  string // of the log that it continues; "" for none
	OldSize    int64
	OldRoot    []byte
	LostOrigin string // of the newest checkpoint of records that a restore lost; "" for none
	LostSize   int64
	LostRoot   []byte
}

const storedLogs = `
	SELECT l.account_id, a.name, l.id, l.origin, l.public_key, l.size, l.peaks, l.note, c.changes,
		coalesce(l.old_origin, ''), coalesce(l.old_size, 0), l.old_root, coalesce(l.lost_origin, ''), coalesce(l.lost_size, 0), l.lost_root
	FROM logs l JOIN accounts a ON a.id = l.account_id JOIN counters c ON c.account_id = l.account_id
	WHERE l.id = (SELECT max(n.id) FROM logs n WHERE n.account_id = l.account_id)`

// edge returns the right edge of the tree.
func (l *storedLog) edge() (*audit.Edge, error) {
	e := &audit.Edge{Size: l.Size}
	for hash := range slices.Chunk(l.Peaks, len(audit.Hash{})) {
		e.Peaks = append(e.Peaks, audit.Hash(append(hash, make([]byte, len(audit.Hash{})-len(hash))...)))
	}
	if !e.Valid() {
		return nil, fmt.Errorf("its right edge does not have the hashes of %d records", l.Size)
	}
	return e, nil
}

// end returns the head of the log, for the log that continues it.
func (l *storedLog) end() (continued, error) {
	edge, err := l.edge()
	if err != nil {
		return continued{}, logAltered(l, err.Error())
	}
	return continued{old: audit.Checkpoint{Origin: l.Origin, Size: l.Size, Root: edge.Root()}, id: l.ID, change: l.Change}, nil
}

func marshalPeaks(e *audit.Edge) []byte {
	peaks := []byte{}
	for _, h := range e.Peaks {
		peaks = append(peaks, h[:]...)
	}
	return peaks
}

// logOf returns the log of an account, which the transaction may extend. Its stored head must
// be the one that this process signed last: nothing is added to an altered log.
func (t *tx) logOf(account int64) *accountLog {
	if l := t.logs[account]; l != nil || t.err != nil {
		return l
	}
	t.checkLogs()
	known := t.s.logs[account]
	if known == nil && t.err == nil {
		t.fail(changedWhileOpen(fmt.Sprintf("account %d has no log", account)))
	}
	if t.err != nil {
		return nil
	}
	l := *known
	l.edge = l.edge.Clone()
	t.logs[account] = &l
	return &l
}

// checkLogs compares the stored heads of all logs with those that this process signed, before the
// transaction extends one.
func (t *tx) checkLogs() {
	switch {
	case t.checked || t.err != nil:
		return
	case t.s.logs == nil:
		t.fail(errNotKept)
		return
	}
	t.checked = true
	rest := maps.Clone(t.s.logs)
	for _, stored := range list[storedLog](t, storedLogs) {
		known := rest[stored.Account]
		delete(rest, stored.Account)
		switch {
		case t.logs[stored.Account] != nil: // this transaction has written it
		case known == nil:
			t.fail(changedWhileOpen("a log of account " + text.Visible(stored.Name) + " was added"))
		case !stored.is(known):
			t.fail(changedWhileOpen(fmt.Sprintf("the head of the log of account %s was replaced: it has %d records, and cocsync wrote %d",
				known.account, stored.Size, known.edge.Size)))
		}
	}
	for _, l := range rest {
		t.fail(changedWhileOpen("the log of account " + l.account + " was removed"))
	}
}

// is reports whether a log has the head that this process wrote.
func (l *storedLog) is(known *accountLog) bool {
	return known != nil && l.ID == known.id && l.Size == known.edge.Size && bytes.Equal(l.Peaks, marshalPeaks(known.edge)) &&
		bytes.Equal(l.Note, known.note)
}

// leaf adds the leaf of a row's record.
func (t *tx) leaf(row coc.Key, r audit.Record) {
	l := t.logOf(row.Account)
	if l == nil {
		return
	}
	index := l.edge.Size
	var hashes []byte
	for _, h := range audit.Stored(l.edge.Add(audit.LeafHash(r.Encode()))) {
		hashes = append(hashes, h[:]...)
	}
	added := t.exec(insertInto("leaves", "account_id, log_id, id, type, ref, hashes")+` ON CONFLICT DO NOTHING`,
		row.Account, l.id, index, r.Type, row.ID, hashes)
	if t.err == nil && added == 0 {
		t.fail(changedWhileOpen(fmt.Sprintf("the log of account %s has a record %d that cocsync did not write", l.account, index)))
	}
	if r.Type == audit.TypeChange {
		l.change = row.ID
	}
}

// errNotKept is for what only the process that locked the archive may do.
var errNotKept = errors.New("this process does not keep the log: it has not locked the archive")

// continued says what a log continues.
type continued struct {
	old     audit.Checkpoint  // of the log before it
	id      int64             // of the log before it, or of a newer one that was lost
	person  string            // who restored the archive; "" if no one did
	lost    *audit.Checkpoint // the newest of records that were lost; nil if none is known
	change  int64             // the highest number of a change before it
	skipped int64             // further numbers of changes that are not used
}

// startLog starts a log of an account: its first, or one that continues another.
func (t *tx) startLog(account int64, name string, after *continued, now time.Time) {
	if t.err != nil {
		return
	}
	if t.s.logs == nil {
		t.fail(errNotKept)
		return
	}
	l := &accountLog{account: name, id: 1, edge: &audit.Edge{}}
	var oldOrigin, oldSize, oldRoot, person, lostOrigin, lostSize, lostRoot any
	skipped := int64(0)
	if after != nil {
		l.id, l.change, skipped = after.id+1, after.change+after.skipped, after.skipped
		oldOrigin, oldSize, oldRoot = after.old.Origin, after.old.Size, after.old.Root[:]
		if after.person != "" {
			person = after.person
		}
		if after.lost != nil {
			lostOrigin, lostSize, lostRoot = after.lost.Origin, after.lost.Size, after.lost.Root[:]
		}
		*t.count(account, "changes") += skipped
	}
	archive, _ := get[string](t, `SELECT name FROM archive`)
	l.origin = originOf(archive, name, l.id)
	var public any
	if t.s.key != nil {
		public = []byte(t.s.public())
	}
	t.exec(insertInto("logs", "account_id, id, origin, public_key, started_at, old_origin, old_size, old_root, "+
		"person, lost_origin, lost_size, lost_root, skipped_changes, size, peaks, note"),
		account, l.id, l.origin, public, now, oldOrigin, oldSize, oldRoot, person, lostOrigin, lostSize, lostRoot, skipped, 0, []byte{}, []byte{})
	t.logs[account] = l
	r := audit.NewRecord(audit.TypeStart, "account", name, "origin", l.origin, "public_key", public, "at", now,
		"old_origin", oldOrigin, "old_size", oldSize, "old_root", oldRoot, "person", person,
		"lost_origin", lostOrigin, "lost_size", lostSize, "lost_root", lostRoot)
	if skipped > 0 {
		r.Add("skipped_changes", skipped)
	}
	t.leaf(coc.Key{Account: account, ID: l.id}, r)
}

// originOf returns the name of a log of an account.
func originOf(archive, account string, id int64) string {
	origin := "cocsync/" + archive + "/" + strings.ReplaceAll(url.QueryEscape(account), "+", "%20")
	if id > 1 {
		origin += "/" + strconv.FormatInt(id, 10)
	}
	return origin
}

// signLogs signs the heads of the logs that the transaction extends.
func (t *tx) signLogs() {
	for account, l := range t.logs {
		c := audit.Checkpoint{Origin: l.origin, Size: l.edge.Size, Root: l.edge.Root()}
		l.note = []byte(c.Text())
		if t.s.key != nil {
			var err error
			l.note, err = t.s.key.Sign(c, t.also...)
			t.fail(err)
		}
		t.exec(`UPDATE logs SET size = ?, peaks = ?, note = ? WHERE account_id = ? AND id = ?`,
			c.Size, marshalPeaks(l.edge), l.note, account, l.id)
		if len(t.also) > 0 { // the evidence that both keys signed it
			t.exec(insertInto("checkpoints", "account_id, log_id, size, at, note"), account, l.id, c.Size, time.Now(), l.note)
		}
	}
}

// committed remembers the heads of a transaction and the deliveries that it sent. The head file
// has the heads at most a second later. The caller holds s.writing.
func (s *store) committed(t *tx) {
	for account, l := range t.logs {
		s.logs[account] = l
		s.head.Set(l.account, l.change, l.note, time.Now())
	}
	s.counted(t)
}

// changedWhileOpen is the error for a database that another program wrote while this process
// had it open. The head file, which has what this process signed, does not change any more.
func changedWhileOpen(what string) error {
	return alteredError{hint.Wrap(errors.New("another program altered it while it was open: "+what), changedAdvice)}
}

// changedAdvice is the hint for an archive that another program wrote.
const changedAdvice = "`cocsync verify` lists the differences; keep the file as evidence and restore a backup that verifies"

// public returns the public key that signs the logs; nil if the key is missing.
func (s *store) public() audit.PublicKey {
	if s.key == nil {
		return nil
	}
	return s.key.Public()
}

// Heads returns the newest signed heads of the logs of accounts, by account, for events: they
// are kept as checkpoints, and the head file has them. If there is only one log, its head is
// also the one of "". Without the key, or if the head file cannot be written, the result is empty: an
// event is sent without a head rather than not at all. It fails with ErrAltered if a head in the
// database is not what this process wrote.
func (l *Log) Heads(ctx context.Context, accounts []string, now time.Time) (map[string]coc.Head, error) {
	logs := l.newest()
	only := len(logs) == 1
	maps.DeleteFunc(logs, func(_ int64, a *accountLog) bool { return !only && !slices.Contains(accounts, a.account) })
	heads, err := l.keepHeads(ctx, logs, now)
	if errors.Is(err, coc.ErrNoKey) || errors.Is(err, coc.ErrNoHeadFile) {
		return map[string]coc.Head{}, nil
	}
	if only {
		for _, h := range maps.Clone(heads) {
			heads[""] = h
		}
	}
	return heads, err
}

// SignedHeads returns the newest signed heads of all logs, in the order of the accounts' names, for
// the daily message: they are kept as checkpoints, and the head file has them. It fails with
// coc.ErrNoKey and coc.ErrNoHeadFile if there are none, and with ErrAltered as Heads does.
func (l *Log) SignedHeads(ctx context.Context, now time.Time) (list []coc.Head, err error) {
	heads, err := l.keepHeads(ctx, l.newest(), now)
	for _, account := range slices.Sorted(maps.Keys(heads)) {
		list = append(list, heads[account])
	}
	return list, err
}

// newest returns the logs that are not closed, by account, as they are now.
func (s *store) newest() map[int64]*accountLog {
	s.writing.Lock()
	defer s.writing.Unlock()
	return maps.Clone(s.logs)
}

// keepHeads returns the heads of logs by account, and keeps them as checkpoints. The head file has
// them: an older copy of the database that lacks what was sent is detected.
func (l *Log) keepHeads(ctx context.Context, logs map[int64]*accountLog, now time.Time) (map[string]coc.Head, error) {
	if l.key == nil {
		return nil, coc.ErrNoKey
	}
	flushed := l.head.Flush() // an error is reported, and is a problem in status
	heads := map[string]coc.Head{}
	err := l.update(ctx, "checkpoints", func(t *tx) {
		t.checkLogs()
		for id, a := range logs {
			if flushed != nil {
				break
			}
			h := coc.Head{Origin: a.origin, Size: a.edge.Size, Root: a.edge.Root(), Key: l.key.Public().Fingerprint(), Note: a.note}
			t.exec(insertInto("checkpoints", "account_id, log_id, size, at, note")+` ON CONFLICT DO NOTHING`, id, a.id, h.Size, now, h.Note)
			heads[a.account] = h
		}
	})
	switch {
	case err != nil:
		return nil, err
	case flushed != nil:
		return nil, coc.ErrNoHeadFile
	}
	return heads, nil
}

// SentNotes returns the newest checkpoint of each account that was kept until a time, in the order
// of the accounts' names.
func (l *Log) SentNotes(ctx context.Context, account string, at time.Time) ([][]byte, error) {
	return collect[[]byte](l.reading(ctx, "checkpoints"), `
		SELECT note FROM (
			SELECT a.name, (SELECT c.note FROM checkpoints c WHERE c.account_id = a.id AND c.at <= ?1
				ORDER BY c.log_id DESC, c.size DESC LIMIT 1) AS note
			FROM accounts a WHERE ?2 IN ('', a.name)) WHERE note IS NOT NULL ORDER BY name`, at.UnixMilli(), account)
}
