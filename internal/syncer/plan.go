package syncer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"cocsync/internal/coc"
)

// askDeletedEvery is how often a watch by id requests a deleted document again.
const askDeletedEvery = time.Hour

// plan is a list, and the work of a cycle, by document_id. Changed documents are urgent; the
// rest is background work.
type plan struct {
	listed []coc.Row
	// judge: the list was complete and stable, so absence means something.
	judge bool
	// byID: the same rows have been missing for so long that the documents missing from
	// the list are requested by id.
	byID     bool
	unusable []string // documents in rows that cannot be used

	changed []string // archived and changed, then those that were added
	added   []string // since the watch was set up
	unseen  []string // of the watch's first complete list, nothing archived yet
	history []string // newest archived, older versions missing
	absent  []string // followed, not in the list
	dropped []string // followed, and no longer named by the configuration
}

// shortfallFor is how long the same rows must be missing from a list before the documents
// missing from it are requested by id, and how often each is.
const shortfallFor = 24 * time.Hour

// plan requests the list and compares each row with the archive.
func (r *run) plan(ctx context.Context) (*plan, error) {
	if err := r.loadFollowed(ctx); err != nil {
		return nil, err
	}
	if r.Only != nil {
		r.cycle.Listed = len(r.Only)
		return &plan{changed: r.Only}, r.follow(ctx, rowsOf(r.Only), false)
	}
	p, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.follow(ctx, p.listed, p.judge || p.byID); err != nil {
		return nil, err
	}
	for i := range p.listed {
		p.listed[i].Name = "" // the archive has it; a list may hold 64 MiB of names
	}
	r.cycle.Listed, r.cycle.Complete = len(p.listed), p.judge
	r.compare(p)
	return p, nil
}

// rowsOf returns rows of documents that are requested by their ids.
func rowsOf(ids []string) (rows []coc.Row) {
	for _, id := range ids {
		rows = append(rows, coc.Row{DocumentID: id})
	}
	return rows
}

// compare compares each row with the archive.
func (r *run) compare(p *plan) {
	r.rows = map[string]coc.Row{}
	for _, row := range p.listed {
		r.rows[row.DocumentID] = row
		p.sort(row, r.followed[row.DocumentID], r.Now())
	}
	var unlisted []string                                     // to be requested by id
	for _, id := range slices.Sorted(maps.Keys(r.followed)) { // requests are in a fixed order
		f := r.followed[id]
		if _, listed := r.rows[id]; !f.Member || listed || slices.Contains(p.unusable, id) {
			continue
		}
		switch {
		case r.watch.Select == nil:
			p.dropped = append(p.dropped, id)
		case f.State == coc.DocDeleted:
		case !p.byID:
			p.absent = append(p.absent, id)
		case confirmedLongAgo(f, r.Now(), shortfallFor):
			unlisted = append(unlisted, id)
			r.rows[id] = coc.Row{DocumentID: id}
		}
	}
	p.changed = slices.Concat(p.changed, p.added, unlisted)
}

// confirmedLongAgo reports whether COC last confirmed a document that long ago. A time in the
// future counts as never.
func confirmedLongAgo(f coc.Followed, now time.Time, long time.Duration) bool {
	return now.Sub(f.CheckedAt) >= long || f.CheckedAt.After(now)
}

// Preview is what a cycle would do, by document_id.
type Preview struct {
	Listed int
	Fetch  []coc.Row // new, or changed
	Owed   []string  // with missing older versions
	Absent []string  // followed, not in the list
	Err    string    // what is missing from the list; "" if it is complete
}

// Preview requests the list and returns what a cycle would do. It stores nothing.
func (s *Syncer) Preview(ctx context.Context, w Watch) (p Preview, err error) {
	w.Account.init()
	r := &run{Syncer: s, watch: w, account: w.Account}
	if err := r.loadFollowed(ctx); err != nil {
		return p, err
	}
	plan, err := r.list(ctx)
	if err != nil {
		return p, err
	}
	r.compare(plan)
	p = Preview{Err: r.cycle.Err, Listed: len(plan.listed), Owed: plan.history, Absent: plan.absent}
	for _, id := range append(plan.changed, plan.unseen...) {
		p.Fetch = append(p.Fetch, r.rows[id])
	}
	return p, nil
}

// sort adds a document to the list of its work. A row without a fingerprint is from no
// list: the document must be requested.
func (p *plan) sort(row coc.Row, f coc.Followed, now time.Time) {
	id := row.DocumentID
	switch {
	case f.State == coc.DocListed && f.InitialSync:
		p.unseen = append(p.unseen, id)
	case f.State == coc.DocDeleted && row.Fingerprint == (coc.Hash{}):
		if confirmedLongAgo(f, now, askDeletedEvery) {
			p.changed = append(p.changed, id)
		}
	case f.State == "", f.State == coc.DocListed:
		p.added = append(p.added, id)
	case f.Urgent, row.Fingerprint == (coc.Hash{}), row.Fingerprint != f.Fingerprint:
		p.changed = append(p.changed, id)
	case f.Pending:
		p.history = append(p.history, id)
	}
}

