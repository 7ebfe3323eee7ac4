package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/hint"
	"cocsync/internal/text"
	"cocsync/internal/witness"
)

// Restoring replaces a lost archive with a copy. If the copy has all records of the head file, its
// logs continue. If records were lost, the log is closed, and a new one starts with a record of
// that. Two continuations of one log would look like tampering.

// Restoring is what Restore does and for whom.
type Restoring struct {
	Options
	Copy   string // a verified copy of the archive, next to the new archive: it becomes the archive
	Heads  string // a head file that was stored with the backup; it may be missing
	Person string // who restores it
	At     time.Time
}

// Restored is what a restore did with the log of an account.
type Restored struct {
	Account string
	Origin  string // of its newest log
	Size    int64  // records that the copy has of the log
	// Continues is set if no record was lost: the log continues. Otherwise a new one starts.
	Continues bool
	Lost      *audit.Checkpoint // the newest head of records that were lost; nil if it is unknown whether any were
}

// foreign is the error for a copy that is not of the archive of a file that is there.
func foreign(what, file string) error {
	return alteredError{hint.Wrap(errors.New(what),
		"use another backup; to restore this one as the archive of another machine, first move "+text.Visible(file)+" away")}
}

// Restore makes a verified copy the archive at path, which must not exist. Without a key and a head
// file it makes new ones. A crash leaves no archive, or one that opens.
func Restore(ctx context.Context, path string, o Restoring) (list []Restored, err error) {
	defer wrap(&err, "restore %s", path)
	file := resolve(path)
	keyPath, headPath := cmp.Or(o.Key, KeyFile(file)), cmp.Or(o.Head, HeadFile(file))
	lock, err := takeLock(file, "restore")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Wrap(fmt.Errorf("%s exists", text.Visible(file)),
			"archives are never overwritten: move it away first, with its -wal if it has one")
	}
	// The head file of the copy replaces that of the archive after the copy has its name.
	d := newDB(&store{name: o.Copy, path: o.Copy, keyPath: keyPath, headPath: headPath + ".restored", altered: o.Altered})
	d.report = d.reporter(func(error) {})
	list, err = d.restoreLogs(ctx, headPath, o)
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, errors.Join(err, ignore(os.Remove(d.headPath), fs.ErrNotExist))
	}
	for _, step := range []func() error{
		func() error { return os.Rename(o.Copy, file) },
		func() error { return witness.SyncFolder(filepath.Dir(file)) },
		func() error { return ignore(os.Rename(d.headPath, headPath), fs.ErrNotExist) },
		func() error { return witness.SyncFolder(filepath.Dir(headPath)) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// restoreLogs continues or restarts the logs of a copy.
func (d *DB) restoreLogs(ctx context.Context, headPath string, o Restoring) (list []Restored, err error) {
	if err := d.create(ctx); err != nil {
		return nil, err
	}
	row, err := find[archiveRow](d.reading(ctx, "archive"), archiveRows)
	if err != nil {
		return nil, err
	}
	key, err := audit.ReadKey(d.keyPath)
	d.opened = row.PublicKey // or one that the key replaced after the backup
	signer := d.opened
	switch {
	case isMissing(err):
	case err != nil:
		return nil, err
	case !key.Public().Equal(d.opened) && !slices.ContainsFunc(key.Previous(), d.opened.Equal):
		return nil, foreign(fmt.Sprintf("the backup is not signed by the key %s", d.keyPath), d.keyPath)
	default:
		d.key, signer = key, key.Public()
	}
	local, err := witness.Read(headPath, "", signer)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case local != nil && local.Archive != row.Name:
		return nil, foreign(fmt.Sprintf("the head file %s is of the archive %s, and the backup of %s", headPath,
			text.Visible(local.Archive), row.Name), headPath)
	case local == nil:
		return nil, alteredError{hint.Wrap(err, "restore the head file, or move it away: then it is unknown whether records were lost")}
	case d.key == nil:
		return nil, hint.Wrap(fmt.Errorf("the head file %s exists, and the key %s is missing", headPath, d.keyPath),
			"put the key back; if it is lost, move the head file away: then a new key and new logs start")
	}
	with, err := witness.Read(o.Heads, row.Name, d.opened)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, witness.ErrUnsigned) {
		return nil, alteredError{hint.Wrap(err, "use another backup, or move this head file away")}
	}
	plans, err := d.plans(ctx, row.Name, local, signedHeads(with))
	if err != nil {
		return nil, err
	}
	heads := &witness.Heads{Archive: row.Name}
	if local != nil {
		heads.VerifiedAt = local.VerifiedAt
	}
	if err := ignore(os.Remove(d.headPath), fs.ErrNotExist); err != nil {
		return nil, err
	}
	makesKey := d.key == nil
	if err := d.makeKey(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && makesKey {
			err = errors.Join(err, os.Remove(d.keyPath))
		}
	}()
	d.start(heads)
	if !d.public().Equal(row.PublicKey) { // pending messages are composed again
		if err := d.update(ctx, "the new key", func(t *tx) {
			t.exec(`UPDATE archive SET public_key = ?`, []byte(d.public()))
			t.exec(`UPDATE messages SET code = NULL WHERE code IS NOT NULL`)
		}); err != nil {
			return nil, err
		}
	}
	list, err = d.restart(ctx, plans, o.Person, o.At)
	return list, err
}

