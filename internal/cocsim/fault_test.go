package cocsim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serve starts h and returns its address.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	url, stop, err := Listen(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

func TestFaults(t *testing.T) {
	const page = `{"total":0,"data":[]}`
	for _, tt := range []struct {
		name   string
		fault  Fault
		status int
		header string // Retry-After
		body   string
	}{
		{"too many requests", Fault{Kind: FaultStatus, Status: 429, RetryAfter: "7"}, 429, "7",
			`policy user over ratelimit,limit:200,time:5 minute`},
		{"until a date", Fault{Kind: FaultStatus, Status: 429, RetryAfter: "Mon, 01 Jun 2026 12:00:00 GMT"}, 429,
			"Mon, 01 Jun 2026 12:00:00 GMT", "APIGW.0308"},
		{"unavailable", Fault{Kind: FaultStatus, Status: 503}, 503, "", "request_id"},
		{"load balancer", Fault{Kind: FaultHTML}, 502, "", "<html>"},
		{"error in a 200", Fault{Kind: FaultStatus, Code: "COC.00040701", Message: "inner"}, 200, "",
			`{"error_code":"COC.00040701","error_msg":"inner"}`},
		{"any body", Fault{Kind: FaultBody, Body: "[[["}, 200, "", "[[["},
		{"redirect", Fault{Kind: FaultBody, Status: 302, Header: http.Header{"Location": {"/elsewhere"}}}, 302, "", ""},
		{"slow", Fault{Latency: time.Millisecond}, 200, "", page},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewCOC(COCOptions{})
			url := serve(t, c)
			c.Fail(tt.fault)
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			for _, want := range []struct {
				status int
				body   string
			}{{tt.status, tt.body}, {200, page}} {
				resp, err := client.Get(url + "/v1/documents")
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != want.status || !strings.Contains(string(b), want.body) {
					t.Errorf("response = %d %q %v, want %d with %q", resp.StatusCode, b, err, want.status, want.body)
				}
				if got := resp.Header.Get("Retry-After"); want.status == 429 && got != tt.header {
					t.Errorf("Retry-After = %q, want %q", got, tt.header)
				}
				if resp.Header.Get("X-Request-Id") == "" {
					t.Error("no X-Request-Id")
				}
			}
		})
	}
}

// A reset reaches the caller also on a kept-alive connection, where net/http would
// repeat a GET without a byte of a response. So one fault is one error.
func TestResetIsNotRepeatedUnseen(t *testing.T) {
	c := NewCOC(COCOptions{})
	url := serve(t, c)
	for i := range 50 {
		resp, err := http.Get(url + "/v1/documents")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		c.Fail(Fault{Kind: FaultReset})
		if resp, err := http.Get(url + "/v1/documents"); err == nil {
			resp.Body.Close()
			t.Fatalf("round %d: response %d, want a broken connection", i, resp.StatusCode)
		} else if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("round %d: %v, want a reset", i, err)
		}
	}
}

// A truncated response announces its whole length and ends early.
func TestCut(t *testing.T) {
	c := NewCOC(COCOptions{})
	id := c.Add(Document{Name: "a", Versions: []Version{{Content: strings.Repeat("x", 1000)}}})
	url := serve(t, c)
	c.Fail(Fault{Kind: FaultCut})
	resp, err := http.Get(url + "/v1/documents/" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || resp.StatusCode != 200 || int64(len(b)) >= resp.ContentLength {
		t.Errorf("%d, %d of %d bytes, %v; want 200, fewer bytes than announced, unexpected EOF", resp.StatusCode, len(b), resp.ContentLength, err)
	}
}

// Skip and Count say which of the matching requests fail.
func TestSkipAndCount(t *testing.T) {
	c := NewCOC(COCOptions{})
	c.Fail(Fault{Path: "/v1/documents", Match: func(r *http.Request) bool { return r.Method == http.MethodGet },
		Skip: 1, Count: 2, Kind: FaultStatus, Status: 500})
	c.Fail(Fault{Path: "limit=3", Count: -1, Kind: FaultStatus, Status: 504})
	var got []int
	for range 4 {
		status, _ := ask(t, c, "/v1/documents?limit=5")
		got = append(got, status)
	}
	for range 2 {
		status, _ := ask(t, c, "/v1/documents?limit=3")
		got = append(got, status)
	}
	c.ClearFaults()
	status, _ := ask(t, c, "/v1/documents?limit=3")
	got = append(got, status)
	want := []int{200, 500, 500, 200, 504, 504, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("statuses = %v, want %v", got, want)
		}
	}
	if log := c.Requests(); len(log) != 7 || log[1].Status != 500 || log[1].Query != "limit=5" {
		t.Errorf("Requests = %v", log)
	}
	if c.ResetRequests(); len(c.Requests()) != 0 {
		t.Error("ResetRequests left some")
	}
}

// A caller that closes the connection ends the delay.
func TestLatencyEndsWithTheCaller(t *testing.T) {
	c := NewCOC(COCOptions{})
	url := serve(t, c)
	c.Fail(Fault{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/documents", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		t.Error("a response was sent before the hour was over")
	}
}
