package fetch

import (
	"context"
	"sync"
	"time"
)

// lockout is how long a refused key pair is paused. COC locks one for five minutes
// after more than five failures in a row.
const lockout = 5 * time.Minute

// guard prevents that COC locks a key pair: a refused one is not sent again, and one
// that was never accepted is sent by one request at a time, so that many concurrent
// calls with a wrong key cause one failure.
type guard struct {
	mu      sync.Mutex
	proven  keyID // accepted by COC; zero: none yet
	refused map[keyID]refusal
	turns   chan struct{} // has a token while an unproven key pair is tried
}

type refusal struct {
	err   *Error
	until time.Time
}

// enter waits until the key pair may be sent, and returns a function to call after the
// response. For a refused key pair it returns the error of its refusal.
func (g *guard) enter(ctx context.Context, op string, kp KeyPair, now func() time.Time) (leave func(), err error) {
	if g.isProven(kp) {
		return func() {}, g.refusal(op, kp, now())
	}
	turn := g.turn()
	select {
	case turn <- struct{}{}:
		leave = func() { <-turn }
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if err := g.refusal(op, kp, now()); err != nil {
		leave()
		return nil, err
	}
	if g.isProven(kp) { // another caller has proved it
		leave()
		leave = func() {}
	}
	return leave, nil
}

func (g *guard) turn() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.turns == nil {
		g.turns = make(chan struct{}, 1)
	}
	return g.turns
}

func (g *guard) isProven(kp KeyPair) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.proven == kp.id()
}

// refusal returns the error of a key pair that COC refused within lockout, else nil.
func (g *guard) refusal(op string, kp KeyPair, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r, ok := g.refused[kp.id()]; ok && now.Before(r.until) {
		return r.err.forOp(op)
	}
	return nil
}

// prove records that COC accepts the key pair. A response to a request that was sent
// before another one was refused does not undo the refusal.
func (g *guard) prove(kp KeyPair, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r, ok := g.refused[kp.id()]; !ok || !now.Before(r.until) {
		g.proven = kp.id()
	}
}

// refuse records that COC refused the key pair.
func (g *guard) refuse(kp KeyPair, err *Error, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.proven == kp.id() {
		g.proven = keyID{}
	}
	if g.refused == nil {
		g.refused = map[keyID]refusal{}
	}
	for k, r := range g.refused { // drop old key pairs
		if !now.Before(r.until) {
			delete(g.refused, k)
		}
	}
	g.refused[kp.id()] = refusal{err, now.Add(lockout)}
}
