package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

const (
	// maxNotes bounds the notes of witness_dir that are compared at once, about 500 bytes each:
	// the newest of each log.
	maxNotes = 40_000
	// maxNote bounds a note in bytes. One has a few hundred.
	maxNote = 16 << 10
	// maxUnread bounds the files of witness_dir that are named because they are not used.
	maxUnread = 5
)

// noteFolder is a witness_dir: it has the signed checkpoints of logs, one in each file. It is best
// on storage on which files cannot be changed. The zero value has none.
type noteFolder struct {
	dir string
	log *slog.Logger
}

// noteFile returns the name of the file of a checkpoint. An origin has no comma, so the name is that
// of one log and size only.
func noteFile(origin string, size int64) string {
	return strings.ReplaceAll(origin, "/", ",") + "-" + strconv.FormatInt(size, 10) + ".txt"
}

// parseNoteFile returns the origin and the size in the name of a file; ok is false for another file.
func parseNoteFile(name string) (origin string, size int64, ok bool) {
	stem, isText := strings.CutSuffix(name, ".txt")
	at := strings.LastIndexByte(stem, '-')
	if !isText || at < 0 {
		return "", 0, false
	}
	origin = strings.ReplaceAll(stem[:at], ",", "/")
	size, err := strconv.ParseInt(stem[at+1:], 10, 64)
	return origin, size, err == nil && size > 0 && noteFile(origin, size) == name
}