func (r *run) loadFollowed(ctx context.Context) error {
	retry := r.Now()
	if r.onDemand() {
		retry = endOfTime
	}
	list, err := r.Store.Followed(ctx, r.account.Name, r.watch.Name, retry)
	r.followed = make(map[string]coc.Followed, len(list))
	for _, f := range list {
		r.followed[f.DocumentID] = f
	}
	return err
}

// onDemand reports whether a person requested the cycle: unavailable versions are then
// requested without their pauses.
func (r *run) onDemand() bool {
	return r.Trigger == coc.TriggerSync || r.Trigger == coc.TriggerSignal
}

// endOfTime is later than any pause.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// list returns the documents that the watch names or selects.
func (r *run) list(ctx context.Context) (p *plan, err error) {
	p = &plan{judge: true}
	if r.watch.Select != nil {
		if err := r.selected(ctx, p); err != nil {
			return nil, err
		}
	}
	listed := make(map[string]bool, len(p.listed))
	for _, row := range p.listed {
		listed[row.DocumentID] = true
	}
	for _, row := range rowsOf(r.watch.Documents) {
		if !listed[row.DocumentID] {
			p.listed = append(p.listed, row)
			listed[row.DocumentID] = true
		}
	}
	return p, nil
}

// selected requests the list of the documents that the watch selects.
func (r *run) selected(ctx context.Context, p *plan) error {
	r.report(func(p *Progress) { p.Phase, p.Done, p.Total = "list", 0, 0 })
	list, err := r.account.COC.List(ctx, *r.watch.Select)
	switch {
	case errors.Is(err, coc.ErrForbidden):
		// A user may read documents and not list them: request those that are followed.
		r.fail(fmt.Errorf("new documents cannot be seen: %w", err))
		var ids []string
		for id, f := range r.followed {
			if f.Member {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		p.listed, p.judge = rowsOf(ids), false
		return nil
	case err != nil:
		r.recordPause(err)
		return err
	}
	r.cycle.Total, r.cycle.Skipped = max(list.Total, 0), len(list.Skipped)
	p.listed, p.judge = list.Rows, list.Stable
	for _, row := range list.Skipped {
		if row.DocumentID != "" { // it is listed, and failed
			p.unusable = append(p.unusable, row.DocumentID)
			r.failed(row.DocumentID, "its row in the list cannot be used: "+row.Reason)
		}
	}
	if !list.Stable {
		r.Log.Warn("list unstable", "watch", r.watch.Name, "listed", len(p.listed))
	}
	r.incomplete = len(list.Unnamed()) > 0 || list.Missing() > 0
	if r.incomplete {
		p.judge = false
		r.fail(fmt.Errorf("%w; deletions are not detected meanwhile", list.Incomplete()))
	}
	p.byID, err = r.recordShortfall(ctx, list)
	return err
}

// recordShortfall records an incomplete list, and reports whether its numbers have been the
// same for so long that the documents missing from it are requested by id.
func (r *run) recordShortfall(ctx context.Context, list coc.List) (byID bool, err error) {
	was, is := r.state.Shortfall, coc.Shortfall{}
	if r.incomplete {
		rows := len(list.Rows) + len(list.Skipped)
		is = coc.Shortfall{Since: r.Now(), Listed: rows - len(list.Unnamed()), Total: max(list.Total, rows)}
	}
	if is.Listed == was.Listed && is.Total == was.Total && !was.Since.After(r.Now()) {
		return list.Ended && !was.Since.IsZero() && r.Now().Sub(was.Since) >= shortfallFor, nil
	}
	if r.cycle.Key.IsZero() { // a preview, which stores nothing
		return false, nil
	}
	r.state.Shortfall = is
	return false, r.Store.Shortfall(ctx, r.watch.Name, is)
}

// follow records the documents that the watch did not follow before. complete says that
// they are the whole list. Whatever is found up to the first complete list belongs to the
// initial sync.
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
	err := r.Store.Follow(ctx, coc.NewMembers{
		Account:      r.account.Name,
		Watch:        r.watch.Name,
		DocumentType: r.watch.DocumentType,
		Rows:         fresh,
		InitialSync:  first,
		ListComplete: first && complete,
		At:           r.Now(),
	})
	if err != nil {
		return err
	}
	if first && complete {
		r.state.FirstListedAt = r.Now()
	}
	return r.loadFollowed(ctx)
}
