package answer

import (
	"context"
	"errors"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/history"
)

// ChangeFacts are what log and report tell of a change.
type ChangeFacts struct {
	ID         int64   `json:"id"`
	Kind       string  `json:"kind"`
	Account    string  `json:"account"`
	DocumentID string  `json:"document_id"`
	Name       string  `json:"name"`
	Version    *string `json:"version"`
	Previous   *string `json:"previous"`
	MadeAt     *string `json:"made_at"`
	SeenAt     *string `json:"seen_at"`
	By         *string `json:"by"`
	Added      int     `json:"added"`
	Removed    int     `json:"removed"`
	Summary    string  `json:"summary"`
	Note       *string `json:"note"`
}

// Change is a change as log tells it.
type Change struct {
	ChangeFacts
	Backfill bool       `json:"backfill"`
	Late     bool       `json:"late"`
	Class    *string    `json:"class"`
	Omitted  int        `json:"omitted"`
	Skipped  []string   `json:"skipped"`
	Items    []coc.Item `json:"items"`
	// Of those that are told with their patch, as Diff has them.
	Unified       *string `json:"unified,omitempty"`
	UnifiedBase64 string  `json:"unified_base64,omitempty"`
}

func newChangeFacts(c coc.Change) ChangeFacts {
	return ChangeFacts{
		ID: c.ID, Kind: string(c.Kind), Account: c.Account, DocumentID: c.DocumentID, Name: c.Name,
		Version: orNull(c.Version), Previous: orNull(c.Previous), MadeAt: Time(c.MadeAt), SeenAt: Time(c.SeenAt),
		By: orNull(c.By), Added: c.Added, Removed: c.Removed, Summary: c.Summary, Note: orNull(c.Note()),
	}
}

// NewChange makes the answer of a change, without its patch.
func NewChange(c coc.Change) Change {
	return Change{ChangeFacts: newChangeFacts(c), Backfill: c.Backfill, Late: c.Late,
		Class: orNull(string(c.Class)), Omitted: c.Omitted, Skipped: append([]string{}, c.Skipped...), Items: append([]coc.Item{}, c.Items...)}
}

// NewChanges makes the answer of changes, in their order. With patch each brings its
// patch; a change whose content was erased has none.
func NewChanges(ctx context.Context, h *history.History, changes []coc.Change, patch bool) ([]Change, error) {
	list := make([]Change, len(changes))
	for i, c := range changes {
		list[i] = NewChange(c)
		if !patch {
			continue
		}
		old, now, err := Texts(ctx, h, c)
		if errors.Is(err, coc.ErrErased) {
			continue
		}
		if err != nil {
			return nil, err
		}
		text, exact := exactText(string(Patch(c.Name, c.DocumentID, old, now, diff.Options{Context: PatchContext})))
		list[i].Unified, list[i].UnifiedBase64 = &text, exact
	}
	return list, nil
}

// Arrow writes what a change compares: v3 → v4.
func Arrow(old, now string) string {
	if old == "" {
		return now
	}
	return old + " → " + now
}

// Texts returns the contents that a change compares; none for a change without
// versions. The error is coc.ErrErased when one of them was removed.
func Texts(ctx context.Context, h *history.History, c coc.Change) (old, now *diff.Text, err error) {
	was, is, err := h.DB.Contents(ctx, c.ID)
	if err != nil || is == nil {
		return nil, nil, err
	}
	if was != nil {
		old = diff.Read(was)
	}
	return old, diff.Read(is), nil
}
