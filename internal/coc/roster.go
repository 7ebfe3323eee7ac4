package coc

import "time"

// AccountState is what the archive stores about an account between processes.
type AccountState struct {
	RefusedKey   string    // the key pair that COC refused, as a hash; "" none
	RefusedUntil time.Time // that key pair is paused until then
	RefusedWhy   string
	PausedUntil  time.Time // COC asked for a pause until then
}

const (
	// RefusalPause is how long no request is sent with a key pair that COC refused: COC
	// locks one for five minutes after five failures.
	RefusalPause = 5 * time.Minute
	// MaxPause is the longest pause that COC's rate limit causes at once.
	MaxPause = time.Hour
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
	GreetedAt     time.Time // its first summary; zero before it
	TroubleAt     time.Time // when a failure was reported that is not over yet
	TroubleWhole  bool      // the whole cycle failed, not some documents
	LastGoodAt    time.Time // when its newest successful cycle ended
	LastCycleAt   time.Time // when its newest cycle started
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

// Followed is a document of an account, in relation to one watch.
type Followed struct {
	DocumentID   string
	State        DocState
	Fingerprint  Hash
	CheckedAt    time.Time
	Pending      bool // some listed version is still missing
	Urgent       bool // one of them is newer than the document's first response
	Member       bool // the watch follows it
	FirstContact bool // since the watch's first complete list
	MissingAt    time.Time
}

// Joining is the documents that a watch starts to follow, and since when.
type Joining struct {
	Account      string
	Watch        string
	DocumentType string
	Rows         []Row
	FirstContact bool // they existed before the watch's first complete list
	ListComplete bool // they complete the watch's first complete list
	At           time.Time
}

// Due is a document with versions whose content was not compared with COC's for long.
type Due struct {
	DocumentID string
	Labels     []string
}

// Telling is a notice and who is notified.
type Telling struct {
	Notice
	Notify []string
	Whole  bool // the whole cycle failed, not some documents
}
