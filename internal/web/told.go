package web

import (
	"context"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// told is how a change was told to one notifier.
type told struct {
	Notifier    pieces
	State, What string    // sent; "in the channel"
	At          time.Time // when it was sent, or is tried next
	Tries       int       // how often it was attempted, unless once was enough
	Channel, TS pieces
	Err, Quote  pieces
	Held        pieces // why the whole channel waits
}

// telling finds who was told.
func (b *changePage) telling(ctx context.Context, q *question, c coc.Change) error {
	list, err := q.DB.Told(ctx, c.ID)
	if err != nil {
		return err
	}
	for _, x := range list {
		t := newTold(x)
		if t.State == string(coc.Waiting) {
			held, _, err := q.DB.Held(ctx, x.Notifier)
			if err != nil {
				return err
			}
			t.Held = visible(held, "")
		}
		b.Told = append(b.Told, t)
	}
	switch {
	case len(list) > 0:
	case c.Backfill:
		b.NotTold = "Nobody was told: it is history from before cocsync first looked, and that is silent."
	default:
		b.NotTold = "Nobody was told: when it came, no watch and no route named a notifier for it."
	}
	return nil
}

func newTold(x db.Told) told {
	t := told{Notifier: visible(x.Notifier, ""), State: x.State, At: x.DueAt}
	m := x.Message
	if m == nil {
		if x.State == "dropped" {
			t.What, t.At = "the configuration had it left out", time.Time{}
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

// Sentence says how it stands: sent in a thread after 3 attempts.
func (t told) Sentence() string {
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
