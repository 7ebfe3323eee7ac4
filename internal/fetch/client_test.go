package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

var testKey = KeyPair{AccessKey: "AKEXAMPLE0123456789", SecretKey: "SKexample0123456789secret", SecurityToken: "TOKENexample0123456789"}

const goodDocument = `{"data":{"document_id":"DM1","name":"job","content":"a: 1\n","version":"v1",
	"versions":[{"version":"v1","version_uuid":"u1","create_time":1751364159273}]}}`

// canned responds without a network, so that synctest's clock measures waits.
type canned func(n int, r *http.Request) (*http.Response, error)

type transport struct {
	n      atomic.Int64
	answer canned
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.answer(int(t.n.Add(1)), r)
}

func respond(status int, body string, headers ...string) *http.Response {
	rec := httptest.NewRecorder()
	for i := 0; i+1 < len(headers); i += 2 {
		rec.Header().Set(headers[i], headers[i+1])
	}
	rec.WriteHeader(status)
	_, _ = rec.WriteString(body)
	return rec.Result()
}

func newClient(answer canned) (*Client, *transport) {
	tr := &transport{answer: answer}
	return &Client{Endpoint: "https://coc.example.com", Credentials: Static(testKey), HTTP: &http.Client{Transport: tr}}, tr
}

// serve runs a server on loopback and a client of it.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &Client{Endpoint: s.URL, Credentials: Static(testKey), HTTP: s.Client()}
}

// Every kind of response has the class that callers branch on, and is retried only if
// that can help.
func TestGetClasses(t *testing.T) {
	gateway := func(code, msg string) string {
		return fmt.Sprintf(`{"error_code":%q,"error_msg":%q,"request_id":"body-id"}`, code, msg)
	}
	html := "<html><body>bad gateway</body></html>"
	for _, tt := range []struct {
		name   string
		status int
		body   string
		class  error
		sent   int
		words  []string
	}{
		{"no such document", 400, gateway("COC.00042101", "document not exist"), coc.ErrNotFound, 1,
			[]string{`get document "DM1"`, "HTTP 400 COC.00042101: document not exist", "(request header-id)"}},
		{"no such document in a 200", 200, gateway("COC.00042101", "gone"), coc.ErrNotFound, 1, nil},
		{"gateway's 404", 404, gateway("APIGW.0101", "the API does not exist"), coc.ErrRefused, 1, []string{"APIGW.0101"}},
		{"404 is never not found", 404, gateway("COC.00042101", "x"), coc.ErrRefused, 1, nil},
		{"500 is never not found", 500, gateway("COC.00042101", "x"), coc.ErrTemporary, 5, nil},
		{"wrong parameter", 400, gateway("COC.00010002", "bad version"), coc.ErrRefused, 1, nil},
		{"sibling shape", 400, `{"error":{"code":"COC.00010002","message":"nested"}}`, coc.ErrRefused, 1, []string{"COC.00010002: nested"}},
		{"another sibling shape", 400, `{"code":"COC.00010002","message":"flat"}`, coc.ErrRefused, 1, []string{"COC.00010002: flat"}},
		{"COC's inner error", 400, gateway("COC.00040701", "inner"), coc.ErrTemporary, 5, nil},
		{"inner error in a 200", 200, gateway("COC.00040701", "inner"), coc.ErrTemporary, 5, nil},
		// COC's codes are not published: an unknown one may be temporary.
		{"unknown code in a 200", 200, gateway("COC.00000500", "what"), coc.ErrTemporary, 5, nil},
		{"unknown code in a 400", 400, gateway("COC.00000500", "what"), coc.ErrTemporary, 5, nil},
		{"no such API", 404, gateway("APIGW.0101", "x"), coc.ErrRefused, 1, nil},
		{"bad signature", 401, gateway("APIGW.0301", "verify aksk signature fail"), coc.ErrUnauthorized, 1, []string{"check the access key"}},
		{"bad signature in a 200", 200, gateway("APIG.0301", "x"), coc.ErrUnauthorized, 1, nil},
		{"401 without a body", 401, "", coc.ErrUnauthorized, 1, nil},
		{"not allowed", 403, gateway("APIGW.0302", "denied"), coc.ErrForbidden, 1,
			[]string{"the user needs the IAM action coc:document:getDocument"}},
		{"too many", 429, gateway("APIGW.0308", "slow down"), coc.ErrTemporary, 5, nil},
		{"too many, older", 400, gateway("APIG.0308", "slow down"), coc.ErrTemporary, 5, nil},
		{"500", 500, gateway("COC.1", "x"), coc.ErrTemporary, 5, nil},
		{"load balancer", 502, html, coc.ErrTemporary, 5, []string{"a page of HTML"}},
		{"503", 503, "", coc.ErrTemporary, 5, nil},
		{"HTML for a 200", 200, html, coc.ErrTemporary, 5, []string{"not JSON"}},
		{"cut JSON", 200, goodDocument[:60], coc.ErrTemporary, 5, nil},
		{"empty 200", 200, "", coc.ErrTemporary, 5, nil},
		{"a proxy's 404", 404, html, coc.ErrMalformed, 1, nil},
		{"no content at all", 204, "", coc.ErrMalformed, 1, nil},
		{"redirect", 302, "", coc.ErrMalformed, 1, []string{"redirected to elsewhere.example.com", "not followed"}},
		{"no content field", 200, `{"data":{"document_id":"DM1","version":"v1"}}`, coc.ErrMalformed, 1, []string{"response without content"}},
		{"null content", 200, `{"data":{"document_id":"DM1","version":"v1","content":null}}`, coc.ErrMalformed, 1, nil},
		{"no version", 200, `{"data":{"document_id":"DM1","content":"x"}}`, coc.ErrMalformed, 1, nil},
		{"another document", 200, `{"data":{"document_id":"DM2","content":"x","version":"v1"}}`, coc.ErrMalformed, 1,
			[]string{"another document"}},
		{"a list", 200, `{"data":[]}`, coc.ErrMalformed, 1, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, tr := newClient(func(int, *http.Request) (*http.Response, error) {
					return respond(tt.status, tt.body, "X-Request-Id", "header-id", "Location", "https://elsewhere.example.com/x"), nil
				})
				_, err := c.Get(t.Context(), "DM1", "", "")
				if !errors.Is(err, tt.class) {
					t.Errorf("Get error = %v, want class %v", err, tt.class)
				}
				for _, other := range []error{coc.ErrNotFound, coc.ErrRefused, coc.ErrTemporary, coc.ErrUnauthorized,
					coc.ErrForbidden, coc.ErrMalformed} {
					if !errors.Is(tt.class, other) && errors.Is(err, other) {
						t.Errorf("error is also %v", other)
					}
				}
				if got := int(tr.n.Load()); got != tt.sent || int(c.Requests()) != tt.sent {
					t.Errorf("requests = %d (Requests %d), want %d", got, c.Requests(), tt.sent)
				}
				for _, w := range tt.words {
					if !strings.Contains(fmt.Sprint(err), w) {
						t.Errorf("error %q does not contain %q", err, w)
					}
				}
			})
		})
	}
}

