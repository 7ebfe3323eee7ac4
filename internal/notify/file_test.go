package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
	"cocsync/internal/hint"
)

// The diff was posted wherever the response named, in the clear to any port of this
// machine included. Only Slack's hosts and that of api_url get it, without the token.
func TestUploadGoesToSlackOnly(t *testing.T) {
	const gov, own = "https://slack-gov.com/api/", "http://127.0.0.1:8080/api"
	for _, tt := range []struct {
		place, api string
		ok         bool
	}{
		{"https://files.slack.com/upload/v1/F1", "", true},
		{"https://slack.com/upload/v1/F1", "", true},
		{"https://FILES.Slack.COM:443/upload/v1/F1", "", true},
		{"https://files.slack-gov.com/upload/v1/F1", gov, true},
		{"https://files.slack.com/upload/v1/F1", own, true},
		{"http://127.0.0.1:8080/upload/F1", own, true},
		{"http://127.0.0.1:8081/upload/F1", own, false},
		{"https://127.0.0.1:8080/upload/F1", own, false},
		{"http://localhost:8080/upload/F1", own, false},
		{"http://127.0.0.1/upload/F1", "", false},
		{"http://files.slack.com/upload/v1/F1", "", false},
		{"https://files.slack.com:8443/upload/v1/F1", "", false},
		{"https://slack.com.example.com/", "", false},
		{"https://notslack.com/", "", false},
		{"https://slack.com@example.com/", "", false},
		{"https://example.com/slack.com", "", false},
		{"https://slack-files.com/", "", false},
		{"//files.slack.com/", "", false},
		{"/upload/F1", "", false},
		{"ftp://files.slack.com/", "", false},
		{"https://files.slack.com\\@example.com/", "", false},
	} {
		slack := bySlack(threaded(), func(s *Slack) { s.APIURL = tt.api })
		b := setUp(t, slack)
		posted := ""
		b.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "files.getUploadURLExternal"):
				fmt.Fprintf(w, `{"ok":true,"upload_url":%q,"file_id":"F1"}`, tt.place)
			case strings.HasSuffix(r.URL.Path, "files.completeUploadExternal"):
				fmt.Fprint(w, `{"ok":true,"files":[{"id":"F1"}]}`)
			default:
				posted = r.URL.String()
				if h := fmt.Sprint(r.Header, r.URL); strings.Contains(h, testToken) {
					t.Errorf("the token is sent to %s: %s", tt.place, h)
				}
				fmt.Fprint(w, "OK - 1")
			}
		})
		err := b.postFile(t, file{Name: "a.diff", Title: "a", Content: "x"})
		if tt.ok != (err == nil) || tt.ok != (posted == tt.place) || !tt.ok && posted != "" {
			t.Errorf("upload to %q of %q = %v, posted to %q, want it accepted: %v", tt.place, tt.api, err, posted, tt.ok)
		}
		if r := (*refusal)(nil); err != nil && (!errors.As(err, &r) || r.class != message) {
			t.Errorf("upload to %q = %v, want that this file is refused", tt.place, err)
		}
	}
}

// postFile posts a file by the first notifier.
func (b *bench) postFile(t *testing.T, f file) error {
	t.Helper()
	body, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.post(t.Context(), &b.Notifiers[0], coc.Message{Kind: coc.MessageFile, Body: body})
	return err
}

// A redirect of the upload URL is not followed.
func TestUploadFollowsNoRedirect(t *testing.T) {
	b := setUp(t, threaded())
	b.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "files.getUploadURLExternal"):
			fmt.Fprint(w, `{"ok":true,"upload_url":"https://files.slack.com/upload/v1/F1","file_id":"F1"}`)
		case strings.HasPrefix(r.URL.Path, "/upload/"):
			http.Redirect(w, r, "https://example.com/", http.StatusTemporaryRedirect)
		default:
			t.Errorf("a request was sent to %s", r.URL)
		}
	})
	err := b.postFile(t, file{Name: "a.diff", Title: "a", Content: "x"})
	if err == nil || !strings.Contains(err.Error(), "status 307") {
		t.Errorf("upload = %v, want status 307", err)
	}
}