// sizes returns the sizes of the checkpoints of an archive in the folder by origin, the largest first,
// by the names of the files. foreign are the names of others, at most maxUnread of them.
func (f noteFolder) sizes(archive string) (logs map[string][]int64, foreign []string, err error) {
	if f.dir == "" {
		return nil, nil, nil
	}
	d, err := os.Open(f.dir)
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	logs = map[string][]int64{}
	for {
		names, err := d.Readdirnames(1000)
		for _, name := range names {
			origin, size, ok := parseNoteFile(name)
			switch {
			case ok && strings.HasPrefix(origin, "cocsync/"+archive+"/"):
				logs[origin] = append(logs[origin], size)
			case len(foreign) < maxUnread:
				foreign = append(foreign, name)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
	}
	for _, sizes := range logs {
		slices.SortFunc(sizes, func(a, b int64) int { return cmp.Compare(b, a) })
	}
	slices.Sort(foreign)
	return logs, foreign, nil
}

// read reads the checkpoint of a log and size.
func (f noteFolder) read(origin string, size int64) (x query.External, err error) {
	path := filepath.Join(f.dir, noteFile(origin, size))
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe does not block it
	if err != nil {
		return x, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return x, errors.Join(errors.New(path+" is not a regular file"), err)
	}
	b, err := io.ReadAll(io.LimitReader(file, maxNote+1))
	if err != nil {
		return x, err
	}
	c, err := audit.Peek(b)
	switch {
	case len(b) > maxNote:
		err = fmt.Errorf("it has more than %s", text.Size(maxNote))
	case err == nil && (c.Origin != origin || c.Size != size):
		err = errors.New("its name is that of another checkpoint")
	}
	if err != nil {
		return x, fmt.Errorf("%s: %w", path, err)
	}
	return query.External{Origin: c.Origin, Size: c.Size, Root: c.Root, Note: b, Name: path, Stored: true}, nil
}

// checkpoints returns the newest checkpoints of each log of an archive, at most perLog of each; 0: as
// many as are compared at once. notes say which files are not used; they change nothing.
func (f noteFolder) checkpoints(archive string, perLog int) (list []query.External, notes []string) {
	logs, foreign, err := f.sizes(archive)
	if err != nil {
		return nil, []string{"witness_dir cannot be read: " + err.Error()}
	}
	if len(foreign) > 0 && perLog == 0 {
		notes = append(notes, "witness_dir has files that are no checkpoints of this archive: "+strings.Join(foreign, ", "))
	}
	wanted := perLog
	if wanted == 0 {
		wanted = max(1, maxNotes/max(1, len(logs)))
	}
	unread, older := 0, 0
	for _, origin := range slices.Sorted(maps.Keys(logs)) {
		sizes := logs[origin]
		for i, size := range sizes {
			if i >= wanted+maxUnread { // with some that cannot be read
				older += len(sizes) - i
				break
			}
			x, err := f.read(origin, size)
			if err == nil {
				list = append(list, x)
			} else if unread++; unread <= maxUnread {
				notes = append(notes, "not used of witness_dir: "+err.Error())
			}
			if err == nil && perLog == 1 {
				break
			}
		}
	}
	if unread > maxUnread {
		notes = append(notes, fmt.Sprintf("witness_dir has %d more files that cannot be used", unread-maxUnread))
	}
	if older > 0 && perLog == 0 {
		notes = append(notes, fmt.Sprintf("witness_dir has %d older checkpoints, which were not compared", older))
	}
	return list, notes
}

// all returns the checkpoints with which a verification compares an archive, and logs which files are
// not used.
func (f noteFolder) all(ctx context.Context, d *db.DB) ([]query.External, error) {
	who, err := d.Identity(ctx)
	if err != nil {
		return nil, err
	}
	list, notes := f.checkpoints(who.Name, 0)
	f.warn(notes)
	return list, nil
}

func (f noteFolder) warn(notes []string) {
	for _, n := range notes {
		f.log.Warn("witness_dir", "err", n)
	}
}

// extended reports whether an archive extends the newest checkpoint of each of its logs in the folder.
// If it does not, a complete verification says why.
func (f noteFolder) extended(ctx context.Context, d *db.DB) (bool, error) {
	if f.dir == "" {
		return true, nil
	}
	who, err := d.Identity(ctx)
	if err != nil {
		return false, err
	}
	list, notes := f.checkpoints(who.Name, 1)
	f.warn(notes)
	return query.New(d).Extends(ctx, list)
}

// write writes the newest signed checkpoint of an account's log. It fails with db.ErrAltered if the
// folder has another one of that size.
func (f noteFolder) write(ctx context.Context, d *db.DB, account string) error {
	logs, err := d.Logs(ctx)
	for _, l := range logs {
		head, unsigned := audit.Peek(l.Note)
		if l.Name != account || unsigned != nil || l.Closed {
			continue
		}
		name := noteFile(l.Origin, l.Size)
		if err := createFile(filepath.Join(f.dir, name), l.Note, 0o644); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
		x, err := f.read(l.Origin, l.Size)
		if err != nil {
			return fmt.Errorf("another file has its name: %w", err)
		}
		if x.Root != head.Root {
			return d.Contradicted(hint.Wrap(fmt.Errorf("the archive contradicts witness_dir: %s has another root of the first %d records of the log %s",
				text.Visible(x.Name), l.Size, text.Visible(l.Origin)), contradictedAdvice))
		}
	}
	return err
}

// contradictedAdvice is what to do about a checkpoint in witness_dir that contradicts the archive.
const contradictedAdvice = "another copy of the archive was continued with the same key, or an older state was put back: " +
	"end the other copy, keep both as evidence, and continue the newest one that `cocsync verify` accepts, or restore a backup; " +
	"if the machine was put back as a whole: `cocsync restore --in-place`: docs/recovery.md"

// witnessed is the archive for a syncer. After each cycle it writes the newest signed checkpoint
// of the account to witness_dir, if configured.
type witnessed struct {
	*db.DB
	notes noteFolder
}

// End calls db.DB.End and writes the checkpoint. If that fails, the cycle does not fail, unless the
// folder contradicts the archive.
func (w witnessed) End(ctx context.Context, c coc.Cycle, notices []coc.NewNotice) error {
	if err := w.DB.End(ctx, c, notices); err != nil || w.notes.dir == "" {
		return err
	}
	err := w.notes.write(ctx, w.DB, c.Account)
	if err != nil && !errors.Is(err, db.ErrAltered) {
		w.notes.log.Error("checkpoint not written to witness_dir", "err", err)
		err = nil
	}
	return err
}
