package witness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// Every is the minimum time between two attempts to have a log cosigned by a witness.
const Every = time.Minute

// Submission is the newest signed head of a log, and what is known of it at a witness.
type Submission struct {
	Account int64
	ID      int64  // of the log
	Name    string // of the account
	Head    audit.Checkpoint
	Note    []byte
	Progress
}

// Progress is the state of a log at a witness.
type Progress struct {
	Size    int64 // records that the witness is known to have cosigned
	TriedAt time.Time
	Failure Failure // of the newest attempt; "" for none
	Error   string
	Since   time.Time // when it began to fail; zero for not
}

// Attempt is the result of an attempt to have a head cosigned.
type Attempt struct {
	Witness Witness
	Submission
	Cosignature audit.Cosignature // nil: it failed
	Notice      *coc.NewNotice    // of a failure; nil for none
}

// Store keeps the logs and their cosignatures.
type Store interface {
	// Submissions returns the newest signed heads, which the head file has, for the witness with
	// a verifier key.
	Submissions(ctx context.Context, witness string) ([]Submission, error)
	StoredHashes(ctx context.Context, account, log int64) tlog.HashReader
	Attempted(ctx context.Context, a Attempt) error
}

// Submitter sends the newest heads of the logs to witnesses. An error of one delays neither the
// others nor the archive.
type Submitter struct {
	Store     Store
	Witnesses []Witness
	Operators []string // are notified of a conflict
	HTTP      *http.Client
	Now       func() time.Time
	Log       *slog.Logger
	// NoticeQueued is called after a notice was added; may be nil.
	NoticeQueued func()

	mu   sync.Mutex
	sent map[string]sent // by witness and log
}

// sent is what this process sent last to a witness of a log. What the database says is only for the
// first attempt of a process: if the archive is an older copy, or was altered, it is wrong.
type sent struct {
	at   time.Time
	size int64 // that was cosigned; -1: none
}

// Run sends heads that are newer than what was cosigned, each at most once a minute, until ctx
// ends.
func (s *Submitter) Run(ctx context.Context) {
	var group sync.WaitGroup
	for _, w := range s.Witnesses {
		group.Go(func() {
			for timer := time.NewTimer(0); ; timer.Reset(Every) {
				select {
				case <-timer.C:
					s.submit(ctx, w)
				case <-ctx.Done():
					timer.Stop()
					return
				}
			}
		})
	}
	group.Wait()
}

// Once sends the heads that are due once.
func (s *Submitter) Once(ctx context.Context) {
	var group sync.WaitGroup
	for _, w := range s.Witnesses {
		group.Go(func() { s.submit(ctx, w) })
	}
	group.Wait()
}

// submit sends the heads that are due to a witness. The first time it sends all of them, also those
// that were cosigned.
func (s *Submitter) submit(ctx context.Context, w Witness) {
	list, err := s.Store.Submissions(ctx, w.Key.String())
	if err != nil {
		if ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "heads for the witness not read", "witness", w.Key.Name(), "err", err)
		}
		return
	}
	// A witness that fails after a few logs starts with others the next time.
	slices.SortStableFunc(list, func(a, b Submission) int { return cmp.Compare(a.TriedAt.UnixMilli(), b.TriedAt.UnixMilli()) })
	for _, l := range list {
		if !s.due(w, l) {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		a, err := s.attempt(ctx, w, l)
		if errors.Is(ctx.Err(), context.Canceled) && a.Cosignature == nil {
			return
		}
		if err == nil { // also if the time is up: then the witness did not respond
			s.remember(w, a)
			err = s.Store.Attempted(context.WithoutCancel(ctx), a)
		}
		if err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "head not sent to the witness", "witness", w.Key.Name(), "log", l.Head.Origin, "err", err)
		}
		if err != nil {
			continue
		}
		s.report(ctx, l.Failure, a)
		if a.Cosignature == nil && a.Failure == Unreachable {
			return
		}
	}
}

// due reports whether the head of a log is to be sent to a witness.
func (s *Submitter) due(w Witness, l Submission) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.sent[w.Key.String()+l.Head.Origin]
	if !ok {
		last = sent{l.TriedAt, -1}
	}
	passed := s.Now().Sub(last.at)
	return (passed >= Every || passed < 0) && last.size != l.Head.Size
}

// remember remembers an attempt.
func (s *Submitter) remember(w Witness, a Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent == nil {
		s.sent = map[string]sent{}
	}
	size := int64(-1)
	if a.Cosignature != nil {
		size = a.Head.Size
	}
	s.sent[w.Key.String()+a.Head.Origin] = sent{a.TriedAt, size}
}

// attempt sends a head to a witness. The error is one of this archive.
func (s *Submitter) attempt(ctx context.Context, w Witness, l Submission) (a Attempt, err error) {
	hashes := s.Store.StoredHashes(ctx, l.Account, l.ID)
	a = Attempt{Witness: w, Submission: l}
	a.TriedAt = s.Now()
	a.Cosignature, err = newClient(s.HTTP, s.Now).cosign(ctx, w, l.Head, l.Note, l.Size,
		func(old int64) ([]audit.Hash, error) { return prove(hashes, l.Head, old) })
	r, refused := errors.AsType[*refusal](err)
	switch {
	case err == nil:
		a.Progress = Progress{Size: l.Head.Size, TriedAt: a.TriedAt}
	case !refused:
		return a, err
	case l.Failure == Conflict && r.failure == Unreachable:
		// The conflict is the last that is known of the witness.
	default:
		a.Failure, a.Error = r.failure, r.why
		if l.Failure != r.failure || l.Since.After(a.TriedAt) {
			a.Since = a.TriedAt
		}
	}
	if a.Failure == Conflict && l.Failure != Conflict {
		a.Notice = s.conflict(w, a)
	}
	return a, nil
}

// conflict is the notice of a witness that has cosigned something else.
func (s *Submitter) conflict(w Witness, a Attempt) *coc.NewNotice {
	return &coc.NewNotice{Notify: s.Operators, Notice: coc.Notice{Kind: coc.NoticeFailure, At: a.TriedAt,
		Title: fmt.Sprintf("A witness contradicts the log of account %s", a.Name),
		Lines: []string{
			fmt.Sprintf("Witness %s, log %s: %s.", w.Key.Name(), a.Head.Origin, a.Error),
			"An older copy of the archive was put back, or another copy of it was continued with the same key.",
			"The archive continues. Its new records are not cosigned by this witness.",
			"To fix it: keep the database as evidence, end other copies that run, and see docs/witnesses.md.",
		}}}
}

// report logs the result of an attempt if it differs from that of the one before, and that a
// notice was added.
func (s *Submitter) report(ctx context.Context, before Failure, a Attempt) {
	args := []any{"witness", a.Witness.Key.Name(), "log", a.Head.Origin}
	switch {
	case a.Failure == before:
	case a.Failure == "":
		s.Log.InfoContext(ctx, "witness cosigns again", args...)
	case a.Failure == Unreachable:
		s.Log.WarnContext(ctx, "head not cosigned, it is sent again", append(args, "err", a.Error)...)
	default:
		s.Log.ErrorContext(ctx, "head not cosigned", append(args, "err", a.Error)...)
	}
	if a.Notice != nil && s.NoticeQueued != nil {
		s.NoticeQueued()
	}
}
