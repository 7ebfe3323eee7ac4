package query

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
)

// ChangeFacts are the fields of a change in log and report.
type ChangeFacts struct {
	ID   int64    `json:"id"`
	Kind coc.Kind `json:"kind"`
	Ref
	Version  Text   `json:"version"`
	Previous Text   `json:"previous"`
	MadeAt   Time   `json:"made_at"`
	SeenAt   Time   `json:"seen_at"`
	By       Text   `json:"by"`
	Added    int    `json:"added"`
	Removed  int    `json:"removed"`
	Summary  string `json:"summary"`
	Note     Text   `json:"note"`
}

func newChangeFacts(c coc.Change) ChangeFacts {
	return ChangeFacts{
		ID: c.ID, Kind: c.Kind, Ref: Ref{c.Account, c.DocumentID, c.Name}, Version: Text(c.Version), Previous: Text(c.Previous),
		MadeAt: Time{c.MadeAt}, SeenAt: Time{c.SeenAt}, By: Text(c.By), Added: c.Added, Removed: c.Removed, Summary: c.Summary, Note: Text(c.Note()),
	}
}

// Change is the JSON of a coc.Change.
type Change struct {
	ChangeFacts
	Backfill bool       `json:"backfill"`
	Late     bool       `json:"late"`
	Class    Text       `json:"class"`
	Omitted  int        `json:"omitted"`
	Skipped  []string   `json:"skipped"`
	Items    []coc.Item `json:"items"`
	// The patch, if it was requested, as in Diff.
	Unified       *string `json:"unified,omitempty"`
	UnifiedBase64 string  `json:"unified_base64,omitempty"`
}

// ChangesJSON returns the JSON of changes. With patch each has its patch, except a change
// whose content was erased.
func (a *Archive) ChangesJSON(ctx context.Context, changes []coc.Change, patch bool) ([]Change, error) {
	out := make([]Change, len(changes))
	for i, c := range changes {
		out[i] = Change{ChangeFacts: newChangeFacts(c), Backfill: c.Backfill, Late: c.Late,
			Class: Text(c.Class), Omitted: c.Omitted, Skipped: list(c.Skipped), Items: list(c.Items)}
		if !patch {
			continue
		}
		old, now, err := a.Texts(ctx, c)
		if errors.Is(err, coc.ErrErased) {
			continue
		}
		if err != nil {
			return nil, err
		}
		unified := string(Patch(c.Name, c.DocumentID, old, now, diff.Options{Context: PatchContext}))
		out[i].Unified, out[i].UnifiedBase64 = &unified, base64IfBinary(unified)
	}
	return out, nil
}

// Texts returns the contents that a change compares; nil for a change without versions. The
// error is coc.ErrErased if one of them was erased.
func (a *Archive) Texts(ctx context.Context, c coc.Change) (old, now *diff.Text, err error) {
	was, is, err := a.db.Contents(ctx, c.ID)
	if err != nil || is == nil {
		return nil, nil, err
	}
	if was != nil {
		old = diff.Read(was)
	}
	return old, diff.Read(is), nil
}

// changeHint says where the numbers of changes are.
const changeHint = "`cocsync log` shows the numbers"

// ParseChangeID parses the number of a change.
func ParseChangeID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, badQuery(hint.Wrap(fmt.Errorf("%q is not a valid number of a change", text), changeHint))
	}
	return id, nil
}

// noChange explains an error that says that there is no such change.
func noChange(err error, id int64) error {
	if errors.Is(err, coc.ErrNotFound) {
		return hint.Wrap(coc.NotFound("no change %d in the archive", id), changeHint)
	}
	return err
}

// Change returns the change of a number.
func (a *Archive) Change(ctx context.Context, id int64) (coc.Change, error) {
	c, err := a.db.Change(ctx, id)
	return c, noChange(err, id)
}

// Basis is the evidence of a change.
type Basis = db.Basis

// Basis returns the evidence of a change.
func (a *Archive) Basis(ctx context.Context, c coc.Change) (Basis, error) {
	return a.db.Basis(ctx, c.ID)
}

// Delivery is a change for one notifier.
type Delivery struct {
	db.Told
	OnHold string // why the channel is on hold; "" if it is not, or nothing is pending
}

// Deliveries returns the deliveries of a change, by notifier.
func (a *Archive) Deliveries(ctx context.Context, c coc.Change) (out []Delivery, err error) {
	told, err := a.db.Told(ctx, c.ID)
	for _, t := range told {
		d := Delivery{Told: t}
		if m := t.Message; err == nil && (m == nil && t.State == string(coc.Waiting) || m != nil && m.State == coc.Waiting) {
			d.OnHold, _, err = a.db.Held(ctx, t.Notifier)
		}
		out = append(out, d)
	}
	return out, err
}

// Neighbours returns the numbers of the document's changes before and after one in the order
// of time, 0 for none.
func (a *Archive) Neighbours(ctx context.Context, c coc.Change) (before, after int64, err error) {
	return a.db.Neighbours(ctx, c.Document, coc.Place{At: c.At, ID: c.ID})
}

// ChangeTo returns the number of the change that led to a revision, 0 for none.
func (a *Archive) ChangeTo(ctx context.Context, v Version) (int64, error) {
	return a.db.ChangeTo(ctx, v.Document.key, v.db.Key)
}

// ChangesOf returns the newest changes of a document, at most limit, before the one at after;
// a zero after is from the newest.
func (a *Archive) ChangesOf(ctx context.Context, doc Document, after coc.Place, limit int) ([]coc.Change, error) {
	return a.db.Changes(ctx, db.Filter{Document: doc.key, Behind: after, Limit: limit})
}

// ChangeTimes returns the times of changes since a time in order, of all documents or, if
// doc is not nil, of one.
func (a *Archive) ChangeTimes(ctx context.Context, doc *Document, since time.Time) ([]time.Time, error) {
	if doc == nil {
		return a.db.Times(ctx, 0, since)
	}
	return a.db.Times(ctx, doc.key, since)
}
