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

// Change is one observed event of a document, with what was worked out of it.
type Change struct {
	ID         int64
	Kind       Kind
	Account    string
	Document   int64 // the archive's key of the document
	DocumentID string
	Name       string // the document's name as of now

	Version  string // label of the revision it leads to (v3, v3#2); "" for metadata, deleted, restored
	Previous string // label of the revision it is compared with; "" when none

	MadeAt time.Time // COC's create_time of Version; zero when unknown
	SeenAt time.Time // when cocsync first had it
	At     time.Time // MadeAt for a first revision, else SeenAt
	By     string    // author; "" when unknown

	Modifier  string // the document's last modifier as of now; not necessarily the author
	RiskLevel string

	Backfill bool // history of a document that was there before cocsync looked
	Late     bool // a version that could not be had when its successor came

	Difference
}

// Place is the place of a change in a list by time.
type Place struct {
	At time.Time
	ID int64
}

// Notice is something to tell that is no change of a document.
type Notice struct {
	ID    int64
	Kind  NoticeKind
	Watch string
	At    time.Time
	Title string   // one line
	Lines []string // what follows it
}

// NoticeKind is the kind of a notice.
type NoticeKind string

const (
	NoticeFirstContact NoticeKind = "first_contact" // a watch has begun
	NoticeTrouble      NoticeKind = "trouble"       // the watching itself is broken
	NoticeRecovered    NoticeKind = "recovered"     // it works again
	NoticeWeekly       NoticeKind = "weekly"        // the watching is alive
	NoticeTest         NoticeKind = "test"
)

// Delivery is one change or notice on its way to one notifier.
type Delivery struct {
	ID       int64
	Notifier string
	DueAt    time.Time
	// Gathered says that the change came with the first cycle after a restore, and is
	// told together with all that did.
	Gathered bool
	Routed   bool    // only a route brings it there: no watch of the document names the notifier
	Change   *Change // or
	Notice   *Notice
}

// QuietWhy says why a notifier is left in peace.
type QuietWhy string

const (
	QuietHours QuietWhy = "hours" // its own, by the configuration
	QuietAsked QuietWhy = "asked" // Slack asked for it
)

// Aim says who is to hear of a change besides those whose deliveries are at hand.
type Aim struct {
	Change int64
	Routed []string // by routes: each gets a delivery, also where one was dropped
	Own    []string // those of them whom its watches name: what was dropped waits again
}

// MessageState says how a message stands.
type MessageState string

const (
	Waiting MessageState = "waiting" // to be posted at NextAt
	Sent    MessageState = "sent"
	Failed  MessageState = "failed" // refused for good, also as plain text
)

// MessageKind is the part that a message plays in its channel.
type MessageKind string

const (
	MessageRoot   MessageKind = "root"   // stands in the channel by itself
	MessageReply  MessageKind = "reply"  // in the thread of its parent
	MessageDigest MessageKind = "digest" // many changes in one
	MessageFile   MessageKind = "file"
	MessageNotice MessageKind = "notice"
)

// Message is one call's worth to one channel, frozen before it is first posted.
type Message struct {
	ID       int64
	Notifier string
	Kind     MessageKind
	Document int64 // key of the one document it tells of; 0 when several or none
	// Parent is the message that it follows, in the same thread; 0 when none.
	Parent int64
	// Body is the frozen call, in the notifier's own encoding; Text the plain
	// fallback, which stands alone when the body is refused.
	Body      []byte
	Text      string
	Plain     bool // send Text alone: the body was refused
	State     MessageState
	Attempts  int
	CreatedAt time.Time
	FirstAt   time.Time // first attempt; zero before it
	NextAt    time.Time
	SentAt    time.Time
	Channel   string // where it landed, and
	TS        string // under which timestamp
	Err       string // the newest failure
	Changes   []int64

	// Of the thread that Parent is in or opened, when that was sent.
	ThreadChannel, ThreadTS string
}

// Draft is a message that is not stored yet.
type Draft struct {
	Message
	// ReplyTo is an earlier draft of the same batch that this one follows; Parent
	// is then unused. nil means that Parent says it.
	ReplyTo *Draft
	Claims  []int64 // ids of the deliveries that it sends
}

// Batch is what becomes of deliveries that are due, stored in one transaction.
type Batch struct {
	Drafts []*Draft // in the order in which they are sent
	Drop   []int64  // ids of the deliveries that are not sent
	Aims   []Aim
}

// Thread is a message that stands in a channel and what came below it.
type Thread struct {
	Root    Message
	Replies int // messages sent in its thread that tell of changes
}
