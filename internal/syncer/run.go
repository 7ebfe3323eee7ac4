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

// run is one running cycle.
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
	cause      error // of the cycle's Err; nil if only documents failed
	progress   Progress
	notFound   []string  // documents that COC says it does not have
	missing    []string  // lines of the notice that most documents are missing
	doubting   bool      // some of them are not yet judged
	incomplete bool      // rows are missing from the list
	later      []string  // documents whose older versions are fetched in the background
	refused    bool      // COC refused the key pair
	served     bool      // COC served a document in this cycle
	unfinished bool      // work is left to the next cycle
	forbidden  int       // documents in a row that are forbidden
	keyless    bool      // no key pair is available
	since      time.Time // when the first cycle after the last good one began, if it was before this one
	broken     int       // commits in a row that failed
	abort      context.CancelCauseFunc
}

// errStop ends the background work when the next cycle is due.
var errStop = errors.New("the next cycle is due")

// Run runs one cycle of the watch. The returned cycle is recorded in the archive; a
// document that fails is counted there and stops no other. An error means that the cycle
// itself could not be recorded.
func (s *Syncer) Run(ctx context.Context, w Watch, o Options) (coc.Cycle, error) {
	w.Account.init()
	r := &run{Syncer: s, Options: o, watch: w, account: w.Account, before: w.Account.COC.Requests()}
	r.cycle = coc.Cycle{Watch: w.Name, Account: w.Account.Name, Trigger: o.Trigger, Partial: o.Only != nil,
		StartedAt: s.Now(), Outcome: coc.CycleRunning}
	account, err := s.Store.Account(ctx, w.Account.Name, w.Account.Endpoint, w.Account.AcceptEndpoint)
	if err != nil {
		return r.cycle, err
	}
	if r.state, err = s.Store.Watch(ctx, w.Name); err != nil {
		return r.cycle, err
	}
	r.cycle.Missed = r.missed(r.state.LastCycleAt, r.cycle.StartedAt)
	if r.cycle.Key, err = s.Store.Begin(ctx, r.cycle); err != nil {
		return r.cycle, err
	}
	r.checkStopped(ctx)
	defer r.recordResponses(ctx)()
	work, abort := context.WithCancelCause(ctx)
	r.abort = abort
	if err := r.allowed(ctx, account); err != nil {
		r.cycle.Err, r.cause = err.Error(), err // recorded already
		r.refused = errors.Is(err, coc.ErrUnauthorized)
	} else if err := r.work(work); err != nil && ctx.Err() == nil {
		r.fail(err)
	}
	abort(nil)
	return r.end(ctx)
}

// missed returns how many cycles were due since the last one began and did not run, not
// counting the one that the schedule begins now.
func (r *run) missed(last, now time.Time) int {
	if r.watch.Schedule == nil || r.Only != nil || last.IsZero() {
		return 0
	}
	n := due(r.watch.Schedule, last, now.Add(1)) // now is among them
	if r.Trigger == coc.TriggerSchedule {
		n--
	}
	return max(n, 0)
}

// allowed returns an error while requests to COC are paused.
func (r *run) allowed(ctx context.Context, a coc.AccountState) error {
	refused, limited := a.Pauses(r.Now())
	if !limited.IsZero() {
		return &paused{"no request was sent: COC limits the rate until " + a.PausedUntil.Format(time.RFC3339), coc.ErrTemporary}
	}
	if refused.IsZero() {
		return nil
	}
	if key, err := r.account.COC.KeyID(ctx); err != nil || key != a.RefusedKey {
		return nil // another key pair, or one whose source reports what is wrong
	}
	return &paused{fmt.Sprintf("no request was sent: the key pair is paused until %s, because COC refused it: %s",
		a.RefusedUntil.Format(time.RFC3339), a.RefusedReason), coc.ErrUnauthorized}
}

// paused is why no request was sent. Its class is that of the response that caused the
// pause.
type paused struct {
	why   string
	class error
}

