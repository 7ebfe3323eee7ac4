package syncer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
)

func TestUrgentWorkGoesFirst(t *testing.T) {
	var g gate
	g.enter()
	passed := make(chan error)
	go func() { passed <- g.wait(t.Context()) }()
	select {
	case <-passed:
		t.Fatal("wait passed while urgent work is running")
	default:
	}
	g.leave()
	if err := <-passed; err != nil {
		t.Errorf("wait = %v", err)
	}
}

// transactions is an archive that remembers how many steps each transaction had, and
// when it was.
type transactions struct {
	Store
	begun time.Time
	sizes []int
	at    []time.Duration
}

func (a *transactions) Commit(_ context.Context, steps ...coc.Step) error {
	a.sizes, a.at = append(a.sizes, len(steps)), append(a.at, time.Since(a.begun))
	return nil
}

// While others work, a step waits for a few of them, for a short time. A transaction has at
// most batchMax steps.
func TestCommitTogether(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name    string
		workers int32
		times   []time.Duration // when steps arrive
		sizes   []int
		last    time.Duration // when the last transaction was
	}{
		{"no other worker", 0, []time.Duration{0}, []int{1}, 0},
		{"few others", 4, []time.Duration{0, 5 * ms}, []int{1, 1}, 5 * ms},
		{"enough come", 16, []time.Duration{0, 1 * ms, 2 * ms, 3 * ms}, []int{4}, 3 * ms},
		{"too few come", 16, []time.Duration{0, 15 * ms}, []int{2}, gatherMax},
		{"no step arrives", 16, []time.Duration{0}, []int{1}, gatherMax},
		{"too many for one transaction", 4 * (batchMax + 1), make([]time.Duration, batchMax+1), []int{batchMax, 1}, gatherMax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &transactions{begun: time.Now()}
				var c committer
				c.workers.Store(tt.workers)
				var wg sync.WaitGroup
				for _, at := range tt.times {
					wg.Go(func() {
						time.Sleep(at)
						if err := c.commit(t.Context(), a, coc.Step{}); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if last := a.at[len(a.at)-1]; !slices.Equal(a.sizes, tt.sizes) || last < tt.last || last > tt.last+ms {
					t.Errorf("transactions of %v steps at %v, want %v, the last at %v", a.sizes, a.at, tt.sizes, tt.last)
				}
			})
		})
	}
}

// A step that cannot be stored does not prevent the others of its transaction.
func TestCommitOneByOne(t *testing.T) {
	var c committer
	bad := errors.New("bad step")
	errs := map[string]error{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, id := range []string{"good", "bad", "other"} {
		wg.Go(func() {
			err := c.commit(t.Context(), picky{bad: bad}, coc.Step{DocumentID: id})
			mu.Lock()
			defer mu.Unlock()
			errs[id] = err
		})
	}
	wg.Wait()
	if errs["good"] != nil || errs["other"] != nil || !errors.Is(errs["bad"], bad) {
		t.Errorf("errors %v, want one of the bad step", errs)
	}
}

// picky is an archive that refuses the step of one document.
type picky struct {
	Store
	bad error
}

func (a picky) Commit(_ context.Context, steps ...coc.Step) error {
	if slices.ContainsFunc(steps, func(s coc.Step) bool { return s.DocumentID == "bad" }) {
		return a.bad
	}
	return nil
}
