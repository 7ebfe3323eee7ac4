package answer

import (
	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Message is a message as notify list tells it.
type Message struct {
	ID         int64   `json:"id"`
	Notifier   string  `json:"notifier"`
	Kind       string  `json:"kind"`
	State      string  `json:"state"`
	DocumentID *string `json:"document_id"` // null: of several documents, or of none
	Name       *string `json:"name"`
	Changes    []int64 `json:"changes"`
	Text       string  `json:"text"`
	Attempts   int     `json:"attempts"`
	CreatedAt  *string `json:"created_at"`
	NextAt     *string `json:"next_at"` // null when it is not tried again
	SentAt     *string `json:"sent_at"`
	ParentID   *int64  `json:"parent_id"` // the message that it follows in a thread
	Channel    *string `json:"channel"`   // where it landed, and
	TS         *string `json:"ts"`        // under which timestamp, where Slack says so
	Error      *string `json:"error"`
}

// NewMessage makes the answer of a message; doc is the document it is about, if it is
// about one.
func NewMessage(m coc.Message, doc db.Document) Message {
	out := Message{
		ID: m.ID, Notifier: m.Notifier, Kind: string(m.Kind), State: string(m.State),
		DocumentID: orNull(doc.DocumentID), Name: orNull(doc.Name), Changes: append([]int64{}, m.Changes...), Text: m.Text,
		Attempts: m.Attempts, CreatedAt: Time(m.CreatedAt), SentAt: Time(m.SentAt), Error: orNull(m.Err),
		Channel: orNull(m.Channel), TS: orNull(m.TS),
	}
	if m.Parent != 0 {
		out.ParentID = &m.Parent
	}
	if m.State == coc.Waiting {
		out.NextAt = Time(m.NextAt)
	}
	return out
}