func (p *paused) Error() string { return p.why }
func (p *paused) Unwrap() error { return p.class }

// work does the work of the cycle: first what causes alerts, then the background work.
func (r *run) work(ctx context.Context) error {
	p, err := r.urgent(ctx)
	if err != nil {
		return err
	}
	if err := r.Store.Release(ctx, r.cycle.Key, r.Now()); err != nil {
		return err
	}
	r.deliveriesDue()
	slow, cancel := r.background(ctx)
	defer cancel()
	r.each(slow, "newest", r.rotated(p.unseen), r.newest)
	r.each(slow, "history", slices.Concat(r.later, p.history), r.history)
	return r.audit(slow)
}

// rotated starts at another document in each cycle, so that documents that end a cycle
// early do not block the others permanently.
func (r *run) rotated(ids []string) []string {
	if len(ids) == 0 {
		return nil
	}
	at := int(r.cycle.Key.ID-1) * forbiddenMax % len(ids)
	return slices.Concat(ids[at:], ids[:at])
}

// urgent does the work that causes alerts, while the background work is suspended.
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
	r.each(ctx, "changes", p.changed, r.update)
	return p, r.judgeAbsences(ctx, p)
}

// background returns the context of the background work: it ends when the next cycle is
// due.
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

// each calls do for every document, several at once. The first is done before the others, so that a
// key pair that is refused is refused once.
func (r *run) each(ctx context.Context, phase string, ids []string, do func(context.Context, string) error) {
	if len(ids) == 0 {
		return
	}
	r.report(func(p *Progress) { p.Phase, p.Done, p.Total = phase, 0, len(ids) })
	one := func(id string) {
		if ctx.Err() != nil {
			r.locked(func() { r.unfinished = true })
			return
		}
		r.recordResult(ctx, id, r.guarded(ctx, id, do))
		r.report(func(p *Progress) { p.Done++ })
	}
	one(ids[0])
	// More than the connections: while some documents are compared and stored, others use
	// the connections.
	workers := make(chan struct{}, min(4*max(1, r.account.Connections), len(ids)))
	r.commits.workers.Add(int32(cap(workers)))
	defer r.commits.workers.Add(-int32(cap(workers)))
	var wg sync.WaitGroup
	for _, id := range ids[1:] {
		workers <- struct{}{}
		wg.Go(func() {
			one(id)
			<-workers
		})
	}
	wg.Wait()
}

// guarded calls do and returns a panic as an error, so that one document cannot end the
// process.
func (r *run) guarded(ctx context.Context, id string, do func(context.Context, string) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cocsync panicked: %v", p)
			r.Log.Error("document caused a panic", "document", id, "err", err, "stack", string(debug.Stack()))
		}
	}()
	return do(ctx, id)
}

// recordResult counts a document's failure, and ends the cycle where more requests would
// make it worse.
func (r *run) recordResult(ctx context.Context, id string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.forbidden, r.broken, r.served = 0, 0, true
		return
	}
	cut := ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) // another document's reason
	if cut || errors.Is(err, errStop) || errors.Is(err, context.Canceled) {
		r.unfinished = true // the next cycle continues
		return
	}
	var storing *storeError
	switch {
	case errors.Is(err, coc.ErrUnauthorized):
		r.giveUp(err)
		return
	case errors.Is(err, coc.ErrForbidden):
		// A user who may read only some documents gets many of these in a row.
		if r.forbidden++; r.forbidden >= forbiddenMax && !r.served {
			r.giveUp(err)
		}
	case errors.Is(err, coc.ErrAltered): // nothing more can be stored
		r.giveUp(err)
	case errors.As(err, &storing):
		if r.broken++; r.broken >= maxBroken {
			r.giveUp(err)
		}
	case r.recordPause(err):
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
		r.cycle.Err = cmp.Or(r.cycle.Err, "more documents failed than are recorded")
	}
}

// giveUp ends the cycle early. The caller holds r.mu.
func (r *run) giveUp(err error) {
	r.abort(err)
	r.fail(err)
}

