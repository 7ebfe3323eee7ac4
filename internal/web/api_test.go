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
	"testing"
	"time"

	"cocsync/internal/db"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// archiveOf queries a database, at a time and with days of UTC.
func archiveOf(d *db.DB, now func() time.Time) *query.Archive {
	a := query.New(d)
	a.Now, a.Local = now, time.UTC
	return a
}

// writer opens the archive of a site for writing.
func writer(t *testing.T, s *Site) *db.DB {
	t.Helper()
	d, err := db.OpenShared(t.Context(), s.Archive.Path())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// emptySite is a site over an archive with nothing in it.
func emptySite(t *testing.T) *Site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.db")
	d, err := db.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return &Site{Archive: archiveOf(d, time.Now), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// The documentation names every address and every parameter.
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
		_, rows, _ := strings.Cut(text, "\n| `"+short+"` | `") // the table of parameters is the one whose second cell is code
		if end := regexp.MustCompile("\n\\| `|\n\n").FindStringIndex(rows); end != nil {
			rows = rows[:end[0]]
		}
		for _, p := range e.params {
			if !regexp.MustCompile("(^|`)" + p.name + "`").MatchString(rows) {
				t.Errorf("docs/api.md does not tell of %s of %s", p.name, e.path)
			}
		}
	}
}

// An answer that is not found in its time, and one that nobody waits for, are no
// faults of the archive.
func TestAPIEndsInTime(t *testing.T) {
	s := emptySite(t)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, e := range endpoints() {
		if e.path != "/documents" && e.path != "/status" && e.path != "/changes" {
			continue
		}
		w := httptest.NewRecorder()
		s.answer(w, httptest.NewRequestWithContext(late, http.MethodGet, apiRoot+e.path, nil), e)
		var said refusal
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusServiceUnavailable || said.Error != "the answer was not found within 20s" {
			t.Errorf("%s answers too late with %d %s", e.path, w.Code, w.Body)
		}
		w = httptest.NewRecorder()
		s.answer(w, httptest.NewRequestWithContext(gone, http.MethodGet, apiRoot+e.path, nil), e)
		if w.Body.Len() > 0 {
			t.Errorf("%s answers nobody with %s", e.path, w.Body)
		}
	}
}

// A fault of the archive is no fault of the question.
func TestAPIFaultOfTheArchive(t *testing.T) {
	s := emptySite(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, apiRoot+"/status", nil)
	if status, what, _ := s.judge(r, errors.New("disk I/O error")); status != http.StatusInternalServerError || what != "disk I/O error" {
		t.Errorf("a fault of the archive is told as %d %q", status, what)
	}
}

// The API and the feeds open to nobody whom the page does not open to.
func TestAPIAsksForTheToken(t *testing.T) {
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
			if opened := w.Code != http.StatusUnauthorized; opened != want {
				t.Errorf("%s with %q answers %d", address, given, w.Code)
			}
		}
	}
}

// What is too long for memory is refused, and not cut.
func TestAPIAnswersAreBounded(t *testing.T) {
	b := bounded{most: 10}
	err := query.Write(&b, strings.Repeat("x", 11))
	status, _, _ := emptySite(t).judge(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), err)
	if err == nil || status != http.StatusBadRequest {
		t.Errorf("a long answer is %v, status %d", err, status)
	}
	if b := (bounded{most: 14}); query.Write(&b, strings.Repeat("x", 11)) != nil {
		t.Error("an answer of 14 bytes is refused where 14 are allowed")
	}
}

// A note stands in a header, which holds ASCII, and is read back as it was.
func TestNotesAreASCII(t *testing.T) {
	const note = "重启 → 𝄞 \"x\"\\"
	got := query.ASCII(text.Visible(note))
	var back string
	if err := json.Unmarshal([]byte(got), &back); err != nil || back != note {
		t.Errorf("ASCII(%q) = %s, which is read as %q, %v", note, got, back, err)
	}
	if strings.ContainsFunc(query.ASCII(text.Visible(note+"\r\nX: y\x00\u202e")), func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("ASCII writes what is no ASCII: %s", got)
	}
}
