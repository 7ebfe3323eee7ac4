package coc

import (
	"cmp"
	"fmt"
	"time"
)

// Selection narrows a list of documents. The zero value selects all private
// documents of an account.
type Selection struct {
	NameLike     string
	Creator      string
	ProjectID    string // enterprise_project_id
	DocumentType string // "" for private ones, or "PUBLIC"
}

// Row is one row of COC's list of documents, with the fields that cocsync uses.
type Row struct {
	DocumentID  string    `json:"document_id"`
	Name        string    `json:"name"`
	Version     string    `json:"version"`     // label of the newest version; "" if absent
	UpdatedAt   time.Time `json:"update_time"` // zero if absent
	Fingerprint Hash      `json:"-"`           // over every field of the row that is present
}

// List is a whole list, all pages of it, each document once.
type List struct {
	Rows []Row
	// Stable is false if the total changed in every pass: what is missing from such a
	// list may only have moved between pages.
	Stable bool
	// Total is COC's number of documents, the minimum of an unstable list; -1: absent.
	Total int
	// Ended means that the last page was empty, so that no further row follows.
	Ended bool
	// Skipped are the invalid rows. A document with an invalid row is listed: it is not
	// absent.
	Skipped []SkippedRow
}

// SkippedRow is an invalid row of a list.
type SkippedRow struct {
	DocumentID string // "" if the row has none
	Reason     string
}

// Missing returns how many documents are missing from the list by its own total, not
// counting invalid rows.
func (l List) Missing() int { return max(0, l.Total-len(l.Rows)-len(l.Skipped)) }

// Incomplete says what is missing from the list: documents by its own total, or rows
// that could not be used. It is nil for a complete list.
func (l List) Incomplete() error {
	switch {
	case l.Missing() > 0:
		return fmt.Errorf("the list is incomplete: COC says that there are %d documents and lists %d", l.Total, len(l.Rows)+len(l.Skipped))
	case len(l.Skipped) > 0:
		return fmt.Errorf("rows of the list cannot be used: %d, the first because %s", len(l.Skipped), l.Skipped[0].Reason)
	}
	return nil
}

// Unnamed returns the invalid rows without a document id.
func (l List) Unnamed() (rows []SkippedRow) {
	for _, r := range l.Skipped {
		if r.DocumentID == "" {
			rows = append(rows, r)
		}
	}
	return rows
}

// Response is COC's response to a request for one document.
type Response struct {
	DocumentID string
	Meta       Meta
	Version    string  // whose content this is, according to the response
	Content    Content // of Version
	// Versions are the listed versions, oldest first; nil if the response had no list, an
	// empty one, or one without Version, or if one version was requested: then they are
	// unknown, not withdrawn.
	Versions []Listed
	Evidence Evidence
}

// Listed is one entry of a document's list of versions.
type Listed struct {
	Label  string    `json:"version"`
	UUID   string    `json:"version_uuid"` // "" if absent
	MadeAt time.Time `json:"create_time"`  // COC's create_time of the version; zero if absent
}

// Evidence identifies the HTTP response of something. Huawei can confirm it.
type Evidence struct {
	RequestID string    // X-Request-Id
	Date      time.Time // Date header; zero if absent
}

// DocState is the state of a document in COC.
type DocState string

const (
	DocListed  DocState = "listed"  // seen in a list, nothing archived yet
	DocPresent DocState = "present" // archived, and in COC
	DocDeleted DocState = "deleted" // COC no longer has it
)

// Meta are a document's fields other than its content. A nil field was absent, which
// is never a change. The tags of Meta, Row and Listed are the names in COC's responses.
type Meta struct {
	Name        *string   `json:"name"`
	Description *string   `json:"description"`
	RiskLevel   *string   `json:"risk_level"`
	Creator     *string   `json:"creator"`
	Modifier    *string   `json:"modifier"`
	ProjectID   *string   `json:"enterprise_project_id"`
	CreatedAt   time.Time `json:"create_time"`
	UpdatedAt   time.Time `json:"update_time"`
	// Extra is a canonical JSON object of the fields that cocsync does not know, "" if
	// there are none.
	Extra string `json:"-"`
}

// metaText is a field of Meta that is a text.
type metaText struct {
	name string
	text **string
}

// texts returns the fields that are texts, in the order of MetaItems.
func (m *Meta) texts() []metaText {
	return []metaText{{"name", &m.Name}, {"description", &m.Description}, {"risk_level", &m.RiskLevel},
		{"creator", &m.Creator}, {"modifier", &m.Modifier}, {"enterprise_project_id", &m.ProjectID}}
}

// Over returns m with its absent fields taken from old.
func (m Meta) Over(old Meta) Meta {
	for i, f := range m.texts() {
		*f.text = cmp.Or(*f.text, *old.texts()[i].text)
	}
	m.CreatedAt, m.UpdatedAt = cmp.Or(m.CreatedAt, old.CreatedAt), cmp.Or(m.UpdatedAt, old.UpdatedAt)
	m.Extra = cmp.Or(m.Extra, old.Extra)
	return m
}

// Equal reports whether both have the same fields.
func (m Meta) Equal(o Meta) bool {
	for i, f := range m.texts() {
		a, b := *f.text, *o.texts()[i].text
		if (a == nil) != (b == nil) || OrEmpty(a) != OrEmpty(b) {
			return false
		}
	}
	return m.CreatedAt.Equal(o.CreatedAt) && m.UpdatedAt.Equal(o.UpdatedAt) && m.Extra == o.Extra
}

// OrEmpty returns the text of a field, "" if it is absent.
func OrEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// MetaItems returns the items of a metadata change: the fields that are present in
// both and differ. The modifier is left out if withModifier is false, because every
// new version has its own.
func MetaItems(old, now Meta, withModifier bool) (items []Item) {
	for i, f := range now.texts() {
		a, b := *old.texts()[i].text, *f.text
		if f.name != "creator" && (f.name != "modifier" || withModifier) && a != nil && b != nil && *a != *b {
			items = append(items, Item{Op: "changed", Path: f.name, Old: *a, New: *b})
		}
	}
	return items
}
