package main

import (
	"encoding/json"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// metaJSON is show --meta -o json: a document as list has it, and more.
type metaJSON struct {
	documentJSON
	Description *string         `json:"description"`
	CreatedAt   *string         `json:"created_at"`
	UpdatedAt   *string         `json:"updated_at"`
	Others      json.RawMessage `json:"others"` // COC's fields that cocsync does not know
	History     []revisionJSON  `json:"history"`
}

// revisionJSON is one state of a version; without a content here, only state
// and error tell why.
type revisionJSON struct {
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

func newMetaJSON(d db.Document, list []db.Revision) metaJSON {
	m := metaJSON{
		documentJSON: newDocumentJSON(d), Description: d.Meta.Description,
		CreatedAt: jsonTime(d.Meta.CreatedAt), UpdatedAt: jsonTime(d.Meta.UpdatedAt),
		Others: json.RawMessage("null"), History: make([]revisionJSON, len(list)),
	}
	if json.Valid([]byte(d.Meta.Extra)) {
		m.Others = json.RawMessage(d.Meta.Extra)
	}
	for i, r := range list {
		m.History[i] = newRevisionJSON(r)
	}
	return m
}

func newRevisionJSON(r db.Revision) revisionJSON {
	out := revisionJSON{
		Version: r.Name(), State: string(r.State), Error: orNull(r.Err),
		VersionUUID: orNull(r.UUID), RawToken: r.Form == coc.FormToken, Erased: r.Erased, ErasedAt: jsonTime(r.ErasedAt), ErasedWhy: orNull(r.ErasedWhy), By: orNull(r.Author),
		MadeAt: jsonTime(r.MadeAt), SeenAt: jsonTime(r.SeenAt), CheckedAt: jsonTime(r.CheckedAt),
		WithdrawnAt: jsonTime(r.WithdrawnAt), PreviousCheckedAt: jsonTime(r.PreviousCheckedAt),
		RequestID: orNull(r.Evidence.RequestID), AnsweredAt: jsonTime(r.Evidence.Date),
	}
	if r.Number > 0 {
		hash := r.Hash.String()
		out.SHA256, out.Size = &hash, &r.Size
	}
	return out
}
