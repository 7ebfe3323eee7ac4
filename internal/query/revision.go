package query

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Revision is an observed state of a version. A version without archived content has only
// State, Error and its times.
type Revision struct {
	Version      string           `json:"version"` // v3, or v3#2 for the second revision of v3
	State        coc.VersionState `json:"state"`
	Error        Text             `json:"error"` // why it was not fetched
	UUID         Text             `json:"version_uuid"`
	SHA256       Text             `json:"sha256"`
	Size         *int             `json:"size"`      // of an erased content, rounded up
	RawToken     bool             `json:"raw_token"` // the content is the JSON string as COC sent it
	Erased       bool             `json:"erased"`
	ErasedAt     Time             `json:"erased_at"`
	ErasedBy     Text             `json:"erased_by"`
	ErasedReason Text             `json:"erased_reason"`
	By           Text             `json:"by"`
	MadeAt       Time             `json:"made_at"`
	SeenAt       Time             `json:"seen_at"`
	CheckedAt    Time             `json:"checked_at"`
	WithdrawnAt  Time             `json:"withdrawn_at"`
	// PreviousCheckedAt is when the content before a rewrite was last seen.
	PreviousCheckedAt Time `json:"previous_checked_at"`
	RequestID         Text `json:"request_id"`
	RespondedAt       Time `json:"answered_at"`

	Label    string `json:"-"` // v3
	Archived bool   `json:"-"` // its content was archived, and may have been erased since

	db db.Revision
}

func newRevision(r db.Revision) Revision {
	out := Revision{
		Version: r.Name(), State: r.State, Error: Text(r.Err), UUID: Text(r.UUID),
		RawToken: r.Form == coc.FormToken, Erased: r.Erased, ErasedAt: Time{r.ErasedAt},
		ErasedBy: Text(r.ErasedBy), ErasedReason: Text(r.ErasedReason),
		By: Text(r.Author), MadeAt: Time{r.MadeAt}, SeenAt: Time{r.SeenAt}, CheckedAt: Time{r.CheckedAt},
		WithdrawnAt: Time{r.WithdrawnAt}, PreviousCheckedAt: Time{r.PreviousCheckedAt},
		RequestID: Text(r.Evidence.RequestID), RespondedAt: Time{r.Evidence.Date},
		Label: r.Label, Archived: r.Number > 0, db: r,
	}
	if out.Archived {
		out.SHA256, out.Size = hashText(r.Hash, r.Erased), &r.Size
	}
	return out
}

// Same reports whether both are the same revision of a document.
func (r Revision) Same(o Revision) bool { return r.db.Key == o.db.Key && r.Version == o.Version }

// Readable reports whether the content is in the archive.
func (r Revision) Readable() bool { return r.Archived && !r.Erased }

// Reason says why a version without content was not archived.
func (r Revision) Reason() string { return reason(r.State, string(r.Error)) }

func reason(state coc.VersionState, err string) string {
	switch {
	case state != coc.Pending:
		return "COC did not serve it (" + err + ")"
	case err != "":
		return "it is still to be fetched (" + err + ")"
	}
	return "it is still to be fetched"
}

// Version is the revision of a document that a reference names.
type Version struct {
	Document Document
	Revision
	// Note says why it may not be what was meant, "" if it is.
	Note string
}

// tokenNote explains a content that is not text.
const tokenNote = "this content is not valid Unicode; it is shown as the JSON string that COC sent"

// Notes are what a caller should know about the version and its content.
func (v Version) Notes() (notes []string) {
	if v.Note != "" {
		notes = append(notes, v.Note)
	}
	if v.RawToken {
		notes = append(notes, tokenNote)
	}
	return notes
}

// Versions returns the revisions of every version of a document that COC ever listed, oldest
// first. Versions without archived content are included.
func (a *Archive) Versions(ctx context.Context, doc Document) ([]Revision, error) {
	all, err := a.revisions(ctx, doc.key)
	out := make([]Revision, len(all))
	for i, r := range all {
		out[i] = newRevision(r)
	}
	return out, err
}

// revisions returns all revisions of a document, by version, then by number.
func (a *Archive) revisions(ctx context.Context, document coc.Key) ([]db.Revision, error) {
	all, err := a.db.Revisions(ctx, document, "")
	var listed []coc.Listed
	for _, r := range all {
		listed = append(listed, r.Listed())
	}
	coc.SortListed(listed)
	position := map[string]int{}
	for i, l := range listed {
		position[l.Label] = i
	}
	slices.SortFunc(all, func(a, b db.Revision) int {
		return cmp.Or(position[a.Label]-position[b.Label], a.Number-b.Number)
	})
	return all, err
}

// Content returns the content of a version. The error is coc.ErrErased if it was erased.
func (a *Archive) Content(ctx context.Context, v Version) (coc.Content, error) {
	if v.Erased {
		return coc.Content{}, contentError(coc.ErrErased, v.Version, v.Document.Name)
	}
	c, err := a.db.Content(ctx, v.Document.key.Account, v.db.Hash)
	return c, contentError(err, v.Version, v.Document.Name)
}

// contentError names the version whose content cannot be read.
func contentError(err error, version, document string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, coc.ErrErased):
		err = hint.Wrap(err, "it was removed permanently; `cocsync show --meta` shows when, by whom and why")
	}
	return fmt.Errorf("%s of %s: %w", text.Visible(version), text.Visible(document), err)
}

// Meta is a document with its other fields and its versions, oldest first.
type Meta struct {
	Details
	Description *string         `json:"description"`
	CreatedAt   Time            `json:"created_at"`
	UpdatedAt   Time            `json:"updated_at"`
	Others      json.RawMessage `json:"others"` // fields of COC's that cocsync does not know
	History     []Revision      `json:"history"`
}

// Meta returns a document with all of its versions, or with the one that ref names, whose
// content may be missing.
func (a *Archive) Meta(ctx context.Context, doc Document, ref string) (m Meta, err error) {
	if m.History, err = a.Versions(ctx, doc); err != nil {
		return m, err
	}
	if i := slices.IndexFunc(m.History, func(r Revision) bool { return ref != "" && r.Label == ref && !r.Archived }); i >= 0 {
		m.History = m.History[i : i+1]
	} else if ref != "" {
		v, err := a.Version(ctx, doc, ref)
		if err != nil {
			return m, err
		}
		m.History = []Revision{v.Revision}
	}
	d, err := a.db.Details(ctx, doc.key)
	m.Details, m.Description = newDetails(d), d.Meta.Description
	m.CreatedAt, m.UpdatedAt = Time{d.Meta.CreatedAt}, Time{d.Meta.UpdatedAt}
	m.Others = json.RawMessage("null")
	if json.Valid([]byte(d.Meta.Extra)) {
		m.Others = json.RawMessage(d.Meta.Extra)
	}
	return m, err
}
