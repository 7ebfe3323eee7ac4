package history

import (
	"context"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Fleet returns the documents as they stood at an instant, by name: those that had a
// version by then, with the newest of that time, as `DOC@TIME` names it. The fields that
// are not known of then are unsaid, but for the name. The note says how far that can be
// trusted, "" when fully.
func (h *History) Fleet(ctx context.Context, at time.Time) (docs []db.Details, note string, err error) {
	all, err := h.DB.AllDetails(ctx, "")
	if err != nil {
		return nil, "", err
	}
	return h.stood(ctx, all, at)
}

// Stood is Fleet of these documents alone, a few of all.
func (h *History) Stood(ctx context.Context, docs []db.Details, at time.Time) (then []db.Details, note string, err error) {
	if len(docs) == 0 {
		return nil, "", nil
	}
	keys := make([]int64, len(docs))
	for i, d := range docs {
		keys[i] = d.Key
	}
	return h.stood(ctx, docs, at, keys...)
}

func (h *History) stood(ctx context.Context, all []db.Details, at time.Time, keys ...int64) (docs []db.Details, note string, err error) {
	then, err := h.DB.Fleet(ctx, at, keys...)
	if err != nil {
		return nil, "", err
	}
	var asked time.Time
	for _, doc := range all {
		if doc.LastCheckedAt.After(asked) {
			asked = doc.LastCheckedAt
		}
		revisions := then.Revisions[doc.Key]
		order(revisions)
		found := newestAt(revisions, at)
		if found < 0 {
			continue
		}
		doc.Version, doc.MadeAt, doc.LastCheckedAt = revisions[found].Label, revisions[found].MadeAt, time.Time{}
		doc.Versions = archivedBy(revisions, at)
		doc.State = coc.Present
		if then.Deleted[doc.Key] {
			doc.State = coc.Deleted
		}
		doc.Watched = then.Watched[doc.Key]
		doc.Meta = then.Metas[doc.Key]
		if doc.Meta.Name != nil {
			doc.Name = *doc.Meta.Name
		}
		docs = append(docs, doc)
	}
	slices.SortFunc(docs, func(a, b db.Details) int { return byName(a.Document, b.Document) })
	if asked.Before(at) {
		note = "COC was last asked at " + stamp(asked) + ": there may have been more"
	}
	return docs, note, nil
}

// newestAt returns the place of what COC's newest was at an instant among revisions in
// order; -1 for none.
func newestAt(all []db.Revision, at time.Time) int {
	found := -1
	for i, r := range all {
		if !begins(r).After(at) && (r.WithdrawnAt.IsZero() || r.WithdrawnAt.After(at)) {
			found = i
		}
	}
	return found
}

// archivedBy counts the versions that were made by then and whose content is here.
func archivedBy(all []db.Revision, at time.Time) (n int) {
	for _, r := range all {
		if r.Number == 1 && !begins(r).After(at) {
			n++
		}
	}
	return n
}
