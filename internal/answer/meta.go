package answer

import (
	"context"
	"encoding/json"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/history"
)

// TokenNote says what a content is that is no text.
const TokenNote = "no Unicode text can hold this content; it is shown as the JSON string that COC sent"

// Meta is a document as show --meta tells it: as list has it, and more.
type Meta struct {
	Document
	Description *string         `json:"description"`
	CreatedAt   *string         `json:"created_at"`
	UpdatedAt   *string         `json:"updated_at"`
	Others      json.RawMessage `json:"others"` // COC's fields that cocsync does not know
	History     []Revision      `json:"history"`
}

// Revision is one state of a version; without a content here, only State and Error
// tell why.
type Revision struct {
	Version     string  `json:"version"`
	State       string  `json:"state"`
	Error       *string `json:"error"`
	VersionUUID *string `json:"version_uuid"`
	SHA256      *string `json:"sha256"`
	Size        *int    `json:"size"`
	RawToken    bool    `json:"raw_token"` // the bytes are the JSON string as COC sent it
	Erased      bool    `json:"erased"`
	ErasedAt    *string `json:"erased_at"`
	ErasedWhy   *string `json:"erased_why"`
	By          *string `json:"by"`
	MadeAt      *string `json:"made_at"`
	SeenAt      *string `json:"seen_at"`
	CheckedAt   *string `json:"checked_at"`
	WithdrawnAt *string `json:"withdrawn_at"`
	// PreviousCheckedAt is when the bytes before a rewrite were last seen.
	PreviousCheckedAt *string `json:"previous_checked_at"`
	RequestID         *string `json:"request_id"`
	AnsweredAt        *string `json:"answered_at"`
}

// Revisions returns all versions of a document, oldest first, or with a reference
// the one that it names, also one whose content is not here.
func Revisions(ctx context.Context, h *history.History, doc db.Document, ref string) ([]db.Revision, error) {
	all, err := h.Versions(ctx, doc)
	if err != nil || ref == "" {
		return all, err
	}
	for _, r := range all {
		if r.Label == ref && r.Number == 0 {
			return []db.Revision{r}, nil
		}
	}
	v, err := h.Version(ctx, doc, ref)
	return []db.Revision{v.Revision}, err
}

// NewMeta makes the answer of a document with some of its versions.
func NewMeta(d db.Details, list []db.Revision) Meta {
	m := Meta{
		Document: NewDocument(d), Description: d.Meta.Description,
		CreatedAt: Time(d.Meta.CreatedAt), UpdatedAt: Time(d.Meta.UpdatedAt),
		Others: json.RawMessage("null"), History: make([]Revision, len(list)),
	}
	if json.Valid([]byte(d.Meta.Extra)) {
		m.Others = json.RawMessage(d.Meta.Extra)
	}
	for i, r := range list {
		m.History[i] = NewRevision(r)
	}
	return m
}

// NewRevision makes the answer of a version.
func NewRevision(r db.Revision) Revision {
	out := Revision{
		Version: r.Name(), State: string(r.State), Error: orNull(r.Err), VersionUUID: orNull(r.UUID),
		RawToken: r.Form == coc.FormToken, Erased: r.Erased, ErasedAt: Time(r.ErasedAt), ErasedWhy: orNull(r.ErasedWhy),
		By: orNull(r.Author), MadeAt: Time(r.MadeAt), SeenAt: Time(r.SeenAt), CheckedAt: Time(r.CheckedAt),
		WithdrawnAt: Time(r.WithdrawnAt), PreviousCheckedAt: Time(r.PreviousCheckedAt),
		RequestID: orNull(r.Evidence.RequestID), AnsweredAt: Time(r.Evidence.Date),
	}
	if r.Number > 0 {
		hash := r.Hash.String()
		out.SHA256, out.Size = &hash, &r.Size
	}
	return out
}
