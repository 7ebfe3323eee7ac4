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
	if err := refusePipe(name); err != nil {
		return nil, hint.Wrap(fmt.Errorf("lock: %w", err), "remove it: cocsync creates the file")
	}
	lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
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
	if err := os.WriteFile(holderFile(name), []byte(self.String()+"\n"), 0o600); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	if err := takeOwner(name, path); err != nil {
		return nil, errors.Join(fmt.Errorf("lock: %w", err), lock.Unlock())
	}
	return lock, nil
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
	if err := refusePipe(name); err != nil {
		return false, err
	}
	shared := flock.New(name, flock.SetFlag(os.O_RDONLY))
	free, err := shared.TryRLock()
	return !free && err == nil, errors.Join(err, shared.Close())
}

// refusePipe returns an error if name exists and is not a regular file: opening a named pipe
// blocks until it has a writer.
func refusePipe(name string) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	return nil
}

// readHolder returns the process that the holder file describes.
func readHolder(name string) Process {
	text, _ := os.ReadFile(holderFile(name)) // if it is unreadable, the process is unknown
	return parseProcess(string(text))
}
