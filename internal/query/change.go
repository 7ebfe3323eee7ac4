package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/text"
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
		ID: c.Key.ID, Kind: c.Kind, Ref: Ref{c.Account, c.DocumentID, c.Name}, Version: Text(c.Version), Previous: Text(c.Previous),
		MadeAt: Time{c.MadeAt}, SeenAt: Time{c.SeenAt}, By: Text(c.By), Added: c.Added, Removed: c.Removed,
		Summary: c.Summary, Note: Text(c.Note()),
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
	Unified       *string `json:"unified,omitzero"`
	UnifiedBase64 string  `json:"unified_base64,omitempty"`
}

// ChangeJSON returns the JSON of a change, with its patch if that is requested and no
// content was erased.
func (a *Archive) ChangeJSON(ctx context.Context, c coc.Change, patch bool) (Change, error) {
	out := Change{ChangeFacts: newChangeFacts(c), Backfill: c.Backfill, Late: c.Late,
		Class: Text(c.Class), Omitted: c.Omitted, Skipped: c.Skipped, Items: c.Items}
	if !patch {
		return out, nil
	}
	old, now, err := a.Texts(ctx, c)
	if errors.Is(err, coc.ErrErased) {
		return out, nil
	}
	unified := string(Patch(c.Name, c.DocumentID, old, now, diff.Options{Context: PatchContext}))
	out.Unified, out.UnifiedBase64 = &unified, base64IfBinary(unified)
	return out, err
}

// Texts returns the contents that a change compares; nil for a change without versions. The
// error is coc.ErrErased if one of them was erased.
func (a *Archive) Texts(ctx context.Context, c coc.Change) (old, now *diff.Text, err error) {
	was, is, err := a.db.Contents(ctx, c.Key)
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

// Change returns the change of a reference: its number, 41, or prod/41 with its account.
func (a *Archive) Change(ctx context.Context, ref string) (c coc.Change, err error) {
	account, number := "", ref
	if i := strings.LastIndex(ref, "/"); i > 0 {
		account, number = ref[:i], ref[i+1:]
	}
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id < 1 {
		return c, badQuery(hint.Wrap(fmt.Errorf("%q is not a valid change number", ref), changeHint))
	}
	var refs []string
	for c, err = range a.db.Changes(ctx, db.Filter{Account: account, ID: id}) {
		if err != nil {
			return c, err
		}
		refs = append(refs, text.Visible(c.Ref))
	}
	switch len(refs) {
	case 0:
		return c, hint.Wrap(coc.NotFound("no change %s in the archive", text.Visible(ref)), changeHint)
	case 1:
		return c, nil
	}
	slices.Sort(refs)
	return c, hint.Wrap(ambiguous("%d accounts have a change %s", len(refs), number), "say which: "+strings.Join(refs, ", "))
}

// Basis is the evidence of a change.
type Basis = db.Basis

// Basis returns the evidence of a change.
func (a *Archive) Basis(ctx context.Context, c coc.Change) (Basis, error) {
	return a.db.Basis(ctx, c.Key)
}

// Delivery is the notification of a change by one notifier.
type Delivery struct {
	db.Notification
	OnHold string // why the channel is on hold; "" if it is not, or nothing is pending
}

// Deliveries returns the deliveries of a change, by notifier.
func (a *Archive) Deliveries(ctx context.Context, c coc.Change) (out []Delivery, err error) {
	sent, err := a.db.Notifications(ctx, c.Key)
	if err != nil {
		return nil, err
	}
	for _, n := range sent {
		d := Delivery{Notification: n}
		pending := n.State == string(coc.Waiting)
		if n.Message != nil {
			pending = n.Message.State == coc.Waiting
		}
		if pending {
			if d.OnHold, _, err = a.db.Held(ctx, n.Notifier); err != nil {
				return nil, err
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// Neighbours returns the references of the document's changes before and after one in the
// order of time, "" for none.
func (a *Archive) Neighbours(ctx context.Context, c coc.Change) (before, after string, err error) {
	earlier, later, err := a.db.Neighbours(ctx, c.Document, c.Place())
	ref := func(key coc.Key) string { // as c.Ref: of the same account
		if key.IsZero() {
			return ""
		}
		return strings.TrimSuffix(c.Ref, strconv.FormatInt(c.Key.ID, 10)) + strconv.FormatInt(key.ID, 10)
	}
	return ref(earlier), ref(later), err
}

// ChangeTo returns the reference of the change that led to a revision, "" for none.
func (a *Archive) ChangeTo(ctx context.Context, v Version) (string, error) {
	for c, err := range a.db.Changes(ctx, db.Filter{Document: v.Document.key, To: v.db.Key, OldestFirst: true, Limit: 1}) {
		return c.Ref, err
	}
	return "", nil
}

// ChangesOf returns the changes of a document, newest first, at most limit; after is the
// change after which they continue, or zero.
func (a *Archive) ChangesOf(ctx context.Context, doc Document, after coc.Place, limit int) iter.Seq2[coc.Change, error] {
	return a.db.Changes(ctx, db.Filter{Document: doc.key, After: after, Limit: limit})
}

// ChangeTimes returns the times of changes since a time in order, of a document or, for the
// zero Document, of all.
func (a *Archive) ChangeTimes(ctx context.Context, doc Document, since time.Time) iter.Seq2[time.Time, error] {
	return a.db.ChangeTimes(ctx, doc.key, since)
}
