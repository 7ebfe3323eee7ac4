package db

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/text"
	"cocsync/internal/witness"
)

// The head file has the newest head of each log: an altered log, an older copy of the
// database and a removed account are detected when it is opened.

// HeadFile returns the default path of the head file of the archive at path.
func HeadFile(path string) string { return resolve(path) + ".head" }

// ErrNoHead means that the head file is missing and the key exists: whether the database is an
// older copy is unknown.
var ErrNoHead = errors.New("the head file is missing")

// archiveRow is the row of the archive.
type archiveRow struct {
	Name      string
	CreatedAt time.Time
	PublicKey []byte
}

const archiveRows = `SELECT name, created_at, public_key FROM archive`

// ArchiveName returns the permanent name of the archive. Restored copies have the same name.
func (l *Log) ArchiveName(ctx context.Context) (string, error) {
	row, err := first[archiveRow](l.reading(ctx, "archive"), archiveRows)
	return row.Name, err
}

// beginLog loads the key and the head file, and compares the logs with it. A new archive gets
// a name, a head file and a key, in this order, so that a crash leaves nothing that is refused.
func (l *Log) beginLog(ctx context.Context) (err error) {
	defer wrap(&err, "log of the archive")
	row, err := find[archiveRow](l.reading(ctx, "archive"), archiveRows)
	isNew := errors.Is(err, coc.ErrNotFound)
	if err = ignore(err, coc.ErrNotFound); err != nil {
		return err
	}
	if l.key, err = l.readKey(ctx, row, isNew); err != nil {
		return err
	}
	if l.opened = l.public(); l.opened == nil {
		l.opened = row.PublicKey
	}
	if l.trust != nil && !isNew {
		return l.trustLogs(ctx, row.Name)
	}
	heads, err := l.readHeads(ctx, row.Name)
	unsigned := errors.Is(err, witness.ErrUnsigned)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case isNew:
		return l.newArchive(ctx, heads, err)
	case missing && l.key != nil:
		return l.noHead()
	case missing: // and no key: there is nothing to compare with
		heads = &witness.Heads{Archive: row.Name}
	case err != nil && !unsigned:
		return alteredError{hint.Wrap(err,
			"restore the head file; if it is lost, move this one away and run `cocsync audit trust --reason TEXT`")}
	}
	return l.openLogs(ctx, heads, func(*tx) error { return nil })
}

// readHeads reads the head file. One that the previous key signed is accepted if the process that
// replaced the key was killed before it wrote the file: then the newest heads are signed by both.
func (l *Log) readHeads(ctx context.Context, archive string) (*witness.Heads, error) {
	heads, err := witness.Read(l.headPath, archive, l.opened)
	if l.key == nil || len(l.key.Previous()) == 0 || !errors.Is(err, audit.ErrSignature) {
		return heads, err
	}
	last := l.key.Previous()[len(l.key.Previous())-1]
	before, err2 := witness.Read(l.headPath, archive, last)
	if err2 != nil {
		return heads, err
	}
	stored, err2 := collect[storedLog](l.reading(ctx, "logs"), storedLogs)
	for _, s := range stored {
		if _, wrong := audit.Open(s.Note, last); wrong != nil {
			return heads, err
		}
	}
	return before, err2
}

