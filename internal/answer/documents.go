package answer

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/history"
)

// List asks for documents. Empty fields ask for all.
type List struct {
	Account string
	Name    string // a pattern: *, ?, [a-z]
	State   string // one of States
	Since   string // only those that changed from then on
	At      string // as they stood then
	Sort    string // one of Sorts; "" is by name
	Reverse bool
}

// States are the words for how a document stands.
func States() []string {
	return []string{string(coc.Present), string(coc.Seen), string(coc.Deleted)}
}

// Sorts are the orders of documents: by name, or the newest made, the last checked
// or the most versions first.
func Sorts() []string { return []string{"name", "made", "checked", "versions"} }

// Documents returns the documents that are asked for, in their order.
func (q List) Documents(ctx context.Context, h *history.History) ([]db.Details, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := KnownAccount(ctx, h.DB, q.Account); err != nil {
		return nil, err
	}
	docs, err := q.all(ctx, h)
	if err != nil {
		return nil, err
	}
	var changed map[int64]bool
	if q.Since != "" {
		since, wrong := h.Since(q.Since)
		if wrong != nil {
			return nil, misask(fmt.Errorf("--since: %w", wrong))
		}
		if changed, err = h.DB.ChangedSince(ctx, since); err != nil {
			return nil, err
		}
	}
	docs = slices.DeleteFunc(docs, func(d db.Details) bool {
		return q.Account != "" && d.Account != q.Account || q.Name != "" && !globs(q.Name, d.Name) ||
			q.State != "" && q.State != string(d.State) || changed != nil && !changed[d.Key]
	})
	sortDocuments(docs, q.Sort)
	if q.Reverse {
		slices.Reverse(docs)
	}
	return docs, nil
}

// Check refuses words that mean nothing.
func (q List) Check() error {
	if _, err := path.Match(q.Name, ""); err != nil {
		return misask(hint.Wrap(fmt.Errorf("--name %q is no pattern: %w", q.Name, err), "write [[] for a bracket itself"))
	}
	if q.State != "" {
		if err := known("--state", q.State, States()); err != nil {
			return err
		}
	}
	if q.Sort != "" {
		return known("--sort", q.Sort, Sorts())
	}
	return nil
}

// all returns the documents of every name and state, as of then or of now.
func (q List) all(ctx context.Context, h *history.History) ([]db.Details, error) {
	if q.At == "" {
		return h.DB.AllDetails(ctx, q.Account)
	}
	at, err := h.Instant(q.At)
	if err != nil {
		return nil, misask(fmt.Errorf("--at: %w", err))
	}
	docs, note, err := h.Fleet(ctx, at)
	tell(h, note)
	return docs, err
}

// sortDocuments sorts documents that come by name.
func sortDocuments(docs []db.Details, by string) {
	slices.SortStableFunc(docs, func(a, b db.Details) int {
		switch by {
		case "made":
			return b.MadeAt.Compare(a.MadeAt)
		case "checked":
			return b.LastCheckedAt.Compare(a.LastCheckedAt)
		case "versions":
			return b.Versions - a.Versions
		}
		return 0
	})
}

// globs matches a name, in which a slash is a character like any other.
func globs(pattern, name string) bool {
	flat := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(name))
	return ok && err == nil
}

// Document is a document as list tells it.
type Document struct {
	Account             string  `json:"account"`
	DocumentID          string  `json:"document_id"`
	Name                string  `json:"name"`
	State               string  `json:"state"`
	Version             *string `json:"version"` // the newest
	Versions            int     `json:"versions"`
	MadeAt              *string `json:"made_at"`
	FirstSeenAt         *string `json:"first_seen_at"`
	LastCheckedAt       *string `json:"last_checked_at"`
	Creator             *string `json:"creator"`
	Modifier            *string `json:"modifier"`
	RiskLevel           *string `json:"risk_level"`
	EnterpriseProjectID *string `json:"enterprise_project_id"`
}

// NewDocument makes the answer of a document.
func NewDocument(d db.Details) Document {
	return Document{
		Account: d.Account, DocumentID: d.DocumentID, Name: d.Name, State: string(d.State),
		Version: orNull(d.Version), Versions: d.Versions,
		MadeAt: Time(d.MadeAt), FirstSeenAt: Time(d.FirstSeenAt), LastCheckedAt: Time(d.LastCheckedAt),
		Creator: d.Meta.Creator, Modifier: d.Meta.Modifier, RiskLevel: d.Meta.RiskLevel, EnterpriseProjectID: d.Meta.ProjectID,
	}
}

// NewDocuments makes the answer of documents, in their order.
func NewDocuments(docs []db.Details) []Document {
	list := make([]Document, len(docs))
	for i, d := range docs {
		list[i] = NewDocument(d)
	}
	return list
}
