package syncer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"cocsync/internal/coc"
)

// gate gives urgent work precedence: history and audits of an account are suspended while
// a list or a changed document of the account is read.
type gate struct{ urgent atomic.Int32 }

// gatePoll is how often suspended work checks whether it may continue.
const gatePoll = 20 * time.Millisecond

func (g *gate) enter()       { g.urgent.Add(1) }
func (g *gate) leave()       { g.urgent.Add(-1) }
func (g *gate) closed() bool { return g.urgent.Load() > 0 }

// wait returns when no urgent work is running, or when the context ends.
func (g *gate) wait(ctx context.Context) error {
	for g.closed() && ctx.Err() == nil {
		select {
		case <-time.After(gatePoll):
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

// keyLocks lets one goroutine at a time work on a document, so that two watches of it fetch
// it once.
type keyLocks struct{ held sync.Map } // of channels, each closed when its key is released

// lock waits for the key and returns a function that releases it.
func (l *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	released := make(chan struct{})
	for {
		other, taken := l.held.LoadOrStore(key, released)
		if !taken {
			return func() { l.held.Delete(key); close(released) }, nil
		}
		select {
		case <-other.(chan struct{}):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

const (
	// batchMax bounds the steps of one transaction, and so how long it blocks other
	// writers.
	batchMax = 64
	// gatherMax is how long a step waits for others that would share its transaction.
	gatherMax = 20 * time.Millisecond
)

// committer stores steps that arrive at about the same time in one transaction: they share
// its fsync, and pages that several of them change are written once.
type committer struct {
	workers atomic.Int32 // goroutines that may commit a step
	mu      sync.Mutex
	pending []pendingStep
	storing sync.Mutex
}

type pendingStep struct {
	step   coc.Step
	stored chan error
}

// commit stores the step. The first of each batch stores all of it. A stop does not
// interrupt a transaction: the current document is finished.
func (c *committer) commit(ctx context.Context, a Store, step coc.Step) error {
	p := pendingStep{step, make(chan error, 1)}
	c.mu.Lock()
	first := len(c.pending)%batchMax == 0
	c.pending = append(c.pending, p)
	c.mu.Unlock()
	if first {
		c.gather()
		c.storeBatch(context.WithoutCancel(ctx), a)
	}
	return <-p.stored
}

// gather waits until a quarter of the workers have committed a step.
func (c *committer) gather() {
	few := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return 4*len(c.pending) < int(c.workers.Load())
	}
	for end := time.Now().Add(gatherMax); few() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// storeBatch stores the steps that were added first. If that fails, each is stored by its
// own transaction: one bad step must not prevent the others.
func (c *committer) storeBatch(ctx context.Context, a Store) {
	c.storing.Lock()
	defer c.storing.Unlock()
	c.mu.Lock()
	n := min(len(c.pending), batchMax)
	batch := c.pending[:n:n]
	c.pending = c.pending[n:]
	c.mu.Unlock()
	steps := make([]coc.Step, n)
	for i, p := range batch {
		steps[i] = p.step
	}
	err := a.Commit(ctx, steps...)
	for _, p := range batch {
		if err != nil && n > 1 {
			p.stored <- a.Commit(ctx, p.step)
		} else {
			p.stored <- err
		}
	}
}
