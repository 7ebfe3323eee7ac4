package syncer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// run is one cycle under way.
type run struct {
	*Syncer
	Options
	watch    Watch
	account  *Account
	state    coc.WatchState
	followed map[string]coc.Followed
	rows     map[string]coc.Row // of this cycle's list
	before   int64              // requests sent by the client before this cycle

	mu         sync.Mutex
	cycle      coc.Cycle
	cause      error // of the cycle's Err; nil when that is a document's affair
	progress   Progress
	notFound   []string  // documents that COC said it does not have
	missing    []string  // what to tell when most documents are gone
	doubting   bool      // some of them are not believed to be
	incomplete bool      // the list was read, and lacks rows
	later      []string  // documents whose older versions can wait
	refused    bool      // COC refused the key pair
	served     bool      // COC gave a document in this cycle
	unfinished bool      // history was left to the next cycle
	forbidden  int       // documents in a row that may not be read
	keyless    bool      // there is no key pair to be had
	since      time.Time // when the first cycle after the last good one began, if one did before this
	broken     int       // commits in a row that did not succeed
	abort      context.CancelCauseFunc
}

// errStop ends the work that can wait when the next cycle is due.
var errStop = errors.New("the next cycle is due")

// Run makes one cycle of the watch. What it did is in the archive and in the
// returned cycle; a document that fails is counted there and stops no other. An
// error means that the cycle itself could not be recorded.
func (s *Syncer) Run(ctx context.Context, w Watch, o Options) (coc.Cycle, error) {
	w.Account.init()
	r := &run{Syncer: s, Options: o, watch: w, account: w.Account, before: w.Account.COC.Requests()}
	r.cycle = coc.Cycle{Watch: w.Name, Account: w.Account.Name, Trigger: o.Trigger, Partial: o.Only != nil, StartedAt: s.Now(), Outcome: coc.Running}
	account, err := s.Store.Account(ctx, w.Account.Name, w.Account.Endpoint, w.Account.AcceptEndpoint)
	if err != nil {
		return r.cycle, err
	}
	if r.state, err = s.Store.Watch(ctx, w.Name); err != nil {
		return r.cycle, err
	}
	r.cycle.Missed = o.missed(r.state.LastCycleAt, r.cycle.StartedAt)
	if r.cycle.ID, err = s.Store.Begin(ctx, r.cycle); err != nil {
		return r.cycle, err
	}
	r.recall(ctx)
	defer r.recordResponses(ctx)()
	work, abort := context.WithCancelCause(ctx)
	r.abort = abort
	if err := r.allowed(ctx, account); err != nil {
		r.cycle.Err, r.cause = err.Error(), err // remembered already
		r.refused = errors.Is(err, coc.ErrUnauthorized)
	} else if err := r.work(work); err != nil && ctx.Err() == nil {
		r.fail(err)
	}
	abort(nil)
	return r.end(ctx)
}

// missed is how many cycles were due since the last one began and did not run. The one
// that the schedule begins now is none of them.
func (o Options) missed(last, now time.Time) int {
	if o.Schedule == nil || o.Only != nil || last.IsZero() {
		return 0
	}
	n := due(o.Schedule, last, now.Add(1)) // now is among them
	if o.Trigger == coc.TriggerSchedule {
		n--
	}
	return max(n, 0)
}

// allowed refuses to ask COC while it wants to be left alone.
func (r *run) allowed(ctx context.Context, a coc.AccountState) error {
	refused, limited := a.Pauses(r.Now())
	if !limited.IsZero() {
		return &held{"nothing was asked: too many requests, COC wants quiet until " + a.PausedUntil.Format(time.RFC3339), coc.ErrTemporary}
	}
	if refused.IsZero() {
		return nil
	}
	if key, err := r.account.COC.KeyID(ctx); err != nil || key != a.RefusedKey {
		return nil // another key pair, or one whose source will say what is wrong
	}
	return &held{fmt.Sprintf("nothing was asked: the key pair is left alone until %s, because COC refused it: %s",
		a.RefusedUntil.Format(time.RFC3339), a.RefusedWhy), coc.ErrUnauthorized}
}

// held is why COC was not asked at all. Its class is that of the answer that
// forbids it, and is not worth a word.
type held struct {
	why   string
	class error
}

func (h *held) Error() string { return h.why }
func (h *held) Unwrap() error { return h.class }

