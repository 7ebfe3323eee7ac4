package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// Channel is a kind of receiver. Slack, SlackWebhook and Webhook implement it; a new kind
// needs these methods and nothing else.
type Channel interface {
	traits() traits
	// compose drafts the messages of a batch.
	compose(ctx context.Context, b *batch) error
	// post posts a frozen message once, in the thread that it names. The error is a
	// *refusal.
	post(ctx context.Context, c *client, m coc.Message) (receipt, error)
	// classify returns what a response means that is not a success.
	classify(r response) *refusal
	// check returns, without posting, whom the receiver identifies cocsync as; "" if that is
	// not possible.
	check(ctx context.Context, c *client) (string, error)
}

// traits describe a channel to the notifier.
type traits struct {
	kind string // slack or webhook, as in the config
	// pace names the limit that the channel shares with others; "" if it shares none.
	pace  string
	every time.Duration // between two posts
	name  string        // of the channel, as the settings give it; "" for none
	// id is the channel's own id, which a message reports where it was posted; "" if it
	// is not known.
	id      string
	threads bool // messages can have replies and files below them
	// structured means that a program reads the messages: each change is one event,
	// without a digest or a fallback in plain text.
	structured bool
}

// receipt is where a message was posted; empty where the channel does not say.
type receipt struct{ channel, ts string }

// postTimeout bounds one call. A call that exceeds it may have succeeded: the message is
// posted again, with the same change id.
const postTimeout = 30 * time.Second

// post posts a frozen message once. The error is a *refusal.
func (s *Sender) post(ctx context.Context, n *Notifier, m coc.Message) (receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	at, err := n.Channel.post(ctx, s.client(), m)
	if s.Observe != nil {
		s.Observe(n.Name, outcome(ctx, err))
	}
	return at, err
}

// Check returns, without posting, whom the receiver of a notifier identifies cocsync as. If
// that is not possible, the result says so.
func (s *Sender) Check(ctx context.Context, name string) (string, error) {
	n, err := s.notifier(name)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	who, err := n.Channel.check(ctx, s.client())
	if err != nil {
		return "", fmt.Errorf("check %s: %w", name, advised(err))
	}
	return cmp.Or(who, "a webhook cannot be checked without posting; cocsync notify test "+name+" posts samples"), nil
}

// class is what a refusal means for the next attempts. Its value is the outcome of the
// post.
type class string

const (
	network     class = "network"         // no complete response, or no secret to post with: the same message again
	serverError class = "server_error"    // a 5xx, perhaps caused by this message: the same message again
	limited     class = "throttled"       // 429: the whole channel is paused
	channel     class = "channel_refused" // every message is refused until a person fixes something
	message     class = "message_refused" // only this message is refused
	unknown     class = "unknown"         // an error code that is not known here
)

const (
	outcomeOK      = "ok"
	outcomeStopped = "stopped" // interrupted by the end of the process
)

// Outcomes are all values that Observe may get.
func Outcomes() []string {
	return []string{outcomeOK, string(limited), string(serverError), string(network), string(channel), string(message), outcomeStopped}
}

// outcome returns the outcome of a post within ctx.
func outcome(ctx context.Context, err error) string {
	r, ok := errors.AsType[*refusal](err)
	switch {
	case err == nil:
		return outcomeOK
	case errors.Is(ctx.Err(), context.Canceled):
		return outcomeStopped
	case !ok:
		return string(network)
	case r.class == unknown:
		return string(message)
	}
	return string(r.class)
}

// refusal is why a post failed.
type refusal struct {
	class class
	why   string
	fix   string        // what a person can do about it; "" for nothing
	wait  time.Duration // of limited; 0 if the response did not say
	// advice is what a person can do where the error does not say it, because another
	// attempt may succeed without a person.
	advice string
	thread bool   // the message's thread was deleted or locked
	code   string // Slack's error code; "" if there is none
}

func (r *refusal) Error() string {
	if r.fix == "" {
		return r.why
	}
	return r.why + ": " + r.fix
}

// secretUnreadable is the refusal of a secret that cannot be read now.
func secretUnreadable(what string, err error) *refusal {
	return &refusal{class: network, why: "read the " + what + ": " + err.Error(), advice: hint.Of(err)}
}

// advised returns a refusal as an error with a hint, for commands that a person runs.
// Other errors are returned unchanged.
func advised(err error) error {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return err
	}
	advice := cmp.Or(r.fix, r.advice)
	switch {
	case advice != "":
	case r.class == limited:
		advice = "wait a minute and try again"
	case r.class == serverError:
		advice = "the receiver itself fails: try again later; Slack reports its own failures on https://slack-status.com"
	case r.class == unknown:
		advice = "see https://docs.slack.dev/reference/methods/chat.postMessage for this error"
	}
	return hint.Wrap(errors.New(r.why), advice)
}
