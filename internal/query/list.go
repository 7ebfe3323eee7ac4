package query

import (
	"cmp"
	"context"
	"fmt"
	"iter"
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
	ChangedAt Time `json:"-"` // of its last change; zero if it is as of a time
}

func newDetails(d db.Details) Details {
	return Details{
		Document: newDocument(d.Document), Versions: d.Versions,
		MadeAt: Time{d.MadeAt}, FirstSeenAt: Time{d.FirstSeenAt}, LastCheckedAt: Time{d.LastCheckedAt},
		Creator: d.Meta.Creator, Modifier: d.Meta.Modifier, RiskLevel: d.Meta.RiskLevel, EnterpriseProjectID: d.Meta.ProjectID,
		Watched: d.Watched, ChangedAt: Time{d.ChangedAt},
	}
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
	return []string{string(coc.DocPresent), string(coc.DocListed), string(coc.DocDeleted)}
}

// Sorts are the orders of documents: by name, or the newest made, the last checked or the
// most versions first.
func Sorts() []string { return []string{"name", "made", "checked", "versions"} }

// Check refuses invalid fields. It needs no archive.
func (q List) Check() error {
	if _, err := path.Match(q.Name, ""); err != nil {
		return badQuery(hint.Wrap(fmt.Errorf("--name %q is not a valid pattern: %w", q.Name, err), "write [[] for a bracket itself"))
	}
	return cmp.Or(checkOneOf("--state", q.State, States()), checkOneOf("--sort", q.Sort, Sorts()))
}

// List returns the selected documents in the selected order. In the order of names only a
// page of them is in memory. A note says why documents as of a time may be incomplete.
func (a *Archive) List(ctx context.Context, q List) iter.Seq2[Details, error] {
	return func(yield func(Details, error) bool) {
		orders := map[string]func(a, b Details) int{ // of documents that are in the order of names
			"made":     func(a, b Details) int { return b.MadeAt.Compare(a.MadeAt.Time) },
			"checked":  func(a, b Details) int { return b.LastCheckedAt.Compare(a.LastCheckedAt.Time) },
			"versions": func(a, b Details) int { return b.Versions - a.Versions },
		}
		docs, err := a.selectDocuments(ctx, q)
		if err != nil {
			yield(Details{}, err)
			return
		}
		if compare := orders[q.Sort]; compare != nil || q.Reverse {
			docs = rearranged(docs, func(all []Details) {
				if compare != nil {
					slices.SortStableFunc(all, compare)
				}
				if q.Reverse {
					slices.Reverse(all)
				}
			})
		}
		docs(yield)
	}
}

// selectDocuments returns the selected documents by name.
func (a *Archive) selectDocuments(ctx context.Context, q List) (iter.Seq2[Details, error], error) {
	since, wrongSince := Option("since", q.Since, a.Since)
	at, wrongAt := Option("at", q.At, a.Time)
	if err := cmp.Or(q.Check(), a.checkAccount(ctx, q.Account), wrongSince, wrongAt); err != nil {
		return nil, err
	}
	selection := db.DocumentQuery{Account: q.Account, ChangedSince: since}
	docs := a.db.ListDocuments(ctx, selection)
	if !at.IsZero() {
		if err := a.noteLastCheck(ctx, at, q.Account); err != nil {
			return nil, err
		}
		docs = a.db.ListDocumentsAt(ctx, at, selection)
	}
	// A slash in a name is an ordinary character.
	flat := strings.NewReplacer("/", "\x00")
	pattern := flat.Replace(cmp.Or(q.Name, "*"))
	return func(yield func(Details, error) bool) {
		for d, err := range docs {
			if err == nil {
				if match, _ := path.Match(pattern, flat.Replace(d.Name)); !match || q.State != "" && q.State != string(d.State) {
					continue
				}
			}
			if !yield(newDetails(d), err) {
				return
			}
		}
	}, nil
}

// noteLastCheck notes that more may have changed before a time, if COC was last checked
// before it.
func (a *Archive) noteLastCheck(ctx context.Context, at time.Time, account string) error {
	checked, err := a.db.LastConfirmedAt(ctx, account)
	if err == nil && checked.Before(at) {
		a.note("COC was last checked at %s: more may have changed until then", stamp(checked))
	}
	return err
}

// rearranged returns rows after arrange has sorted them in memory. An error is the last
// element.
func rearranged[T any](rows iter.Seq2[T, error], arrange func([]T)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		all, err := Collect(rows)
		arrange(all)
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// Page selects a page of the documents, by name. Empty fields select all.
type Page struct {
	Text        string // is in the name or a prefix of the id
	State       string // one of States
	Account     string
	At          string // as they were then
	Skip, Limit int
}

// Page returns a page of documents, the total, and how many of the page's documents had no
// version at q.At.
func (a *Archive) Page(ctx context.Context, q Page) (docs []Details, all, without int, err error) {
	at, wrongAt := Option("at", q.At, a.Time)
	if err := cmp.Or(List{State: q.State}.Check(), wrongAt, a.checkAccount(ctx, q.Account)); err != nil {
		return nil, 0, 0, err
	}
	selection := db.DocumentQuery{Text: q.Text, State: coc.DocState(q.State), Account: q.Account, Skip: q.Skip, Limit: q.Limit}
	if all, err = a.db.CountDocuments(ctx, selection); err != nil || q.Limit == 0 {
		return nil, all, 0, err
	}
	rows, err := Collect(a.db.ListDocuments(ctx, selection))
	if err != nil {
		return nil, 0, 0, err
	}
	var keys []coc.Key
	for _, d := range rows {
		keys, docs = append(keys, d.Key), append(docs, newDetails(d))
	}
	if at.IsZero() {
		return docs, all, 0, nil
	}
	if err := a.noteLastCheck(ctx, at, q.Account); err != nil {
		return nil, 0, 0, err
	}
	then, err := a.db.DetailsAt(ctx, at, keys)
	docs = docs[:0]
	for _, d := range then {
		docs = append(docs, newDetails(d))
	}
	slices.SortFunc(docs, func(a, b Details) int { return byName(a.Document, b.Document) })
	return docs, all, len(keys) - len(docs), err
}
