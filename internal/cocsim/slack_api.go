package cocsim

import (
	"encoding/json"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"
)

// Slack's rate: about one message a second for each channel with short bursts
// (https://docs.slack.dev/apis/web-api/rate-limits). The burst is a guess: Slack does not
// document it.
const (
	postBurst = 3
	postEvery = time.Second
)

// maxText is where Slack truncates a text:
// https://docs.slack.dev/reference/methods/chat.postMessage#truncating
const maxText = 40_000

// method runs one method of the Web API.
func (s *Slack) method(r *http.Request, name string, body []byte) reply {
	s.calls[name]++
	args, ok := arguments(r, body)
	if !ok {
		return refuse("invalid_form_data")
	}
	if code := s.authenticate(r, args); code != "" {
		return refuse(code)
	}
	switch name {
	case "auth.test":
		return accept(map[string]any{
			"url": "https://example.slack.com/", "team": "Example", "user": "cocsync",
			"team_id": "T00000000", "user_id": "U00000000", "bot_id": "B00000000",
		})
	case "chat.postMessage":
		return s.post(args)
	case "files.getUploadURLExternal":
		return s.uploadURL(r, args)
	case "files.completeUploadExternal":
		return s.complete(args)
	}
	return refuse("unknown_method")
}

func (s *Slack) authenticate(r *http.Request, args url.Values) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		token = args.Get("token")
	}
	switch {
	case token == "":
		return "not_authed"
	case s.opts.Token != "" && token != s.opts.Token:
		return "invalid_auth"
	}
	return s.refused[""]
}

// arguments parses a form, or a JSON object whose nested values stay JSON.
func arguments(r *http.Request, body []byte) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		form, err := url.ParseQuery(string(body))
		for name, values := range r.URL.Query() {
			form[name] = append(form[name], values...)
		}
		return form, err == nil
	}
	return jsonArguments(body)
}

// jsonArguments parses a JSON object.
func jsonArguments(body []byte) (url.Values, bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return nil, false
	}
	args := url.Values{}
	for name, raw := range object {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		args.Set(name, text)
	}
	return args, true
}

// accept is a successful response with some fields.
func accept(fields map[string]any) reply {
	fields["ok"] = true
	return reply{status: http.StatusOK, body: encode(fields)}
}

// refuse is an error in Slack's format; why is Slack's explanation.
func refuse(code string, why ...string) reply {
	fields := map[string]any{"ok": false, "error": code}
	if len(why) > 0 {
		fields["response_metadata"] = map[string]any{"messages": why}
	}
	return reply{status: http.StatusOK, body: encode(fields)}
}

// rateLimited is the response to a call above the rate limit.
func rateLimited(wait time.Duration) reply {
	p := refuse("ratelimited")
	p.status = http.StatusTooManyRequests
	return p.with("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}

// channel returns why nothing can be posted there, "" if it can.
func (s *Slack) channel(id string) string {
	if !slices.Contains(s.opts.Channels, id) {
		return "channel_not_found"
	}
	return s.refused[id]
}

// wait returns how long a post to the channel must wait.
func (s *Slack) wait(channel string) time.Duration {
	if !s.opts.EnforceRate {
		return 0
	}
	if s.posts[channel] == nil {
		s.posts[channel] = rate.NewLimiter(rate.Every(postEvery), postBurst)
	}
	now := s.now()
	turn := s.posts[channel].ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait > 0 {
		turn.CancelAt(now)
	}
	return wait
}

func (s *Slack) post(args url.Values) reply {
	m := Message{
		Channel: args.Get("channel"), ThreadTS: args.Get("thread_ts"),
		Unfurl: args.Get("unfurl_links") != "false", Parse: args.Get("parse"),
	}
	if code := s.channel(m.Channel); code != "" {
		return refuse(code)
	}
	if wait := s.wait(m.Channel); wait > 0 {
		return rateLimited(wait)
	}
	if code, why := m.fill(args); code != "" {
		return refuse(code, why...)
	}
	if code := s.thread(m.Channel, m.ThreadTS); code != "" {
		return refuse(code)
	}
	return posted(s.store(m))
}

// posted is the response with a message.
func posted(m Message) reply {
	return accept(map[string]any{
		"channel": m.Channel, "ts": m.TS, "text": m.Text,
		"message": map[string]any{"type": "message", "ts": m.TS, "thread_ts": m.ThreadTS, "text": m.Text, "bot_id": "B00000000"},
	})
}

// fill sets text and blocks from the arguments, or returns an error.
func (m *Message) fill(args url.Values) (code string, why []string) {
	text, blocks := args.Get("text"), args.Get("blocks")
	if !utf8.ValidString(text) {
		return "invalid_arguments", nil
	}
	if utf8.RuneCountInString(text) > maxText {
		text = string([]rune(text)[:maxText])
	}
	m.Text, m.Blocks = text, nil
	if blocks != "" && blocks != "[]" && blocks != "null" {
		if code, why := checkBlocks([]byte(blocks)); code != "" {
			return code, why
		}
		m.Blocks = json.RawMessage(blocks)
	}
	if strings.TrimSpace(text) == "" && m.Blocks == nil {
		return "no_text", nil
	}
	return "", nil
}

// thread returns why nothing can be posted in a thread.
func (s *Slack) thread(channel, ts string) string {
	if ts == "" {
		return ""
	}
	i := s.message(channel, ts)
	switch {
	case i < 0:
		return "thread_not_found"
	case s.messages[i].ThreadTS != "":
		return "cannot_reply_to_message"
	}
	return ""
}