// refuseMissing returns an error if the database is missing, and its head file or its key is there: an
// archive was here. Nothing is created, because `cocsync restore` needs the path.
func (s *store) refuseMissing() error {
	if _, err := os.Stat(s.path); !errors.Is(err, fs.ErrNotExist) {
		return nil // opening it reports other errors
	}
	key, err := audit.ReadKey(s.keyPath)
	if err != nil && !isMissing(err) {
		return err
	}
	var public audit.PublicKey
	if key != nil {
		public = key.Public()
	}
	heads, err := witness.Read(s.headPath, "", public)
	what, altered := "", true
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case missing && key == nil, heads != nil && len(heads.Logs) == 0: // an attempt that was interrupted leaves one without logs
		return nil
	case missing:
		what, altered = fmt.Sprintf("the database is missing, and its key %s exists", s.keyPath), false
	case heads != nil:
		what = "the database is missing, and cocsync signed " + signedRecords(&heads.Logs[0])
	case key == nil && errors.Is(err, audit.ErrSignature):
		what = fmt.Sprintf("the database and its key are missing, and its head file %s exists", s.headPath)
	default:
		what = fmt.Sprintf("the database is missing, and its head file exists: %v", err)
	}
	err = hint.Wrap(errors.New(what), "put the database back, or restore a backup with `cocsync restore`; to start a new archive, "+
		"move the head file and the key away")
	if altered {
		err = alteredError{err}
	}
	return err
}

func (l *Log) noHead() error {
	return alteredError{hint.Wrap(fmt.Errorf("%w, and the key %s exists: whether the database is an older copy is unknown",
		ErrNoHead, l.keyPath),
		"put back "+l.headPath+", or run `cocsync audit trust --reason TEXT`, which verifies the archive and asks")}
}

// newArchive names a new archive and creates its head file and its key. heads and headErr are
// what a head file at its path has: only one without logs may remain from an attempt that was
// interrupted.
func (l *Log) newArchive(ctx context.Context, heads *witness.Heads, headErr error) error {
	switch {
	case errors.Is(headErr, fs.ErrNotExist) && l.key != nil:
		return hint.Wrap(fmt.Errorf("the database is new, and the key %s exists: it may be the key of an archive that was removed", l.keyPath),
			"restore the database and "+l.headPath+", or move the key away to start a new archive")
	case errors.Is(headErr, fs.ErrNotExist):
		heads = &witness.Heads{Archive: newName()}
		if err := witness.Write(l.headPath, l.path, heads, nil); err != nil {
			return err
		}
	case headErr != nil && !errors.Is(headErr, witness.ErrUnsigned):
		return alteredError{hint.Wrap(headErr, "restore the database of this head file, or move both away to start a new archive")}
	case len(heads.Logs) > 0:
		return olderCopy("the database is empty", &heads.Logs[0])
	}
	if err := l.makeKey(); err != nil {
		return err
	}
	if err := witness.Write(l.headPath, l.path, heads, l.key); err != nil {
		return err
	}
	l.start(heads)
	return l.update(ctx, "name the archive", func(t *tx) {
		t.exec(insertInto("archive", "id, name, created_at, public_key, diff_algorithm, erasure_key"), 1, heads.Archive, time.Now(), []byte(l.public()),
			diff.Algorithm, l.erasureKey())
	})
}

// makeKey creates the key unless it exists.
func (s *store) makeKey() error {
	if s.key != nil {
		return nil
	}
	key, err := audit.NewKey()
	if err == nil {
		err = key.Write(s.keyPath)
	}
	if err == nil {
		err = takeOwner(s.keyPath, s.path)
	}
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	s.key = key
	return nil
}

// newName returns a random name of an archive.
func newName() string {
	var name [8]byte
	rand.Read(name[:])
	return fmt.Sprintf("%x", name)
}

// start sets the logs and the head file of this process.
func (s *store) start(heads *witness.Heads) {
	s.logs, s.uncounted, s.sent = map[int64]*accountLog{}, map[watchKey]summary{}, map[int64][]delivered{}
	s.head = witness.NewFile(s.headPath, s.path, heads, s.key, s.report)
}

