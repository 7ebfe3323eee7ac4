package web

import (
	"context"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// delivery is a change for one notifier.
type delivery struct {
	Notifier    pieces
	State, What string    // sent; "in the channel"
	At          time.Time // when it was sent, or is tried next
	Tries       int       // how often it was attempted, unless once was enough
	Channel, TS pieces
	Err, Quote  pieces
	Held        pieces // why the channel is on hold
}

// deliveries reads the deliveries of the change.
func (b *changePage) deliveries(ctx context.Context, q *pageRequest, c coc.Change) error {
	list, err := q.Deliveries(ctx, c)
	for _, x := range list {
		b.Deliveries = append(b.Deliveries, newDelivery(x))
	}
	switch {
	case len(list) > 0:
	case c.Backfill:
		b.NoDelivery = "No one was notified: it is from before the initial sync."
	default:
		b.NoDelivery = "No one was notified: when it was recorded, no watch and no route named a notifier for it."
	}
	return err
}

func newDelivery(x query.Delivery) delivery {
	t := delivery{Held: visible(x.OnHold, ""), Notifier: visible(x.Notifier, ""), State: x.State, At: x.DueAt}
	m := x.Message
	if m == nil {
		if x.State == "dropped" {
			t.What, t.At = "the configuration excluded it", time.Time{}
		}
		return t
	}
	t.What, t.Err, t.Quote, t.Channel, t.TS = role(m), visible(m.Err, ""), visible(m.Text, "\n"), visible(m.Channel, ""), visible(m.TS, "")
	if m.State == coc.Waiting {
		t.State, t.What, t.At = string(coc.Waiting), "to be sent "+t.What, m.NextAt
	}
	if !m.SentAt.IsZero() {
		t.At = m.SentAt
	}
	if m.Attempts > 1 || m.State != coc.Sent {
		t.Tries = m.Attempts
	}
	return t
}

// role says which part a message plays in its channel.
func role(m *coc.Message) string {
	where := map[coc.MessageKind]string{
		coc.MessageRoot: "in the channel", coc.MessageReply: "in a thread", coc.MessageDigest: "in a digest", coc.MessageFile: "as a file",
	}[m.Kind]
	if m.Plain {
		where += ", as plain text"
	}
	return where
}

// Sentence is its state: sent in a thread after 3 attempts.
func (t delivery) Sentence() string {
	s := t.State
	switch {
	case t.State == "dropped":
		return s + ": " + t.What
	case t.What != "":
		s += " " + t.What
	}
	if t.Tries > 0 {
		s += " after " + text.Plural(t.Tries, "attempt")
	}
	return s
}