// signedHeads returns the newest signed heads: anyone who can write the head file of a backup can add
// others, which would close a log that is complete.
func signedHeads(heads *witness.Heads) *witness.Heads {
	var list []witness.Log
	for _, l := range heads.All() {
		if _, signed, err := l.Checkpoint(); err != nil || !signed {
			l.Note = l.Signed
		}
		if l.Note != "" {
			list = append(list, l)
		}
	}
	return &witness.Heads{Logs: list}
}

// plan is what a restore does with the log of an account: it continues if restart is not set.
type plan struct {
	Restored
	account int64 // 0: the copy does not have it
	restart bool
	after   continued
}

// plans compares the logs of a copy with the heads of the archive that it replaces, and with those
// stored with the copy; nil for none. A log whose records are not those that cocsync signed is
// ErrAltered.
func (l *Log) plans(ctx context.Context, archive string, local, with *witness.Heads) (list []plan, err error) {
	stored, err := collect[storedLog](l.reading(ctx, "logs"), storedLogs+` ORDER BY a.name`)
	if err != nil {
		return nil, err
	}
	for i := range stored {
		s := &stored[i]
		p := plan{account: s.Account, restart: local.Log(s.Name) == nil}
		if p.after, err = s.end(); err != nil {
			return nil, err
		}
		for _, head := range []*witness.Log{with.Log(s.Name), local.Log(s.Name)} {
			if err := l.compare(ctx, archive, s, head, &p); err != nil {
				return nil, err
			}
		}
		if p.restart {
			p.after.skipped = skipped(s.Change, local.Log(s.Name))
		}
		p.Restored = Restored{s.Name, s.Origin, s.Size, !p.restart, p.after.lost}
		list = append(list, p)
	}
	for _, heads := range []*witness.Heads{local, with} {
		for _, head := range heads.All() {
			if slices.ContainsFunc(list, func(p plan) bool { return p.Account == head.Account }) {
				continue
			}
			c, _, err := head.Checkpoint()
			if err != nil {
				return nil, err
			}
			id := generation(archive, head.Account, c.Origin)
			if id == 0 {
				return nil, alteredError{hint.Wrap(fmt.Errorf("a head file has the head of %s for account %s",
					text.Visible(c.Origin), text.Visible(head.Account)), "restore the head file, or move it away")}
			}
			p := plan{restart: true, after: continued{old: audit.Checkpoint{Origin: c.Origin, Root: (&audit.Edge{}).Root()}}}
			p.lose(id, c)
			p.after.skipped = skipped(0, local.Log(head.Account))
			p.Restored = Restored{Account: head.Account, Lost: p.after.lost}
			list = append(list, p)
		}
	}
	return list, nil
}

// lose says that the records of a head of the log number id are lost.
func (p *plan) lose(id int64, head audit.Checkpoint) {
	if lost := p.after.lost; lost == nil || id > p.after.id || id == p.after.id && head.Size > lost.Size {
		p.after.lost = &head
	}
	p.restart, p.after.id = true, max(p.after.id, id)
}

// generation returns the number of the log of an account in its origin; 0 for another origin.
func generation(archive, account, origin string) int64 {
	first := originOf(archive, account, 1)
	if origin == first {
		return 1
	}
	text, _ := strings.CutPrefix(origin, first+"/")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || originOf(archive, account, id) != origin {
		return 0
	}
	return id
}

// skipped returns how many numbers of changes after the newest one may have been used by changes that
// were lost: those up to that of the head, or if it is unknown those before the next multiple of skipTo
// that is skipMin away or more.
func skipped(newest int64, head *witness.Log) int64 {
	if head != nil {
		return max(0, head.Change-newest)
	}
	return ((newest+skipMin)/skipTo+1)*skipTo - 1 - newest
}

