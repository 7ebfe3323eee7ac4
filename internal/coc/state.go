package coc

import "time"

// AccountState is what the archive stores about an account between processes.
type AccountState struct {
	RefusedKey    string    // the key pair that COC refused, as a hash; "" none
	RefusedUntil  time.Time // the key pair is not used until then
	RefusedReason string
	PausedUntil   time.Time // rate limited until then
}

const (
	// RefusalPause is how long no request is sent with a key pair that COC refused: COC
	// locks one for five minutes after five failures.
	RefusalPause = 5 * time.Minute
	// MaxPause is the longest pause that COC's rate limit causes at once.
	MaxPause = time.Hour
	// MaxHold is how long a channel that refuses every message is on hold.
	MaxHold = time.Hour
)

// Pauses returns until when requests are paused, because COC refused the key pair and
// because it limits the rate; zero if they are not. A pause that ends later than the
// maximum was set by a wrong clock.
func (s AccountState) Pauses(now time.Time) (refused, limited time.Time) {
	if left := s.RefusedUntil.Sub(now); left > 0 && left <= RefusalPause {
		refused = s.RefusedUntil
	}
	if left := s.PausedUntil.Sub(now); left > 0 && left <= MaxPause {
		limited = s.PausedUntil
	}
	return refused, limited
}

// WatchState is what the archive stores about a watch between processes.
type WatchState struct {
	FirstListedAt time.Time // its first complete list; zero before it
	SummarySentAt time.Time // the summary of its initial sync; zero before it
	FailureAt     time.Time // when a failure was reported that is not over
	FailureWhole  bool      // it was of whole cycles, not of some documents
	LastGoodAt    time.Time // when its newest good cycle ended
	LastCycleAt   time.Time // when its newest cycle began
	FailedInARow  int       // cycles since that failed
	FailingSince  time.Time // when the first of them started
	Schedule      Schedule  // the zero value if no configuration names the watch
	Shortfall     Shortfall // of its newest list; the zero value if it was complete
}

// Schedule says when the cycles of a watch are due, by its configuration.
type Schedule struct {
	Watch    string
	Account  string
	Endpoint string // of the account
	Spec     string // five fields of cron, a descriptor, or "@every 5m"
	Timezone string
	Interval time.Duration // between two cycles
	SetAt    time.Time     // when a configuration last set this schedule
}

// Shortfall is a list with fewer rows than its total.
type Shortfall struct {
	Since         time.Time // when a list first had these numbers
	Listed, Total int
}

// Followed is a document of an account, as one watch follows it.
type Followed struct {
	DocumentID  string
	State       DocState
	Fingerprint Hash
	CheckedAt   time.Time
	Pending     bool // some listed version is not archived yet
	Urgent      bool // one of them was added after the document's first response
	Member      bool // the watch follows it
	InitialSync bool // since the watch's first complete list
	MissingAt   time.Time
}

// NewMembers are the documents that a watch starts to follow, and since when.
type NewMembers struct {
	Account      string
	Watch        string
	DocumentType string
	Rows         []Row
	InitialSync  bool // they existed before the watch's first complete list
	ListComplete bool // they end the watch's first complete list
	At           time.Time
}

// Due is a document with versions whose content was not compared with COC's for long.
type Due struct {
	DocumentID string
	Labels     []string
}

// NewNotice is a notice to send, and its notifiers.
type NewNotice struct {
	Notice
	Notify []string
	Whole  bool // a failure of the whole cycle, not of some documents
}