// openLogs compares the logs in the database with the head file, and remembers them. It signs what
// was added without the key, and records what earlier processes did not. A log that started without
// the key is never signed: someone who can write both files could have written it. It is closed, and
// the next log of its account commits to it. before is called in the transaction before it writes.
func (l *Log) openLogs(ctx context.Context, heads *witness.Heads, before func(*tx) error) error {
	stored, err := collect[storedLog](l.reading(ctx, "logs"), storedLogs)
	if err != nil {
		return err
	}
	for i := range heads.Logs {
		h := &heads.Logs[i]
		if !slices.ContainsFunc(stored, func(s storedLog) bool { return s.Name == h.Account }) {
			return olderCopy(fmt.Sprintf("the database has no log of account %s", text.Visible(h.Account)), h)
		}
	}
	logs, toSign, toClose, without := map[int64]*accountLog{}, []int64{}, []*storedLog{}, []*accountLog{}
	for i := range stored {
		s := &stored[i]
		open, err := l.openLog(ctx, s, heads.Log(s.Name))
		if err != nil {
			return err
		}
		logs[s.Account] = open
		if heads.Log(s.Name) == nil {
			without = append(without, open)
		}
		switch _, signed, _ := checkpointIn(open.note); {
		case l.key == nil || signed:
		case s.PublicKey == nil:
			toClose = append(toClose, s)
		default:
			toSign = append(toSign, s.Account)
		}
	}
	l.exact = slices.IndexFunc(stored, func(s storedLog) bool {
		c, _, err := heads.Log(s.Name).Checkpoint()
		return err != nil || c.Origin != s.Origin || c.Size != s.Size
	}) < 0
	l.unchanged = witness.Same(l.found, heads.Closed)
	l.start(heads)
	l.logs = logs
	if l.outside != nil {
		if err := l.outside(ctx); err != nil {
			return err
		}
	}
	if l.trust == nil { // else the file has no head before the decision is recorded
		for _, a := range without { // so that the file has the newest signed head of a log that continues without the key
			l.head.Set(a.account, a.change, a.note, time.Now())
		}
	}
	return l.update(ctx, "open the log", func(t *tx) {
		t.fail(before(t))
		for _, account := range toSign {
			t.logOf(account) // signed with the transaction
		}
		for _, s := range toClose {
			after, err := s.end()
			t.fail(err)
			t.logOf(s.Account)
			t.startLog(s.Account, s.Name, &after, time.Now())
		}
		// What this program adds is not of a newer algorithm.
		t.exec(`UPDATE archive SET diff_algorithm = ?1 WHERE diff_algorithm > ?1`, diff.Algorithm)
		t.exec(`UPDATE archive SET erasure_key = ?1 WHERE erasure_key IS NOT ?1`, t.s.erasureKey())
		t.attest()
		t.attestDeliveries(time.Now())
		t.trustLogs()
	})
}

// openLog verifies the newest checkpoint of a log, and that it equals or extends its head in
// the head file, nil for none.
func (l *Log) openLog(ctx context.Context, s *storedLog, head *witness.Log) (*accountLog, error) {
	edge, err := s.edge()
	if err != nil {
		return nil, damaged("the log of account %s: %w", text.Visible(s.Name), err)
	}
	open := &accountLog{account: s.Name, id: s.ID, origin: s.Origin, edge: edge, note: s.Note, change: s.Change}
	c, signed, err := checkpointIn(s.Note)
	if err == nil && signed {
		_, err = audit.Open(s.Note, l.opened)
	}
	switch {
	case err != nil:
		return nil, logAltered(s, "its newest checkpoint: "+err.Error())
	case c.Origin != s.Origin || c.Size != s.Size:
		return nil, logAltered(s, fmt.Sprintf("its newest checkpoint is of %d records of %s; the database has %d",
			c.Size, text.Visible(c.Origin), s.Size))
	case c.Root != edge.Root():
		return nil, logAltered(s, "its right edge does not have the root of its newest checkpoint")
	case signed && s.PublicKey == nil:
		return nil, logAltered(s, "it is signed and started without the key: cocsync signs no such log")
	case head == nil && l.key != nil && !signed:
		return nil, logAltered(s, "the head file does not have it")
	case head == nil || signed && l.continues(ctx, s, head):
		return open, nil
	}
	return open, l.extends(ctx, s, edge, head, !signed && l.key != nil)
}

