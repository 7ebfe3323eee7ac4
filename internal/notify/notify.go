// Package notify brings deliveries from the outbox to Slack and to webhooks. It
// owns how a change reads in chat, what of it may leave the house, which of the
// notifiers that may hear of it do, Slack's limits, pacing, retries and refusals.
// Where deliveries are stored, and who may hear of a watch, is decided elsewhere.
//
// Every message is frozen in the outbox before it is first posted, and a retry
// posts the frozen body again. So a crash repeats a message at worst, with the
// same change id in it, and never loses one.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"cocsync/internal/coc"
)

// Outbox is the durable side. Each method is one transaction.
type Outbox interface {
	// Due returns the deliveries of a notifier that are due and not yet
	// claimed by a message, oldest first, at most limit. With kinds it passes over
	// changes of others, unless one of these about the same document is due behind
	// them.
	Due(ctx context.Context, notifier string, now time.Time, kinds []coc.Kind, limit int) ([]coc.Delivery, error)
	// Freeze stores the drafts of a batch as messages, drops the deliveries that are
	// not to be sent, and creates the missing deliveries of its aims, due now. It
	// returns the messages' ids in the order of the drafts.
	Freeze(ctx context.Context, b coc.Batch, now time.Time) ([]int64, error)
	// Head returns the signed head of the archive's log, which covers every change that
	// is due; zero where it has none. told says that it goes out in a message.
	Head(ctx context.Context, told bool, now time.Time) (coc.Head, error)
	// Next returns the waiting message to post next: one that is due, has no
	// earlier unsent one about the same document or watch before it, and whose
	// parent does not wait. When ok is false,
	// wake says when the next one falls due; zero when none waits.
	Next(ctx context.Context, notifier string, now time.Time) (m coc.Message, ok bool, wake time.Time, err error)
	// Attempted records what became of posting a message, and takes the
	// deliveries of a sent or failed one with it.
	Attempted(ctx context.Context, m coc.Message) error
	// Held returns why a notifier's channel takes nothing and when it is tried
	// again. An empty reason says that it is not held.
	Held(ctx context.Context, notifier string) (reason string, until time.Time, err error)
	// Hold stops a notifier until then. An empty reason frees it.
	Hold(ctx context.Context, notifier, reason string, until time.Time) error
	// Tried returns the messages that wait after an attempt failed.
	Tried(ctx context.Context, notifier string) ([]coc.Message, error)
	// Quiet records that a notifier is left in peace until then. Asked returns
	// until when Slack asked for it; zero for never.
	Quiet(ctx context.Context, notifier string, why coc.QuietWhy, until time.Time) error
	Asked(ctx context.Context, notifier string) (time.Time, error)
	// Thread returns the message that opened a notifier's thread of a document
	// after since, 0 when there is none. With a channel's id it landed there, or
	// has yet to land.
	Thread(ctx context.Context, notifier string, document int64, channel string, since time.Time) (int64, error)
	// Stale returns a thread whose first message does not show how many replies
	// it has by now, and Counted records that it does, or need not.
	Stale(ctx context.Context, notifier string) (_ coc.Thread, ok bool, err error)
	Counted(ctx context.Context, root int64) error
	// Contents returns the two texts that a change compares. old is nil when it
	// compares with nothing, both are nil for a change without versions. It
	// fails with coc.ErrErased when one of them was removed for good.
	Contents(ctx context.Context, change int64) (old, now []byte, err error)
}

// Detail says how much of a document's content leaves for chat.
type Detail string

const (
	DetailFull    Detail = "full"    // the diff, and values old and new
	DetailOutline Detail = "outline" // what changed and where, without values
	DetailName    Detail = "name"    // the document, the kind, the versions
)

// defaultDigestOver is the number of due changes above which one digest takes
// the place of a message each.
const defaultDigestOver = 10

// Notifier is one channel, or one address of a webhook, and how it wants to be
// told.
type Notifier struct {
	Name string

	// Token returns a bot token and Webhook the URL of an incoming webhook of
	// Slack's; Hook is any other webhook. One of them is set. They are called at
	// each post, so that a rotated secret is picked up, and their result goes
	// into no log, error or message.
	Token   func() (string, error)
	Webhook func() (string, error)
	Hook    *Hook

	Channel string // where a token posts; a channel id is best
	APIURL  string // of the Web API; "" for Slack's own

	Kinds  []coc.Kind // the kinds of change to tell; nil for all
	Detail Detail     // "" is DetailFull, an unknown one DetailName
	// Mask are patterns whose matches never leave, besides the values under
	// keys such as password, which are masked always.
	Mask       []*regexp.Regexp
	DigestOver int           // more changes than this make one digest; 0 for the default
	Thread     time.Duration // how long a document's thread is used; 0 for no threads
	Quiet      Quiet
	// New versions in which only these paths (see coc.PathFits), or only the
	// formatting, differ are not told.
	IgnorePaths      []string
	IgnoreFormatting bool
}

// threads reports whether messages can go into threads: who posts by a webhook
// never hears where a message landed.
func (n *Notifier) threads() bool { return n.Token != nil && n.Thread > 0 }

// files reports whether a file can be posted below a message.
func (n *Notifier) files() bool { return n.Token != nil }

func (n *Notifier) wants(k coc.Kind) bool { return n.Kinds == nil || slices.Contains(n.Kinds, k) }

func (n *Notifier) full() bool { return n.Detail == DetailFull || n.Detail == "" }

func (n *Notifier) digestOver() int {
	if n.DigestOver <= 0 {
		return defaultDigestOver
	}
	return n.DigestOver
}

// Sender posts what is due in an outbox. Its methods may run at the same time
// as another process fills the outbox, but one outbox has one Sender at work.
type Sender struct {
	Outbox    Outbox
	Notifiers []Notifier
	Routes    []Route
	People    map[string]Person // by what COC calls them
	Links     Links
	Now       func() time.Time // nil for time.Now
	Log       *slog.Logger     // nil for silence
	HTTP      *http.Client     // nil for one with a time-out; redirects are refused in any case
	// Observe hears of each post of a message: what became of it, one of Outcomes.
	// nil: nobody hears.
	Observe func(notifier, outcome string)

	mu    sync.Mutex
	paces map[string]*pace // by what they are of
}

func (s *Sender) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Sender) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Sender) notifier(name string) (*Notifier, error) {
	for i := range s.Notifiers {
		if s.Notifiers[i].Name == name {
			return &s.Notifiers[i], nil
		}
	}
	return nil, fmt.Errorf("no notifier is named %q", name)
}
