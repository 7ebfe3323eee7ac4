package syncer

import (
	"context"
	"math"
	"slices"
	"time"
)

// An audit rereads listed versions, because COC's copy can be rewritten without a trace in
// the list. A version is due after half of its time, so that the other half is left to
// reread all.
const (
	auditShare   = 5   // one request in five, at most
	auditRPS     = 5.0 // of this rate where the account has no limit
	auditAtOnce  = 24 * time.Hour
	auditPerLook = 10000 // versions
)

// audit compares archived versions with COC's.
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
	due, err := r.Store.Unchecked(ctx, r.watch.Name, before, r.Now(), limit)
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
		// The document itself is requested first, which checks its newest version.
		if limit -= len(d.Labels) + 1; limit < 0 && len(ids) > 0 {
			break
		}
		labels[d.DocumentID] = d.Labels
		ids = append(ids, d.DocumentID)
	}
	r.each(ctx, "audit", ids, func(ctx context.Context, id string) error { return r.recheck(ctx, id, labels[id]) })
	return nil
}

// auditBudget returns how many versions this cycle may reread: a share of the account's
// rate over the time since the previous cycle.
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

// recheck rereads versions of a document. The newest is first and has the other fields.
func (r *run) recheck(ctx context.Context, id string, labels []string) error {
	return r.whenIdle(ctx, id, func(v *visit) error {
		if err := v.fetchNewest(ctx); err != nil {
			return err
		}
		due := v.missingVersions()
		for _, x := range v.versions {
			reread := slices.Contains(labels, x.Label) && v.checkedAt(x).Before(r.cycle.StartedAt)
			if reread && !x.Checked && !x.Withdrawn && !slices.Contains(due, x.Label) {
				due = append(due, x.Label)
			}
		}
		return v.fetchVersions(ctx, due, r.account.gate.closed)
	})
}
