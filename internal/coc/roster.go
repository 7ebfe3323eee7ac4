package coc

import "time"

// AccountState is what the archive remembers of an account between processes.
type AccountState struct {
	RefusedKey   string    // the key pair that COC refused, as a hash; "" none
	RefusedUntil time.Time // leave that key pair alone until then
	RefusedWhy   string
	PausedUntil  time.Time // COC asked for quiet until then
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
