package query

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// Details is a document with its other fields. A field that COC did not send is nil.
type Details struct {
	Document
	Versions            int     `json:"versions"` // archived ones
	MadeAt              Time    `json:"made_at"`  // of the newest version
	FirstSeenAt         Time    `json:"first_seen_at"`
	LastCheckedAt       Time    `json:"last_checked_at"`
	Creator             *string `json:"creator"`
	Modifier            *string `json:"modifier"`
	RiskLevel           *string `json:"risk_level"`
	EnterpriseProjectID *string `json:"enterprise_project_id"`

	Watched   bool `json:"-"`
	ChangedAt Time `json:"-"` // of its last change; only Page fills it
}

func newDetails(d db.Details) Details {
	return Details{
		Document: newDocument(d.Document), Versions: d.Versions,
		MadeAt: Time{d.MadeAt}, FirstSeenAt: Time{d.FirstSeenAt}, LastCheckedAt: Time{d.LastCheckedAt},
		Creator: d.Meta.Creator, Modifier: d.Meta.Modifier, RiskLevel: d.Meta.RiskLevel, EnterpriseProjectID: d.Meta.ProjectID,
		Watched: d.Watched,
	}
}

func newDetailsList(docs []db.Details) []Details {
	out := make([]Details, len(docs))
	for i, d := range docs {
		out[i] = newDetails(d)
	}
	return out
}

// List selects documents. Empty fields select all.
type List struct {
	Account string
	Name    string // a pattern: *, ?, [a-z]
	State   string // one of States
	Since   string // only those that changed since then
	At      string // as they were then
	Sort    string // one of Sorts; "" is by name
	Reverse bool
}

// States are the states of a document.
func States() []string {
	return []string{string(coc.Present), string(coc.Seen), string(coc.Deleted)}
}

// Sorts are the orders of documents: by name, or the newest made, the last checked or the
// most versions first.
func Sorts() []string { return []string{"name", "made", "checked", "versions"} }

// Check refuses invalid fields. It needs no archive.
func (q List) Check() error {
	if _, err := path.Match(q.Name, ""); err != nil {
		return badQuery(hint.Wrap(fmt.Errorf("--name %q is not a valid pattern: %w", q.Name, err), "write [[] for a bracket itself"))
	}
	if q.State != "" {
		if err := checkOneOf("--state", q.State, States()); err != nil {
			return err
		}
	}
	if q.Sort != "" {
		return checkOneOf("--sort", q.Sort, Sorts())
	}
	return nil
}

// List returns the selected documents in the selected order.
func (a *Archive) List(ctx context.Context, q List) ([]Details, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := a.checkAccount(ctx, q.Account); err != nil {
		return nil, err
	}
	all, err := a.listAll(ctx, q)
	if err != nil {
		return nil, err
	}
	var changed map[int64]bool
	if q.Since != "" {
		since, err := a.Since(q.Since)
		if err != nil {
			return nil, badQuery(fmt.Errorf("--since: %w", err))
		}
		if changed, err = a.db.ChangedSince(ctx, since); err != nil {
			return nil, err
		}
	}
	docs := newDetailsList(slices.DeleteFunc(all, func(d db.Details) bool {
		return q.Account != "" && d.Account != q.Account || q.Name != "" && !matchName(q.Name, d.Name) ||
			q.State != "" && q.State != string(d.State) || changed != nil && !changed[d.Key]
	}))
	sortDetails(docs, q.Sort)
	if q.Reverse {
		slices.Reverse(docs)
	}
	return docs, nil
}

// listAll returns the documents of all names and states, as of q.At.
func (a *Archive) listAll(ctx context.Context, q List) ([]db.Details, error) {
	if q.At == "" {
		return a.db.AllDetails(ctx, q.Account)
	}
	at, err := a.parseAt(q.At)
	if err != nil {
		return nil, err
	}
	all, err := a.db.AllDetails(ctx, "")
	if err != nil {
		return nil, err
	}
	return a.asOf(ctx, all, at)
}