// work does the cycle: what people wait for first, then what can wait.
func (r *run) work(ctx context.Context) error {
	p, err := r.urgent(ctx)
	if err != nil {
		return err
	}
	if err := r.Store.Release(ctx, r.cycle.ID, r.Now()); err != nil {
		return err
	}
	r.poke()
	slow, cancel := r.background(ctx)
	defer cancel()
	r.each(slow, "newest", r.rotated(p.unseen), r.newest)
	r.each(slow, "history", slices.Concat(r.later, p.history), r.history)
	return r.audit(slow)
}

// rotated begins elsewhere in each cycle, so that documents which end a cycle
// early do not keep the others from their turn for ever.
func (r *run) rotated(ids []string) []string {
	if len(ids) == 0 {
		return nil
	}
	at := int(r.cycle.ID-1) * forbiddenMax % len(ids)
	return slices.Concat(ids[at:], ids[:at])
}

// urgent does what people wait for, while what can wait stands still.
func (r *run) urgent(ctx context.Context) (*plan, error) {
	r.account.gate.enter()
	defer r.account.gate.leave()
	p, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	if len(p.dropped) > 0 {
		if err := r.Store.Leave(ctx, r.account.Name, r.watch.Name, p.dropped, r.Now()); err != nil {
			return nil, err
		}
	}
	r.each(ctx, "changes", p.news, r.news)
	return p, r.absences(ctx, p)
}

// background is the context of work that can wait: it ends when the next cycle
// is due.
func (r *run) background(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.Until.IsZero() {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	left := r.Until.Sub(r.Now())
	if left <= 0 {
		cancel(errStop)
	}
	t := time.AfterFunc(left, func() { cancel(errStop) })
	return ctx, func() { t.Stop(); cancel(nil) }
}

// each does one thing to every document, several at once. The first goes alone,
// so that a key pair that is refused is refused once.
func (r *run) each(ctx context.Context, phase string, ids []string, do func(context.Context, string) error) {
	if len(ids) == 0 {
		return
	}
	r.report(func(p *Progress) { p.Phase, p.Done, p.Total = phase, 0, len(ids) })
	one := func(id string) {
		if ctx.Err() != nil {
			r.leave()
			return
		}
		r.settleErr(ctx, id, r.guarded(ctx, id, do))
		r.report(func(p *Progress) { p.Done++ })
	}
	one(ids[0])
	// More than the connections: while documents are compared and stored, the
	// connections serve others.
	queue := make(chan string)
	var wg sync.WaitGroup
	hands := min(4*max(1, r.account.Connections), len(ids)-1)
	r.commits.work(hands)
	for range hands {
		wg.Go(func() {
			defer r.commits.work(-1)
			for id := range queue {
				one(id)
			}
		})
	}
	for _, id := range ids[1:] {
		queue <- id
	}
	close(queue)
	wg.Wait()
}

// guarded keeps what one document breaks from ending the process.
func (r *run) guarded(ctx context.Context, id string, do func(context.Context, string) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cocsync broke on it: %v", p)
			r.Log.Error("document broke the cycle", "document", id, "err", err, "stack", string(debug.Stack()))
		}
	}()
	return do(ctx, id)
}

// settleErr counts a document's failure, and ends the cycle where going on would
// make things worse.
func (r *run) settleErr(ctx context.Context, id string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.forbidden, r.broken, r.served = 0, 0, true
		return
	}
	cut := ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) // another document's reason
	if cut || errors.Is(err, errStop) || errors.Is(err, context.Canceled) {
		r.unfinished = true // the next cycle goes on
		return
	}
	var storing *stored
	switch {
	case errors.Is(err, coc.ErrUnauthorized):
		r.giveUp(err)
		return
	case errors.Is(err, coc.ErrForbidden):
		// Who may read some documents and not others meets many in a row.
		if r.forbidden++; r.forbidden >= forbiddenMax && !r.served {
			r.giveUp(err)
		}
	case errors.As(err, &storing):
		if r.broken++; r.broken >= inARow {
			r.giveUp(err)
		}
	case r.quiet(err):
		r.giveUp(err)
	}
	r.failed(id, advised(err))
	r.Log.Warn("document failed", "watch", r.watch.Name, "document", id, "err", err)
}

// failed records a document's failure. The caller holds r.mu.
func (r *run) failed(id, why string) {
	if len(r.cycle.Failures) < maxFailures {
		r.cycle.Failures = append(r.cycle.Failures, coc.Failure{DocumentID: id, Err: why})
	} else {
		r.cycle.Err = cmp.Or(r.cycle.Err, "more documents failed than are listed")
	}
}