// A Slack, or the login page of a network, that answers 200 without JSON was reported
// by where the JSON decoder stopped. The message is kept and posted when Slack answers.
func TestOKWithoutJSON(t *testing.T) {
	for body, want := range map[string]string{
		"<!DOCTYPE html><html>log in</html>": "status 200 with a page of HTML or XML instead of Slack's JSON",
		"":                                   "status 200 with an empty response instead of Slack's JSON",
		" \n":                                "status 200 with an empty response instead of Slack's JSON",
		"ok":                                 "status 200 with another text instead of Slack's JSON",
		`{"ok":true,"ts`:                     "status 200 with truncated JSON instead of Slack's JSON",
		`"ok"`:                               "status 200 with another text instead of Slack's JSON",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t)
			b.slack.Fail(cocsim.Fault{Kind: cocsim.FaultBody, Status: 200, Body: body, Count: -1})
			if _, err := b.Check(t.Context(), "ops"); err == nil || err.Error() != "check ops: "+want || hint.Of(err) != notSlackAdvice {
				t.Errorf("Check with %q = %v (hint %q), want %s", body, err, hint.Of(err), want)
			}
			b.out.queue("ops", edit(1, 1, 1))
			stop := b.start(t, nil)
			time.Sleep(24 * time.Hour)
			if m := b.out.message(1); m.State != coc.Waiting || !strings.HasPrefix(m.Err, want+": ") {
				t.Errorf("after a day of %q the message is %s, %q, want it waiting with %q", body, m.State, m.Err, want)
			}
			b.slack.ClearFaults()
			time.Sleep(2 * time.Hour)
			stop()
			if m := b.out.message(1); m.State != coc.Sent {
				t.Errorf("once Slack responds the message is %s, %q, want it sent", m.State, m.Err)
			}
		})
	}
}

// The same for each step of a file.
func TestFileStepsWithoutJSON(t *testing.T) {
	for _, step := range []string{"getUploadURLExternal", "/upload/", "completeUploadExternal"} {
		b := setUp(t, threaded())
		b.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.Contains(r.URL.Path, step):
				fmt.Fprint(w, "<html>log in</html>")
			case strings.HasSuffix(r.URL.Path, "files.getUploadURLExternal"):
				fmt.Fprint(w, `{"ok":true,"upload_url":"https://files.slack.com/upload/v1/F1","file_id":"F1"}`)
			default:
				fmt.Fprint(w, `{"ok":true,"files":[{"id":"F1"}]}`)
			}
		})
		err := b.postFile(t, file{Name: "a.diff", Title: "a", Content: "x"})
		var r *refusal
		if !errors.As(err, &r) || r.class != network || r.fix != notSlackAdvice {
			t.Errorf("%s responds with HTML: %v, want another attempt later", step, err)
		}
	}
}

// A test of a notifier that is not reached had no hint, and an unknown certificate
// authority was tried again like an outage.
func TestNetworkHints(t *testing.T) {
	for _, tt := range []struct {
		err   error
		class class
		want  string
	}{
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, network, "nothing listens there"},
		{&net.DNSError{Err: "no such host", Name: "slack.invalid", IsNotFound: true}, network, "DNS"},
		{context.DeadlineExceeded, network, "network and firewall"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, channel, "ca_file"},
		{&hint.ProxyError{Host: "proxy:1", Status: "407 Proxy Authentication Required", Code: 407}, channel, "the password in HTTPS_PROXY"},
	} {
		for _, n := range []Notifier{byToken("ops", testChannel), byWebhook("ops"), byHook("ops")} {
			b := setUp(t, n)
			b.wire.hook = func(*http.Request) error { return tt.err }
			if _, err := b.Test(t.Context(), "ops"); err == nil || !strings.Contains(hint.Of(err), tt.want) {
				t.Errorf("Test with %v = %v (hint %q), want a hint with %q", tt.err, err, hint.Of(err), tt.want)
			}
			_, err := b.post(t.Context(), &b.Notifiers[0], coc.Message{Kind: coc.MessageRoot, Body: []byte("[]"), Text: "x"})
			if r := (*refusal)(nil); !errors.As(err, &r) || r.class != tt.class {
				t.Errorf("post with %v = %v, want class %v", tt.err, err, tt.class)
			}
		}
	}
}

// The authorities of the client that cocsync is given are those that count.
func TestAuthorities(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"ok":true,"user":"cocsync","team":"T","user_id":"U1"}`)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	b := setUp(t, bySlack(byToken("ops", testChannel), func(c *Slack) { c.APIURL = s.URL + "/api/" }))
	b.HTTP = nil
	if _, err := b.Check(t.Context(), "ops"); err == nil || !strings.Contains(hint.Of(err), "ca_file") {
		t.Errorf("Check = %v (hint %q), want a hint that names ca_file", err, hint.Of(err))
	}
	b.HTTP = s.Client()
	if _, err := b.Check(t.Context(), "ops"); err != nil {
		t.Errorf("Check with the authority = %v", err)
	}
}