const (
	skipTo  = 10_000
	skipMin = 1_000
)

// compare compares a log with a head, nil for none. If records of the head are missing, they are
// lost, and the plan restarts the log.
func (l *Log) compare(ctx context.Context, archive string, s *storedLog, head *witness.Log, p *plan) error {
	if head == nil || l.continues(ctx, s, head) {
		return nil
	}
	c, _, err := head.Checkpoint()
	if err != nil {
		return logAltered(s, err.Error())
	}
	id := generation(archive, s.Name, c.Origin)
	switch {
	case id > s.ID || id == s.ID && c.Size > s.Size:
		p.lose(id, c)
		return nil
	case id == 0:
		return logAltered(s, "the head file has the head of "+text.Visible(c.Origin))
	}
	edge, err := audit.ReadEdge(c.Size, l.StoredHashes(ctx, s.Account, id))
	if err == nil && edge.Root() != c.Root {
		err = fmt.Errorf("its first %d records are not those that cocsync signed on %s", c.Size, minute(head.At))
	}
	if err != nil {
		return logAltered(s, err.Error())
	}
	return nil
}

// restart continues or restarts the logs of a copy.
func (l *Log) restart(ctx context.Context, plans []plan, person string, now time.Time) (list []Restored, err error) {
	stored, err := collect[storedLog](l.reading(ctx, "logs"), storedLogs)
	if err != nil {
		return nil, err
	}
	for i := range stored {
		s := &stored[i]
		open, err := l.openLog(ctx, s, nil)
		if err != nil {
			return nil, err
		}
		l.logs[s.Account] = open
		l.head.Set(s.Name, s.Change, s.Note, now)
	}
	err = l.update(ctx, "restart the logs", func(t *tx) {
		for _, p := range plans {
			if !p.restart {
				list = append(list, p.Restored)
				continue
			}
			p.after.person = person
			if p.account == 0 {
				p.account = t.newAccount(p.Account, "")
			} else {
				t.logOf(p.account)
			}
			t.startLog(p.account, p.Account, &p.after, now)
			if t.err == nil {
				p.Origin = t.logs[p.account].origin
			}
			list = append(list, p.Restored)
		}
	})
	return list, err
}

// RestartLogs restarts the logs of an archive that is an older snapshot: heads are the newest
// signed checkpoints that are known: the newest one of each log counts. The caller has verified the archive.
func (l *Log) RestartLogs(ctx context.Context, heads []audit.Checkpoint, person string, now time.Time) ([]Restored, error) {
	row, err := first[archiveRow](l.reading(ctx, "archive"), archiveRows)
	if err != nil {
		return nil, err
	}
	lost := &witness.Heads{Archive: row.Name}
	stored, err := collect[storedLog](l.reading(ctx, "logs"), storedLogs)
	if err != nil {
		return nil, err
	}
	for _, c := range heads {
		i := slices.IndexFunc(stored, func(s storedLog) bool { return generation(row.Name, s.Name, c.Origin) > 0 })
		if i < 0 {
			return nil, fmt.Errorf("%s is not a log of this archive", text.Visible(c.Origin))
		}
		if id := generation(row.Name, stored[i].Name, c.Origin); id < stored[i].ID || id == stored[i].ID && c.Size <= stored[i].Size {
			return nil, hint.Wrap(fmt.Errorf("the checkpoint of %d records of %s is not newer than the archive", c.Size, text.Visible(c.Origin)),
				"give the newest checkpoint; `cocsync verify --checkpoint NOTE` compares an older one")
		}
		if known := lost.Log(stored[i].Name); known == nil {
			lost.Logs = append(lost.Logs, witness.Log{Account: stored[i].Name, Note: c.Text()})
		} else if newer(row.Name, known, c) {
			known.Note = c.Text()
		}
	}
	plans, err := l.plans(ctx, row.Name, nil, lost)
	if err != nil {
		return nil, err
	}
	return l.restart(ctx, plans, person, now)
}

// newer reports whether a checkpoint is newer than the head of the same account.
func newer(archive string, head *witness.Log, c audit.Checkpoint) bool {
	known, _, err := head.Checkpoint()
	if err != nil {
		return true
	}
	before, id := generation(archive, head.Account, known.Origin), generation(archive, head.Account, c.Origin)
	return id > before || id == before && c.Size > known.Size
}