// A 403 names the action that the refused call needs.
func TestListForbiddenNamesAction(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	_, err := c.List(t.Context(), coc.Selection{})
	var e *Error
	if !errors.As(err, &e) || e.Action != "coc:document:listDocument" || !strings.Contains(err.Error(), e.Action) {
		t.Errorf("List error = %v, want the action coc:document:listDocument", err)
	}
}

// Whatever the id, one document is requested, and by its exact id.
func TestGetEscapesID(t *testing.T) {
	for _, id := range []string{"DM1", "a/b", "50%", "..", ".", "a?b#c", "作业 1", "a+b", "a%2Fb"} {
		var uri, path, version string
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			uri, path, version = r.RequestURI, r.URL.Path, r.URL.Query().Get("version")
			fmt.Fprintf(w, `{"data":{"document_id":%q,"content":"x","version":"v1"}}`, id)
		})
		if _, err := c.Get(t.Context(), id, "v 1&", "PUBLIC"); err != nil {
			t.Errorf("Get(%q): %v", id, err)
		}
		if got, want := path, "/v1/documents/"+id; got != want {
			t.Errorf("Get(%q) requested path %q, want %q", id, got, want)
		}
		if got, _, _ := strings.Cut(uri, "?"); strings.Count(got, "/") != 3 {
			t.Errorf("Get(%q) sent %q, want one segment after /v1/documents", id, got)
		}
		if version != "v 1&" || !strings.Contains(uri, "version=v%201%26") {
			t.Errorf("Get(%q) sent %q, want the version escaped as it is signed", id, uri)
		}
	}
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for _, id := range []string{"", strings.Repeat("x", 257), "a\nb", "\xff"} {
		if _, err := c.Get(t.Context(), id, "", ""); !errors.Is(err, coc.ErrRefused) {
			t.Errorf("Get(%q) error = %v, want refused", id, err)
		}
	}
}

