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

// A lock that Holder looks at is free again in an instant. Who wants it asks again at
// this pace, and for so long.
const (
	lookPause    = 5 * time.Millisecond
	lookPatience = 10 * time.Second
)

func lockFile(path string) string { return path + ".lock" }

// takeLock takes the file next to the database that lets one process in. The process
// that has it describes itself in the holder file; the lock itself ends with the
// process, however it ends. path is resolved.
func takeLock(path, command string) (*flock.Flock, error) {
	name := lockFile(path)
	if err := refusePipe(name); err != nil {
		return nil, hint.Wrap(fmt.Errorf("lock: %w", err), "remove it: cocsync makes the file")
	}
	lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	for begun := time.Now(); err == nil && !ok && time.Since(begun) < lookPatience; ok, err = lock.TryLock() {
		if taken, err := locked(name); err != nil || taken {
			break
		}
		time.Sleep(lookPause)
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
	if err := os.WriteFile(holderFile(name), []byte(self.encode()), 0o600); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

// Process is a process that has the archive open for writing, as it described itself. A
// field is zero where its description is missing or cannot be read.
type Process struct {
	PID     int
	Since   time.Time // when it took the lock
	Command string    // the command of cocsync that it runs: run, sync
}

// String names the process: "pid 41 since 2026-11-30T02:52:38Z (run)", or "another
// process" where nothing is known of it.
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

// encode is one line that parseProcess reads, and that earlier releases show as it is.
func (p Process) encode() string { return p.String() + "\n" }

// parseProcess reads a line of encode; the zero Process is for anything else.
func parseProcess(line string) (p Process) {
	m := processLine.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return Process{}
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		return Process{}
	}
	since, err := time.Parse(time.RFC3339, m[2])
	if err != nil {
		return Process{}
	}
	return Process{PID: pid, Since: since.UTC(), Command: m[3]}
}

var processLine = regexp.MustCompile(`^pid ([1-9][0-9]{0,9}) since (\S+)(?: \(([a-z]{1,20})\))?$`)

// Holder returns the process that has the archive at path open for writing; held is
// false when there is none. It does not disturb that process, nor one that is starting.
func Holder(path string) (p Process, held bool, err error) {
	defer wrap(&err, "lock of %s", path)
	name := lockFile(resolve(path))
	switch held, err = locked(name); {
	case errors.Is(err, os.ErrNotExist): // no process ever took it
		return p, false, nil
	case errors.Is(err, os.ErrPermission):
		return p, false, hint.Wrap(err, "run this as the user who runs the syncs")
	case err != nil || !held:
		return p, false, err
	}
	return readHolder(name), true, nil
}

// ownsLock fails when the lock's file is no longer the one that this process locked: who
// removes it lets a second process in.
func (s *store) ownsLock() error {
	if s.lock == nil { // opened to write next to the process that has it
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
		"restart this process. The lock ends with its process: its file never needs to be removed")
}

// locked reports whether a process has the lock. It shares the lock for an instant:
// those who look don't see each other, and takeLock knows them from one that syncs.
func locked(name string) (bool, error) {
	if err := refusePipe(name); err != nil {
		return false, err
	}
	look := flock.New(name, flock.SetFlag(os.O_RDONLY))
	free, err := look.TryRLock()
	return !free && err == nil, errors.Join(err, look.Close())
}

// refusePipe fails for what is there and is not a file: opening or reading a named pipe
// waits for its writer.
func refusePipe(name string) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", name)
	}
	return nil
}

// readHolder is how the process that has the lock described itself.
func readHolder(name string) Process {
	text, _ := os.ReadFile(holderFile(name)) // unreadable is unknown
	return parseProcess(string(text))
}
