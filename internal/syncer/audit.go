package syncer

import (
	"context"
	"math"
	"slices"
	"time"
)

// An audit reads listed versions again, because COC's copy can be rewritten
// without a trace in the list. It begins with a version at half its time, so
// that the other half is there to get round.
const (
	auditShare   = 5   // one request in five, at most
	auditRPS     = 5.0 // of this rate where the account has no limit
	auditAtOnce  = 24 * time.Hour
	auditPerLook = 10000 // versions
)

// audit holds archived versions against COC's.
func (r *run) audit(ctx context.Context) error {
	if ctx.Err() != nil || r.Only != nil && !r.AuditAll {
		return nil
	}
	before, limit := r.Now().Add(-r.watch.Audit/2), r.auditBudget()
	if r.AuditAll {
		before, limit = r.cycle.StartedAt, math.MaxInt32
	} else if r.watch.Audit <= 0 || limit == 0 {
		return nil
	}
	due, err := r.Store.Unchecked(ctx, r.watch.Name, before, limit)
	if ctx.Err() != nil {
		return nil // the next cycle is due
	}
	if err != nil {
		return err
	}
	labels := map[string][]string{}
	var ids []string
	for _, d := range due {
		if r.Only != nil && !slices.Contains(r.Only, d.DocumentID) {
			continue
		}
		// The document itself is asked for first, which checks its newest version.
		if limit -= len(d.Labels) + 1; limit < 0 && len(ids) > 0 {
			break
		}
		labels[d.DocumentID] = d.Labels
		ids = append(ids, d.DocumentID)
	}
	r.each(ctx, "audit", ids, func(ctx context.Context, id string) error { return r.recheck(ctx, id, labels[id]) })
	return nil
}

// auditBudget is how many versions this cycle may read again: a share of the
// account's rate over the time since the cycle before it.
func (r *run) auditBudget() int {
	rps := r.account.RPS
	if rps <= 0 {
		rps = auditRPS
	}
	since := min(r.cycle.StartedAt.Sub(r.state.LastCycleAt), auditAtOnce)
	if r.state.LastCycleAt.IsZero() || since < 0 {
		return 0
	}
	return min(auditPerLook, int(rps/auditShare*since.Seconds()))
}

// recheck reads versions of a document again. The newest comes first and brings
// the other fields with it.
func (r *run) recheck(ctx context.Context, id string, labels []string) error {
	return r.patiently(ctx, id, func(l *look) error {
		if err := l.ask(ctx); err != nil {
			return err
		}
		wants := l.wants()
		for _, x := range l.versions {
			due := slices.Contains(labels, x.Label) && x.CheckedAt.Before(r.cycle.StartedAt)
			if due && !x.checked && !x.Withdrawn && !slices.Contains(wants, x.Label) {
				wants = append(wants, x.Label)
			}
		}
		return l.fill(ctx, wants, r.account.gate.closed)
	})
}
