package notify

import (
	"context"
	"fmt"
	"time"

	"cocsync/internal/coc"
)

// Test posts a test message to a notifier straight away, past the outbox. When
// it gets through, a held channel is free again. The error says how to mend it.
func (s *Sender) Test(ctx context.Context, name string) error {
	n, err := s.notifier(name)
	if err != nil {
		return err
	}
	w := &writer{n: n, mask: newMask(n.Mask)}
	blocks, text := w.notice(&coc.Notice{Kind: coc.NoticeTest, At: s.now(), Title: "cocsync can post here",
		Lines: []string{"This is a test of the notifier " + name + ". Changes of its documents will be told here."}})
	var d draft
	if err := d.add(name, coc.MessageNotice, 0, blocks, text); err != nil {
		return err
	}
	if _, _, err := s.post(ctx, n, d.msgs[0]); err != nil {
		return fmt.Errorf("post a test message to %s: %w", name, err)
	}
	return s.Outbox.Hold(ctx, name, "", time.Time{})
}

// Check asks Slack, without posting anything, whether it knows a notifier's
// token, and says whom Slack takes cocsync for. A webhook can't be asked: it
// answers to posts alone.
func (s *Sender) Check(ctx context.Context, name string) (string, error) {
	n, err := s.notifier(name)
	if err != nil {
		return "", err
	}
	if n.Webhook != nil {
		if _, err := n.Webhook(); err != nil {
			return "", fmt.Errorf("check %s: read the webhook: %w", name, err)
		}
		return "a webhook can't be checked without posting; cocsync notify test " + name + " posts a test message", nil
	}
	who, err := s.whoami(ctx, n)
	if err != nil {
		return "", fmt.Errorf("check %s: %w", name, err)
	}
	return who, nil
}
