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

// A lock that Holder looks at is free again in an instant. Who wants it asks again at
// this pace, and for so long.
const (
	lookPause    = 5 * time.Millisecond
	lookPatience = 10 * time.Second
)

func lockFile(path string) string { return path + ".lock" }

// takeLock takes the file beside the database that lets one process in. The
// process that has it says so in words; the lock itself ends with the process,
// however it ends.
func takeLock(path string) (*flock.Flock, error) {
	name := lockFile(path)
	lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	for begun := time.Now(); err == nil && !ok && time.Since(begun) < lookPatience; ok, err = lock.TryLock() {
		if taken, err := locked(name); err != nil || taken {
			break
		}
		time.Sleep(lookPause)
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("lock: %w", err),
			"check that the directory is writable for this user")
	}
	if !ok {
		return nil, hint.Wrap(fmt.Errorf("%w by %s", ErrLocked, holder(name)),
			"stop that process, or let it do the work (kill -USR1 makes a daemon run every watch at once)")
	}
	who := fmt.Sprintf("pid %d since %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	if err := os.WriteFile(holderFile(name), []byte(who), 0o600); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

// Holder says which process syncs into the archive at path, as it wrote about itself; ""
// for none. It looks without standing in that process's way, nor in that of one which
// is about to begin.
func Holder(path string) (who string, err error) {
	defer wrap(&err, "lock of %s", path)
	name := lockFile(path)
	switch taken, err := locked(name); {
	case errors.Is(err, os.ErrNotExist): // nobody ever synced here
		return "", nil
	case errors.Is(err, os.ErrPermission):
		return "", hint.Wrap(err, "run this as the user who runs the syncs")
	case err != nil || !taken:
		return "", err
	}
	return holder(name), nil
}

// locked reports whether a process has the lock. It shares the lock for an instant:
// those who look don't see each other, and takeLock knows them from one that syncs.
func locked(name string) (bool, error) {
	look := flock.New(name, flock.SetFlag(os.O_RDONLY))
	free, err := look.TryRLock()
	return !free && err == nil, errors.Join(err, look.Close())
}

// holder is what the process that has the lock wrote about itself.
func holder(name string) string {
	text, _ := os.ReadFile(holderFile(name)) // unreadable is unknown
	if who := strings.TrimSpace(string(text)); who != "" {
		return who
	}
	return "another process"
}
