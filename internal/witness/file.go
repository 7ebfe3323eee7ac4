package witness

import (
	"sync"
	"time"

	"cocsync/internal/audit"
)

// writeAfter is the maximum time between a commit and the head file that has its heads.
const writeAfter = time.Second

// File keeps a head file up to date. Its methods may be called concurrently.
type File struct {
	path, database string
	key            *audit.Key
	report         func(error) // called when the result of the writes changes

	mu    sync.Mutex
	heads Heads
	timer *time.Timer // of the next write; nil if the file is up to date
	ended bool        // nothing is written any more
	// verified reports whether the database was verified since it was opened.
	verified bool

	reporting sync.Mutex // one call of report at a time
	reported  *string    // the error that was reported last, "" for success; nil for none yet
}

// NewFile returns the head file at path of a database, which is open and has these heads. Without a key
// it is not signed. A write that fails is tried again every second. report is called with the
// first result, and with each that differs from the one before.
func NewFile(path, database string, h *Heads, key *audit.Key, report func(error)) *File {
	f := &File{path: path, database: database, heads: *h, key: key, report: report}
	f.heads.Closed = nil
	return f
}

// SetKey makes another key sign the file from now on.
func (f *File) SetKey(key *audit.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.key = key
	f.later()
}

// Set sets the newest head of an account's log. The file has it at most a second later.
func (f *File) Set(account string, change int64, note []byte, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.heads.Log(account)
	if l == nil {
		f.heads.add(Log{Account: account})
		l = f.heads.Log(account)
	}
	l.set(string(note))
	l.Change, l.At = max(l.Change, change), now.UTC().Truncate(time.Millisecond)
	f.later()
}

// later schedules a write. The caller holds f.mu.
func (f *File) later() {
	if f.timer == nil && !f.ended {
		f.timer = time.AfterFunc(writeAfter, func() { _ = f.Flush() }) // an error is reported, and another write is scheduled
	}
}

// Verified records that the whole archive was verified, and writes the file.
func (f *File) Verified(at time.Time) error {
	at = at.UTC().Truncate(time.Millisecond)
	f.mu.Lock()
	f.heads.VerifiedAt, f.verified = &at, true
	f.mu.Unlock()
	return f.write()
}

// VerifiedAt returns when the whole archive was last verified; zero for never.
func (f *File) VerifiedAt() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.heads.VerifiedAt == nil {
		return time.Time{}
	}
	return *f.heads.VerifiedAt
}

// Flush writes the file if a head is newer.
func (f *File) Flush() error {
	f.mu.Lock()
	stale := f.timer != nil && !f.ended
	f.mu.Unlock()
	if !stale {
		return nil
	}
	return f.write()
}

// write writes the file and reports a result that differs from the previous one.
func (f *File) write() error {
	f.reporting.Lock()
	defer f.reporting.Unlock()
	err := f.replace()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if f.reported == nil || *f.reported != text {
		f.reported = &text
		f.report(err)
	}
	return err
}

func (f *File) replace() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	if f.ended {
		return nil
	}
	err := Write(f.path, f.database, &f.heads, f.key)
	if err != nil {
		f.later()
	}
	return err
}

// Close writes the file, unless it was abandoned. Nothing is written after it. The file gets the
// state of the database, which is closed, if it was verified or no one had written it before it
// was opened: otherwise the next process must verify it.
func (f *File) Close(unchanged bool) error {
	f.mu.Lock()
	ended := f.ended
	if unchanged || f.verified {
		f.heads.Closed = StateOf(f.database)
	}
	f.mu.Unlock()
	if ended {
		return nil
	}
	err := f.write()
	f.end()
	return err
}

// Abandon writes the file if a head is newer. Nothing is written after it: the database was
// altered, and the file is the evidence.
func (f *File) Abandon() {
	_ = f.Flush() // an error is reported
	f.end()
}

func (f *File) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	if f.timer != nil {
		f.timer.Stop()
	}
}
