package coc

import "time"

// VersionState is the state of a listed version in the archive.
type VersionState string

const (
	Pending     VersionState = "pending"     // listed, its content still missing
	Archived    VersionState = "archived"    // its content is archived
	Unavailable VersionState = "unavailable" // COC would not serve it
)

// ArchivedDocument is what the archive has of a document, with which a response is
// compared.
type ArchivedDocument struct {
	Key         Key // zero: never seen
	DocumentID  string
	Type        string // document_type
	Name        string
	State       DocState
	Meta        Meta
	Fingerprint Hash           // zero: none
	Versions    []KnownVersion // in no order
	Watches     []Membership   // that follow it now
	HasNew      bool           // its `new` change is recorded
}

// Membership is one watch that follows a document.
type Membership struct {
	Watch       string
	InitialSync bool
}

// KnownVersion is a version that the archive has seen listed.
type KnownVersion struct {
	VersionStep
	CheckedAt time.Time
	// The newest revision; Number is 0 if there is none.
	Number int
	UUID   string
	Hash   Hash
	Erased bool // its content was erased
	Keyed  Hash // by what an erased content is recognized
	Opaque bool // it cannot be recognized: the key is missing
	// Earlier are the contents of the previous revisions of a version that is not
	// recorded yet.
	Earlier []Hash
}

// Step is what one poll of a document adds to the archive. It is stored completely or
// not at all.
type Step struct {
	Account    string
	DocumentID string
	Type       string
	Cycle      Key
	SeenAt     time.Time
	Evidence   Evidence // of the response that brought Meta

	Name        string   // "" keeps it
	Newest      string   // label of the newest version; "" keeps it
	State       DocState // "" keeps it
	Meta        *Meta    // a new state of the fields; nil keeps them
	Fingerprint *Hash    // nil keeps it

	Versions []VersionStep
	Changes  []NewChange
}

// VersionStep adds a version or changes its state.
type VersionStep struct {
	Listed
	State     VersionState
	Backfill  bool // listed in the document's first response
	Withdrawn bool
	Recorded  bool // a change leads to it
	Failures  int  // failed cycles in a row
	// FailedCycle is the newest of them.
	FailedCycle int64
	Reason      string    // why the last of them failed, without what differs between two responses
	FailedSince time.Time // when the first of them had that reason
	RetryAt     time.Time // when an unavailable version is requested again; zero: in the next cycle
	// What this step adds.
	Err      string       // the whole error, for the log
	Checked  bool         // its content was just compared with COC's
	Revision *NewRevision // nil: none new
}

// NewRevision is a state of a version that was not seen before.
type NewRevision struct {
	Number            int
	UUID              string
	Content           Content
	Author            string    // "" when unknown
	PreviousCheckedAt time.Time // when the previous content was last seen at COC
	Evidence          Evidence
}

// RevisionRef names a revision of the step's document. The zero value is none.
type RevisionRef struct {
	Label  string
	Number int
}

// NewChange is a change to be recorded and who is notified.
type NewChange struct {
	Kind     Kind
	From, To RevisionRef
	Label    string // of a withdrawn version
	At       time.Time
	Backfill bool
	Late     bool
	Difference
	Notify []string // notifiers
	Routed []string // others that are notified if a route says so
}

// MissingVersion is a listed version whose content could not be fetched.
type MissingVersion struct {
	Account    string
	DocumentID string
	Name       string
	Label      string
	State      VersionState
	Reason     string
	Since      time.Time // when it first failed for that reason
	RetryAt    time.Time // zero: in the next cycle
	MadeAt     time.Time
	ListedAt   time.Time // first
}

// refusedAfter is how long COC may return the same error for a listed version before
// that is reported as a refusal.
const refusedAfter = 7 * 24 * time.Hour

// Refused reports whether COC has returned the same error for so long that it is
// reported as a refusal. The version is still requested.
func (m MissingVersion) Refused(now time.Time) bool {
	return !m.Since.IsZero() && now.Sub(m.Since) >= refusedAfter
}
