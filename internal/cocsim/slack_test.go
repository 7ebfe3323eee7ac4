package cocsim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
)

const channel = "C0123456789"

// client returns a real client that talks to s.
func client(t *testing.T, s *Slack, token string) *slack.Client {
	t.Helper()
	return slack.New(token, slack.OptionAPIURL(serve(t, s)+"/api/"))
}

// The real client can do everything that cocsync needs: auth.test, post, reply, and
// the three steps of an upload into a thread.
func TestRealClient(t *testing.T) {
	s := NewSlack(SlackOptions{Token: "xoxb-1"})
	api := client(t, s, "xoxb-1")
	who, err := api.AuthTestContext(t.Context())
	if err != nil || who.Team != "Example" {
		t.Fatalf("AuthTest = %+v, %v", who, err)
	}
	blocks := slack.MsgOptionBlocks(
		slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", "restart changed", false, false)),
		slack.NewContextBlock("", slack.NewTextBlockObject("plain_text", "change 7", false, false)),
	)
	ch, root, err := api.PostMessageContext(t.Context(), channel, slack.MsgOptionText("restart", false), blocks,
		slack.MsgOptionDisableLinkUnfurl())
	if err != nil || ch != channel {
		t.Fatalf("PostMessage = %s, %v", ch, err)
	}
	_, reply, err := api.PostMessageContext(t.Context(), channel, slack.MsgOptionText("more", false), slack.MsgOptionTS(root))
	if err != nil || reply == root {
		t.Fatalf("reply = %s, %v; root %s", reply, err, root)
	}
	file, err := uploadFile(t, api, "-ü\n+ö\n", len("-ü\n+ö\n"), root)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Messages()
	for i := range got {
		got[i].At, got[i].Blocks = time.Time{}, nil
	}
	want := []Message{
		{Channel: channel, TS: root, Text: "restart"},
		{Channel: channel, TS: reply, ThreadTS: root, Text: "more", Unfurl: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Messages (-want +got):\n%s", diff)
	}
	if f := s.Files(); len(f) != 1 || f[0].ID != file || string(f[0].Content) != "-ü\n+ö\n" || f[0].ThreadTS != root ||
		f[0].Title != "the diff" {
		t.Errorf("Files = %+v", f)
	}
	if got := s.Calls("chat.postMessage"); got != 2 {
		t.Errorf("Calls = %d, want 2", got)
	}
}

// uploadFile uploads a file of an announced length into a thread, and returns its id.
func uploadFile(t *testing.T, api *slack.Client, content string, length int, thread string) (string, error) {
	t.Helper()
	to, err := api.GetUploadURLExternalContext(t.Context(), slack.GetUploadURLExternalParameters{FileName: "v1-v2.diff", FileSize: length})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(to.UploadURL, "application/octet-stream", strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, err = api.CompleteUploadExternalContext(t.Context(), slack.CompleteUploadExternalParameters{
		Files: []slack.FileSummary{{ID: to.FileID, Title: "the diff"}}, Channel: channel, ThreadTimestamp: thread})
	return to.FileID, err
}

// call calls a method with a JSON body and returns status and error code.
func call(t *testing.T, s *Slack, method string, args map[string]any) (int, string) {
	t.Helper()
	b, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/api/"+method, strings.NewReader(string(b)))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Authorization", "Bearer xoxb-1")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var m struct {
		OK    bool
		Error string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || m.OK == (m.Error != "") {
		t.Fatalf("%s: %q, %v", method, w.Body, err)
	}
	return w.Code, m.Error
}

func TestRefusals(t *testing.T) {
	s := NewSlack(SlackOptions{Token: "xoxb-1", Channels: []string{channel, "C0ARCHIVED0", "C0OTHER0000"}})
	s.Refuse("C0ARCHIVED0", "is_archived")
	s.Refuse("C0OTHER0000", "not_in_channel")
	type args = map[string]any
	call(t, s, "chat.postMessage", args{"channel": channel, "text": "root"})
	root := s.Messages()[0].TS
	call(t, s, "chat.postMessage", args{"channel": channel, "text": "reply", "thread_ts": root})
	reply := s.Messages()[1].TS
	for _, tt := range []struct {
		method string
		args   args
		want   string
	}{
		{"chat.postMessage", args{"channel": channel, "text": "ok", "thread_ts": root}, ""},
		{"chat.postMessage", args{"channel": "C0NOWHERE00", "text": "x"}, "channel_not_found"},
		{"chat.postMessage", args{"channel": "C0ARCHIVED0", "text": "x"}, "is_archived"},
		{"chat.postMessage", args{"channel": "C0OTHER0000", "text": "x"}, "not_in_channel"},
		{"chat.postMessage", args{"channel": channel}, "no_text"},
		{"chat.postMessage", args{"channel": channel, "text": " ", "blocks": []any{}}, "no_text"},
		{"chat.postMessage", args{"channel": channel, "text": "x", "thread_ts": "1.000000"}, "thread_not_found"},
		{"chat.postMessage", args{"channel": channel, "text": "x", "thread_ts": reply}, "cannot_reply_to_message"},
		{"chat.postMessage", args{"channel": channel, "text": "x", "blocks": "no"}, "invalid_blocks_format"},
		{"files.getUploadURLExternal", args{"filename": "a", "length": 0}, "invalid_arguments"},
		{"files.completeUploadExternal", args{"files": []any{args{"id": "F1"}}, "channel_id": channel}, "file_not_found"},
		{"files.completeUploadExternal", args{"files": []any{args{"id": "F1"}}, "channel_id": "#ops"}, "channel_not_found"},
		{"users.list", args{}, "unknown_method"},
	} {
		if status, got := call(t, s, tt.method, tt.args); status != 200 || got != tt.want {
			t.Errorf("%s %v = %d %q, want 200 %q", tt.method, tt.args, status, got, tt.want)
		}
	}
	s.Refuse("", "token_revoked")
	if _, got := call(t, s, "auth.test", nil); got != "token_revoked" {
		t.Errorf("auth.test = %q, want token_revoked", got)
	}
	if _, err := client(t, s, "xoxb-2").AuthTest(); err == nil || err.Error() != "invalid_auth" {
		t.Errorf("AuthTest with another token = %v, want invalid_auth", err)
	}
	if _, err := client(t, s, "").AuthTest(); err == nil || err.Error() != "not_authed" {
		t.Errorf("AuthTest without a token = %v, want not_authed", err)
	}
}

// Text beyond 40,000 characters is truncated, not refused.
func TestTextIsCut(t *testing.T) {
	s := NewSlack(SlackOptions{})
	if _, code := call(t, s, "chat.postMessage", map[string]any{"channel": channel, "text": strings.Repeat("ü", 40_001)}); code != "" {
		t.Fatal(code)
	}
	if got := len([]rune(s.Messages()[0].Text)); got != 40_000 {
		t.Errorf("text has %d characters, want 40000", got)
	}
}

// An upload with another length than announced is refused.
func TestUploadLength(t *testing.T) {
	s := NewSlack(SlackOptions{})
	_, err := uploadFile(t, client(t, s, "xoxb-1"), "ü", 1, "")
	if err == nil || len(s.Files()) != 0 {
		t.Errorf("upload = %v with %d files, want an error and none", err, len(s.Files()))
	}
}

func hook(t *testing.T, s *Slack, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestWebhook(t *testing.T) {
	for _, tt := range []struct {
		name, path, refuse, body string
		status                   int
		want                     string
	}{
		{"good", DefaultWebhook, "", `{"text":"x"}`, 200, "ok"},
		{"unknown", "/services/T0/B0/wrong", "", `{"text":"x"}`, 404, "no_service"},
		{"archived", DefaultWebhook, "is_archived", `{"text":"x"}`, 410, "channel_is_archived"},
		{"switched off", DefaultWebhook, "no_service", `{"text":"x"}`, 404, "no_service"},
		{"prohibited", DefaultWebhook, "restricted_action", `{"text":"x"}`, 403, "action_prohibited"},
		{"not JSON", DefaultWebhook, "", `{"text":`, 400, "invalid_payload"},
		{"nothing", DefaultWebhook, "", `{}`, 400, "no_text"},
		{"bad blocks", DefaultWebhook, "", `{"text":"x","blocks":[{"type":"nothing"}]}`, 400, "invalid_blocks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSlack(SlackOptions{})
			s.Refuse(channel, tt.refuse)
			if status, got := hook(t, s, tt.path, tt.body); status != tt.status || got != tt.want {
				t.Errorf("webhook = %d %q, want %d %q", status, got, tt.status, tt.want)
			}
			if got, want := len(s.Messages()) == 1, tt.status == 200; got != want {
				t.Errorf("%d messages", len(s.Messages()))
			}
		})
	}
	s := NewSlack(SlackOptions{WebhookPath: "/services/T1/B1/s"})
	err := slack.PostWebhookContext(t.Context(), serve(t, s)+"/services/T1/B1/s", &slack.WebhookMessage{
		Text: "x", Blocks: &slack.Blocks{BlockSet: []slack.Block{slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text",
			"x", false, false))}},
	})
	if m := s.Messages(); err != nil || len(m) != 1 || m[0].Blocks == nil {
		t.Errorf("real client = %v, %+v", err, m)
	}
}

