package db

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"cocsync/internal/hint"
)

// ErrLocked means that another process syncs into this archive.
var ErrLocked = errors.New("in use")

// takeLock takes the file beside the database that lets one process in. The
// file says who holds it; the lock itself ends with the process, however it
// ends.
func takeLock(path string) (*flock.Flock, error) {
	name := path + ".lock"
	lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("lock: %w", err),
			"check that the directory is writable for this user")
	}
	if !ok {
		holder, _ := os.ReadFile(name)
		who := strings.TrimSpace(string(holder))
		if who == "" {
			who = "another process"
		}
		return nil, hint.Wrap(fmt.Errorf("%w by %s", ErrLocked, who),
			"stop that process, or let it do the work (kill -USR1 makes a daemon run every watch at once)")
	}
	who := fmt.Sprintf("pid %d since %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	if err := os.WriteFile(name, []byte(who), 0o600); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}