// Bodies are limited, also those that are small when compressed.
func TestBodyTooLong(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		_, _ = z.Write([]byte(`{"data":{"document_id":"DM1","version":"v1","content":"`))
		for range 6 << 4 {
			_, _ = z.Write(bytes.Repeat([]byte("x"), 64<<10))
		}
		_, _ = z.Write([]byte(`"}}`))
	})
	_, err := c.Get(t.Context(), "DM1", "", "")
	if !errors.Is(err, coc.ErrMalformed) || !strings.Contains(err.Error(), "longer than 4 MiB") {
		t.Errorf("Get error = %v, want malformed, longer than 4 MiB", err)
	}
	if c.Requests() != 1 {
		t.Errorf("requests = %d, want 1", c.Requests())
	}
}

// A truncated body, a connection that is reset and one that is refused are retried.
func TestBrokenConnections(t *testing.T) {
	for name, breakIt := range map[string]func(http.ResponseWriter){
		"cut body": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "4000")
			_, _ = w.Write([]byte(goodDocument))
		},
		"reset": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if n++; n == 1 {
					breakIt(w)
					return
				}
				_, _ = w.Write([]byte(goodDocument))
			})
			c.MaxWait = time.Second // and a fifth of it between attempts
			a, err := c.Get(t.Context(), "DM1", "", "")
			if err != nil || string(a.Content.Bytes) != "a: 1\n" {
				t.Errorf("Get = %q, %v, want the content", a.Content.Bytes, err)
			}
		})
	}
}

// The response has the evidence that Huawei can confirm.
func TestGetAnswer(t *testing.T) {
	date := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "req-1")
		w.Header().Set("Date", date.Format(http.TimeFormat))
		_, _ = w.Write([]byte(goodDocument))
	})
	got, err := c.Get(t.Context(), "DM1", "", "")
	name := "job"
	want := coc.Response{
		DocumentID: "DM1", Version: "v1", Meta: coc.Meta{Name: &name},
		Content:  coc.Content{Bytes: []byte("a: 1\n")},
		Versions: []coc.Listed{{Label: "v1", UUID: "u1", MadeAt: time.UnixMilli(1751364159273).UTC()}},
		Evidence: coc.Evidence{RequestID: "req-1", Date: date},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Get error = %v, (-want +got):\n%s", err, diff)
	}
	// Only the newest version's response lists the others.
	want.Versions = nil
	got, err = c.Get(t.Context(), "DM1", "v1", "")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Get of a version: error = %v, (-want +got):\n%s", err, diff)
	}
}

// A gateway may quote what it was sent: no error and no log line shows any part of the
// key pair, and escape sequences in them have no effect.
func TestSecretsNeverShown(t *testing.T) {
	echo := testKey.AccessKey + " " + testKey.SecretKey + "/" + testKey.SecurityToken + "\x1b[2J\n"
	plain := strings.TrimSuffix(echo, "\x1b[2J\n")
	for _, tt := range []struct {
		name   string
		status int
		body   string
		err    error
	}{
		{"error_msg", 401, fmt.Sprintf(`{"error_code":%q,"error_msg":%q,"request_id":%q}`, plain,
			strings.ReplaceAll(echo, "\x1b", ""), plain), nil},
		{"terminal escapes", 400, `{"error_code":"COC.1","error_msg":"\u001b[2J` + plain + `"}`, nil},
		{"text", 404, strings.Repeat("x", maxText-10) + plain, nil},
		{"503", 503, plain, nil},
		{"not JSON", 200, plain, nil},
		{"redirect", 307, "", nil},
		{"document_id", 200, fmt.Sprintf(`{"data":{"document_id":%q}}`, plain), nil},
		{"transport", 0, "", errors.New("proxy said " + echo)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				c, _ := newClient(func(int, *http.Request) (*http.Response, error) {
					if tt.err != nil {
						return nil, tt.err
					}
					return respond(tt.status, tt.body, "X-Request-Id", plain, "Location",
						"https://"+testKey.SecretKey+".example.com/"+testKey.SecurityToken), nil
				})
				c.Log = slog.New(slog.NewTextHandler(&log, nil))
				_, err := c.Get(t.Context(), "DM1", "", "")
				if err == nil {
					t.Fatal("no error")
				}
				all := fmt.Sprintf("%v %+v %#v", err, err, err) + log.String() + fmt.Sprintf("%v %+v %#v %d", c.Credentials,
					c.Credentials, testKey, testKey)
				var e *Error
				if errors.As(err, &e) {
					all += fmt.Sprintf("%#v", *e)
				}
				for _, secret := range []string{testKey.AccessKey, testKey.SecretKey, testKey.SecurityToken, testKey.SecretKey[:12]} {
					if strings.Contains(all, secret) {
						t.Errorf("%q is shown in %q", secret, all)
					}
				}
				if strings.ContainsAny(err.Error(), "\x1b\n") {
					t.Errorf("error %q has control characters", err)
				}
			})
		})
	}
}

