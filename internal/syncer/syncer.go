// Package syncer runs cycles: list, fetch, compare, store. It alone decides what a
// response of COC means: what is new, rewritten or deleted, who is notified, and what is
// requested next.
//
// It uses COC and the archive through interfaces and does no I/O itself.
package syncer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cocsync/internal/coc"
)

// Fetcher requests documents of one account.
type Fetcher interface {
	List(ctx context.Context, s coc.Selection) (coc.List, error)
	// Get requests a document's newest version, or one version.
	Get(ctx context.Context, documentID, version, documentType string) (coc.Response, error)
	// Requests is the number of requests sent so far.
	Requests() int64
	// Served is how many of them COC has served.
	Served() int64
	// KeyID identifies the current key pair without revealing it.
	KeyID(ctx context.Context) (string, error)
}

// Store is the archive as the cycle needs it.
type Store interface {
	Known(ctx context.Context, account, documentID string) (coc.ArchivedDocument, error)
	Content(ctx context.Context, account int64, hash coc.Hash) (coc.Content, error)
	// Keyed returns by what an erased content is recognized; zero if the key for that is missing.
	Keyed(hash coc.Hash) coc.Hash
	// NamesOf returns the names of documents by their ids.
	NamesOf(ctx context.Context, account string, ids []string) (map[string]string, error)
	// Commit stores all steps or none.
	Commit(ctx context.Context, steps ...coc.Step) error
	Unchecked(ctx context.Context, watch string, before, now time.Time, limit int) ([]coc.Due, error)

	Account(ctx context.Context, name, endpoint string, accept bool) (coc.AccountState, error)
	Refused(ctx context.Context, account, key, why string, until time.Time) error
	Paused(ctx context.Context, account string, until time.Time) error
	Watch(ctx context.Context, name string) (coc.WatchState, error)
	Followed(ctx context.Context, account, watch string, retry time.Time) ([]coc.Followed, error)
	Follow(ctx context.Context, m coc.NewMembers) error
	Leave(ctx context.Context, account, watch string, ids []string, now time.Time) error
	Missing(ctx context.Context, account, watch string, ids []string, since time.Time) error
	Shortfall(ctx context.Context, watch string, s coc.Shortfall) error

	Begin(ctx context.Context, c coc.Cycle) (coc.Key, error)
	// Responded records when COC last served a request of a running cycle.
	Responded(ctx context.Context, cycle coc.Key, at time.Time) error
	Release(ctx context.Context, cycle coc.Key, now time.Time) error
	End(ctx context.Context, c coc.Cycle, notices []coc.NewNotice) error
	// Stopped returns how many cycles were stopped since the newest good one, and when
	// the first of them began.
	Stopped(ctx context.Context, watch string) (n int, since time.Time, err error)
	// QueueNotice queues a notice, unless one like it was queued within (since, now].
	QueueNotice(ctx context.Context, n coc.NewNotice, since, now time.Time) (queued bool, err error)
	// QueueCheckpoint queues a notice of the signed heads for n.Notify, and for those of active that
	// were sent something since their last one, unless they had one within (since, now].
	QueueCheckpoint(ctx context.Context, n coc.NewNotice, active []string, since, now time.Time) (queued bool, err error)

	// The others return what the weekly notice reports. Entered returns when the watch's part
	// of a period begins; zero before its first cycle.
	Entered(ctx context.Context, watch string, since, until time.Time) (time.Time, error)
	LastWeekly(ctx context.Context, now time.Time) (time.Time, error)
	FirstCycle(ctx context.Context) (time.Time, error)
	Ran(ctx context.Context, watch string, since, until time.Time) (ran map[coc.Outcome]int, missed int, err error)
	FollowedChanges(ctx context.Context, watches []string, since, until time.Time) (documents, changes int, err error)
}

// Account is one set of credentials and one endpoint. Watches of one account share the
// value, and so the connections.
type Account struct {
	Name           string
	Endpoint       string
	COC            Fetcher
	RPS            float64 // requests a second; 0: no limit
	Connections    int     // at once; 0 means 1
	AcceptEndpoint bool    // the archive may have it with another endpoint

	once  sync.Once
	slots chan struct{}
	gate  gate
}

// Watch selects documents to follow.
type Watch struct {
	Name         string
	Account      *Account
	Documents    []string       // by id, and
	Select       *coc.Selection // by a list; nil: none
	DocumentType string
	Audit        time.Duration // the longest time that a version is unchecked; 0: never checked
	Notify       []string      // notifiers of the summary of its initial sync
	// Schedule says when the cycles are due. It is nil if that is not known, as with cron:
	// then none is missed.
	Schedule Schedule
}

// Options are the settings of one cycle.
type Options struct {
	Trigger coc.Trigger
	// Until ends the background work (history, audit), so that the next cycle can begin
	// when it is due. The zero time sets no end.
	Until           time.Time
	Only            []string // only these documents, without a list
	AuditAll        bool     // reread every listed version
	AcceptDeletions bool     // accept that most documents were deleted
}

// Syncer runs cycles. Its fields are not changed after the first one begins.
type Syncer struct {
	Store Store
	// Route returns the notifiers of a change of that kind found by a watch: the watch's
	// own, and those that a route may add, which is decided when the message is written.
	Route     func(watch string, kind coc.Kind) (own, routed []string)
	Operators []string // notifiers of failures of monitoring itself
	// Checkpoints are the notifiers that are sent the signed heads of the logs daily.
	Checkpoints []string
	Now         func() time.Time
	Log         *slog.Logger
	Progress    func(Progress) // called while a cycle runs; may be nil
	// DeliveriesDue is called when deliveries are due; may be nil.
	DeliveriesDue func()
	Ended         func(coc.Cycle) // called with each cycle that ended; may be nil

	commits committer
	locks   keyLocks
}

// Progress is the progress of a cycle.
type Progress struct {
	Watch    string
	Phase    string // list, changes, newest, history, audit
	Done     int    // documents of this phase
	Total    int
	Versions int // archived by this cycle so far
}

func (a *Account) init() {
	a.once.Do(func() { a.slots = make(chan struct{}, max(1, a.Connections)) })
}

// get requests a document over one of the account's connections.
func (a *Account) get(ctx context.Context, id, version, typ string) (coc.Response, error) {
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		return coc.Response{}, context.Cause(ctx)
	}
	defer func() { <-a.slots }()
	return a.COC.Get(ctx, id, version, typ)
}
