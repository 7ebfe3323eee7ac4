package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/query"
	"cocsync/internal/web"
)

// served is the page of an archive.
type served struct {
	t   testing.TB
	url string
	now time.Time // of its clock
}

func serveArchive(t testing.TB, archive string) *served {
	t.Helper()
	q, err := query.Open(t.Context(), archive)
	must(t, err)
	s := &served{t: t, now: time.Now()}
	q.Now, q.Local = func() time.Time { return s.now }, time.UTC
	q.OwnKey = (&app{dbFlag: archive}).ownKey
	site := &web.Site{Archive: q, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	handler, err := site.Handler()
	must(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		q.Close()
	})
	s.url = server.URL
	return s
}

// get sends a request, with headers as pairs of name and value.
func (s *served) get(address string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+address, nil)
	must(s.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answered, err := http.DefaultClient.Do(r)
	must(s.t, err)
	defer answered.Body.Close()
	body, err := io.ReadAll(answered.Body)
	must(s.t, err)
	return answered, string(body)
}

// The command line and the API return the same results, byte for byte.
func TestAPIMatchesCommandLine(t *testing.T) {
	archive := fixture(t)
	s := serveArchive(t, archive)
	evilPath := url.PathEscape(evil)
	for _, tt := range []struct{ command, address string }{
		{"list", "/documents"},
		{"list --name 're*' --state present", "/documents?name=re*&state=present"},
		{"list --sort versions --reverse", "/documents?sort=versions&reverse"},
		{"list --at 2026-03-15 --account prod", "/documents?at=2026-03-15&account=prod"},
		{"list --since 2026-03-18", "/documents?since=2026-03-18"},
		{"list --name 'x*'", "/documents?name=x*"},
		{"log", "/changes"},
		{"log -n 3 --reverse", "/changes?n=3&reverse=true"},
		{"log DM-restart --kind version,rewritten", "/changes?document=DM-restart&kind=version&kind=rewritten"},
		{"log --since 2026-03-11 --until 2026-03-12 --seen", "/changes?since=2026-03-11&until=2026-03-12&seen"},
		{"log --by COC-wang", "/changes?by=COC-wang"},
		{"log --risk high", "/changes?risk=high"},
		{"log --task 'hwc:runbook:*' --path 'steps[*]'", "/changes?task=hwc:runbook:*&path=" + url.QueryEscape("steps[*]")},
		{"log -S systemctl", "/changes?text=systemctl"},
		{"show restart-unhealthy-nodes --meta", "/documents/restart-unhealthy-nodes/versions"},
		{"show DM-restart@v3#1 --meta", "/documents/DM-restart/versions/v3%231"},
		{"show DM-restart@v4 --meta", "/documents/DM-restart/versions/v4"},
		{"show DM-restart@2026-03-12 --meta", "/documents/prod%2FDM-restart/versions/2026-03-12"},
		{"show '" + evil + "' --meta", "/documents/" + evilPath + "/versions"},
		{"diff DM-restart@v1..v2", "/diff?old=DM-restart@v1&new=DM-restart@v2"},
		{"diff DM-restart@v5", "/diff?new=DM-restart@v5"},
		{"diff DM-restart@v1 DM-twin-1@v1 -U 1 -w", "/diff?old=DM-restart@v1&new=DM-twin-1@v1&unified=1&ignore_all_space"},
		{"diff DM-restart --at 2026-03-12", "/diff?new=DM-restart&at=2026-03-12"},
		{"blame DM-restart@v3", "/documents/DM-restart/versions/v3/blame"},
		{"blame DM-restart@v5 -L step:restart -L 1", "/documents/DM-restart/versions/v5/blame?lines=step:restart&lines=1"},
		{"grep timeout", "/grep?pattern=timeout"},
		{"grep -i -F SYSTEMCTL DM-restart --step restart", "/grep?pattern=SYSTEMCTL&ignore_case&fixed_strings&document=DM-restart&step=restart"},
		{"grep . -c --newest", "/grep?pattern=.&count&newest=true"},
		{"grep . -l --at 2026-03-12", "/grep?pattern=.&files_with_matches&at=2026-03-12"},
		{"grep nothing-like-it", "/grep?pattern=nothing-like-it"},
		{"status", "/status"},
		{"report --since 2026-03-01 --until 2026-03-31", "/report?since=2026-03-01&until=2026-03-31"},
		{"report --account prod --since 2026-03-01 --until 2026-06-30", "/report?account=prod&since=2026-03-01&until=2026-06-30"},
	} {
		want, stderr, status := ask(t, archive, append(words(tt.command), "-o", "json")...)
		if status != 0 {
			t.Fatalf("cocsync %s: %s", tt.command, stderr)
		}
		s.now = reportedAt(t, want)
		answered, got := s.get("/api/v1" + tt.address)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is not `%s -o json` (-command +API):\n%s", tt.address, tt.command, diff)
		}
		if typ := answered.Header.Get("Content-Type"); answered.StatusCode != http.StatusOK || typ != "application/json; charset=utf-8" {
			t.Errorf("%s returns %s, %q", tt.address, answered.Status, typ)
		}
	}
}

