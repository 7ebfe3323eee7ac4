package answer

import "cocsync/internal/db"

// Erasure is what erase did.
type Erasure struct {
	SHA256   string   `json:"sha256"`
	Size     int      `json:"size"`
	ErasedAt *string  `json:"erased_at"`
	Reason   string   `json:"reason"`
	Versions []Place  `json:"versions"`
	Changes  int      `json:"changes"`
	Messages int      `json:"messages"`
	Copies   []string `json:"copies"` // files from before migrations that keep it
}

// Place is a version that had the content.
type Place struct {
	Account    string `json:"account"`
	DocumentID string `json:"document_id"`
	Name       string `json:"name"`
	Version    string `json:"version"`
}

// NewErasure makes the answer of what stood before an erasure and after it.
func NewErasure(before, after db.Erasure) Erasure {
	e := Erasure{SHA256: after.Hash.String(), Size: after.Size, ErasedAt: Time(after.ErasedAt), Reason: after.Why,
		Versions: []Place{}, Changes: before.Changes, Messages: before.Sent + before.Waiting, Copies: append([]string{}, before.Copies...)}
	for _, p := range before.Places {
		e.Versions = append(e.Versions, Place(p))
	}
	return e
}
