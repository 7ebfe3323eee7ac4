package cocsim

import (
	"net/http"
	"strings"
)

// webhook posts to the first channel. Its errors are plain text with a status:
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
func (s *Slack) webhook(r *http.Request, body []byte) reply {
	if r.URL.Path != s.opts.WebhookPath || r.Method != http.MethodPost {
		return plainText(http.StatusNotFound, "no_service")
	}
	m := Message{Channel: s.opts.Channels[0]}
	if code := s.refused[m.Channel]; code != "" {
		return webhookRefusal(code)
	}
	args, ok := jsonArguments(body)
	if !ok {
		return plainText(http.StatusBadRequest, "invalid_payload")
	}
	if wait := s.wait(m.Channel); wait > 0 {
		p := rateLimited(wait)
		p.body = []byte("rate_limited")
		return p.with("Content-Type", "text/html")
	}
	if code, _ := m.fill(args); code != "" {
		return plainText(http.StatusBadRequest, code)
	}
	m.ThreadTS = args.Get("thread_ts")
	if s.thread(m.Channel, m.ThreadTS) != "" {
		return plainText(http.StatusBadRequest, "invalid_payload")
	}
	m.Unfurl = args.Get("unfurl_links") != "false"
	m.Parse = args.Get("parse")
	s.store(m)
	return plainText(http.StatusOK, "ok")
}

// webhookRefusal is a channel's refusal in the format of webhooks.
func webhookRefusal(code string) reply {
	switch code {
	case "is_archived":
		return plainText(http.StatusGone, "channel_is_archived")
	case "no_service", "no_active_hooks", "channel_not_found":
		return plainText(http.StatusNotFound, code)
	}
	return plainText(http.StatusForbidden, "action_prohibited")
}

func plainText(status int, text string) reply {
	return reply{status: status, body: []byte(strings.TrimSpace(text))}.with("Content-Type", "text/html")
}