// continues reports whether a log continues the one that a head is of: the process that started it
// was killed before it wrote the head file.
func (l *Log) continues(ctx context.Context, s *storedLog, head *witness.Log) bool {
	c, _, err := head.Checkpoint()
	switch {
	case err != nil || c.Origin == s.Origin:
		return false
	case c.Origin == s.LostOrigin && c.Size == s.LostSize && bytes.Equal(c.Root[:], s.LostRoot):
		return true
	case c.Origin != s.OldOrigin || c.Size > s.OldSize:
		return false
	}
	old, err := first[int64](l.reading(ctx, "logs"), `SELECT id FROM logs WHERE account_id = ? AND origin = ?`, s.Account, s.OldOrigin)
	if err != nil {
		return false
	}
	edge, err := audit.ReadEdge(c.Size, l.StoredHashes(ctx, s.Account, old))
	return err == nil && edge.Root() == c.Root
}

// extends returns an error unless a log equals or extends a head. exact means that records were
// added without the key, which is here again: they are signed only if the log ends where the
// head file says.
func (l *Log) extends(ctx context.Context, s *storedLog, edge *audit.Edge, head *witness.Log, exact bool) error {
	h, _, err := head.Checkpoint()
	if err != nil {
		return logAltered(s, "its head in the head file: "+err.Error())
	}
	switch {
	case h.Origin != s.Origin:
		return logAltered(s, fmt.Sprintf("it is %s, and the head file has %s", s.Origin, text.Visible(h.Origin)))
	case h.Size > s.Size:
		return olderCopy(fmt.Sprintf("the log of account %s has %d records in the database", text.Visible(s.Name), s.Size), head)
	case exact && h.Size != s.Size:
		return logAltered(s, fmt.Sprintf("records were added without the key, and the head file has %d records, not %d",
			h.Size, s.Size))
	}
	if err := l.signedBefore(ctx, s, head, exact); err != nil {
		return err
	}
	then := edge
	if h.Size < s.Size {
		if then, err = audit.ReadEdge(h.Size, l.StoredHashes(ctx, s.Account, s.ID)); err != nil {
			return logAltered(s, err.Error())
		}
	}
	switch {
	case then.Root() != h.Root:
		return logAltered(s, fmt.Sprintf("its first %d records are not those that cocsync signed on %s", h.Size, minute(head.At)))
	case s.Change < head.Change:
		return logAltered(s, fmt.Sprintf("its newest change is %d, and the head file has %d", s.Change, head.Change))
	}
	return nil
}

// signedBefore returns an error unless a log extends the newest signed head in the head file: only
// the records after it can have been added without the key.
func (l *Log) signedBefore(ctx context.Context, s *storedLog, head *witness.Log, exact bool) error {
	c, ok := head.NewestSigned()
	switch {
	case !ok && exact && s.PublicKey != nil:
		return logAltered(s, "records were added without the key, and the head file does not have the newest signed head before them")
	case !ok:
		return nil
	case c.Origin != s.Origin:
		return logAltered(s, fmt.Sprintf("it is %s, and the head file has %s", s.Origin, text.Visible(c.Origin)))
	}
	edge, err := audit.ReadEdge(c.Size, l.StoredHashes(ctx, s.Account, s.ID))
	if err == nil && edge.Root() != c.Root {
		err = fmt.Errorf("its first %d records are not those that cocsync signed before the key was missing", c.Size)
	}
	if err != nil {
		return logAltered(s, err.Error())
	}
	return nil
}

