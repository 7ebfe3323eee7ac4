package fetch

import (
	"context"
	"sync"
	"time"
)

// lockout is how long a refused key pair is paused. COC locks one for five minutes
// after more than five failures in a row.
const lockout = 5 * time.Minute

// guard prevents COC from locking a key pair: a refused one is not sent again, and one
// that was never accepted is sent by one request at a time, so that many concurrent
// calls with a wrong key cause one failure.
type guard struct {
	mu   sync.Mutex
	keys map[keyID]*keyState
}

// keyState is what COC responded to a key pair.
type keyState struct {
	turn    chan struct{} // holds a token while the key pair is sent and not yet proven
	proven  bool          // accepted by COC
	refused *Error
	until   time.Time // the end of the pause after a refusal
}

// state calls f with the state of a key pair.
func (g *guard) state(kp KeyPair, f func(*keyState)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.keys[kp.id()]
	if s == nil {
		if g.keys == nil {
			g.keys = map[keyID]*keyState{}
		}
		s = &keyState{turn: make(chan struct{}, 1)}
		g.keys[kp.id()] = s
	}
	f(s)
}

// enter waits until the key pair may be sent, and returns a function to call after the
// response. For a refused key pair it returns the error of its refusal.
func (g *guard) enter(ctx context.Context, op string, kp KeyPair, now func() time.Time) (leave func(), err error) {
	var turn chan struct{}
	g.state(kp, func(s *keyState) { turn = s.turn })
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	proven := false
	g.state(kp, func(s *keyState) { proven = s.proven })
	if err = g.refusal(op, kp, now()); err != nil || proven {
		<-turn
		return func() {}, err
	}
	return func() { <-turn }, nil
}

// refusal returns the error of a key pair that COC refused within lockout, else nil.
func (g *guard) refusal(op string, kp KeyPair, now time.Time) (err error) {
	g.state(kp, func(s *keyState) {
		if now.Before(s.until) {
			err = s.refused.forOp(op)
		}
	})
	return err
}

// prove records that COC accepts the key pair. A response to a request that was sent
// before another one was refused does not undo the refusal.
func (g *guard) prove(kp KeyPair, now time.Time) {
	g.state(kp, func(s *keyState) { s.proven = s.proven || !now.Before(s.until) })
}

// refuse records that COC refused the key pair.
func (g *guard) refuse(kp KeyPair, err *Error, now time.Time) {
	g.state(kp, func(s *keyState) { s.proven, s.refused, s.until = false, err, now.Add(lockout) })
}
