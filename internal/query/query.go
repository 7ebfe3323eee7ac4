// Package query runs the queries on an archive: documents, versions, references,
// log, blame, grep, status, report, export and verification. It reads only, and needs
// neither the network nor the daemon.
//
// A result is one type for Go, for JSON on the command line (-o json) and for the API; its
// JSON is documented in docs/json.md. How results are shown to people, flags and HTTP are
// left to cmd/cocsync and internal/web.
package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// Archive is an open archive to query.
type Archive struct {
	db *db.DB

	Now   func() time.Time
	Local *time.Location // the zone of a bare date
	// At is the time of the versions that references name: latest, ~1 and v3 are what they
	// were then. Zero is now.
	At time.Time
	// Note receives what a caller should know in addition to a result; nil
	// discards notes.
	Note func(string)
	// OwnKey returns the public key of the archive's key file; nil if it is unknown. Nil means
	// the key of the open handle.
	OwnKey func() (audit.PublicKey, error)
	// NoHead returns an error if the head file is missing next to the key: then no process opens the
	// archive for writing. Nil means that this is unknown.
	NoHead func() error
	// Configured says that a configuration names the archive. Without one it counts as a
	// copy while no process has it open for writing.
	Configured bool
}

// Open opens the archive at path for reading.
func Open(ctx context.Context, path string) (*Archive, error) {
	d, err := db.OpenReader(ctx, path)
	if err != nil {
		return nil, err
	}
	return New(d), nil
}

// New returns an Archive over an open handle, for a program that writes as well.
func New(d *db.DB) *Archive { return &Archive{db: d, Now: time.Now, Local: time.Local} }

// Close closes the archive.
func (a *Archive) Close() error { return a.db.Close() }

// Snapshot calls do with the archive as it is now, for several queries whose results must be
// consistent.
func (a *Archive) Snapshot(ctx context.Context, do func(*Archive) error) error {
	return a.db.Snapshot(ctx, func(d *db.DB) error {
		snapshot := *a
		snapshot.db = d
		return do(&snapshot)
	})
}

// Path is the file of the archive.
func (a *Archive) Path() string { return a.db.Path() }

func (a *Archive) note(format string, args ...any) {
	if a.Note != nil {
		a.Note(fmt.Sprintf(format, args...))
	}
}

var (
	// ErrBadQuery reports a query that no archive could answer.
	ErrBadQuery = errors.New("bad query")
	// ErrAmbiguous reports a reference that is invalid or names several things.
	ErrAmbiguous = errors.New("the reference is invalid or ambiguous")
	// ErrUnavailable reports something that the archive knows of and does not hold.
	ErrUnavailable = errors.New("not in the archive")
	// ErrAltered reports an archive that is not what cocsync wrote.
	ErrAltered = db.ErrAltered
)

// classed is an error that is also one of the errors above.
type classed struct {
	error
	class error
}

func (c *classed) Unwrap() error        { return c.error }
func (c *classed) Is(target error) bool { return target == c.class }

func badQuery(err error) error {
	if err == nil {
		return nil
	}
	return &classed{err, ErrBadQuery}
}

func ambiguous(format string, args ...any) error {
	return &classed{fmt.Errorf(format, args...), ErrAmbiguous}
}

func unavailable(format string, args ...any) error {
	return &classed{fmt.Errorf(format, args...), ErrUnavailable}
}

// checkOneOf refuses a value that is not one of the words; "" is any of them.
func checkOneOf(name, value string, words []string) error {
	if value == "" || slices.Contains(words, value) {
		return nil
	}
	return badQuery(hint.Wrap(fmt.Errorf("unknown %s %q", name, value), hint.OneOf(value, words)))
}

// Accounts returns the names of all accounts.
func (a *Archive) Accounts(ctx context.Context) (names []string, err error) {
	accounts, err := a.db.Accounts(ctx)
	for _, account := range accounts {
		names = append(names, account.Name)
	}
	return names, err
}

// checkAccount refuses an account that is not in the archive; "" is all accounts.
func (a *Archive) checkAccount(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	names, err := a.Accounts(ctx)
	if err != nil || slices.Contains(names, name) {
		return err
	}
	return hint.Wrap(coc.NotFound("no account %q in the archive", name), hint.OneOf(name, names))
}
