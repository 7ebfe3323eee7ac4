package query

import (
	"context"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Message is a message to a notifier.
type Message struct {
	ID         int64            `json:"id"`
	Notifier   string           `json:"notifier"`
	Kind       coc.MessageKind  `json:"kind"`
	State      coc.MessageState `json:"state"`
	DocumentID Text             `json:"document_id"` // null: of several documents, or of none
	Name       Text             `json:"name"`
	Changes    []string         `json:"changes"` // 41, or prod/41
	Text       string           `json:"text"`
	Attempts   int              `json:"attempts"`
	CreatedAt  Time             `json:"created_at"`
	NextAt     Time             `json:"next_at"` // null if it is not tried again
	SentAt     Time             `json:"sent_at"`
	ParentID   Number           `json:"parent_id"` // the message that it follows in a thread
	Channel    Text             `json:"channel"`   // that it was posted to, and
	TS         Text             `json:"ts"`        // its timestamp there, if Slack returned one
	Error      Text             `json:"error"`
}

// noLimit is SQLite's LIMIT for all rows.
const noLimit = -1

// Messages returns the messages that are pending or failed, or with all also the sent ones,
// newest first; at most limit, or all for 0.
func (a *Archive) Messages(ctx context.Context, all bool, limit int) ([]Message, error) {
	if limit == 0 {
		limit = noLimit
	}
	messages, err := a.db.Messages(ctx, all, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Message, len(messages))
	for i, m := range messages {
		var doc db.Document
		if !m.Document.IsZero() {
			if doc, err = a.db.ByKey(ctx, m.Document); err != nil {
				return nil, err
			}
		}
		out[i] = Message{
			ID: m.ID, Notifier: m.Notifier, Kind: m.Kind, State: m.State, DocumentID: Text(doc.DocumentID), Name: Text(doc.Name),
			Changes: m.Changes, Text: m.Text, Attempts: m.Attempts, CreatedAt: Time{m.CreatedAt}, SentAt: Time{m.SentAt},
			ParentID: Number(m.Parent), Channel: Text(m.Channel), TS: Text(m.TS), Error: Text(m.Err),
		}
		if m.State == coc.Waiting {
			out[i].NextAt.Time = m.NextAt
		}
	}
	return out, nil
}
