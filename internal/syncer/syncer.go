// Package syncer runs the cycle: list, fetch, compare, store. It is the only
// place that decides what an answer of COC means: what is new, what was
// rewritten, what is gone, whom to tell, what to ask next.
//
// It reaches COC and the archive through small interfaces and does no I/O of
// its own.
package syncer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cocsync/internal/coc"
)

// Fetcher asks one account's COC.
type Fetcher interface {
	List(ctx context.Context, s coc.Selection) (coc.List, error)
	// Get asks for a document's newest version, or for one version.
	Get(ctx context.Context, documentID, version, documentType string) (coc.Answer, error)
	// Requests is how many were sent so far.
	Requests() int64
	// Served is how many of them COC has served.
	Served() int64
	// KeyID names the key pair in use without telling it.
	KeyID(ctx context.Context) (string, error)
}

// Archive keeps documents. Commit stores whole steps or nothing.
type Archive interface {
	Known(ctx context.Context, account, documentID string) (coc.Known, error)
	Content(ctx context.Context, hash coc.Hash) (coc.Content, error)
	// NamesOf returns the names of documents by their ids.
	NamesOf(ctx context.Context, account string, ids []string) (map[string]string, error)
	Commit(ctx context.Context, steps ...coc.Step) error
	Unchecked(ctx context.Context, watch string, before time.Time, limit int) ([]coc.Due, error)
}

// Roster keeps who is watched.
type Roster interface {
	Account(ctx context.Context, name, endpoint string, accept bool) (coc.AccountState, error)
	Refused(ctx context.Context, account, key, why string, until time.Time) error
	Paused(ctx context.Context, account string, until time.Time) error
	Watch(ctx context.Context, name string) (coc.WatchState, error)
	Followed(ctx context.Context, account, watch string, retry time.Time) ([]coc.Followed, error)
	Follow(ctx context.Context, j coc.Joining) error
	Leave(ctx context.Context, account, watch string, ids []string, now time.Time) error
	Missing(ctx context.Context, account, watch string, ids []string, since time.Time) error
	Shortfall(ctx context.Context, watch string, s coc.Shortfall) error
}

// Log keeps what cycles did.
type Log interface {
	Begin(ctx context.Context, c coc.Cycle) (int64, error)
	// Responded remembers when COC last served a request of a running cycle.
	Responded(ctx context.Context, cycle int64, at time.Time) error
	Release(ctx context.Context, cycle int64, now time.Time) error
	End(ctx context.Context, c coc.Cycle, tell []coc.Telling) error
	// Stopped counts the cycles since the newest good one that were stopped, and
	// says when the first of them began.
	Stopped(ctx context.Context, watch string) (n int, since time.Time, err error)
	// Tell queues a notice, unless one like it stands within (since, now].
	Tell(ctx context.Context, n coc.Telling, since, now time.Time) (told bool, err error)
}

// Week answers what the weekly notice says.
type Week interface {
	LastWeekly(ctx context.Context, now time.Time) (time.Time, error)
	FirstCycle(ctx context.Context) (time.Time, error)
	// Entered is when the watch's part of a period begins; zero before its first
	// cycle.
	Entered(ctx context.Context, watch string, since, until time.Time) (time.Time, error)
	Ran(ctx context.Context, watch string, since, until time.Time) (map[coc.Outcome]int, error)
	Watched(ctx context.Context, watches []string, since, until time.Time) (documents, changes int, err error)
}

// Store is the archive as the cycle needs it.
type Store interface {
	Archive
	Roster
	Log
	Week
}

// Account is one set of credentials and one endpoint. Watches that share an
// account share the value, and with it the connections.
type Account struct {
	Name           string
	Endpoint       string
	COC            Fetcher
	RPS            float64 // requests a second; 0: no limit
	Connections    int     // at once; 0 means 1
	AcceptEndpoint bool    // the archive may know it by another endpoint

	once  sync.Once
	slots chan struct{}
	gate  gate
}

// Watch is which documents are followed.
type Watch struct {
	Name         string
	Account      *Account
	Documents    []string       // by id, and
	Select       *coc.Selection // by a list; nil: none
	DocumentType string
	Audit        time.Duration // the longest that a version goes unchecked; 0: never checked
	Notify       []string      // who hears of the watch's first contact
}

// Options are what differs between one cycle and the next.
type Options struct {
	Trigger coc.Trigger
	// Until ends the work that can wait (history, audit), so that the next
	// cycle can begin when it is due. The zero time sets no end.
	Until time.Time
	// Schedule says when the watch's cycles are due; nil: nobody here knows.
	Schedule        Schedule
	Only            []string // these documents alone, without a list
	AuditAll        bool     // read every listed version again
	AcceptDeletions bool     // believe it when most documents are gone
}

// Syncer runs cycles. Its fields are set before the first one and not changed.
type Syncer struct {
	Store Store
	// Route names the notifiers that hear of a change of that kind found by
	// watch: its own, and others that hear of it if a route says so, which is
	// seen when the message is made. A watch may name nobody.
	Route     func(watch string, kind coc.Kind) (own, routed []string)
	Operators []string // notifiers that hear when the watching itself breaks
	Now       func() time.Time
	Log       *slog.Logger
	Progress  func(Progress)  // called as work gets done; nil: nobody looks
	Told      func()          // called when deliveries fell due; nil: nobody waits
	Ended     func(coc.Cycle) // called with each cycle that came to an end; nil: nobody counts

	commits committer
	locks   keyLocks
}

// Progress is how far a cycle got.
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

// get asks COC over one of the account's connections.
func (a *Account) get(ctx context.Context, id, version, typ string) (coc.Answer, error) {
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		return coc.Answer{}, context.Cause(ctx)
	}
	defer func() { <-a.slots }()
	return a.COC.Get(ctx, id, version, typ)
}
