package syncer

import (
	"context"
	"sync"
	"time"

	"cocsync/internal/coc"
)

// gate lets work that people wait for go before work that can wait: history and
// audits of an account stand still while a list or a changed document of the
// same account is being read.
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

// closed reports whether urgent work goes on.
func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.busy > 0
}

// wait returns when nothing urgent goes on, or with the context.
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

// keyLocks lets one goroutine at a time work on a document, so that two watches
// over it fetch it once and see each other's work.
type keyLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the key and returns the way to give it back.
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
	// batchMax bounds how many steps share a transaction, and so the time that the
	// one writer is taken.
	batchMax = 64
	// gatherMax is how long a step waits for others that would share its transaction.
	gatherMax = 20 * time.Millisecond
)

// committer puts the steps that come at about one moment into one transaction: its
// fsync serves them all, and the pages that each of them touches are written once.
type committer struct {
	mu      sync.Mutex
	hands   int // goroutines that may bring a step
	waiting []*waitingStep
	leading bool
	more    sync.Cond // something was waited for, or is no longer to be waited for
}

type waitingStep struct {
	step coc.Step
	err  error
	done chan struct{}
}

// work says that so many goroutines begin to bring steps or, of a negative number, that
// they ended.
func (c *committer) work(hands int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hands += hands
	c.more.Signal()
}

// gather waits until a quarter of the hands brought a step, but not for long. The
// caller holds c.mu.
func (c *committer) gather() {
	if 4*len(c.waiting) >= c.hands {
		return
	}
	late := false
	defer time.AfterFunc(gatherMax, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		late = true
		c.more.Signal()
	}).Stop()
	for c.more.L = &c.mu; 4*len(c.waiting) < c.hands && !late; {
		c.more.Wait()
	}
}

// commit stores the step. Whoever comes first stores also what others bring
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
	// A stop does not tear a transaction: the document at hand is finished.
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

// store stores a batch, one by one when it fails as a whole: one bad step must
// not take the others with it.
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
