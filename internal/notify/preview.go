package notify

import (
	"context"
	"encoding/json"

	"cocsync/internal/coc"
)

// Preview is a message that would be sent to a notifier.
type Preview struct {
	Notifier string
	Channel  string // "" if only the notifier's URL says which
	Kind     coc.MessageKind
	Text     string          // what phones and screen readers show, in Slack's markup
	Blocks   json.RawMessage // Block Kit; nil if the message has none
	Event    json.RawMessage // the event of a webhook, else nil
	FileName string
	File     string // the file's content
}

// Preview returns the messages that a notifier would be sent about one change, if it were
// sent alone, outside quiet hours and threads; none if it would not be sent. It posts
// nothing.
func (s *Sender) Preview(ctx context.Context, d coc.Delivery) (list []Preview, _ error) {
	n, err := s.notifier(d.Notifier)
	if err != nil {
		return nil, err
	}
	wanted, mention, _ := s.decide(ctx, &d)
	if !wanted {
		return nil, nil
	}
	b := s.batch(n)
	b.fresh, b.changes = true, []alert{{d, mention}}
	if err := n.Channel.compose(ctx, b); err != nil {
		return nil, err
	}
	for _, m := range b.drafts {
		p := Preview{Notifier: n.Name, Channel: n.traits().name, Kind: m.Kind, Text: m.Text}
		var f file
		switch {
		case n.traits().structured:
			p.Event = m.Body
		case m.Kind == coc.MessageFile:
			if err := json.Unmarshal(m.Body, &f); err != nil {
				return nil, err
			}
			p.FileName, p.File = f.Name, f.Content
		default:
			p.Blocks = m.Body
		}
		list = append(list, p)
	}
	return list, nil
}
