package notify

import (
	"context"
	"encoding/json"

	"cocsync/internal/coc"
)

// Preview is a message that would go to a notifier.
type Preview struct {
	Notifier string
	Channel  string // "" where the notifier's URL says which
	Kind     coc.MessageKind
	Text     string          // what phones and screen readers show, in Slack's markup
	Blocks   json.RawMessage // Block Kit; nil in others than Slack's messages
	Event    json.RawMessage // what a webhook gets, else nil
	FileName string          // of a file, and
	File     string          // what it holds
}

// Preview returns the messages that a notifier would get of one change if it were
// told by itself, outside quiet hours and threads; none if it would not hear of it.
// It posts nothing.
func (s *Sender) Preview(ctx context.Context, d coc.Delivery) (list []Preview, _ error) {
	n, err := s.notifier(d.Notifier)
	if err != nil {
		return nil, err
	}
	told, mention, _ := s.decide(ctx, &d)
	if !told {
		return nil, nil
	}
	l := s.lane(n)
	out := draft{notifier: n.Name}
	if err := l.draft(ctx, &out, []telling{{d, mention, true}}, l.now()); err != nil {
		return nil, err
	}
	for _, m := range out.msgs {
		p := Preview{Notifier: n.Name, Channel: n.Channel, Kind: m.Kind, Text: m.Text}
		var f file
		switch {
		case n.Hook != nil:
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