// Three at once pass, then one a second; other channels are not affected.
func TestRate(t *testing.T) {
	now := june(0)
	s := NewSlack(SlackOptions{EnforceRate: true, Now: func() time.Time { return now }, Channels: []string{channel, "C2"}})
	post := func(ch string) int {
		status, _ := call(t, s, "chat.postMessage", map[string]any{"channel": ch, "text": "x"})
		return status
	}
	var got []int
	for range 4 {
		got = append(got, post(channel))
	}
	got = append(got, post("C2"))
	now = now.Add(time.Second)
	got = append(got, post(channel), post(channel))
	if diff := cmp.Diff([]int{200, 200, 200, 429, 200, 200, 429}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	_, _, err := client(t, s, "xoxb-1").PostMessage(channel, slack.MsgOptionText("x", false))
	var limited *slack.RateLimitedError
	if !errors.As(err, &limited) || limited.RetryAfter != time.Second {
		t.Errorf("real client = %v, want to wait a second", err)
	}
	if status, code := hook(t, s, DefaultWebhook, `{"text":"x"}`); status != 429 {
		t.Errorf("webhook = %d %q, want 429", status, code)
	}
}

// Timestamps are unique at the same time and keep the order.
func TestTimestamps(t *testing.T) {
	s := NewSlack(SlackOptions{Now: func() time.Time { return june(0) }})
	for range 3 {
		call(t, s, "chat.postMessage", map[string]any{"channel": channel, "text": "x"})
	}
	for i, want := range []string{"1780315200.000000", "1780315200.000001", "1780315200.000002"} {
		if got := s.Messages()[i].TS; got != want {
			t.Errorf("ts %d = %s, want %s", i, got, want)
		}
	}
}

// With a lost reply the message is in the channel and the caller has no response.
func TestLostReply(t *testing.T) {
	s := NewSlack(SlackOptions{})
	api := client(t, s, "xoxb-1")
	s.Fail(Fault{Path: "chat.postMessage", Kind: FaultLost})
	_, _, err := api.PostMessage(channel, slack.MsgOptionText("x", false))
	if err == nil || len(s.Messages()) != 1 {
		t.Errorf("PostMessage = %v with %d messages, want an error and one", err, len(s.Messages()))
	}
}

func TestSlackFaults(t *testing.T) {
	s := NewSlack(SlackOptions{})
	s.Fail(Fault{Kind: FaultStatus, Code: "internal_error"})
	s.Fail(Fault{Kind: FaultStatus, Status: 429, RetryAfter: "1.5"})
	s.Fail(Fault{Kind: FaultStatus, Status: 503})
	for _, want := range []struct {
		status int
		code   string
	}{{200, "internal_error"}, {429, "ratelimited"}, {503, "internal_error"}, {200, ""}} {
		if status, code := call(t, s, "auth.test", nil); status != want.status || code != want.code {
			t.Errorf("auth.test = %d %q, want %d %q", status, code, want.status, want.code)
		}
	}
	s.Fail(Fault{Kind: FaultStatus, Status: 404, Code: "no_service"})
	if status, code := hook(t, s, DefaultWebhook, `{"text":"x"}`); status != 404 || code != "no_service" {
		t.Errorf("webhook = %d %q, want 404 no_service", status, code)
	}
}

// Wait returns when the message is posted, and when its context ends.
func TestWait(t *testing.T) {
	s := NewSlack(SlackOptions{})
	done := make(chan error)
	go func() { done <- s.Wait(t.Context(), 2) }()
	for range 2 {
		call(t, s, "chat.postMessage", map[string]any{"channel": channel, "text": "x"})
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want canceled", err)
	}
}

// FuzzSlack: every post gets a response, and every accepted message can be rendered.
func FuzzSlack(f *testing.F) {
	f.Add("x", `[{"type":"header","text":{"type":"plain_text","text":"<|x> <!channel> &lt;"}}]`)
	f.Add("<", `[{"type":"rich_text","elements":[{"type":"rich_text_list","style":"ordered","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"a"}]}]}]}]`)
	f.Add("", `[null,{"type":"context","elements":[{"type":"plain_text","text":"a"}]}]`)
	f.Fuzz(func(t *testing.T, text, blocks string) {
		s := NewSlack(SlackOptions{})
		form := url.Values{"token": {"x"}, "channel": {channel}, "text": {text}, "blocks": {blocks}}
		r := httptest.NewRequest(http.MethodPost, "/api/chat.postMessage", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("not JSON: %q", w.Body)
		}
		for _, m := range append(s.Messages(), Message{Text: text, Blocks: json.RawMessage(blocks)}) {
			Mentions(m)
			if shown := Render(m); strings.ContainsAny(shown, "\x1b\r\x07\u202e") {
				t.Errorf("Render(%q) = %q: a control character", blocks, shown)
			}
		}
	})
}
