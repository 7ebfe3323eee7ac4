package web

import (
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// delivery is the notification of a change by one notifier.
type delivery struct {
	query.Delivery
	State, What string    // "sent", "in the channel"
	At          time.Time // when it was sent, or the next attempt
}

func newDelivery(x query.Delivery) delivery {
	t := delivery{Delivery: x, State: x.State, At: x.DueAt}
	m := x.Message
	switch {
	case m != nil && m.State == coc.Waiting:
		t.State, t.What, t.At = string(coc.Waiting), "to be sent "+role(m), m.NextAt
	case m != nil:
		t.What = role(m)
	case x.State == "dropped":
		t.What, t.At = "the configuration excluded it", time.Time{}
	}
	if m != nil && !m.SentAt.IsZero() {
		t.At = m.SentAt
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
	m := t.Message
	switch {
	case t.State == "dropped":
		return t.State + ": " + t.What
	case m == nil:
		return t.State
	case m.Attempts > 1 || m.Attempts > 0 && m.State != coc.Sent:
		return t.State + " " + t.What + " after " + text.Plural(m.Attempts, "attempt")
	}
	return t.State + " " + t.What
}
