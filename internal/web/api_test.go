package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cocsync/internal/db"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// archiveOf returns the query archive of a database with a clock and time zone UTC.
func archiveOf(d *db.DB, now func() time.Time) *query.Archive {
	a := query.New(d)
	a.Now, a.Local = now, time.UTC
	return a
}

// writers are the archives that tests have open for writing, by path.
var writers sync.Map

// openArchive opens the archive at path for writing, until the test ends.
func openArchive(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	writers.Store(path, d)
	t.Cleanup(func() { writers.Delete(path); d.Close() })
	return d
}

// writer returns the archive of a site, open for writing.
func writer(t *testing.T, s *Site) *db.DB {
	t.Helper()
	d, ok := writers.Load(s.Archive.Path())
	if !ok {
		t.Fatal("the archive is not open for writing")
	}
	return d.(*db.DB)
}

// emptySite returns a site with an empty archive.
func emptySite(t *testing.T) *Site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.db")
	d := openArchive(t, path)
	return &Site{Archive: archiveOf(d, time.Now), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// docs/api.md lists every address and every parameter.
func TestAPIIsDocumented(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, e := range endpoints() {
		if !strings.Contains(text, "| `"+e.path+"` |") {
			t.Errorf("docs/api.md does not name %s", e.path)
		}
		short := e.path
		if strings.HasSuffix(short, "/blame") {
			short = "…/blame"
		}
		_, rows, _ := strings.Cut(text, "\n| `"+short+"` | `") // the table of parameters has code in its second column
		if end := regexp.MustCompile("\n\\| `|\n\n").FindStringIndex(rows); end != nil {
			rows = rows[:end[0]]
		}
		for _, p := range e.params {
			if !regexp.MustCompile("(^|`)" + p.name + "`").MatchString(rows) {
				t.Errorf("docs/api.md does not list parameter %s of %s", p.name, e.path)
			}
		}
	}
}

// A timeout is reported as 503; a disconnected client gets no response.
func TestAPIEndsInTime(t *testing.T) {
	s := emptySite(t)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	disconnected, cancelNow := context.WithCancel(t.Context())
	cancelNow()
	for _, e := range endpoints() {
		if e.path != "/documents" && e.path != "/status" && e.path != "/changes" {
			continue
		}
		w := httptest.NewRecorder()
		s.respond(w, httptest.NewRequestWithContext(late, http.MethodGet, apiRoot+e.path, nil), e)
		var got errorBody
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusServiceUnavailable ||
			got.Error != "the query took longer than 20s" {
			t.Errorf("%s after its deadline = %d %s", e.path, w.Code, w.Body)
		}
		w = httptest.NewRecorder()
		s.respond(w, httptest.NewRequestWithContext(disconnected, http.MethodGet, apiRoot+e.path, nil), e)
		if w.Body.Len() > 0 {
			t.Errorf("%s of a disconnected client = %s, want no body", e.path, w.Body)
		}
	}
}

// An error of the archive is not a bad request.
func TestAPIArchiveError(t *testing.T) {
	s := emptySite(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, apiRoot+"/status", nil)
	if status, what, _ := s.judge(r, errors.New("disk I/O error")); status != http.StatusInternalServerError || what != "disk I/O error" {
		t.Errorf("judge(disk I/O error) = %d %q", status, what)
	}
}

// The API and the feeds require the token.
func TestAPIRequiresToken(t *testing.T) {
	s := emptySite(t)
	const token = "a-token-of-thirty-two-characters"
	s.Guard.Token = func() (string, error) { return token, nil }
	handler, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"/api/v1/status", "/api/v1/grep?pattern=x", "/api/nothing", "/feed.atom", "/documents/a/b/feed.atom"} {
		for given, want := range map[string]bool{"": false, "Bearer other": false, "Bearer " + token: true} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+address, nil)
			r.Header.Set("Authorization", given)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if allowed := w.Code != http.StatusUnauthorized; allowed != want {
				t.Errorf("%s with %q returns %d", address, given, w.Code)
			}
		}
	}
}

// A result above the size limit is an error and is not truncated.
func TestAPIResponsesAreBounded(t *testing.T) {
	b := bounded{max: 10}
	err := query.Write(&b, strings.Repeat("x", 11))
	status, _, _ := emptySite(t).judge(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), err)
	if err == nil || status != http.StatusBadRequest {
		t.Errorf("a long result gives %v, status %d", err, status)
	}
	if b := (bounded{max: 14}); query.Write(&b, strings.Repeat("x", 11)) != nil {
		t.Error("a result of 14 bytes is refused, want it allowed")
	}
}

// Notes are encoded in ASCII for a header field and decode to the original.
func TestNotesAreASCII(t *testing.T) {
	const note = "重启 → 𝄞 \"x\"\\"
	got := query.ASCII(text.Visible(note))
	var back string
	if err := json.Unmarshal([]byte(got), &back); err != nil || back != note {
		t.Errorf("ASCII(%q) = %s, which decodes to %q, %v", note, got, back, err)
	}
	if strings.ContainsFunc(query.ASCII(text.Visible(note+"\r\nX: y\x00\u202e")), func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("ASCII returns non-ASCII characters: %s", got)
	}
}
