package web

import (
	"context"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// delivery is the notification of a change by one notifier.
type delivery struct {
	Notifier    pieces
	State, What string    // "sent", "in the channel"
	At          time.Time // when it was sent, or the next attempt
	Tries       int       // number of attempts; 0 if the first one succeeded
	Channel, TS pieces
	Err, Quote  pieces
	Held        pieces // why the channel is on hold
}

// deliveries loads the deliveries of the change.
func (b *changePage) deliveries(ctx context.Context, q *pageRequest, c coc.Change) error {
	list, err := q.Deliveries(ctx, c)
	for _, x := range list {
		b.Deliveries = append(b.Deliveries, newDelivery(x))
	}
	switch {
	case len(list) > 0:
	case c.Backfill:
		b.NoDelivery = "No one was notified: the change was made before the initial sync."
	default:
		b.NoDelivery = "No one was notified: no watch or route named a notifier for the change when it was recorded."
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

// role describes where and how a message is posted.
func role(m *coc.Message) string {
	where := map[coc.MessageKind]string{
		coc.MessageRoot: "in the channel", coc.MessageReply: "in a thread", coc.MessageDigest: "in a digest", coc.MessageFile: "as a file",
	}[m.Kind]
	if m.Plain {
		where += ", as plain text"
	}
	return where
}

// Sentence describes the state, such as "sent in a thread after 3 attempts".
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
