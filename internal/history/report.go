package history

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Report is what an auditor asks about a period, Since included and Until not.
type Report struct {
	Since, Until time.Time
	AskedAt      time.Time // when COC was last asked, within the period or not
	Watches      []WatchReport
	Documents    []WatchedDocument // by name
	Changes      []coc.Change      // made in the period, newest first, without those in Backfill
	Backfill     int               // changes that were there before cocsync first looked
	Rewrites     []Rewrite
	Lacking      []LackingVersion // as of now
}

// WatchReport says how well a watch watched.
type WatchReport struct {
	Watch, Account string
	Began          time.Time // its first cycle, if that is in the period
	Good           int       // cycles, by how they ended
	Failed         int
	Stopped        int // by a person, or they died without a word
	Requests       int
	Usual          time.Duration // between the beginnings of two cycles, mostly; 0 when there are not two
	Most           time.Duration // that may lie between two looks without being a gap
	Gaps           []Gap
	Failures       []db.FailureCount
}

// Gap is a stretch in which a watch did not read its whole list.
type Gap struct{ From, To time.Time }

// WatchedDocument is a document that was watched in the period.
type WatchedDocument struct {
	db.Document
	Stretches []db.Stretch
	Changes   int // in the period, those in Backfill left out
}

// Rewrite is a change of kind rewritten, and both contents.
type Rewrite struct {
	coc.Change
	Old, New coc.Hash
	StoodAt  time.Time // when the old bytes were last seen to stand; zero for never
}

// LackingVersion is a version whose content is not here, and its document.
type LackingVersion struct {
	db.Lacking
	Account, DocumentID, Name string
}

// Report works out the report of a period; account narrows it, "" does not.
func (h *History) Report(ctx context.Context, since, until time.Time, account string) (r Report, err error) {
	r.Since, r.Until = since, until
	all, err := h.DB.Documents(ctx, account)
	if err != nil {
		return r, err
	}
	docs := map[int64]db.Document{}
	for _, d := range all {
		docs[d.Key] = d
		if d.LastCheckedAt.After(r.AskedAt) {
			r.AskedAt = d.LastCheckedAt
		}
	}
	if r.Watches, err = h.watches(ctx, since, until, account); err != nil {
		return r, err
	}
	changes := map[int64]int{}
	err = h.DB.EachChange(ctx, db.Filter{Since: since, Until: until}, func(c coc.Change) (bool, error) {
		switch {
		case account != "" && c.Account != account:
		case c.Backfill:
			r.Backfill++
		default:
			r.Changes = append(r.Changes, c)
			changes[c.Document]++
		}
		return true, nil
	})
	if err != nil {
		return r, err
	}
	if r.Rewrites, err = h.rewrites(ctx, r.Changes); err != nil {
		return r, err
	}
	if r.Documents, err = h.watched(ctx, since, until, docs, changes); err != nil {
		return r, err
	}
	lacking, err := h.DB.Lacking(ctx)
	for _, l := range lacking {
		if d, ok := docs[l.Document]; ok {
			r.Lacking = append(r.Lacking, LackingVersion{l, d.Account, d.DocumentID, d.Name})
		}
	}
	return r, err
}

// watches reports on the watches that had a cycle in the period, or had begun before
// it, by name.
func (h *History) watches(ctx context.Context, since, until time.Time, account string) ([]WatchReport, error) {
	cycles, err := h.DB.CyclesBetween(ctx, since, until)
	if err != nil {
		return nil, err
	}
	failures, err := h.DB.FailuresBetween(ctx, since, until)
	if err != nil {
		return nil, err
	}
	first, err := h.DB.FirstCycles(ctx)
	if err != nil {
		return nil, err
	}
	of := map[string][]coc.Cycle{}
	for _, c := range cycles {
		if account == "" || c.Account == account {
			of[c.Watch] = append(of[c.Watch], c)
		}
	}
	end := until
	if now := h.Now(); now.Before(end) {
		end = now
	}
	var list []WatchReport
	for watch, began := range first {
		cycles := of[watch]
		if len(cycles) == 0 && (account != "" || !began.Before(since)) {
			continue
		}
		w := watchReport(watch, cycles, latest(began, since), end)
		if !began.Before(since) {
			w.Began = began
		}
		for _, f := range failures {
			if f.Watch == watch {
				w.Failures = append(w.Failures, f)
			}
		}
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b WatchReport) int { return cmp.Compare(a.Watch, b.Watch) })
	return list, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// watchReport counts the cycles of a watch, which come in order, and names the gaps