// A signature is refused if the clock is wrong, and then the clock must be fixed.
func TestUnauthorizedNamesClock(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		there time.Time
		want  string
	}{
		{now, "check the access key"},
		{now.Add(-4 * time.Minute), "check the access key"},
		{now.Add(-17 * time.Minute), "the clock here is 17m0s ahead of COC's, and signing allows 15 minutes"},
		{now.Add(time.Hour), "the clock here is 1h0m0s behind COC's"},
	} {
		c, _ := newClient(func(int, *http.Request) (*http.Response, error) {
			return respond(401, `{"error_code":"APIGW.0301","error_msg":"x"}`, "Date", tt.there.Format(http.TimeFormat)), nil
		})
		c.Now = func() time.Time { return now }
		if _, err := c.Get(t.Context(), "DM1", "", ""); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("COC's clock %s: error = %v, want %q", tt.there, err, tt.want)
		}
	}
}

// Keys are not sent to an endpoint over plain http, and a password in an endpoint is
// not shown.
func TestEndpoint(t *testing.T) {
	for endpoint, good := range map[string]bool{
		"https://coc.myhuaweicloud.com": true, "https://coc.example.com:8443/prefix/": true,
		"http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost:1": true,
		"http://coc.myhuaweicloud.com": false, "http://10.0.0.1": false, "http://127.0.0.1.example.com": false,
		"": false, "coc.myhuaweicloud.com": false, "ftp://x": false, "https://": false,
		"https://user:hunter2@x": false, "https://x/?a=hunter2": false, "https://user:hunter2@x:port": false,
	} {
		c := &Client{Endpoint: endpoint, Credentials: Static(testKey)}
		_, err := c.KeyID(t.Context())
		if (err == nil) != good {
			t.Errorf("endpoint %q: error = %v, want good %v", endpoint, err, good)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("endpoint %q: error %q shows the password", endpoint, err)
		}
	}
}

// The archive identifies a refused key pair by this id, so it must not change between
// programs. Another secret key is another pair, which may be tried.
func TestKeyID(t *testing.T) {
	c := &Client{Endpoint: "https://x", Credentials: Static(KeyPair{AccessKey: "abc", SecretKey: "1"})}
	got, err := c.KeyID(context.Background())
	if want := "073d6fbfb1d426b3"; err != nil || got != want {
		t.Errorf("KeyID = %q, %v, want %q", got, err, want)
	}
}

// The advice of a source is the error's hint, through every call, and has no control
// characters either.
func TestAdviceOnCredentials(t *testing.T) {
	for _, tt := range []struct {
		advice, want string
		class, other error
	}{
		{"set it where cocsync is started", "set it where cocsync is started", coc.ErrUnauthorized, coc.ErrTemporary},
		{"not " + testKey.SecretKey + "\x1b[2J", "not ***^[[2J", coc.ErrUnauthorized, coc.ErrTemporary},
		{"", "", coc.ErrUnauthorized, coc.ErrTemporary},
		{"wait", "wait", coc.ErrTemporary, coc.ErrUnauthorized},
	} {
		source := Source(func(context.Context, KeyPair) (KeyPair, error) {
			return testKey, hint.Wrap(hint.Wrap(fmt.Errorf("COC_SK is missing: %w", tt.class), tt.advice), tt.advice)
		})
		c := &Client{Endpoint: "https://coc.invalid", Credentials: source}
		_, list := c.List(t.Context(), coc.Selection{})
		_, get := c.Get(t.Context(), "DM1", "", "")
		_, name := c.KeyID(t.Context())
		for _, err := range []error{list, get, name} {
			if got := hint.Of(err); got != tt.want {
				t.Errorf("hint of %v = %q, want %q", err, got, tt.want)
			}
			if !errors.Is(err, tt.class) || errors.Is(err, tt.other) {
				t.Errorf("error %v is not only of class %v", err, tt.class)
			}
			if !strings.Contains(err.Error(), "read the credentials: COC_SK is missing") || tt.want != "" && strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want the cause, and the advice only in the hint", err)
			}
		}
	}
	two := Source(func(context.Context, KeyPair) (KeyPair, error) {
		return KeyPair{}, hint.Wrap(hint.Wrap(errors.New("x"), "one"), "two")
	})
	if _, err := (&Client{Endpoint: "https://coc.invalid", Credentials: two}).KeyID(t.Context()); hint.Of(err) != "two; one" {
		t.Errorf("hint = %q, want both in one line", hint.Of(err))
	}
}
