package notify

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// blockKit is what Slack's channels share: messages in blocks, and error codes.
type blockKit struct{}

func (blockKit) compose(ctx context.Context, b *batch) error { return b.composeBlocks(ctx) }

// classify reads Slack's error code, and the status where the code is not known.
func (blockKit) classify(res response) *refusal {
	r := classifyCode(errorCode(res.body))
	r.wait = res.retryAfter
	if r.class != unknown || res.status == 0 {
		return r
	}
	r.why = strings.TrimSpace(fmt.Sprintf("status %d %s", res.status, r.code))
	switch status := res.status; {
	case status == http.StatusTooManyRequests:
		r.class, r.why = limited, "rate limited"
	case status >= 500, status == http.StatusRequestTimeout:
		r.class = serverError
	case status >= 200 && status < 400:
		r.class, r.fix = channel, "this response is not from Slack; check the URL in the config, and proxies"
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		r.class = message
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusGone:
		r.class, r.fix = channel, "check the secret and the URL in the config"
	}
	return r
}

// errorCode returns Slack's error code in a body, "" for another text.
func errorCode(body string) string {
	body = strings.TrimSpace(body)
	if len(body) > 60 || strings.IndexFunc(body, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) >= 0 {
		return ""
	}
	return body
}

// classifyCode reads an error code of
// https://docs.slack.dev/reference/methods/chat.postMessage/#errors and
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling_errors
func classifyCode(code string) *refusal {
	r := &refusal{class: channel, why: code, code: code}
	switch code {
	case "":
		r.class, r.why = unknown, "the response has no error code"
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "invalid_token", "not_allowed_token_type":
		r.fix = "the bot token is no longer valid; install the app again and give cocsync its new bot token (xoxb-…)"
	case "missing_scope", "no_permission":
		r.fix = "give the app the scope chat:write and install it again"
	case "not_in_channel":
		r.fix = "invite the bot into the channel with /invite"
	case "channel_not_found":
		r.fix = "give the channel's id (C…) in the config, and invite the bot if the channel is private"
	case "is_archived", "channel_is_archived":
		r.fix = "restore the channel or name another in the config"
	case "no_service", "no_service_id", "no_active_hooks", "no_team", "team_disabled", "user_not_found":
		r.fix = "the webhook was removed; create a new one and give cocsync its URL"
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
		r.class = serverError
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "invalid_payload", "no_text",
		"invalid_arguments", "invalid_attachments", "too_many_attachments", "attachment_payload_limit_exceeded", "invalid_array_arg":
		r.class = message
	case "thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_action_thread_locked":
		r.class, r.thread = unknown, true
	default:
		r.class = unknown
	}
	return r
}

const notSlackAdvice = "Slack did not send this: check api_url, and for a proxy or network login page between this machine and Slack"

// notSlack is the refusal of a 200 that Slack did not send. The message is posted again
// later, so that the login page of a network loses none.
func notSlack(body []byte) *refusal {
	what := "another text"
	switch {
	case len(body) == 0:
		what = "an empty response"
	case body[0] == '<':
		what = "a page of HTML or XML"
	case body[0] == '{':
		what = "truncated JSON"
	}
	return &refusal{class: network, why: "status 200 with " + what + " instead of Slack's JSON", fix: notSlackAdvice}
}