func minute(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 MST") }

// checkpointIn returns the checkpoint of a note, and whether it is signed.
func checkpointIn(note []byte) (audit.Checkpoint, bool, error) {
	l := witness.Log{Note: string(note)}
	return l.Checkpoint()
}

// named returns the log of an account; nil if it is not found.
func (s *store) named(account string) *accountLog {
	for _, l := range s.logs {
		if l.account == account {
			return l
		}
	}
	return nil
}

// olderCopy is the error for a database that has less than a head.
func olderCopy(what string, head *witness.Log) error {
	return alteredError{hint.Wrap(fmt.Errorf("%s, and cocsync signed %s: an older copy?", what, signedRecords(head)),
		"put the newest database back, or restore a backup with `cocsync restore`")}
}

// signedRecords says how many records of an account a head covers, and when it was signed.
func signedRecords(head *witness.Log) string {
	size := int64(0)
	if c, _, err := head.Checkpoint(); err == nil {
		size = c.Size
	}
	return fmt.Sprintf("%s of account %s on %s", text.Plural(int(size), "record"), text.Visible(head.Account), minute(head.At))
}

func logAltered(s *storedLog, what string) error {
	return alteredError{hint.Wrap(fmt.Errorf("the log of account %s was altered: %s", text.Visible(s.Name), what),
		"`cocsync verify` lists the differences; keep the file as evidence and restore a backup that verifies")}
}

// KeyAdvice is the hint for a key file that cannot be used.
const KeyAdvice = "put the key of this archive back, or set signing_key; if it is lost, move this file away: `cocsync audit rotate-key --lost`"

// readKey reads the private key of the logs. It returns nil if the file is missing; the archive
// then continues without signatures. If the key signed the head file and the archive names another
// key or none, the archive was altered.
func (l *Log) readKey(ctx context.Context, row archiveRow, isNew bool) (*audit.Key, error) {
	if err := l.finishRotation(ctx, row.PublicKey); err != nil {
		return nil, err
	}
	k, err := audit.ReadKey(l.keyPath)
	switch {
	case isMissing(err):
		return nil, nil
	case err != nil:
		return nil, hint.Wrap(err, KeyAdvice)
	case isNew || k.Public().Equal(row.PublicKey):
		return k, nil
	}
	if _, err := witness.Read(l.headPath, row.Name, k.Public()); err == nil || len(row.PublicKey) == 0 {
		return nil, alteredError{hint.Wrap(fmt.Errorf("the key of the archive was altered: it is not that of %s, with which "+
			"it was made", l.keyPath),
			"`cocsync verify` lists the differences; keep the file as evidence and restore a backup that verifies")}
	}
	return nil, hint.Wrap(fmt.Errorf("%s is the key of another archive", l.keyPath), KeyAdvice)
}

// Altered records that the archive does not verify: nothing more is written, and the next process
// verifies it again.
func (d *DB) Altered() {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.failed == nil {
		d.failed = alteredError{errors.New("the archive does not match its logs")}
	}
	d.head.Abandon()
}

// Contradicted ends all writing because of a checkpoint outside of the archive that contradicts it, and
// returns the error as an ErrAltered.
func (d *DB) Contradicted(err error) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.failed == nil {
		d.stop(alteredError{err})
	}
	return d.failed
}

// PublicKey returns the public key of the key that signs the logs; nil if the key is missing.
func (d *DB) PublicKey() audit.PublicKey { return d.public() }

// NewestKey returns the public key that signed the logs last.
func (d *DB) NewestKey() audit.PublicKey { return d.opened }

// HasKey reports whether the key that signs the logs is there.
func (d *DB) HasKey() bool { return d.key != nil }

// Unchanged reports whether no one wrote the file since a process of cocsync closed it.
func (d *DB) Unchanged() bool { return d.unchanged }

// LastVerified returns when the whole archive was last verified, according to its head file:
// zero for never or a time after now.
func (d *DB) LastVerified(now time.Time) time.Time {
	if at := d.head.VerifiedAt(); !at.After(now) {
		return at
	}
	return time.Time{}
}

// Verified records in the head file that the whole archive was verified.
func (d *DB) Verified(at time.Time) error { return d.head.Verified(at) }