// locked calls f while no other goroutine of the cycle changes its state.
func (r *run) locked(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

const (
	// maxBroken is how many documents in a row may fail to be stored before the cycle ends.
	maxBroken = 3
	// forbiddenMax is how many documents in a row may be forbidden before the cycle ends.
	forbiddenMax = 20
	// maxFailures bounds the failures that a cycle records.
	maxFailures = 1000
)

// storeError is an error of the archive, not of COC.
type storeError struct{ error }

func (s *storeError) Unwrap() error { return s.error }

// pausedUntil returns until when COC limits the rate, if a cycle cannot wait for that; else
// the zero time.
func (r *run) pausedUntil(err error) time.Time {
	var limit interface{ PausedUntil() time.Time }
	if errors.As(err, &limit) && limit.PausedUntil().After(r.Now()) {
		return limit.PausedUntil()
	}
	return time.Time{}
}

// recordPause records the pause for the next process, and reports whether there is one.
func (r *run) recordPause(err error) bool {
	until := r.pausedUntil(err)
	if until.IsZero() {
		return false
	}
	if e := r.Store.Paused(context.Background(), r.account.Name, until); e != nil {
		r.Log.Error("pause not recorded", "account", r.account.Name, "err", e)
	}
	return true
}

// fail records why the whole cycle failed. If several goroutines work, the caller holds r.mu.
func (r *run) fail(err error) {
	if r.cycle.Err == "" {
		r.cycle.Err, r.cause = advised(err), err
	}
	if !errors.Is(err, coc.ErrUnauthorized) || r.refused {
		return
	}
	r.refused = true
	key, e := r.account.COC.KeyID(context.Background())
	if e != nil {
		return // no key pair is available
	}
	if e := r.Store.Refused(context.Background(), r.account.Name, key, err.Error(), r.Now().Add(coc.RefusalPause)); e != nil {
		r.Log.Error("refusal not recorded", "account", r.account.Name, "err", e)
	}
}

// advised returns an error's text with its hint, which a cycle's record has no other field
// for.
func advised(err error) string {
	text := err.Error()
	if h := hint.Of(err); h != "" {
		text += " (" + strings.ReplaceAll(h, "\n", "; ") + ")"
	}
	return text
}

// end records the cycle and queues its notices.
func (r *run) end(ctx context.Context) (coc.Cycle, error) {
	c := &r.cycle
	c.EndedAt = r.Now()
	c.Requests = int(r.account.COC.Requests() - r.before)
	slices.SortFunc(c.Failures, func(a, b coc.Failure) int { return cmp.Compare(a.DocumentID, b.DocumentID) })
	c.Failures = slices.CompactFunc(c.Failures, func(a, b coc.Failure) bool { return a.DocumentID == b.DocumentID })
	r.nameFailures(ctx)
	log, level := r.Log, slog.LevelInfo
	switch {
	case ctx.Err() != nil:
		c.Outcome, c.Err = coc.CycleStopped, "stopped"
	case c.Err != "" || len(c.Failures) > 0:
		c.Outcome, level = coc.CycleFailed, slog.LevelWarn
		if c.Err != "" {
			log = log.With("err", c.Err)
		}
	default:
		c.Outcome = coc.CycleGood
	}
	// The end is recorded also when the process is asked to stop.
	err := r.Store.End(context.WithoutCancel(ctx), *c, r.notices(ctx))
	r.deliveriesDue()
	if r.Ended != nil {
		r.Ended(*c)
	}
	log.Log(ctx, level, "cycle ended", "watch", c.Watch, "outcome", c.Outcome, "listed", c.Listed,
		"requests", c.Requests, "versions", c.Versions, "changes", c.Changes, "failed", len(c.Failures))
	return *c, err
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

// deliveriesDue reports that deliveries are due.
func (s *Syncer) deliveriesDue() {
	if s.DeliveriesDue != nil {
		s.DeliveriesDue()
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
