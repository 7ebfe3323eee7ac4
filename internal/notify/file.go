package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// file is a file of a message, frozen with it.
type file struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Content string `json:"content"`
	// Instead stands in the thread when the file can't be had there.
	Instead string `json:"-"`
}

// postFile posts a file below a message. What it shows of the file stands in the
// file alone: there is no text that Slack would read as markup.
func (s *Sender) postFile(ctx context.Context, n *Notifier, m coc.Message) (landed, ts string, _ error) {
	var f file
	if err := json.Unmarshal(m.Body, &f); err != nil || f.Content == "" {
		return "", "", &refusal{class: message, why: "the frozen file can't be read"}
	}
	to := n.Channel
	if m.ThreadChannel != "" {
		to = m.ThreadChannel // an upload takes no channel's name
	}
	return to, "", s.upload(ctx, n, f, to, m.ThreadTS)
}

// upload sends a file in Slack's three steps.
// https://docs.slack.dev/messaging/working-with-files#upload
func (s *Sender) upload(ctx context.Context, n *Notifier, f file, to, thread string) error {
	api, token, err := s.client(n)
	if err != nil {
		return err
	}
	place, err := api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: f.Name, FileSize: len(f.Content)})
	if err == nil && (place.UploadURL == "" || place.FileID == "") {
		return &refusal{class: later, why: "the answer is not Slack's: it names no place for the file"}
	}
	if err == nil {
		if err := s.putFile(ctx, n, place.UploadURL, f.Content); err != nil {
			return err
		}
		_, err = api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
			Files: []slack.FileSummary{{ID: place.FileID, Title: f.Title}}, Channel: to, ThreadTimestamp: thread})
	}
	if err == nil {
		return nil
	}
	r := explain(err, token)
	// The channel took the message above: it is this file that it refuses.
	if r.class == channel || r.class == unknown {
		r.class = message
		if r.why == "missing_scope" {
			r.fix = "give the app the scope files:write and install it again"
		}
	}
	return r
}

// putFile sends the bytes of a file where Slack said. The library would send the
// token there, too, which nobody asks for.
func (s *Sender) putFile(ctx context.Context, n *Notifier, address, content string) error {
	if err := checkUpload(address, n.APIURL); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(content))
	if err != nil {
		return &refusal{class: message, why: "the response names no place for the file"}
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	got, err := s.send(req, address)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(got.text)
	if got.status == http.StatusOK && strings.HasPrefix(text, "<") {
		return notSlack([]byte(text))
	}
	if got.status == http.StatusOK {
		return nil
	}
	r := judgeStatus(got.status, "")
	if r.class == channel || r.class == unknown {
		r.class = message
	}
	r.wait = seconds(got.retryAfter)
	return r
}

// checkUpload refuses an address for a file's bytes that is neither Slack's nor on the
// host of the Web API: who can forge one response must not choose where a runbook's
// content is sent. Slack's addresses are on files.slack.com and, for GovSlack, on
// files.slack-gov.com.
func checkUpload(address, api string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return &refusal{class: message, why: "the response names no place for the file"}
	}
	if base, err := url.Parse(cmp.Or(api, slack.APIURL)); err == nil && u.Scheme == base.Scheme && strings.EqualFold(u.Host, base.Host) {
		return nil
	}
	host := strings.ToLower(u.Hostname())
	for _, of := range []string{"slack.com", "slack-gov.com"} {
		if u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") && (host == of || strings.HasSuffix(host, "."+of)) {
			return nil
		}
	}
	return &refusal{class: message, why: "the response names " + text.Line(u.Scheme+"://"+u.Host, maxNote) + " as the place for the file, which is not Slack's; nothing was sent there",
		fix: "check api_url in the config and what is between, such as a proxy"}
}
