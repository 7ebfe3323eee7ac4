package coc

import "time"

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

// Kinds are all kinds of change.
var Kinds = []Kind{KindNew, KindVersion, KindRewritten, KindMetadata, KindWithdrawn, KindDeleted, KindRestored}

// Change is one observed event of a document, with what was computed from it.
type Change struct {
	ID         int64
	Kind       Kind
	Account    string
	Document   int64 // the archive's key of the document
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

	Backfill bool // history from before cocsync's initial sync
	Late     bool // a version that was unavailable when its successor was archived

	Difference
}

// Place is the position of a change in a list by time.
type Place struct {
	At time.Time
	ID int64
}

// Notice is a notification that is no change of a document.
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
	NoticeInitialSync NoticeKind = "first_contact" // a watch has begun
	NoticeFailure     NoticeKind = "trouble"       // the watching itself is broken
	NoticeRecovered   NoticeKind = "recovered"     // it works again
	NoticeWeekly      NoticeKind = "weekly"        // the watching is alive
	NoticeTest        NoticeKind = "test"
)

// Delivery is one change or notice on its way to one notifier.
type Delivery struct {
	ID       int64
	Notifier string
	DueAt    time.Time
	// Gathered means that the change was found by the first cycle after a restore, and is
	// sent together with all the others.
	Gathered bool
	Routed   bool    // only a route sends it there: no watch of the document names the notifier
	Change   *Change // or
	Notice   *Notice
}

// PauseReason says why a notifier is left in peace.
type PauseReason string

const (
	PauseQuietHours PauseReason = "hours" // its own, by the configuration
	PauseRateLimit  PauseReason = "asked" // Slack asked for it
)

// Aim says who is notified of a change in addition to those of its current deliveries.
type Aim struct {
	Change int64
	Routed []string // by routes: each gets a delivery, also if one was dropped
	Own    []string // those of them whom its watches name: what was dropped is pending again
}

// MessageState is the state of a message.
type MessageState string

const (
	Waiting MessageState = "waiting" // to be posted at NextAt
	Sent    MessageState = "sent"
	Failed  MessageState = "failed" // refused permanently, also as plain text
)

// MessageKind is the role of a message in its channel.
type MessageKind string

const (
	MessageRoot   MessageKind = "root"   // in the channel itself
	MessageReply  MessageKind = "reply"  // in the thread of its parent
	MessageDigest MessageKind = "digest" // many changes in one
	MessageFile   MessageKind = "file"
	MessageNotice MessageKind = "notice"
)

// Message is one call to one channel, frozen before it is first posted.
type Message struct {
	ID       int64
	Notifier string
	Kind     MessageKind
	Document int64 // key of its document; 0 if several or none
	// Parent is the message whose thread it is in; 0 if none.
	Parent int64
	// Body is the frozen call, in the notifier's own encoding; Text the plain fallback,
	// which is sent if the body is refused.
	Body      []byte
	Text      string
	Plain     bool // send Text alone: the body was refused
	State     MessageState
	Attempts  int
	CreatedAt time.Time
	FirstAt   time.Time // first attempt; zero before it
	NextAt    time.Time
	SentAt    time.Time
	Channel   string // where it was posted, and
	TS        string // with which timestamp
	Err       string // the newest failure
	Changes   []int64

	// The thread that Parent is in or started, at the time of sending.
	ThreadChannel, ThreadTS string
}

// Draft is a message that is not stored yet.
type Draft struct {
	Message
	// ReplyTo is an earlier draft of the same batch whose thread this one is in; Parent
	// is then unused. nil means that Parent has it.
	ReplyTo *Draft
	Claims  []int64 // ids of the deliveries that it sends
}

// Batch is what happens to due deliveries, stored in one transaction.
type Batch struct {
	Drafts []*Draft // in the order in which they are sent
	Drop   []int64  // ids of the deliveries that are not sent
	Aims   []Aim
}

// Thread is a message in a channel and its replies.
type Thread struct {
	Root    Message
	Replies int // messages in its thread that are about changes
}
