package notify

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"cocsync/internal/coc"
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
		if err := s.putFile(ctx, place.UploadURL, f.Content); err != nil {
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
			r.mend = "give the app the scope files:write and install it again"
		}
	}
	return r
}

// putFile sends the bytes of a file where Slack said. The library would send the
// token there, too, which nobody asks for.
func (s *Sender) putFile(ctx context.Context, address, content string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && !loopback(u.Hostname()) {
		return &refusal{class: later, why: "the answer is not Slack's: it names no safe place for the file"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(content))
	if err != nil {
		return &refusal{class: later, why: "the answer is not Slack's: it names no place for the file"}
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	got, err := s.send(req, address)
	if err != nil || got.status == http.StatusOK {
		return err
	}
	r := judgeStatus(got.status, "")
	if r.class == channel || r.class == unknown {
		r.class = message
	}
	r.wait = seconds(got.retryAfter)
	return r
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
