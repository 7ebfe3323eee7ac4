package notify

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"cocsync/internal/hint"
)

// class says what a failed post means for what comes next.
type class int

const (
	later   class = iota // a time-out, 5xx, a broken connection: the same message again
	limited              // 429: the whole channel waits
	channel              // nothing gets through until a person fixes something
	message              // this message is at fault, others may pass
	unknown              // a refusal in a word that is not known here
)

// refusal is why a post did not go through.
type refusal struct {
	class class
	why   string
	fix   string        // what a person can do about it; "" for nothing
	wait  time.Duration // of limited; 0 when Slack did not say
	// advice is what a person can do where the text does not say it, because another
	// attempt may go through without a person.
	advice string
	fault  bool // of later: Slack answered with a 5xx, perhaps because of this very message
}

func (r *refusal) Error() string {
	if r.fix == "" {
		return r.why
	}
	return r.why + ": " + r.fix
}

// advised returns a refusal as an error with a hint, for the commands that a person
// waits for. Other errors stay as they are.
func advised(err error) error {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return err
	}
	advice := cmp.Or(r.fix, r.advice)
	switch {
	case advice != "":
	case r.class == limited:
		advice = "wait a minute and try again"
	case r.fault:
		advice = "the receiver itself fails: try again later; Slack reports its own failures on https://slack-status.com"
	case r.class == unknown:
		advice = "see https://docs.slack.dev/reference/methods/chat.postMessage for this error"
	}
	return hint.Wrap(errors.New(r.why), advice)
}

// judge reads Slack's word for an error. The words are those of
// https://docs.slack.dev/reference/methods/chat.postMessage/#errors and
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling_errors
func judge(word string) *refusal {
	r := &refusal{class: channel, why: word}
	switch word {
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "invalid_token", "not_allowed_token_type":
		r.fix = "the bot token is no longer good; install the app again and give cocsync its new bot token (xoxb-…)"
	case "missing_scope", "no_permission":
		r.fix = "give the app the scope chat:write and install it again"
	case "not_in_channel":
		r.fix = "invite the bot into the channel with /invite"
	case "channel_not_found":
		r.fix = "give the channel's id (C…) in the config, and invite the bot if the channel is private"
	case "is_archived", "channel_is_archived":
		r.fix = "restore the channel or name another in the config"
	case "no_service", "no_service_id", "no_active_hooks", "no_team", "team_disabled", "user_not_found":
		r.fix = "the webhook is gone; make a new one and give cocsync its URL"
	case "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
		"restricted_action_non_threadable_channel", "action_prohibited", "posting_to_general_channel_denied", "messages_tab_disabled":
		r.fix = "an admin of the workspace must allow posting there, or name another channel in the config"
	case "ekm_access_denied", "access_denied", "team_access_not_granted", "enterprise_is_restricted", "org_login_required",
		"two_factor_setup_required", "message_limit_exceeded", "method_deprecated", "deprecated_endpoint", "unknown_method",
		"invalid_post_type", "missing_post_type", "invalid_form_data":
		r.fix = "ask an admin of the workspace"
	case "ratelimited", "rate_limited":
		r.class = limited
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "rollup_error":
		r.class, r.fault = later, true
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "invalid_payload", "no_text",
		"invalid_arguments", "invalid_attachments", "too_many_attachments", "attachment_payload_limit_exceeded", "invalid_array_arg":
		r.class = message
	default:
		r.class = unknown
	}
	return r
}

// judgeStatus reads an answer's status where its body has no word that is known.
func judgeStatus(status int, word string) *refusal {
	if r := judge(word); r.class != unknown {
		return r
	}
	r := &refusal{class: unknown, why: fmt.Sprintf("status %d", status)}
	if word != "" {
		r.why += " " + word
	}
	switch {
	case status == http.StatusTooManyRequests:
		r.class = limited
	case status >= 500, status == http.StatusRequestTimeout:
		r.class, r.fault = later, true
	case status >= 200 && status < 400:
		r.class, r.fix = channel, "that is not how Slack answers; check the URL in the config, and proxies"
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		r.class = message
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusGone:
		r.class, r.fix = channel, "check the secret and the URL in the config"
	}
	return r
}

// word makes of an answer's body something that can be shown: Slack's word for
// an error, or nothing.
func word(body string) string {
	body = strings.TrimSpace(body)
	if len(body) > 60 || strings.IndexFunc(body, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) >= 0 {
		return ""
	}
	return body
}