// sortDetails sorts documents that are in the order of names.
func sortDetails(docs []Details, by string) {
	slices.SortStableFunc(docs, func(a, b Details) int {
		switch by {
		case "made":
			return b.MadeAt.Compare(a.MadeAt.Time)
		case "checked":
			return b.LastCheckedAt.Compare(a.LastCheckedAt.Time)
		case "versions":
			return b.Versions - a.Versions
		}
		return 0
	})
}

// matchName matches a name, in which a slash is an ordinary character.
func matchName(pattern, name string) bool {
	flat := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(name))
	return ok && err == nil
}

// asOf returns the documents as they were at a time, by name: those that had a version
// then, with COC's newest one of that time. Fields whose value of then is unknown are
// empty, except the name. With keys, the documents are those of the keys. A note says why
// the result may be incomplete.
func (a *Archive) asOf(ctx context.Context, all []db.Details, at time.Time, keys ...int64) (docs []db.Details, err error) {
	then, err := a.db.Fleet(ctx, at, keys...)
	if err != nil {
		return nil, err
	}
	var checked time.Time
	for _, doc := range all {
		checked = latest(checked, doc.LastCheckedAt)
		revisions := then.Revisions[doc.Key]
		sortRevisions(revisions)
		newest := newestAt(revisions, at)
		if newest < 0 {
			continue
		}
		doc.Version, doc.MadeAt, doc.LastCheckedAt = revisions[newest].Label, revisions[newest].MadeAt, time.Time{}
		doc.Versions = countAt(revisions, at)
		doc.State = coc.Present
		if then.Deleted[doc.Key] {
			doc.State = coc.Deleted
		}
		doc.Watched, doc.Meta = then.Watched[doc.Key], then.Metas[doc.Key]
		if doc.Meta.Name != nil {
			doc.Name = *doc.Meta.Name
		}
		docs = append(docs, doc)
	}
	slices.SortFunc(docs, func(a, b db.Details) int { return byName(newDocument(a.Document), newDocument(b.Document)) })
	if checked.Before(at) {
		a.note("COC was last checked at %s: more may have changed until then", stamp(checked))
	}
	return docs, nil
}

// newestAt returns the index of COC's newest revision at a time, -1 for none.
func newestAt(all []db.Revision, at time.Time) int {
	found := -1
	for i, r := range all {
		if !validFrom(r).After(at) && (r.WithdrawnAt.IsZero() || r.WithdrawnAt.After(at)) {
			found = i
		}
	}
	return found
}

// countAt counts the versions that were made by a time and are archived.
func countAt(all []db.Revision, at time.Time) (n int) {
	for _, r := range all {
		if r.Number == 1 && !validFrom(r).After(at) {
			n++
		}
	}
	return n
}

// Page selects a page of the documents, by name. Empty fields select all.
type Page struct {
	Text        string // is in the name or a prefix of the id
	State       string // one of States
	Account     string
	At          string // as they were then
	Skip, Limit int
}

// Page returns a page of documents, of how many in all, and how many of the page had no
// version yet at q.At.
func (a *Archive) Page(ctx context.Context, q Page) (docs []Details, all, without int, err error) {
	if err := (List{State: q.State}).Check(); err != nil {
		return nil, 0, 0, err
	}
	if err := a.checkAccount(ctx, q.Account); err != nil {
		return nil, 0, 0, err
	}
	part, all, err := a.db.Part(ctx, db.Part{Text: q.Text, State: coc.DocState(q.State), Account: q.Account, Skip: q.Skip, Limit: q.Limit})
	if err != nil {
		return nil, 0, 0, err
	}
	if q.At != "" {
		at, err := a.parseAt(q.At)
		if err != nil || len(part) == 0 {
			return nil, all, 0, err
		}
		keys := make([]int64, len(part))
		for i, d := range part {
			keys[i] = d.Key
		}
		then, err := a.asOf(ctx, part, at, keys...)
		return newDetailsList(then), all, len(part) - len(then), err
	}
	docs = newDetailsList(part)
	changed, err := a.db.LastChanges(ctx, part)
	for i := range docs {
		docs[i].ChangedAt = Time{changed[docs[i].key]}
	}
	return docs, all, 0, err
}
