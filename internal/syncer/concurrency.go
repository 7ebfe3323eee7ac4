package syncer

import (
	"context"
	"sync"
	"time"

	"cocsync/internal/coc"
)

// gate gives urgent work precedence: history and audits of an account are suspended while
// a list or a changed document of the account is read.
type gate struct {
	mu   sync.Mutex
	busy int
	free chan struct{} // closed when busy falls to 0
}

func (g *gate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy == 0 {
		g.free = make(chan struct{})
	}
	g.busy++
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy--; g.busy == 0 {
		close(g.free)
	}
}

// closed reports whether urgent work is running.
func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.busy > 0
}

// wait returns when no urgent work is running, or when the context ends.
func (g *gate) wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		busy, free := g.busy, g.free
		g.mu.Unlock()
		if busy == 0 {
			return context.Cause(ctx)
		}
		select {
		case <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// keyLocks lets one goroutine at a time work on a document, so that two watches of it fetch
// it once.
type keyLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the key and returns a function that releases it.
func (l *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		if l.held == nil {
			l.held = map[string]chan struct{}{}
		}
		other, taken := l.held[key]
		if !taken {
			mine := make(chan struct{})
			l.held[key] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, key)
				l.mu.Unlock()
				close(mine)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-other:
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
	mu      sync.Mutex
	workers int // goroutines that may commit a step
	waiting []*waitingStep
	leading bool
	more    sync.Cond // a step was added, or no more are expected
}

type waitingStep struct {
	step coc.Step
	err  error
	done chan struct{}
}

// work says that so many goroutines start to commit steps, or if negative, that they ended.
func (c *committer) work(workers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.workers += workers
	c.more.Signal()
}

// gather waits until a quarter of the workers have committed a step, at most for
// gatherMax. The caller holds c.mu.
func (c *committer) gather() {
	if 4*len(c.waiting) >= c.workers {
		return
	}
	late := false
	defer time.AfterFunc(gatherMax, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		late = true
		c.more.Signal()
	}).Stop()
	for c.more.L = &c.mu; 4*len(c.waiting) < c.workers && !late; {
		c.more.Wait()
	}
}

// commit stores the step. The first caller also stores the steps that others add
// meanwhile.
func (c *committer) commit(ctx context.Context, a Archive, step coc.Step) error {
	w := &waitingStep{step: step, done: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, w)
	if c.leading {
		c.more.Signal()
		c.mu.Unlock()
		<-w.done
		return w.err
	}
	c.leading = true
	// A stop does not interrupt a transaction: the current document is finished.
	ctx = context.WithoutCancel(ctx)
	for len(c.waiting) > 0 {
		c.gather()
		n := min(len(c.waiting), batchMax)
		batch := c.waiting[:n:n]
		c.waiting = c.waiting[n:]
		c.mu.Unlock()
		store(ctx, a, batch)
		c.mu.Lock()
	}
	c.leading = false
	c.mu.Unlock()
	return w.err
}

// store stores a batch, and if that fails each step by its own transaction: one bad step must not prevent
// the others.
func store(ctx context.Context, a Archive, batch []*waitingStep) {
	steps := make([]coc.Step, len(batch))
	for i, w := range batch {
		steps[i] = w.step
	}
	err := a.Commit(ctx, steps...)
	for _, w := range batch {
		w.err = err
		if err != nil && len(batch) > 1 {
			w.err = a.Commit(ctx, w.step)
		}
		close(w.done)
	}
}