// reportedAt returns the time at which a report was created, so that the other can be
// created for the same time. For other results it is the current time.
func reportedAt(t *testing.T, answer string) time.Time {
	t.Helper()
	var report struct {
		ReportedAt time.Time `json:"reported_at"`
	}
	if json.Unmarshal([]byte(answer), &report) != nil || report.ReportedAt.IsZero() {
		return time.Now()
	}
	return report.ReportedAt
}

// A single change is the same as in a list with patches. Contents and proofs are the same
// as the output of the commands.
func TestAPISingleItems(t *testing.T) {
	archive := fixture(t)
	s := serveArchive(t, archive)
	var list []json.RawMessage
	stdout, _, _ := ask(t, archive, "log", "-p", "-o", "json", "DM-restart", "--kind", "rewritten")
	must(t, json.Unmarshal([]byte(stdout), &list))
	var want bytes.Buffer
	must(t, json.Indent(&want, list[0], "", "  "))
	if _, got := s.get("/api/v1/changes/5"); got != want.String()+"\n" {
		t.Errorf("/changes/5 is\n%s\nwant\n%s", got, want.String())
	}
	for _, tt := range []struct{ command, address, file string }{
		{"show DM-restart@v3#1", "/documents/DM-restart/versions/v3%231/content", `attachment; filename="restart-unhealthy-nodes@v3#1.yaml"`},
		{"show DM-evil", "/documents/DM-evil/versions/latest/content",
			`attachment; filename="evil^[[2Jname<U+202E>gpj<U+009B>31m <!channel>@v1.yaml"`},
		{"audit prove 5", "/changes/5/proof", "attachment; filename=change-5.proof"},
	} {
		want, stderr, status := ask(t, archive, words(tt.command)...)
		answered, got := s.get("/api/v1" + tt.address)
		if status != 0 || got != want {
			t.Errorf("%s is %q, `%s` writes %q %s", tt.address, got, tt.command, want, stderr)
		}
		h := answered.Header
		if h.Get("Content-Disposition") != tt.file || h.Get("Content-Type") != "text/plain; charset=utf-8" ||
			h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s returns %v", tt.address, h)
		}
	}
}

// A document can be requested by any name, escaped once.
func TestAPIAcceptsAnyName(t *testing.T) {
	for _, name := range []string{"a/b@v1 %2F?x=1#y&z", "重启/../不健康", "a//b", "x%00y", "+ ;"} {
		archive := two(t, name, job1, job2)
		s := serveArchive(t, archive)
		want, stderr, _ := ask(t, archive, "show", name, "--meta", "-o", "json")
		for _, address := range []string{"/documents/" + url.PathEscape(name) + "/versions", "/documents/DM1/versions"} {
			if _, got := s.get("/api/v1" + address); got != want {
				t.Errorf("%s is\n%s\nwant\n%s%s", address, got, want, stderr)
			}
		}
		if _, got := s.get("/api/v1/diff?" + url.Values{"old": {name + "@v1"},
			"new": {name + "@v2"}}.Encode()); !strings.Contains(got, `"old": "v1",`) {
			t.Errorf("the diff of %q is %s", name, got)
		}
		if answered, _ := s.get("/documents/" + url.PathEscape(name) + "/feed.atom"); answered.StatusCode != http.StatusOK {
			t.Errorf("the feed of %q returns %s", name, answered.Status)
		}
	}
}

// Errors in queries have the same text as on the command line, and the status says whether
// the client caused them.
func TestAPIErrors(t *testing.T) {
	archive := fixture(t)
	s := serveArchive(t, archive)
	for _, tt := range []struct {
		command, address string
		status           int
	}{
		{"show nope --meta", "/documents/nope/versions", 404},
		{"show twin --meta", "/documents/twin/versions", 400},
		{"show DM-restart@v9 --meta", "/documents/DM-restart/versions/v9", 404},
		{"show DM-restart@v4", "/documents/DM-restart/versions/v4/content", 404},
		{"show DM-restart@~x --meta", "/documents/DM-restart/versions/~x", 400},
		{"show DM-restart@2199-01-01 --meta", "/documents/DM-restart/versions/2199-01-01", 400},
		{"list --account prd", "/documents?account=prd", 404},
		{"list --name '['", "/documents?name=[", 400},
		{"log --since soon --until 1x", "/changes?since=soon&until=1x", 400},
		{"log --kind versoin", "/changes?kind=versoin", 400},
		{"log DM-restart@v3", "/changes?document=DM-restart@v3", 400},
		{"grep '('", "/grep?pattern=(", 400},
		{"grep x DM-restart@v3", "/grep?pattern=x&document=DM-restart@v3", 400},
		{"blame DM-restart@v3 -L 999", "/documents/DM-restart/versions/v3/blame?lines=999", 404},
		{"blame DM-restart@v3 -L step:none", "/documents/DM-restart/versions/v3/blame?lines=step:none", 404},
		{"report --since 2199-01-01", "/report?since=2199-01-01", 400},
		{"audit prove 99", "/changes/99/proof", 404},
		{"audit prove x", "/changes/x/proof", 400},
	} {
		_, want, _ := ask(t, archive, words(tt.command)...)
		answered, body := s.get("/api/v1" + tt.address)
		if got := asPrinted(t, body); got != want || answered.StatusCode != tt.status {
			t.Errorf("%s = %d\n%s\nwant %d and, as `%s` says,\n%s", tt.address, answered.StatusCode, got, tt.status, tt.command, want)
		}
	}
}

