package syncer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/coc"
)

// askDeletedEvery is how often a watch by id asks again for a document that COC
// no longer has.
const askDeletedEvery = time.Hour

// plan is what a cycle has to do, by document_id. News are waited for; the rest
// can wait.
type plan struct {
	news     []string // known and changed, then those that appeared
	appeared []string // new since the watch began
	unseen   []string // of the watch's first complete list, nothing archived yet
	history  []string // newest archived, older versions still to be had
	absent   []string // followed, not in the list
	dropped  []string // followed, and named by the configuration no more
	judge    bool     // the list was complete and stable, so absence means something
	rows     map[string]coc.Row
}

// plan asks for the list and compares each row with the archive.
func (r *run) plan(ctx context.Context) (*plan, error) {
	if err := r.loadFollowed(ctx); err != nil {
		return nil, err
	}
	if r.Only != nil {
		return r.chosen(ctx)
	}
	rows, judge, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.follow(ctx, rows, judge); err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.cycle.Listed, r.cycle.Complete = len(rows), judge
	r.mu.Unlock()
	return r.compare(rows, judge), nil
}

// compare holds each row against the archive.
func (r *run) compare(rows []coc.Row, judge bool) *plan {
	p := &plan{judge: judge, rows: map[string]coc.Row{}}
	for _, row := range rows {
		p.rows[row.DocumentID] = row
		p.sort(row, r.followed[row.DocumentID], r.Now())
	}
	for id, f := range r.followed {
		if _, listed := p.rows[id]; !f.Member || listed {
			continue
		}
		if r.watch.Select == nil {
			p.dropped = append(p.dropped, id)
		} else if f.State != coc.Deleted {
			p.absent = append(p.absent, id)
		}
	}
	p.news = append(p.news, p.appeared...)
	slices.Sort(p.absent) // a map's order must not reach the requests
	r.rows = p.rows
	return p
}

// Preview is what a cycle would do, by document_id.
type Preview struct {
	Listed int
	Fetch  []coc.Row // new, or changed
	Owed   []string  // older versions still to be had
	Absent []string  // followed, not in the list
}

// Preview asks for the list and says what a cycle would do. It stores nothing.
func (s *Syncer) Preview(ctx context.Context, w Watch) (p Preview, err error) {
	w.Account.init()
	r := &run{Syncer: s, watch: w, account: w.Account}
	if err := r.loadFollowed(ctx); err != nil {
		return p, err
	}
	rows, judge, err := r.list(ctx)
	if err != nil {
		return p, err
	}
	plan := r.compare(rows, judge)
	p = Preview{Listed: len(rows), Owed: plan.history, Absent: plan.absent}
	for _, id := range append(plan.news, plan.unseen...) {
		p.Fetch = append(p.Fetch, plan.rows[id])
	}
	return p, nil
}

// sort puts a document where it belongs. A row without a fingerprint comes from
// no list: the document must be asked for.
func (p *plan) sort(row coc.Row, f coc.Followed, now time.Time) {
	id := row.DocumentID
	switch {
	case f.State == coc.Seen && f.FirstContact:
		p.unseen = append(p.unseen, id)
	case f.State == coc.Deleted && row.Fingerprint == (coc.Hash{}):
		if now.Sub(f.CheckedAt) >= askDeletedEvery {
			p.news = append(p.news, id)
		}
	case f.State == "", f.State == coc.Seen:
		p.appeared = append(p.appeared, id)
	case f.Urgent, row.Fingerprint == (coc.Hash{}), row.Fingerprint != f.Fingerprint:
		p.news = append(p.news, id)
	case f.Pending:
		p.history = append(p.history, id)
	}
}

func (r *run) loadFollowed(ctx context.Context) error {
	list, err := r.Store.Followed(ctx, r.account.Name, r.watch.Name)
	r.followed = make(map[string]coc.Followed, len(list))
	for _, f := range list {
		r.followed[f.DocumentID] = f
	}
	return err
}

// list returns the documents that the watch names or selects. judge says that
// absence from it can be believed.
func (r *run) list(ctx context.Context) (rows []coc.Row, judge bool, err error) {
	if r.watch.Select != nil {
		r.report(func(p *Progress) { p.Phase, p.Done, p.Total = "list", 0, 0 })
		list, err := r.account.COC.List(ctx, *r.watch.Select)
		switch {
		case errors.Is(err, coc.ErrForbidden):
			// A user may read documents and not list them: ask for the known ones.
			r.fail(fmt.Errorf("new documents cannot be seen: %w", err))
			for id, f := range r.followed {
				if f.Member {
					rows = append(rows, coc.Row{DocumentID: id, Name: f.Name})
				}
			}
			slices.SortFunc(rows, func(a, b coc.Row) int { return cmp.Compare(a.DocumentID, b.DocumentID) })
		case err != nil:
			r.quiet(err)
			return nil, false, err
		default:
			rows, judge = list.Rows, list.Stable
			if !list.Stable {
				r.Log.Warn("list unstable", "watch", r.watch.Name, "listed", len(rows))
			}
		}
	} else {
		judge = true
	}
	listed := make(map[string]bool, len(rows))
	for _, row := range rows {
		listed[row.DocumentID] = true
	}
	for _, id := range r.watch.Documents {
		if !listed[id] {
			rows = append(rows, coc.Row{DocumentID: id, Name: r.followed[id].Name})
			listed[id] = true
		}
	}
	return rows, judge, nil
}

// chosen is the plan for documents that a person named.
func (r *run) chosen(ctx context.Context) (*plan, error) {
	r.cycle.Listed = len(r.Only)
	rows := make([]coc.Row, len(r.Only))
	for i, id := range r.Only {
		rows[i] = coc.Row{DocumentID: id}
	}
	return &plan{news: r.Only}, r.follow(ctx, rows, false)
}

// follow records the documents that the watch did not follow before. complete
// says that they are the whole list. All that is found before the first complete
// list was there before the watch.
func (r *run) follow(ctx context.Context, rows []coc.Row, complete bool) error {
	var fresh []coc.Row
	for _, row := range rows {
		if !r.followed[row.DocumentID].Member {
			fresh = append(fresh, row)
		}
	}
	first := r.state.FirstListedAt.IsZero()
	if len(fresh) == 0 && !(first && complete) {
		return nil
	}
	err := r.Store.Follow(ctx, r.account.Name, r.watch.Name, r.watch.DocumentType, fresh, first, first && complete, r.Now())
	if err != nil {
		return err
	}
	if first && complete {
		r.state.FirstListedAt = r.Now()
	}
	return r.loadFollowed(ctx)
}
