package query

import (
	"context"
	"fmt"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/text"
)

// NotesAt returns the newest checkpoint of each log that was sent or cosigned until a time, by account; of
// one account if it is not "". The daily message of that time has them.
func (a *Archive) NotesAt(ctx context.Context, account string, at time.Time) ([][]byte, error) {
	if err := a.checkAccount(ctx, account); err != nil {
		return nil, err
	}
	notes, err := a.db.SentNotes(ctx, account, at)
	if err == nil && len(notes) == 0 {
		err = unavailable("no checkpoint was sent until then")
	}
	return notes, err
}

// Signed is a checkpoint whose signature was verified.
type Signed struct {
	Origin string `json:"origin"`
	Key    string `json:"key"`  // its fingerprint
	Size   int64  `json:"size"` // records
	Root   string `json:"root"`
	// Cosigned is what the given witnesses cosigned of it.
	Cosigned []CosignedLog `json:"cosigned"`
}

// Checked are checkpoints whose signatures were verified.
type Checked struct {
	Checkpoints []Signed `json:"checkpoints"`
}

// NewChecked verifies the signatures of the checkpoints in a text, which may have been pasted.
func NewChecked(pasted string, keys []audit.PublicKey, witnesses []audit.WitnessKey) (list Checked, err error) {
	found, err := audit.ParsePasted(pasted)
	for _, p := range found {
		if p.Note == nil {
			return list, fmt.Errorf("the checkpoint of %s has no signature", text.Visible(p.Origin))
		}
		c, key, err := audit.OpenAny(p.Note, keys)
		if err != nil {
			return list, fmt.Errorf("the checkpoint of %s: %w", text.Visible(p.Origin), err)
		}
		cosigned, err := NewCosigned(p.Note, c, witnesses)
		if err != nil {
			return list, err
		}
		list.Checkpoints = append(list.Checkpoints, Signed{c.Origin, key.Fingerprint(), c.Size, c.Root.String(), cosigned})
	}
	return list, err
}
