package notify

import (
	"context"
	"errors"
)

// What became of a post.
const (
	outcomeOK             = "ok"
	outcomeThrottled      = "throttled"       // too many posts
	outcomeServerError    = "server_error"    // 5xx
	outcomeNetwork        = "network"         // no whole answer, or no secret to post with
	outcomeChannelRefused = "channel_refused" // nothing gets through until a person fixes something
	outcomeMessageRefused = "message_refused" // this message is at fault, or the word is not known
	outcomeStopped        = "stopped"         // cut off at the end of the process
)

// Outcomes are all that Observe may hear.
func Outcomes() []string {
	return []string{outcomeOK, outcomeThrottled, outcomeServerError, outcomeNetwork, outcomeChannelRefused,
		outcomeMessageRefused, outcomeStopped}
}

// observe tells what became of a post within ctx.
func (s *Sender) observe(ctx context.Context, n *Notifier, err error) {
	if s.Observe != nil {
		s.Observe(n.Name, outcome(ctx, err))
	}
}

func outcome(ctx context.Context, err error) string {
	var r *refusal
	switch {
	case err == nil:
		return outcomeOK
	case errors.Is(ctx.Err(), context.Canceled):
		return outcomeStopped
	case !errors.As(err, &r):
		return outcomeNetwork
	}
	switch r.class {
	case limited:
		return outcomeThrottled
	case channel:
		return outcomeChannelRefused
	case message, unknown:
		return outcomeMessageRefused
	}
	if r.fault {
		return outcomeServerError
	}
	return outcomeNetwork
}
