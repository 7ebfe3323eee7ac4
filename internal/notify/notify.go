// Package notify sends what is due in the outbox to channels: Slack and webhooks. It
// owns routing, wording, what is sent of a content, digests and threads, each channel's
// limits, pacing, retries and refusals. Storing deliveries, and which notifiers a watch
// names, is left to others.
//
// Each message is frozen in the outbox before it is first posted, and a retry posts the
// frozen body again. So a crash may repeat a message, with the same change id in it, and
// never loses one.
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

// Outbox stores deliveries and messages. Each method is one transaction.
type Outbox interface {
	// Due returns at most limit deliveries of a notifier that are due and not yet claimed
	// by a message, oldest first. With kinds it skips changes of other kinds, unless a
	// later change of these kinds about the same document is due.
	Due(ctx context.Context, notifier string, now time.Time, kinds []coc.Kind, limit int) ([]coc.Delivery, error)
	// Freeze stores the drafts of a batch as messages, drops the deliveries that are
	// not sent, and creates the missing deliveries of its recipients, due now. It returns the
	// messages' ids in the order of the drafts.
	Freeze(ctx context.Context, b coc.Batch, now time.Time) ([]int64, error)
	// Heads returns the signed heads of the logs of accounts, by account, for events: they
	// cover every change that is due. If there is only one log, its head is also the one
	// of "". A log without a signature has none.
	Heads(ctx context.Context, accounts []string, now time.Time) (map[string]coc.Head, error)
	// SignedHeads returns the signed heads of all logs, in the order of the accounts' names. It
	// fails with coc.ErrNoKey or coc.ErrNoHeadFile if there are none that may be sent.
	SignedHeads(ctx context.Context, now time.Time) ([]coc.Head, error)
	// Next returns the pending message to post next: one that is due, whose parent is not
	// pending, and with no earlier unsent one about the same document or watch. If ok is
	// false, wake is when the next one is due; zero if none is pending. With the error
	// coc.ErrForged the message m was altered: it has failed and is not posted.
	Next(ctx context.Context, notifier string, now time.Time) (m coc.Message, ok bool, wake time.Time, err error)
	// RecordAttempt records the result of posting a message, and with a sent or failed
	// one the state of its deliveries.
	RecordAttempt(ctx context.Context, m coc.Message) error
	// Held returns why a notifier's channel is on hold and until when; an empty reason if
	// it is not.
	Held(ctx context.Context, notifier string) (reason string, until time.Time, err error)
	// Hold puts a notifier's channel on hold until then. An empty reason ends the hold.
	Hold(ctx context.Context, notifier, reason string, until time.Time) error
	// Retrying returns the messages that are pending after a failed attempt.
	Retrying(ctx context.Context, notifier string) ([]coc.Message, error)
	// Pause records that a notifier is paused until then. PausedUntil returns the end of
	// its last pause for a rate limit; zero if it had none.
	Pause(ctx context.Context, notifier string, reason coc.PauseReason, until time.Time) error
	PausedUntil(ctx context.Context, notifier string) (time.Time, error)
	// Thread returns the message that opened a notifier's thread of a document after
	// since, 0 if there is none. With a channel's id it was posted there, or is pending.
	Thread(ctx context.Context, notifier string, document coc.Key, channel string, since time.Time) (int64, error)
	// Contents returns the two texts that a change compares. old is nil if it compares
	// with nothing, both are nil for a change without versions. It fails with
	// coc.ErrErased if one of them was erased.
	Contents(ctx context.Context, change coc.Key) (old, now []byte, err error)
}

// Detail limits how much of a document's content is sent.
type Detail string

const (
	DetailFull    Detail = "full"    // the diff, and values old and new
	DetailOutline Detail = "outline" // what changed and where, without values
	DetailName    Detail = "name"    // the document, the kind, the versions
)

// defaultDigestOver is the number of due changes above which they become one digest.
const defaultDigestOver = 10

// Notifier is a channel with its settings.
type Notifier struct {
	Name    string
	Channel Channel

	Kinds  []coc.Kind // kinds of change that are sent; nil for all
	Detail Detail     // "" is DetailFull, an unknown one DetailName
	// Mask are patterns whose matches are never sent. Secrets are masked always.
	Mask       []*regexp.Regexp
	DigestOver int           // more changes than this become one digest; 0 for the default
	Thread     time.Duration // how long a document's thread is used; 0 for no threads
	Quiet      Quiet
	// New versions in which only these paths (see coc.PathFits), or only the
	// formatting, differ are not sent.
	IgnorePaths      []string
	IgnoreFormatting bool
}

func (n *Notifier) traits() traits {
	if n.Channel == nil {
		return traits{}
	}
	return n.Channel.traits()
}

// Kind returns the kind of the channel, as in the config: slack or webhook.
func (n *Notifier) Kind() string { return n.traits().kind }

// threads reports whether changes are posted in threads.
func (n *Notifier) threads() bool { return n.traits().threads && n.Thread > 0 }

// files reports whether a file can be posted below a message.
func (n *Notifier) files() bool { return n.traits().threads }

func (n *Notifier) wants(k coc.Kind) bool { return n.Kinds == nil || slices.Contains(n.Kinds, k) }

func (n *Notifier) full() bool { return n.Detail == DetailFull || n.Detail == "" }

func (n *Notifier) digestOver() int {
	if n.DigestOver <= 0 {
		return defaultDigestOver
	}
	return n.DigestOver
}

// Sender posts what is due in an outbox. Another process may fill the outbox at the same
// time, but only one Sender may send from it.
type Sender struct {
	Outbox    Outbox
	Notifiers []Notifier
	Operators []string // names of the notifiers that are notified of failures
	Routes    []Route
	People    map[string]Person // by their names in COC
	Links     Links
	Now       func() time.Time // nil for time.Now
	Log       *slog.Logger     // nil to discard
	HTTP      *http.Client     // nil for the default; redirects are refused in any case
	// Observe is called after each post with its outcome, one of Outcomes; may be nil.
	Observe func(notifier, outcome string)

	mu    sync.Mutex
	paces map[string]*pace // by traits.pace
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

// Quiet are hours of the day in which changes are held back, to become a digest
// afterwards. They may span midnight. The zero value is none.
type Quiet struct {
	From, To time.Duration // since midnight, local time
	In       *time.Location
	Except   []coc.Kind // not held back
}

// bounds returns the quiet hours that a time is in, or else the last ones before it. ok is
// false if there are none.
func (q *Quiet) bounds(now time.Time) (from, to time.Time, ok bool) {
	if q.From == q.To {
		return from, to, false
	}
	in := q.In
	if in == nil {
		in = time.UTC
	}
	y, m, d := now.In(in).Date()
	for day := d; ; day-- {
		// Date accepts any hour, also on days on which the clock changes.
		from = time.Date(y, m, day, 0, int(q.From.Minutes()), 0, 0, in)
		end := day
		if q.To < q.From {
			end++
		}
		to = time.Date(y, m, end, 0, int(q.To.Minutes()), 0, 0, in)
		if !from.After(now) {
			return from, to, true
		}
	}
}

// until returns the end of the quiet hours that a time is in, or zero.
func (q *Quiet) until(now time.Time) time.Time {
	if _, to, ok := q.bounds(now); ok && now.Before(to) {
		return to
	}
	return time.Time{}
}

// delayed reports whether something that was due then was held back by quiet hours, which
// are over.
func (q *Quiet) delayed(due, now time.Time) bool {
	from, to, ok := q.bounds(now)
	return ok && !now.Before(to) && due.Before(to) && !due.Before(from)
}
