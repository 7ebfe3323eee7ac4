package notify

import (
	"context"
	"encoding/json"

	"cocsync/internal/coc"
)

// Preview is a message that would go to a notifier.
type Preview struct {
	Notifier string
	Channel  string // "" where a webhook says which
	Text     string // what phones and screen readers show, in Slack's markup
	Blocks   json.RawMessage
}

// Preview returns the message that a notifier would get of one change if it were
// told by itself, and posts nothing.
func (s *Sender) Preview(ctx context.Context, name string, c *coc.Change) (Preview, error) {
	n, err := s.notifier(name)
	if err != nil {
		return Preview{}, err
	}
	var out draft
	if err := s.lane(n).single(ctx, &out, coc.Delivery{Notifier: name, Change: c}); err != nil {
		return Preview{}, err
	}
	return Preview{name, n.Channel, out.msgs[0].Text, out.msgs[0].Body}, nil
}
