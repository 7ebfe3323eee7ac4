package db

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"cocsync/internal/hint"
)

// ErrLocked means that another process syncs into this archive.
var ErrLocked = errors.New("in use")

// Holder takes the lock for a moment to test it. takeLock retries at this interval and for
// this time while only Holder has the lock.
const (
	lockRetry   = 5 * time.Millisecond
	lockTimeout = 10 * time.Second
)

func lockFile(path string) string { return path + ".lock" }

// takeLock locks the lock file next to the database and writes this process to the holder
// file. The system releases the lock when the process ends. path is resolved.
func takeLock(path, command string) (*flock.Flock, error) {
	name := lockFile(path)
	if err := refuseOther(name); err != nil {
		return nil, hint.Wrap(fmt.Errorf("lock: %w", err), lockAdvice)
	}
	lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR|noFollow), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	for start := time.Now(); err == nil && !ok && time.Since(start) < lockTimeout; ok, err = lock.TryLock() {
		if taken, err := locked(name); err != nil || taken {
			break
		}
		time.Sleep(lockRetry)
	}
	if tooManyFiles(err) {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("lock: %w", err),
			"check that the directory is writable for this user")
	}
	if !ok {
		return nil, hint.Wrap(fmt.Errorf("%w by %s", ErrLocked, readHolder(name)),
			"stop that process, or let it do the work (kill -USR1 makes a daemon run every watch at once)")
	}
	self := Process{PID: os.Getpid(), Since: time.Now(), Command: command}
	if err := writeHolder(lock, self); err != nil {
		return nil, errors.Join(fmt.Errorf("lock: %w", err), lock.Unlock())
	}
	if err := takeOwner(name, path); err != nil {
		return nil, errors.Join(fmt.Errorf("lock: %w", err), lock.Unlock())
	}
	return lock, nil
}

// lockAdvice is the hint for a lock file that cocsync did not create.
const lockAdvice = "remove it: cocsync creates the file"

// writeHolder writes a process to the holder file. It never writes a file that a link names: the user
// of the folder could let root overwrite any file.
func writeHolder(lock *flock.Flock, p Process) error {
	name := holderFile(lock.Path())
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return hint.Wrap(err, lockAdvice)
	}
	defer f.Close() // only the name of the process is lost if it fails
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || linksOf(info) > 1 {
		return hint.Wrap(fmt.Errorf("%s is another file, or has several names (hard links)", name), lockAdvice)
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteString(p.String() + "\n")
	return err
}

// Process is a process that has the archive open for writing, as the holder file describes
// it. Fields that are missing or invalid there are zero.
type Process struct {
	PID     int
	Since   time.Time // when it took the lock
	Command string    // its cocsync command: run or sync
}

// String describes the process: "pid 41 since 2026-11-30T02:52:38Z (run)", or "another
// process" if it is unknown.
func (p Process) String() string {
	if p.PID == 0 {
		return "another process"
	}
	text := fmt.Sprintf("pid %d since %s", p.PID, p.Since.UTC().Format(time.RFC3339))
	if p.Command != "" {
		text += " (" + p.Command + ")"
	}
	return text
}

// parseProcess parses a line of String. It returns the zero Process if the line is invalid.
func parseProcess(line string) (p Process) {
	format := regexp.MustCompile(`^pid ([1-9][0-9]{0,9}) since (\S+)(?: \(([a-z]{1,20})\))?$`)
	m := format.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return p
	}
	since, err := time.Parse(time.RFC3339, m[2])
	if err != nil {
		return p
	}
	p.PID, _ = strconv.Atoi(m[1])
	p.Since, p.Command = since.UTC(), m[3]
	return p
}

// Holder returns the process that has the archive at path open for writing. held is false
// if no process has. Holder does not disturb a process that is running or starting.
func Holder(path string) (p Process, held bool, err error) {
	defer wrap(&err, "lock of %s", path)
	name := lockFile(resolve(path))
	switch held, err = locked(name); {
	case errors.Is(err, os.ErrNotExist): // no process has taken the lock yet
		return p, false, nil
	case errors.Is(err, os.ErrPermission):
		return p, false, hint.Wrap(err, "run this as the user who runs the syncs")
	case err != nil || !held:
		return p, false, err
	}
	return readHolder(name), true, nil
}

// ownsLock returns an error if the lock file is not the one that this process locked: if
// the file was removed, a second process could take the lock.
func (s *store) ownsLock() error {
	if s.lock == nil { // opened by OpenShared
		return nil
	}
	name := lockFile(s.path)
	mine, err := s.lock.Stat()
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if found, err := os.Stat(name); err == nil && os.SameFile(mine, found) {
		return nil
	}
	return hint.Wrap(fmt.Errorf("%w: the lock file %s was removed or replaced while this process had it locked", ErrLocked, name),
		"restart this process. Never remove the lock file: the lock ends with its process")
}

// locked reports whether a process has the lock. It takes a shared lock for a moment, so
// that concurrent calls do not block each other and takeLock can distinguish them from a
// process that syncs.
func locked(name string) (bool, error) {
	if err := refuseOther(name); err != nil {
		return false, err
	}
	shared := flock.New(name, flock.SetFlag(os.O_RDONLY|noFollow))
	free, err := shared.TryRLock()
	return !free && err == nil, errors.Join(err, shared.Close())
}

// refuseOther returns an error if name exists and is not a regular file: opening a named pipe
// blocks until it has a writer, and a link may name any file.
func refuseOther(name string) error {
	switch info, err := os.Lstat(name); {
	case err != nil || info.Mode().IsRegular():
		return nil
	case info.Mode()&os.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link", name)
	default:
		return fmt.Errorf("%s is not a regular file", name)
	}
}

// readHolder returns the process that the holder file describes.
func readHolder(name string) Process {
	text, _ := os.ReadFile(holderFile(name)) // if it is unreadable, the process is unknown
	return parseProcess(string(text))
}
