package notify

import (
	"context"
	"fmt"
)

// Check asks Slack, without posting anything, whether it knows a notifier's
// token, and says whom Slack takes cocsync for. A webhook can't be asked: it
// answers to posts alone.
func (s *Sender) Check(ctx context.Context, name string) (string, error) {
	n, err := s.notifier(name)
	if err != nil {
		return "", err
	}
	unasked := "a webhook can't be checked without posting; cocsync notify test " + name + " posts samples"
	switch {
	case n.Hook != nil:
		if _, err := n.Hook.URL(); err != nil {
			return "", fmt.Errorf("check %s: read the URL: %w", name, err)
		}
		if _, err := n.Hook.Key(); err != nil {
			return "", fmt.Errorf("check %s: read the secret: %w", name, err)
		}
		return unasked, nil
	case n.Webhook != nil:
		if _, err := n.Webhook(); err != nil {
			return "", fmt.Errorf("check %s: read the webhook: %w", name, err)
		}
		return unasked, nil
	}
	who, err := s.whoami(ctx, n)
	if err != nil {
		return "", fmt.Errorf("check %s: %w", name, advised(err))
	}
	return who, nil
}
