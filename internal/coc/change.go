package coc

import (
	"errors"
	"time"
)

// Kind is the kind of a change.
type Kind string

const (
	KindNew       Kind = "new"       // a document first seen
	KindVersion   Kind = "version"   // a new version
	KindRewritten Kind = "rewritten" // an existing label's content or version_uuid changed
	KindMetadata  Kind = "metadata"  // name, description, risk level, modifier or project
	KindWithdrawn Kind = "withdrawn" // a version is no longer listed
	KindDeleted   Kind = "deleted"
	KindRestored  Kind = "restored"
)

// Kinds returns all kinds of change.
func Kinds() []Kind {
	return []Kind{KindNew, KindVersion, KindRewritten, KindMetadata, KindWithdrawn, KindDeleted, KindRestored}
}

// Change is one observed event of a document, with what was computed from it.
type Change struct {
	Key        Key
	Ref        string // how it is written: 41, or prod/41 in an archive of several accounts
	Kind       Kind
	Account    string
	Document   Key
	DocumentID string
	Name       string // the document's name as of now

	Version  string // label of the revision it leads to (v3, v3#2); "" for metadata, deleted, restored
	Previous string // label of the revision it is compared with; "" if none

	MadeAt time.Time // COC's create_time of Version; zero if unknown
	SeenAt time.Time // when cocsync first had it
	At     time.Time // MadeAt for a first revision, else SeenAt
	By     string    // author; "" if unknown

	Modifier  string // the document's last modifier as of now; not necessarily the author
	RiskLevel string

	Backfill bool // history of a document that existed before the initial sync
	Late     bool // a version that was archived after the next one

	Difference
}

// Place is the position of a change in a list by time.
type Place struct {
	At  time.Time
	Key Key
}

// Place returns the place of the change in a list by time.
func (c *Change) Place() Place { return Place{c.At, c.Key} }

// Notice is a message about a watch or about cocsync, not about a document's change.
type Notice struct {
	ID    int64
	Kind  NoticeKind
	Watch string
	At    time.Time
	Title string   // one line
	Lines []string // the lines after it
}

// NoticeKind is the kind of a notice.
type NoticeKind string

const (
	NoticeInitialSync NoticeKind = "initial_sync" // a watch is set up
	NoticeFailure     NoticeKind = "failure"      // monitoring itself fails
	NoticeRecovered   NoticeKind = "recovered"    // it works again
	NoticeWeekly      NoticeKind = "weekly"       // monitoring works
	NoticeErased      NoticeKind = "erased"       // a person erased a content
	NoticeCheckpoint  NoticeKind = "checkpoint"   // the signed heads of the logs
	NoticeTest        NoticeKind = "test"
)

// Delivery is one change or notice on its way to one notifier.
type Delivery struct {
	ID       int64
	Notifier string
	DueAt    time.Time
	// Gathered says that the change was found by the first cycle after a restore, whose
	// changes are sent together.
	Gathered bool
	Routed   bool    // only a route names the notifier, no watch of the document
	Change   *Change // or
	Notice   *Notice
}

// PauseReason says why a notifier is paused.
type PauseReason string

const (
	PauseQuietHours PauseReason = "hours" // its own, by the configuration
	PauseRateLimit  PauseReason = "rate"  // Slack asked for it
)

// Recipients are the notifiers that must have a delivery of a change.
type Recipients struct {
	Change Key
	// Routed are those of routes: each gets a delivery, also if one was dropped.
	Routed []string
	// FromWatches are those of its watches: a delivery that was dropped is pending again.
	FromWatches []string
}

// MessageState is the state of a message.
type MessageState string

const (
	Waiting MessageState = "waiting" // pending: to be posted at NextAt
	Sent    MessageState = "sent"
	Failed  MessageState = "failed" // refused permanently, also as plain text
)

// MessageKind is the role of a message in its channel.
type MessageKind string

const (
	MessageRoot   MessageKind = "root"   // in the channel, not in a thread
	MessageReply  MessageKind = "reply"  // in the thread of its parent
	MessageDigest MessageKind = "digest" // many changes in one
	MessageFile   MessageKind = "file"
	MessageNotice MessageKind = "notice"
)

// Message is one API call to one channel, frozen before it is first posted.
type Message struct {
	ID       int64
	Notifier string
	Kind     MessageKind
	Document Key // key of its document; 0 for several or none
	// Parent is the message that it follows, in the same thread; 0 when none.
	Parent int64
	// Body is the frozen call, in the channel's encoding; Text the plain fallback, which
	// is posted if the body is refused.
	Body      []byte
	Text      string
	Plain     bool // post only Text: the body was refused
	State     MessageState
	Attempts  int
	CreatedAt time.Time
	FirstAt   time.Time // first attempt; zero before it
	NextAt    time.Time
	SentAt    time.Time
	Channel   string   // where it was posted, and
	TS        string   // with which timestamp
	Err       string   // the newest failure
	Changes   []string // as Change.Ref
	// Deliveries are what it sends; none of a file or of details.
	Deliveries []Claim
	// Code authenticates it: only a message that cocsync froze is sent. Nil if there was no key.
	Code []byte

	// The thread that Parent is in or started, at the time of sending.
	ThreadChannel, ThreadTS string
}

// Claim is a delivery that a message sends: of a change or of a notice.
type Claim struct {
	ID     int64
	Change Key // zero for a notice
	Notice int64
	Ref    string // of the change, as Change.Ref
}

// ErrForged reports a pending message that is not as cocsync froze it.
var ErrForged = errors.New("it is not the message that cocsync composed: it was altered in the database")

// Draft is a message that is not stored yet.
type Draft struct {
	Message
	// ReplyTo is an earlier draft of the same batch that this one follows, in place of
	// Parent; nil for none.
	ReplyTo *Draft
	Claims  []int64 // ids of the deliveries that it sends
}

// Batch is the result of deliveries that were due, stored in one transaction.
type Batch struct {
	Drafts     []*Draft     // in the order in which they are sent
	Drop       []int64      // ids of the deliveries that are not sent
	Recipients []Recipients // additional ones, by change
}