// asPrinted formats an error of the API like the command line.
func asPrinted(t *testing.T, body string) string {
	t.Helper()
	var e struct {
		Error string
		Hint  *string
	}
	must(t, json.Unmarshal([]byte(body), &e))
	var out strings.Builder
	for line := range strings.SplitSeq(e.Error, "\n") {
		out.WriteString("cocsync: " + line + "\n")
	}
	if e.Hint != nil {
		for line := range strings.SplitSeq(*e.Hint, "\n") {
			out.WriteString("cocsync: hint: " + line + "\n")
		}
	}
	return out.String()
}

// Unknown parameters are refused: without them a different query would run.
func TestAPIRefusesUnknownParameters(t *testing.T) {
	s := serveArchive(t, fixture(t))
	for address, want := range map[string]string{
		"/documents?stat=present":      "cocsync: unknown parameter \"stat\"\ncocsync: hint: did you mean state, at, sort? the parameters are account, name, state, since, at, sort, reverse\n",
		"/status?x=1":                  "cocsync: unknown parameter \"x\"\ncocsync: hint: this address has no parameters\n",
		"/documents?name=":             "cocsync: name is empty\ncocsync: hint: set a value, or leave the parameter out to match everything\n",
		"/documents?at=7d&at=8d":       "cocsync: at occurs 2 times\ncocsync: hint: set it once\n",
		"/documents?reverse=yes":       "cocsync: reverse \"yes\" is not a valid flag\ncocsync: hint: use true or false\n",
		"/documents?state=gone":        "cocsync: unknown --state \"gone\"\ncocsync: hint: known: present, listed, deleted\n",
		"/changes?n=5001":              "cocsync: n \"5001\" is not a number from 1 to 5000\n",
		"/diff?old=DM-restart":         "cocsync: new is missing: set the version to compare, as DOC@REF\n",
		"/grep?pattern=a&newest&at=7d": "cocsync: newest and at cannot be combined\n",
		"/documents?name=%zz":          "cocsync: parse the query string: invalid URL escape \"%zz\"\ncocsync: hint: percent-encode the values; curl --data-urlencode does it\n",
	} {
		answered, body := s.get("/api/v1" + address)
		if got := asPrinted(t, body); got != want || answered.StatusCode != http.StatusBadRequest {
			t.Errorf("%s = %d\n%s\nwant 400\n%s", address, answered.StatusCode, got, want)
		}
	}
	answered, body := s.get("/api/v1/chagnes")
	if got := asPrinted(t, body); answered.StatusCode != http.StatusNotFound ||
		!strings.HasPrefix(got, "cocsync: no API at \"/api/v1/chagnes\"\ncocsync: hint: the addresses are /api/v1/documents, ") {
		t.Errorf("an unknown address answers %d %s", answered.StatusCode, got)
	}
}

// Notes that the command line writes to stderr are in a header, and so is a note on a
// truncated result.
func TestAPINotes(t *testing.T) {
	s := serveArchive(t, fixture(t))
	for address, want := range map[string][]string{
		"/documents?at=2026-03-15":                   nil,
		"/documents?at=2026-06-01":                   {"COC was last checked at 2026-03-20T12:00:00Z: more may have changed until then"},
		"/changes?n=2":                               {"only the newest 2 changes are listed: increase n (max 5000) or set an earlier until"},
		"/changes?n=9&document=DM-restart":           nil,
		"/grep?pattern=.&n=2":                        {"only the first 2 matches are listed: increase n (max 10000) or narrow the search"},
		"/documents/old-job/versions/latest/content": {"COC no longer has this document: this is the last version that was seen"},
		"/diff?new=DM-restart@v5":                    {"v4, between the two, is not in the archive: COC did not serve it (400 COC.00010002)"},
	} {
		answered, _ := s.get("/api/v1" + address)
		var got []string
		for _, note := range answered.Header.Values("Cocsync-Note") {
			var text string
			must(t, json.Unmarshal([]byte(note), &text))
			got = append(got, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("notes of %s (-want +got):\n%s", address, diff)
		}
	}
}
