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

// The head file is next to the archive, with the suffix .head. It stores data that must not
// depend on the archive itself: the time of the last verification.

// headFormat is the version of the head file's format. Adding fields does not change it.
const headFormat = 1

// maxHead is the maximum size of a head file in bytes.
const maxHead = 1 << 20

// headFile is the content of the head file.
type headFile struct {
	Format     int       `json:"format"`
	Origin     string    `json:"origin"`      // of the archive's log
	VerifiedAt time.Time `json:"verified_at"` // when the whole archive was last verified
}

// HeadFile returns the path of the head file of the archive at path.
func HeadFile(path string) string { return resolve(path) + ".head" }

// LastVerified returns when the whole archive was last verified, according to its head file.
// It returns zero, so that the archive is verified now, if the file is missing, unreadable,
// belongs to another archive, or contains a time after now.
func (d *DB) LastVerified(ctx context.Context, now time.Time) (at time.Time, err error) {
	defer wrap(&err, "last verification")
	g, err := d.Generation(ctx)
	if err != nil {
		return at, ignore(err, coc.ErrNotFound)
	}
	h, err := readHead(HeadFile(d.path))
	if err != nil || h.Format != headFormat || h.Origin != g.Origin || h.VerifiedAt.After(now) {
		return at, nil // the next verification replaces the file
	}
	return h.VerifiedAt.UTC(), nil
}

// Verified records in the head file that the whole archive was verified.
func (d *DB) Verified(ctx context.Context, at time.Time) (err error) {
	defer wrap(&err, "last verification")
	g, err := d.Generation(ctx)
	if err != nil {
		return err
	}
	return d.writeHead(headFile{Format: headFormat, Origin: g.Origin, VerifiedAt: at.UTC().Truncate(time.Millisecond)})
}

func readHead(path string) (h headFile, err error) {
	if err := refusePipe(path); err != nil {
		return h, err
	}
	f, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer f.Close()
	return h, json.NewDecoder(io.LimitReader(f, maxHead)).Decode(&h)
}

// writeHead replaces the head file atomically. The file has the mode of the archive.
func (s *store) writeHead(h headFile) (err error) {
	path := HeadFile(s.path)
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	text, err := json.Marshal(h) // cannot fail for texts and numbers
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
