package web

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// request sends a request to a guarded handler that responds with "secret".
func requestTo(t *testing.T, g Guard, method, target string, header ...string) *http.Response {
	t.Helper()
	h := g.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panics" {
			panic("a bug")
		}
		io.WriteString(w, "secret")
	}), slog.New(slog.NewTextHandler(t.Output(), nil)))
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	response := w.Result()
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Requests with a foreign host name are refused (DNS rebinding).
func TestForeignHostsAreRefused(t *testing.T) {
	g := Guard{Host: "coc.example.com"}
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8321": 200, "127.0.0.1:8321": 200, "[::1]:8321": 200, "10.0.0.7": 200,
		"coc.example.com": 200, "COC.example.com:443": 200, "evil.example": 421, "coc.example.com.evil.example": 421,
		"localhost.evil.example": 421, "": 421, "127.0.0.1.evil.example": 421, "[": 421,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		g.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") }),
			slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
		if w.Code != want || (want != 200) == strings.Contains(w.Body.String(), "secret") {
			t.Errorf("Host %q: %d %q, want %d", host, w.Code, w.Body, want)
		}
	}
}

// All addresses except the probes require the token.
func TestToken(t *testing.T) {
	const token = "0123456789abcdef0123"
	g := Guard{Token: func() (string, error) { return token, nil }}
	for _, tt := range []struct {
		path, header string
		want         int
	}{
		{"/", "", 401}, {"/api/v1/status", "", 401}, {"/metrics", "", 401}, {"/assets/x/style.css", "", 401},
		{"/-/healthy", "", 200}, {"/-/ready", "", 200}, {"/-/healthy/", "", 401}, {"//-/healthy", "", 401},
		{"/", "Bearer " + token, 200}, {"/", "Bearer " + token + "x", 401}, {"/", "Bearer ", 401}, {"/", "bearer", 401},
		{"/", "bearer " + token, 200}, {"/", "BEARER " + token, 200}, {"/", token, 401}, {"/", "Digest " + token, 401},
		{"/", "Basic " + basic("anybody", token), 200}, {"/", "Basic " + basic(token, ""), 401}, {"/", "Basic ???", 401},
	} {
		response := requestTo(t, g, http.MethodGet, "http://localhost"+tt.path, "Authorization", tt.header)
		if text := body(t, response); response.StatusCode != tt.want || tt.want != 200 &&
			(strings.Contains(text, "secret") || strings.Contains(text, token)) {
			t.Errorf("%s with %q = %d %q, want %d", tt.path, tt.header, response.StatusCode, text, tt.want)
		}
		if got := response.Header.Get("WWW-Authenticate") != ""; got != (tt.want == 401) {
			t.Errorf("%s with %q: has WWW-Authenticate: %v", tt.path, tt.header, got)
		}
	}
	for _, broken := range []func() (string, error){
		func() (string, error) { return "", nil },
		func() (string, error) { return "", errors.New("no file") },
	} {
		if response := requestTo(t, Guard{Token: broken}, http.MethodGet, "http://localhost/", "Authorization",
			"Bearer "); response.StatusCode != 401 {
			t.Errorf("with an unreadable token the status is %d, want 401", response.StatusCode)
		}
	}
}

// Pages of other sites can link to this site, as alerts do, but cannot embed or fetch it
// with the credentials stored in the browser.
func TestOtherSitesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		site, mode, dest string
		want             int
	}{
		{"", "", "", 200}, {"none", "navigate", "document", 200}, {"same-origin", "cors", "empty", 200},
		{"same-site", "navigate", "document", 200},
		{"cross-site", "navigate", "document", 200}, {"cross-site", "navigate", "iframe", 403}, {"cross-site", "no-cors", "image", 403},
		{"cross-site", "no-cors", "script", 403}, {"cross-site", "cors", "empty", 403},
		{"cross-site", "no-cors", "document", 403}, {"cross-site", "", "", 403},
	} {
		for _, path := range []string{"/", "/-/ready", "/metrics"} {
			response := requestTo(t, Guard{}, http.MethodGet, "http://localhost"+path, "Sec-Fetch-Site", tt.site,
				"Sec-Fetch-Mode", tt.mode, "Sec-Fetch-Dest", tt.dest)
			if text := body(t, response); response.StatusCode != tt.want || (tt.want == 200) != (text == "secret") {
				t.Errorf("%s, %+v: %d %q, want %d", path, tt, response.StatusCode, text, tt.want)
			}
		}
	}
}

// Fault: refused credentials were not logged. They are logged once a minute, as a count and
// without the credentials.
func TestRefusedCredentialsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := Guard{Token: func() (string, error) { return "0123456789abcdef0123", nil }}
		h := g.wrap(http.NotFoundHandler(), slog.New(slog.NewTextHandler(&log, nil)))
		get := func(path, authorization string) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
			r.RemoteAddr = "192.0.2.7:4711"
			r.Header.Set("X-Forwarded-For", strings.Repeat("x", 1000))
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		for range 5 { // a browser, before it prompts for the password
			get("/", "")
		}
		for range 1000 {
			get("/", "Bearer guess-0123456789")
			get("/metrics", "Basic "+basic("anybody", "guess-0123456789"))
		}
		time.Sleep(refusalsEvery)
		get("/-/healthy", "")
		get("/-/healthy", "")
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "requests=1 remote=192.0.2.7:4711") ||
			!strings.Contains(lines[1], "requests=1999 remote=192.0.2.7:4711") {
			t.Errorf("the log is %q, want one line for the first refusal and one for the 1999 others", lines)
		}
		if strings.Contains(log.String(), "guess") || strings.Contains(log.String(), "0123456789abcdef") || log.Len() > 600 {
			t.Errorf("the log contains credentials or is too long: %q", lines)
		}
	})
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
}

// Every response, including errors, has the security headers.
func TestSecurityHeaders(t *testing.T) {
	for _, tt := range []struct {
		method, target string
		want           int
	}{
		{http.MethodGet, "http://localhost/", 200}, {http.MethodHead, "http://localhost/", 200},
		{http.MethodPost, "http://localhost/", 405}, {http.MethodDelete, "http://localhost/", 405},
		{http.MethodOptions, "http://localhost/", 405},
		{http.MethodGet, "http://evil.example/", 421}, {http.MethodGet, "http://localhost/panics", 500},
		{http.MethodGet, "http://localhost/?" + strings.Repeat("x", maxURL), 414},
	} {
		response := requestTo(t, Guard{}, tt.method, tt.target)
		if response.StatusCode != tt.want {
			t.Errorf("%s %.40s = %d, want %d", tt.method, tt.target, response.StatusCode, tt.want)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s %.40s: %s is %q, want %q", tt.method, tt.target, name, got, want)
			}
		}
		if strings.Contains(body(t, response), "a bug") {
			t.Error("the response contains the panic message")
		}
	}
	if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("the policy is %q", policy)
	}
}
