package coc

import "time"

// AccountState is what the archive remembers of an account between processes.
type AccountState struct {
	RefusedKey   string    // the key pair that COC refused, as a hash; "" none
	RefusedUntil time.Time // leave that key pair alone until then
	RefusedWhy   string
	PausedUntil  time.Time // COC asked for quiet until then
}

const (
	// RefusalPause is how long no request is sent with a key pair that COC refused: COC
	// locks one for five minutes after five failures.
	RefusalPause = 5 * time.Minute
	// MaxPause is the longest pause that COC's rate limit causes at a time.
	MaxPause = time.Hour
)

// Pauses returns until when requests are paused at a time, because COC refused the key
// pair and because it limits the rate; zero where they are not. A pause that ends later
// than the longest one was set by a clock that was wrong.
func (s AccountState) Pauses(now time.Time) (refused, limited time.Time) {
	if left := s.RefusedUntil.Sub(now); left > 0 && left <= RefusalPause {
		refused = s.RefusedUntil
	}
	if left := s.PausedUntil.Sub(now); left > 0 && left <= MaxPause {
		limited = s.PausedUntil
	}
	return refused, limited
}

// WatchState is what the archive remembers of a watch between processes.
type WatchState struct {
	FirstListedAt time.Time // its first complete list; zero before it
	GreetedAt     time.Time // its first summary; zero before it
	TroubleAt     time.Time // when trouble was told and not yet over
	TroubleWhole  bool      // it was the whole cycle's, not some documents'
	LastGoodAt    time.Time // when its newest good cycle ended
	LastCycleAt   time.Time // when its newest cycle began
	FailedInARow  int       // cycles since that failed
	FailingSince  time.Time // when the first of them began
	Schedule      Schedule  // the zero value where no configuration names the watch
	Shortfall     Shortfall // of its newest list; the zero value where it was complete
}

// Schedule says when the cycles of a watch are due, as its configuration does.
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

// Followed is a document of an account, as one watch stands to it.
type Followed struct {
	DocumentID   string
	State        DocState
	Fingerprint  Hash
	CheckedAt    time.Time
	Pending      bool // some listed version is still to be had
	Urgent       bool // one of them came after the document's first answer
	Member       bool // the watch follows it
	FirstContact bool // since the watch's first complete list
	MissingAt    time.Time
}

// Joining is the documents that a watch begins to follow, and since when.
type Joining struct {
	Account      string
	Watch        string
	DocumentType string
	Rows         []Row
	FirstContact bool // they existed before the watch's first complete list
	ListComplete bool // they end the watch's first complete list
	At           time.Time
}

// Due is a document with versions whose content was not held against COC's for
// long.
type Due struct {
	DocumentID string
	Labels     []string
}

// Telling is a notice and whom to tell.
type Telling struct {
	Notice
	Notify []string
	Whole  bool // trouble of the whole cycle, not of some documents
}
