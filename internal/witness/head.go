// Package witness keeps what cocsync signed outside of the database, so that an altered,
// truncated or older database is detected: the head file next to it.
package witness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cocsync/internal/audit"
)

// Heads are the newest heads of the logs of an archive.
type Heads struct {
	Archive string `json:"archive"` // its id
	// VerifiedAt is when the archive was last verified completely; null if it never was.
	VerifiedAt *time.Time `json:"verified_at"`
	// Closed is the database as the last process left it; null while one has it open.
	Closed *State `json:"closed"`
	Logs   []Log  `json:"logs"` // by account
}

// State says whether a file was written: its size, and when it was last changed.
type State struct {
	Size    int64     `json:"size"`
	Changed time.Time `json:"changed"`
}

// StateOf returns the state of a file; nil if it cannot be read.
func StateOf(path string) *State {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return &State{info.Size(), changedAt(path, info).UTC()}
}

// Same reports whether two states are known and equal.
func Same(a, b *State) bool {
	return a != nil && b != nil && a.Size == b.Size && a.Changed.Equal(b.Changed)
}

// Log is the newest head of the log of an account.
type Log struct {
	Account string    `json:"account"`
	Change  int64     `json:"change"` // the highest number of a change
	At      time.Time `json:"at"`     // when the head was signed
	// Note is the checkpoint: a signed note, or without the key only its text.
	Note string `json:"note"`
	// Signed is the newest signed note of the log if Note is not signed; "" if it was never
	// signed. Only the records after it were added without the key.
	Signed string `json:"signed,omitempty"`
}

// set sets the newest checkpoint.
func (l *Log) set(note string) {
	old := *l
	l.Note, l.Signed = note, ""
	c, signed, err := l.Checkpoint()
	if signed || err != nil {
		return
	}
	for _, note := range []string{old.Note, old.Signed} {
		before := Log{Note: note}
		if b, signed, err := before.Checkpoint(); err == nil && signed && b.Origin == c.Origin {
			l.Signed = note
			return
		}
	}
}

// NewestSigned returns the newest signed checkpoint; ok is false if the log was never signed.
func (l *Log) NewestSigned() (c audit.Checkpoint, ok bool) {
	for _, note := range []string{l.Note, l.Signed} {
		n := Log{Note: note}
		if c, signed, err := n.Checkpoint(); err == nil && signed {
			return c, true
		}
	}
	return c, false
}

// Checkpoint returns the head, and whether it is signed. The signature is not verified.
func (l *Log) Checkpoint() (c audit.Checkpoint, signed bool, err error) {
	if l == nil {
		return c, false, errors.New("there is no head")
	}
	text, _, signed := strings.Cut(l.Note, "\n\n")
	if signed {
		text += "\n"
	}
	c, err = audit.ParseCheckpoint(text)
	if err == nil && (l.Change < 0 || l.Change > maxChange) {
		err = fmt.Errorf("%d is not a number of a change", l.Change)
	}
	return c, signed, err
}

// maxChange bounds the number of a change, so that numbers after it are valid, too.
const maxChange = 1 << 53

// All returns the heads of all logs; none for no head file.
func (h *Heads) All() []Log {
	if h == nil {
		return nil
	}
	return h.Logs
}

// Log returns the log of an account; nil if it is not found, or for no head file.
func (h *Heads) Log(account string) *Log {
	if h == nil {
		return nil
	}
	for i := range h.Logs {
		if h.Logs[i].Account == account {
			return &h.Logs[i]
		}
	}
	return nil
}

// add adds a log in the order of accounts.
func (h *Heads) add(l Log) {
	h.Logs = append(h.Logs, l)
	slices.SortFunc(h.Logs, func(a, b Log) int { return strings.Compare(a.Account, b.Account) })
}

// signerName is the name under which the head file of an archive is signed. No log has it.
func signerName(archive string) string { return "cocsync-head/" + archive }

// maxHeadFile bounds a head file in bytes: a log has less than a kilobyte.
const maxHeadFile = 16 << 20

// ErrUnsigned means that a head file has no signature: the process that wrote it had no
// key.
var ErrUnsigned = errors.New("the head file is not signed")

// Read reads the head file of an archive, "" for any, and verifies its signature and those of
// its heads. With ErrUnsigned the heads are returned, too. A missing file is fs.ErrNotExist.
func Read(path, archive string, key audit.PublicKey) (*Heads, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxHeadFile {
		return nil, fmt.Errorf("%s is not a head file", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	h, err := parse(b, archive, key)
	if err != nil {
		return h, fmt.Errorf("%s: %w", path, err)
	}
	return h, nil
}

func parse(b []byte, archive string, key audit.PublicKey) (*Heads, error) {
	text, _, signed := strings.Cut(string(b), "\n\n")
	h := &Heads{}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(h); err != nil {
		return nil, fmt.Errorf("it is not a head file: %w", err)
	}
	if archive != "" && h.Archive != archive {
		return nil, fmt.Errorf("it is of the archive %s, not of %s", h.Archive, archive)
	}
	unsigned := ErrUnsigned
	if signed {
		if _, err := audit.OpenText(b, signerName(h.Archive), key); err != nil {
			return nil, err
		}
		unsigned = nil
	}
	for i := range h.Logs {
		l := &h.Logs[i]
		c, signed, err := l.Checkpoint()
		if err == nil && signed {
			_, err = audit.Open([]byte(l.Note), key)
		}
		if err == nil && l.Signed != "" {
			err = l.checkSigned(c, signed, key)
		}
		if err != nil {
			return nil, fmt.Errorf("the head of account %s: %w", l.Account, err)
		}
	}
	return h, unsigned
}

// checkSigned checks the newest signed note of a log whose newest checkpoint is c.
func (l *Log) checkSigned(c audit.Checkpoint, signed bool, key audit.PublicKey) error {
	before, err := audit.Open([]byte(l.Signed), key)
	if err == nil && (signed || before.Origin != c.Origin || before.Size > c.Size) {
		err = errors.New("its newest signed checkpoint is not one before its newest checkpoint")
	}
	return err
}

// Write writes the head file of a database: signed, or without a key as it is. The file has
// the owner, group and mode of the database. A crash leaves the old file or the new one.
func Write(path, database string, h *Heads, key *audit.Key) error {
	text, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if key != nil {
		if text, err = key.SignText(signerName(h.Archive), string(text)); err != nil {
			return err
		}
	}
	if err := replace(path, database, text); err != nil {
		return fmt.Errorf("write the head file: %w", err)
	}
	return nil
}

// CheckFolder returns an error if this user cannot create files in the folder of a head file.
func CheckFolder(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// replace replaces a file atomically and durably. Only one process writes it, so the temporary
// file always has the same name, and one that a crash left is removed.
func replace(path, like string, text []byte) (err error) {
	dir, name := filepath.Dir(path), path+".new"
	if err := ignoreMissing(os.Remove(name)); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), ignoreMissing(os.Remove(f.Name())))
		}
	}()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := copyOwner(f, like); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return errors.Join(f.Close(), SyncFolder(dir))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
