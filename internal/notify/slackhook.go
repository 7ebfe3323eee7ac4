package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"cocsync/internal/coc"
)

// SlackWebhook posts to an incoming webhook of Slack. It does not report where a message
// was posted, so there are no threads or files. It does not use slack-go, which
// loses the reason of a refusal and prints the secret URL.
type SlackWebhook struct {
	blockKit
	URL func() (string, error) // called at each post; secret
}

func (SlackWebhook) traits() traits { return traits{kind: "slack", every: postEvery} }

func (s SlackWebhook) post(ctx context.Context, c *client, m coc.Message) (receipt, error) {
	secret, err := s.URL()
	if err != nil {
		return receipt{}, secretUnreadable("webhook", err)
	}
	body, text := payload(m)
	args := map[string]any{"text": text, "unfurl_links": false, "unfurl_media": false, "mrkdwn": false, "link_names": false, "parse": "none"}
	if body != nil {
		args["blocks"] = json.RawMessage(body)
	}
	request, err := json.Marshal(args)
	if err != nil {
		return receipt{}, errUnreadable()
	}
	res, err := c.post(ctx, secret, "application/json; charset=utf-8", request)
	if err != nil || res.status == http.StatusOK && strings.TrimSpace(res.body) == "ok" {
		return receipt{}, err
	}
	return receipt{}, s.classify(res)
}

func (s SlackWebhook) check(context.Context, *client) (string, error) {
	if _, err := s.URL(); err != nil {
		return "", secretUnreadable("webhook", err)
	}
	return "", nil
}

// payload returns the blocks of a frozen message, nil for none, and its escaped text. A
// file that was refused becomes a message with its fallback.
func payload(m coc.Message) (blocks []byte, text string) {
	switch {
	case m.Plain && m.Kind == coc.MessageFile:
		blocks, _ = json.Marshal([]block{rich(paragraph(span(m.Text)))})
		return blocks, escape(m.Text)
	case m.Plain:
		return nil, mentionsOf(m.Body) + unlink(m.Text)
	}
	return m.Body, m.Text
}

// mentionsOf are the mentions in the blocks of a message, for its plain fallback. Only the
// configuration adds such blocks.
func mentionsOf(body []byte) string {
	var b strings.Builder
	var walk func(list []block)
	walk = func(list []block) {
		for _, e := range list {
			switch {
			case e.UserID != "":
				b.WriteString("<@" + e.UserID + "> ")
			case e.GroupID != "":
				b.WriteString("<!subteam^" + e.GroupID + "> ")
			}
			walk(e.Elements)
		}
	}
	var blocks []block
	if json.Unmarshal(body, &blocks) == nil {
		walk(blocks)
	}
	return b.String()
}

// errUnreadable is the refusal of a message that is damaged in the outbox.
func errUnreadable() *refusal {
	return &refusal{class: message, why: "the stored message cannot be decoded"}
}
