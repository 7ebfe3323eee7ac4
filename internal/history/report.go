package history

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Report is what an auditor asks of a period.
type Report struct {
	Since, Until time.Time // Until is the first instant after it
	MadeAt       time.Time
	AskedAt      time.Time // when COC was last asked, in the period or not; zero for never
	Watches      []Coverage
	Documents    []WatchedDocument // by name
	// Changes were made or first seen in the period, oldest first and without their
	// items. Those that were there before cocsync first looked are only counted.
	Changes           []coc.Change
	Backfill          int
	BackfillDocuments int
	Replaced          map[int64]db.Replaced // of the rewrites among Changes, by id
	Lacking           []db.Lacking          // listed by the period's end, and not here now
}

// WatchedDocument is a document that a watch followed in the period.
type WatchedDocument struct {
	// The document as it is now, but for Version and Versions, which are those of the
	// period's end.
	db.Details
	Watched []Span
	Partly  bool // not from the period's begin to its end
	Changes int
}

// Report works out the report of [since, until), which may not have ended yet. account
// narrows it, "" does not.
func (h *History) Report(ctx context.Context, since, until time.Time, account string) (r Report, err error) {
	r = Report{Since: since, Until: until, MadeAt: h.Now()}
	period := clip(Span{since, until}, Span{since, r.MadeAt})
	if r.AskedAt, err = h.DB.LastAsked(ctx, account); err != nil {
		return r, err
	}
	stretches, err := h.DB.FollowedWithin(ctx, since, until)
	if err != nil {
		return r, err
	}
	if account != "" {
		stretches = slices.DeleteFunc(stretches, func(s db.Stretch) bool { return s.Account != account })
	}
	if r.Watches, err = h.coverage(ctx, period, stretches, account); err != nil {
		return r, err
	}
	if r.Changes, err = h.DB.ChangesWithin(ctx, since, until, account); err != nil {
		return r, err
	}
	if r.Backfill, r.BackfillDocuments, err = h.DB.BackfillWithin(ctx, since, until, account); err != nil {
		return r, err
	}
	if r.Replaced, err = h.DB.ReplacedWithin(ctx, since, until, account); err != nil {
		return r, err
	}
	if r.Lacking, err = h.DB.Lacking(ctx, until, account); err != nil {
		return r, err
	}
	r.Documents, err = h.watched(ctx, period, stretches, r.Changes)
	return r, err
}

// Of returns the changes of these kinds.
func (r Report) Of(kinds ...coc.Kind) (list []coc.Change) {
	for _, c := range r.Changes {
		if slices.Contains(kinds, c.Kind) {
			list = append(list, c)
		}
	}
	return list
}

// coverage reports on the watches that ran or followed documents in the period.
func (h *History) coverage(ctx context.Context, period Span, stretches []db.Stretch, account string) (list []Coverage, err error) {
	begun, err := h.DB.Begun(ctx)
	if err != nil {
		return nil, err
	}
	type watch struct{ name, account string }
	followed := map[watch][]Span{}
	for _, s := range stretches {
		w := watch{s.Watch, s.Account}
		followed[w] = append(followed[w], clip(Span{s.Since, s.Until}, period))
	}
	for _, b := range begun {
		if account != "" && b.Account != account {
			continue
		}
		cycles, err := h.DB.CyclesWithin(ctx, b.Watch, b.Account, period.From, period.To)
		if err != nil {
			return nil, err
		}
		spans := union(followed[watch{b.Watch, b.Account}])
		if len(cycles) == 0 && len(spans) == 0 {
			continue
		}
		documents, err := h.DB.FailedWithin(ctx, b.Watch, b.Account, period.From, period.To)
		if err != nil {
			return nil, err
		}
		c := cover(cycles, period.From, lifeOf(period, b.At, spans, cycles))
		c.Watch, c.Account, c.Followed = b.Watch, b.Account, spans
		c.Failures = failures(cycles, period.From, documents)
		list = append(list, c)
	}
	return list, nil
}

// watched returns the documents that were followed in the period.
func (h *History) watched(ctx context.Context, period Span, stretches []db.Stretch, changes []coc.Change) (list []WatchedDocument, err error) {
	spans := map[int64][]Span{}
	for _, s := range stretches {
		spans[s.Document] = append(spans[s.Document], clip(Span{s.Since, s.Until}, period))
	}
	count := map[int64]int{}
	for _, c := range changes {
		count[c.Document]++
	}
	all, err := h.DB.AllDetails(ctx, "")
	if err != nil {
		return nil, err
	}
	fleet, _, err := h.Fleet(ctx, period.To.Add(-time.Millisecond))
	if err != nil {
		return nil, err
	}
	then := make(map[int64]db.Details, len(fleet))
	for _, d := range fleet {
		then[d.Key] = d
	}
	for _, d := range all {
		if spans[d.Key] == nil {
			continue
		}
		d.Version, d.Versions = then[d.Key].Version, then[d.Key].Versions
		w := WatchedDocument{Details: d, Watched: union(spans[d.Key]), Changes: count[d.Key]}
		w.Partly = w.Watched[0].From.After(period.From) || w.Watched[0].To.Before(period.To)
		list = append(list, w)
	}
	slices.SortStableFunc(list, func(a, b WatchedDocument) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Account, b.Account))
	})
	return list, nil
}
