package syncer

import (
	"context"
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
	Archive
	begun time.Time
	sizes []int
	at    []time.Duration
}

func (a *transactions) Commit(_ context.Context, steps ...coc.Step) error {
	a.sizes, a.at = append(a.sizes, len(steps)), append(a.at, time.Since(a.begun))
	return nil
}

// commitAt commits a step at each of these times, with so many workers in all.
func commitAt(t *testing.T, hands int, times ...time.Duration) *transactions {
	a := &transactions{begun: time.Now()}
	var c committer
	c.work(hands)
	var wg sync.WaitGroup
	for _, at := range times {
		wg.Go(func() {
			time.Sleep(at)
			if err := c.commit(t.Context(), a, coc.Step{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return a
}

// While others work, a step waits for a few of them, for a short time.
func TestCommitTogether(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name  string
		hands int
		times []time.Duration
		sizes []int
		last  time.Duration // when the last transaction was
	}{
		{"no other worker", 0, []time.Duration{0}, []int{1}, 0},
		{"few others", 4, []time.Duration{0, 5 * ms}, []int{1, 1}, 5 * ms},
		{"enough come", 16, []time.Duration{0, 1 * ms, 2 * ms, 3 * ms}, []int{4}, 3 * ms},
		{"too few come", 16, []time.Duration{0, 15 * ms}, []int{2}, gatherMax},
		{"no step arrives", 16, []time.Duration{0}, []int{1}, gatherMax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := commitAt(t, tt.hands, tt.times...)
				if !slices.Equal(a.sizes, tt.sizes) || a.at[len(a.at)-1] != tt.last {
					t.Errorf("transactions of %v steps at %v, want %v, the last at %v", a.sizes, a.at, tt.sizes, tt.last)
				}
			})
		})
	}
}

// When the others end, a step no longer waits for them.
func TestCommitWithoutOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &transactions{begun: time.Now()}
		var c committer
		c.work(16)
		time.AfterFunc(time.Millisecond, func() { c.work(-12) })
		if err := c.commit(t.Context(), a, coc.Step{}); err != nil || a.at[0] != time.Millisecond {
			t.Errorf("stored at %v, error %v", a.at, err)
		}
	})
}
