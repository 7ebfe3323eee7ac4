package audit

import (
	"encoding/json"
	"errors"
	"time"
)

// Delivered is one change that was sent to one notifier.
type Delivered struct {
	Change   int64
	Notifier string
	Channel  string // where it was posted; "" if the receiver does not say
	TS       string // its id there; "" if the receiver does not say
	SentAt   time.Time
}

// deliveredJSON is Delivered in a record.
type deliveredJSON struct {
	Change   int64  `json:"change"`
	Notifier string `json:"notifier"`
	Channel  string `json:"channel,omitempty"`
	TS       string `json:"ts,omitempty"`
	SentAt   int64  `json:"sent_at"` // milliseconds
}

// EncodeDelivered returns the value of the field "sent" of a delivery record.
func EncodeDelivered(list []Delivered) string {
	lines := make([]deliveredJSON, len(list))
	for i, d := range list {
		lines[i] = deliveredJSON{d.Change, d.Notifier, d.Channel, d.TS, d.SentAt.UnixMilli()}
	}
	b, _ := json.Marshal(lines) // cannot fail for texts and numbers
	return string(b)
}

// ParseDelivered parses what EncodeDelivered returns.
func ParseDelivered(field string) ([]Delivered, error) {
	var lines []deliveredJSON
	if err := json.Unmarshal([]byte(field), &lines); err != nil {
		return nil, errors.New("the deliveries of the record cannot be read: " + err.Error())
	}
	list := make([]Delivered, len(lines))
	for i, d := range lines {
		list[i] = Delivered{d.Change, d.Notifier, d.Channel, d.TS, time.UnixMilli(d.SentAt).UTC()}
	}
	return list, nil
}
