package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// Slack posts to one channel of Slack with a bot token.
type Slack struct {
	blockKit
	// Token is called at each post, so that a rotated token is used. Its result is in no
	// log, error or message.
	Token   func() (string, error)
	Channel string // an id is best: an upload accepts no name
	APIURL  string // of the Web API; "" for Slack's own
}

func (s Slack) traits() traits {
	t := traits{kind: "slack", every: postEvery, name: s.Channel, threads: true}
	if s.Channel != "" {
		t.pace = "channel " + s.APIURL + " " + s.Channel
	}
	if regexp.MustCompile(`^[CGD][A-Z0-9]{8,}$`).MatchString(s.Channel) {
		t.id = s.Channel
	}
	return t
}

func (s Slack) post(ctx context.Context, c *client, m coc.Message) (receipt, error) {
	if m.Kind == coc.MessageFile && !m.Plain {
		return s.postFile(ctx, c, m)
	}
	api, token, err := s.api(c)
	if err != nil {
		return receipt{}, err
	}
	body, text := payload(m)
	list, err := options(body, text)
	if err != nil {
		return receipt{}, err
	}
	if m.ThreadTS != "" {
		list = append(list, slack.MsgOptionTS(m.ThreadTS))
	}
	channel, ts, err := api.PostMessageContext(ctx, s.Channel, list...)
	switch {
	case err != nil:
		return receipt{}, s.explain(err, token)
	case ts == "": // "ok": false without an error, or a response of another service
		return receipt{}, &refusal{class: network,
			why: "the response is not Slack's: it has no timestamp"}
	}
	return receipt{channel, ts}, nil
}

// options are the options of a message. Nothing in it becomes a link or a mention
// automatically. text is escaped already.
func options(body []byte, text string) ([]slack.MsgOption, error) {
	list := []slack.MsgOption{
		slack.MsgOptionText(text, false),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionDisableMarkdown(), slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
	}
	if body != nil {
		var blocks []json.RawMessage
		if err := json.Unmarshal(body, &blocks); err != nil {
			return nil, errUnreadable()
		}
		for _, b := range blocks {
			list = append(list, slack.MsgOptionBlocks(frozen(b)))
		}
	}
	return list, nil
}

// frozen is a block as it was stored, byte for byte.
type frozen json.RawMessage

// BlockType and ID make it a slack.Block; posting uses neither.
func (frozen) BlockType() slack.MessageBlockType { return "" }
func (frozen) ID() string                        { return "" }

func (f frozen) MarshalJSON() ([]byte, error) { return f, nil }

// api makes a client of the Web API with the current token.
func (s Slack) api(c *client) (_ *slack.Client, token string, _ error) {
	token, err := s.Token()
	if err != nil {
		return nil, "", secretUnreadable("token", err)
	}
	base := cmp.Or(s.APIURL, slack.APIURL)
	if !strings.HasSuffix(base, "/") {
		base += "/"
	}
	return slack.New(token, slack.OptionAPIURL(base), slack.OptionHTTPClient(apiClient{c})), token, nil
}

// explain turns an error of slack-go into a refusal that contains no secret.
func (s Slack) explain(err error, token string) *refusal {
	var rate *slack.RateLimitedError
	var status slack.StatusCodeError
	var refused slack.SlackErrorResponse
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &rate):
		return s.classify(response{status: http.StatusTooManyRequests, retryAfter: rate.RetryAfter})
	case errors.As(err, &status):
		return s.classify(response{status: status.Code})
	case errors.As(err, &refused):
		r = s.classify(response{body: refused.Err})
		if r.class == message && len(refused.ResponseMetadata.Messages) > 0 {
			r.why += " " + text.Line(redact(refused.ResponseMetadata.Messages[0], token), maxNote)
		}
		return r
	}
	return networkRefusal(err, token)
}

// postFile posts a file below a message, in Slack's three steps.
// https://docs.slack.dev/messaging/working-with-files#upload
func (s Slack) postFile(ctx context.Context, c *client, m coc.Message) (receipt, error) {
	var f file
	if err := json.Unmarshal(m.Body, &f); err != nil || f.Content == "" {
		return receipt{}, &refusal{class: message, why: "the stored file cannot be decoded"}
	}
	api, token, err := s.api(c)
	if err != nil {
		return receipt{}, err
	}
	to := cmp.Or(m.ThreadChannel, s.Channel) // an upload accepts no channel's name
	upload, err := api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: f.Name, FileSize: len(f.Content)})
	if err == nil && (upload.UploadURL == "" || upload.FileID == "") {
		return receipt{}, &refusal{class: network,
			why: "the response is not Slack's: it has no upload URL"}
	}
	if err == nil {
		if err := s.upload(ctx, c, upload.UploadURL, f.Content); err != nil {
			return receipt{}, err
		}
		_, err = api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
			Files: []slack.FileSummary{{ID: upload.FileID, Title: f.Title}}, Channel: to, ThreadTimestamp: m.ThreadTS})
	}
	if err != nil {
		return receipt{}, onlyThisFile(s.explain(err, token))
	}
	return receipt{channel: to}, nil
}

// onlyThisFile makes a refusal of a channel one of this file: the channel accepted the
// message above it.
func onlyThisFile(r *refusal) *refusal {
	if r.class == channel || r.class == unknown {
		r.class = message
	}
	if r.code == "missing_scope" {
		r.fix = "give the app the scope files:write and install it again"
	}
	return r
}

// upload sends the bytes of a file. slack-go would send the token with them.
func (s Slack) upload(ctx context.Context, c *client, address, content string) error {
	if err := s.checkUpload(address); err != nil {
		return err
	}
	res, err := c.post(ctx, address, "application/octet-stream", []byte(content))
	if err != nil {
		return err
	}
	if body := strings.TrimSpace(res.body); res.status == http.StatusOK && strings.HasPrefix(body, "<") {
		return notSlack([]byte(body))
	}
	if res.status == http.StatusOK {
		return nil
	}
	return onlyThisFile(s.classify(response{status: res.status, retryAfter: res.retryAfter}))
}

// checkUpload refuses an address for a file's bytes that is neither Slack's nor on the
// host of the Web API: anyone who can forge one response must not choose where a runbook's
// content is sent. Slack's addresses are on files.slack.com and, for GovSlack, on
// files.slack-gov.com.
func (s Slack) checkUpload(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return &refusal{class: message, why: "the response has no upload URL"}
	}
	if base, err := url.Parse(cmp.Or(s.APIURL, slack.APIURL)); err == nil && u.Scheme == base.Scheme && strings.EqualFold(u.Host, base.Host) {
		return nil
	}
	host := strings.ToLower(u.Hostname())
	ofSlack := func(domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }
	if u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") && slices.ContainsFunc([]string{"slack.com", "slack-gov.com"}, ofSlack) {
		return nil
	}
	return &refusal{class: message, why: "the response has the upload URL " + text.Line(u.Scheme+"://"+u.Host, maxNote) +
		", which is not Slack's; nothing was sent there",
		fix: "check api_url in the config and proxies"}
}

// check returns as which bot, and in which workspace, the token acts.
func (s Slack) check(ctx context.Context, c *client) (string, error) {
	api, token, err := s.api(c)
	if err != nil {
		return "", err
	}
	me, err := api.AuthTestContext(ctx)
	switch {
	case err != nil:
		return "", s.explain(err, token)
	case me.UserID == "":
		return "", &refusal{why: "the response is not Slack's", fix: notSlackAdvice}
	}
	return "bot " + text.Line(me.User, maxPerson) + " in workspace " + text.Line(me.Team, maxPerson), nil
}
