package coc

import (
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

// Row is one row of COC's list of documents, as far as cocsync uses it.
type Row struct {
	DocumentID  string
	Name        string
	Version     string    // label of the newest version; "" when not said
	UpdatedAt   time.Time // zero when not said
	Fingerprint Hash      // over every field of the row that was said
}

// List is a whole list, all pages of it, each document once.
type List struct {
	Rows []Row
	// Stable is false when the total kept moving while the pages were read:
	// what is missing from such a list may only have shifted between pages.
	Stable bool
	// Total is how many documents COC said that there are, the fewest of an unstable list;
	// -1: absent.
	Total int
	// Ended says that the last page read was empty, so that no further row follows.
	Ended bool
	// Skipped are the rows that could not be used. A document that one of them names is
	// listed: it is not absent.
	Skipped []SkippedRow
}

// SkippedRow is a row of a list that could not be used.
type SkippedRow struct {
	DocumentID string // "" when the row names none
	Reason     string
}

// Missing returns how many documents the list lacks by its own total, in addition to those of
// rows that could not be used.
func (l List) Missing() int { return max(0, l.Total-len(l.Rows)-len(l.Skipped)) }

// Incomplete says what the list lacks: documents by its own total, or rows that could not
// be used. It is nil for a list that is complete.
func (l List) Incomplete() error {
	switch {
	case l.Missing() > 0:
		return fmt.Errorf("the list is incomplete: COC says that there are %d documents and lists %d", l.Total, len(l.Rows)+len(l.Skipped))
	case len(l.Skipped) > 0:
		return fmt.Errorf("rows of the list cannot be used: %d, the first because %s", len(l.Skipped), l.Skipped[0].Reason)
	}
	return nil
}

// Unnamed returns the rows that could not be used and name no document.
func (l List) Unnamed() (rows []SkippedRow) {
	for _, r := range l.Skipped {
		if r.DocumentID == "" {
			rows = append(rows, r)
		}
	}
	return rows
}

// Answer is what COC said when asked for one document.
type Answer struct {
	DocumentID string
	Meta       Meta
	Version    string  // whose content this is, in the answer's own words
	Content    Content // of Version
	// Versions are the listed versions, oldest first; nil when the answer
	// held no list, an empty one, or one without Version, or was asked for one
	// version: not said, not gone.
	Versions []Listed
	Evidence Evidence
}

// Listed is one entry of a document's list of versions.
type Listed struct {
	Label  string
	UUID   string    // "" when not said
	MadeAt time.Time // COC's create_time of the version; zero when not said
}

// Evidence identifies the HTTP answer that brought something. Huawei can
// confirm it.
type Evidence struct {
	RequestID string    // X-Request-Id
	Date      time.Time // Date header; zero when absent
}

// DocState says how a document stands upstream.
type DocState string

const (
	Seen    DocState = "listed"  // seen in a list, nothing archived yet
	Present DocState = "present" // archived and there
	Deleted DocState = "deleted" // COC no longer has it
)

// Meta are a document's fields other than its content. A nil field was not
// said, which is never a change.
type Meta struct {
	Name        *string
	Description *string
	RiskLevel   *string
	Creator     *string
	Modifier    *string
	ProjectID   *string // enterprise_project_id
	CreatedAt   time.Time
	UpdatedAt   time.Time
	// Extra is a canonical JSON object of the fields that cocsync does not
	// know, "" when there are none.
	Extra string
}

// Over returns m with what it leaves unsaid taken from old.
func (m Meta) Over(old Meta) Meta {
	for _, f := range []struct{ to, from **string }{
		{&m.Name, &old.Name},
		{&m.Description, &old.Description},
		{&m.RiskLevel, &old.RiskLevel},
		{&m.Creator, &old.Creator},
		{&m.Modifier, &old.Modifier},
		{&m.ProjectID, &old.ProjectID},
	} {
		if *f.to == nil {
			*f.to = *f.from
		}
	}
	if m.CreatedAt.IsZero() {
		m.CreatedAt = old.CreatedAt
	}
	if m.UpdatedAt.IsZero() {
		m.UpdatedAt = old.UpdatedAt
	}
	if m.Extra == "" {
		m.Extra = old.Extra
	}
	return m
}

// Equal reports whether both say the same.
func (m Meta) Equal(o Meta) bool {
	return same(m.Name, o.Name) && same(m.Description, o.Description) &&
		same(m.RiskLevel, o.RiskLevel) && same(m.Creator, o.Creator) &&
		same(m.Modifier, o.Modifier) && same(m.ProjectID, o.ProjectID) &&
		m.CreatedAt.Equal(o.CreatedAt) && m.UpdatedAt.Equal(o.UpdatedAt) && m.Extra == o.Extra
}

func same(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// Said returns the text of a field, "" when it was not said.
func Said(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// MetaItems returns the fields whose change is told, as items of a metadata
// change: those said in both and different. The modifier is left out when
// withModifier is false, because every new version brings its own.
func MetaItems(old, now Meta, withModifier bool) []Item {
	var items []Item
	add := func(path string, a, b *string) {
		if a != nil && b != nil && *a != *b {
			items = append(items, Item{Op: "changed", Path: path, Old: *a, New: *b})
		}
	}
	add("name", old.Name, now.Name)
	add("description", old.Description, now.Description)
	add("risk_level", old.RiskLevel, now.RiskLevel)
	if withModifier {
		add("modifier", old.Modifier, now.Modifier)
	}
	add("enterprise_project_id", old.ProjectID, now.ProjectID)
	return items
}
