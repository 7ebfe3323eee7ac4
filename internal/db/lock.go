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
	for tries := 0; err == nil && !ok && tries < 3; tries++ {
		time.Sleep(lookTime) // somebody may only be looking
		ok, err = lock.TryLock()
	}
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

// lookTime is longer than Holder has the lock.
const lookTime = 20 * time.Millisecond

// Holder says which process syncs into the archive at path, as it wrote about itself;
// held is false for none.
func Holder(path string) (who string, held bool, err error) {
	defer wrap(&err, "lock of %s", path)
	name := path + ".lock"
	if _, err := os.Stat(name); err != nil {
		return "", false, ignore(err, os.ErrNotExist)
	}
	lock := flock.New(name, flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if err != nil {
		return "", false, err
	}
	if free {
		return "", false, lock.Unlock()
	}
	text, err := os.ReadFile(name)
	return strings.TrimSpace(string(text)), true, err
}