// giveUp ends the cycle early.
func (r *run) giveUp(err error) {
	r.abort(err)
	r.failLocked(err)
}

// leave notes that work is left to the next cycle.
func (r *run) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unfinished = true
}

const (
	// inARow is how many documents one after the other may fail to be stored
	// before the rest of the cycle is not tried.
	inARow = 3
	// forbiddenMax is how many may be forbidden before it is believed that none
	// may be read.
	forbiddenMax = 20
)

// maxFailures bounds what one cycle keeps of its failures.
const maxFailures = 1000

// stored marks an error of the archive, not of COC.
type stored struct{ error }

func (s *stored) Unwrap() error { return s.error }

// wantsQuiet reports whether COC asked for more quiet than a cycle can wait.
func (r *run) wantsQuiet(err error) bool {
	var asked interface{ PausedUntil() time.Time }
	return errors.As(err, &asked) && asked.PausedUntil().After(r.Now())
}

// quiet reports the same, and remembers it for the next process.
func (r *run) quiet(err error) bool {
	var asked interface{ PausedUntil() time.Time }
	if !r.wantsQuiet(err) || !errors.As(err, &asked) {
		return false
	}
	if e := r.Store.Paused(context.Background(), r.account.Name, asked.PausedUntil()); e != nil {
		r.Log.Error("pause not remembered", "account", r.account.Name, "err", e)
	}
	return true
}

// fail records why the cycle as a whole is not good.
func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failLocked(err)
}

func (r *run) failLocked(err error) {
	if r.cycle.Err == "" {
		r.cycle.Err, r.cause = advised(err), err
	}
	if errors.Is(err, coc.ErrUnauthorized) && !r.refused {
		r.refused = true
		key, e := r.account.COC.KeyID(context.Background())
		if e != nil {
			return // there is no key pair to remember
		}
		if e := r.Store.Refused(context.Background(), r.account.Name, key, err.Error(), r.Now().Add(coc.RefusalPause)); e != nil {
			r.Log.Error("refusal not remembered", "account", r.account.Name, "err", e)
		}
	}
}

// advised is an error with how to fix it: who reads a cycle's record has no
// other way to learn it.
func advised(err error) string {
	text := err.Error()
	if h := hint.Of(err); h != "" {
		text += " (" + strings.ReplaceAll(h, "\n", "; ") + ")"
	}
	return text
}

// end records the cycle and queues what is to be told of it.
func (r *run) end(ctx context.Context) (coc.Cycle, error) {
	c := &r.cycle
	c.EndedAt = r.Now()
	c.Requests = int(r.account.COC.Requests() - r.before)
	slices.SortFunc(c.Failures, func(a, b coc.Failure) int { return cmp.Compare(a.DocumentID, b.DocumentID) })
	c.Failures = slices.CompactFunc(c.Failures, func(a, b coc.Failure) bool { return a.DocumentID == b.DocumentID })
	r.nameFailures(ctx)
	switch {
	case ctx.Err() != nil:
		c.Outcome, c.Err = coc.Stopped, "stopped"
	case c.Err != "" || len(c.Failures) > 0:
		c.Outcome = coc.Bad
	default:
		c.Outcome = coc.Good
	}
	// The end is recorded also when the process is asked to stop.
	err := r.Store.End(context.WithoutCancel(ctx), *c, r.tellings(ctx))
	r.poke()
	if r.Ended != nil {
		r.Ended(*c)
	}
	level := slog.LevelInfo
	if c.Outcome == coc.Bad {
		level = slog.LevelWarn
	}
	log := r.Log
	if c.Err != "" && c.Outcome != coc.Stopped { // the outcome says it
		log = log.With("err", c.Err)
	}
	log.Log(ctx, level, "cycle ended", "watch", c.Watch, "outcome", c.Outcome, "listed", c.Listed,
		"requests", c.Requests, "versions", c.Versions, "changes", c.Changes, "failed", len(c.Failures))
	return *c, err
}

// poke says that deliveries fell due.
func (s *Syncer) poke() {
	if s.Told != nil {
		s.Told()
	}
}

func (r *run) report(f func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Watch, r.progress.Versions = r.watch.Name, r.cycle.Versions
	f(&r.progress)
	if r.Progress != nil {
		r.Progress(r.progress)
	}
}