// between from and to.
func watchReport(watch string, cycles []coc.Cycle, from, to time.Time) WatchReport {
	w := WatchReport{Watch: watch}
	var begins []time.Time
	for _, c := range cycles {
		w.Account = c.Account
		w.Requests += c.Requests
		switch c.Outcome {
		case coc.Good:
			w.Good++
		case coc.Bad:
			w.Failed++
		case coc.Stopped:
			w.Stopped++
		}
		if !c.Partial {
			begins = append(begins, c.StartedAt)
		}
	}
	w.Usual = median(begins)
	w.Most = max(shortestGap, gapFactor*w.Usual)
	w.Gaps = gaps(cycles, from, to, w.Most)
	return w
}

// A gap is longer than three usual intervals, and than ten minutes: a cycle that is
// slow or fails once is none.
const (
	gapFactor   = 3
	shortestGap = 10 * time.Minute
)

// median is the median of the distances between instants in order; 0 for less than two.
func median(at []time.Time) time.Duration {
	var apart []time.Duration
	for i := 1; i < len(at); i++ {
		apart = append(apart, at[i].Sub(at[i-1]))
	}
	if len(apart) == 0 {
		return 0
	}
	slices.Sort(apart)
	return apart[len(apart)/2]
}

// gaps are the stretches between from and to that are longer than most and in which no
// cycle read the whole list.
func gaps(cycles []coc.Cycle, from, to time.Time, most time.Duration) (list []Gap) {
	looked := from
	for _, c := range cycles {
		if !c.Complete || c.Partial {
			continue
		}
		if c.StartedAt.Sub(looked) > most {
			list = append(list, Gap{looked, c.StartedAt})
		}
		if c.EndedAt.After(looked) {
			looked = c.EndedAt
		}
	}
	if to.Sub(looked) > most {
		list = append(list, Gap{looked, to})
	}
	return list
}

// watched are the documents that a watch followed in the period.
func (h *History) watched(ctx context.Context, since, until time.Time, docs map[int64]db.Document, changes map[int64]int) ([]WatchedDocument, error) {
	stretches, err := h.DB.Stretches(ctx, since, until)
	if err != nil {
		return nil, err
	}
	of := map[int64][]db.Stretch{}
	for _, s := range stretches {
		of[s.Document] = append(of[s.Document], s)
	}
	var list []WatchedDocument
	for key, stretches := range of {
		if d, ok := docs[key]; ok {
			list = append(list, WatchedDocument{d, stretches, changes[key]})
		}
	}
	slices.SortFunc(list, func(a, b WatchedDocument) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.DocumentID, b.DocumentID))
	})
	return list, nil
}

// rewrites are those of the changes in which a content was replaced.
func (h *History) rewrites(ctx context.Context, changes []coc.Change) (list []Rewrite, err error) {
	for _, c := range changes {
		if c.Kind != coc.KindRewritten {
			continue
		}
		all, err := h.DB.Revisions(ctx, c.Document)
		if err != nil {
			return nil, err
		}
		r := Rewrite{Change: c}
		for _, v := range all {
			switch v.Name() {
			case c.Version:
				r.New, r.StoodAt = v.Hash, v.PreviousCheckedAt
			case c.Previous:
				r.Old = v.Hash
			}
		}
		list = append(list, r)
	}
	return list, nil
}
