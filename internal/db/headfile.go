package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"cocsync/internal/coc"
)

// The head file lies next to the archive, with .head at the end of its name. It keeps
// what nothing inside the archive may change: today, when the archive was last verified.

// headFormat is the number of the head file's form. Fields may be added inside a number.
const headFormat = 1

// maxHead is more than a head file of any release needs.
const maxHead = 1 << 20

// headFile is the content of the head file.
type headFile struct {
	Format     int       `json:"format"`
	Origin     string    `json:"origin"`      // of the archive's log
	VerifiedAt time.Time `json:"verified_at"` // when the archive as a whole was last found good
}

// HeadFile is where the head file of the archive at path lies.
func HeadFile(path string) string { return resolve(path) + ".head" }

// LastVerified returns when the archive as a whole was last found good, as its head file
// has it. It is zero, so that the archive is verified now, where the file is missing,
// cannot be read, belongs to another archive, or names a time after now.
func (d *DB) LastVerified(ctx context.Context, now time.Time) (at time.Time, err error) {
	defer wrap(&err, "last verification")
	g, err := d.Generation(ctx)
	if err != nil {
		return at, ignore(err, coc.ErrNotFound)
	}
	h, err := readHead(HeadFile(d.path))
	if err != nil || h.Format != headFormat || h.Origin != g.Origin || h.VerifiedAt.After(now) {
		return at, nil // whatever is wrong with it, a verification makes it new
	}
	return h.VerifiedAt.UTC(), nil
}

// Verified records in the head file that the archive as a whole was found good.
func (d *DB) Verified(ctx context.Context, at time.Time) (err error) {
	defer wrap(&err, "last verification")
	g, err := d.Generation(ctx)
	if err != nil {
		return err
	}
	return d.writeHead(headFile{Format: headFormat, Origin: g.Origin, VerifiedAt: at.UTC().Truncate(time.Millisecond)})
}

func readHead(path string) (h headFile, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return h, err
	}
	if !info.Mode().IsRegular() { // opening a named pipe waits for its writer
		return h, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxHead))
	if err != nil {
		return h, err
	}
	return h, json.Unmarshal(text, &h)
}

// writeHead replaces the head file as a whole: after a crash the old one or the new one
// is there. It has the mode of the archive.
func (s *store) writeHead(h headFile) (err error) {
	path := HeadFile(s.path)
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	text, err := json.Marshal(h) // texts and numbers: this can't fail
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*") // of mode 0600
	if err != nil {
		return fmt.Errorf("head file: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Chmod(info.Mode().Perm()&0o666), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("head file: %w", err), ignore(os.Remove(f.Name()), os.ErrNotExist))
	}
	return syncFolder(filepath.Dir(path))
}
