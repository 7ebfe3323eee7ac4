package syncer

import (
	"context"
	"sync"
	"time"
)

// A running cycle checks every respondedCheck whether COC has served a request, and
// records that at most every respondedEvery.
const (
	respondedCheck = time.Second
	respondedEvery = 30 * time.Second
)

// recordResponses records, while the cycle runs, when COC last served a request, so that
// other processes can distinguish a long cycle from one that hangs. The caller calls stop.
func (r *run) recordResponses(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ticker := time.NewTicker(respondedCheck)
	served, recorded := r.account.COC.Served(), time.Time{} // the first response is recorded at once
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			is, now := r.account.COC.Served(), r.Now()
			if is == served || now.Sub(recorded).Abs() < respondedEvery {
				continue
			}
			served, recorded = is, now
			if err := r.Store.Responded(ctx, r.cycle.Key, now); err != nil && ctx.Err() == nil {
				r.Log.Error("progress of the cycle not recorded", "watch", r.watch.Name, "err", err)
			}
		}
	})
	return func() { ticker.Stop(); cancel(); done.Wait() }
}

// nameFailures adds the names of the documents that failed.
func (r *run) nameFailures(ctx context.Context) {
	ids := make([]string, len(r.cycle.Failures))
	for i, f := range r.cycle.Failures {
		ids[i] = f.DocumentID
	}
	names, err := r.Store.NamesOf(context.WithoutCancel(ctx), r.account.Name, ids)
	if err != nil {
		r.Log.Error("names of failed documents not read", "watch", r.watch.Name, "err", err)
	}
	for i := range r.cycle.Failures {
		r.cycle.Failures[i].Name = names[r.cycle.Failures[i].DocumentID]
	}
}
