package web

import (
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// evilName is a document's name with markup, control characters and path elements.
const evilName = "../<script>alert(1)</script>\u202e\"\r\nX: y\x00/con"

// noonOf returns noon of a day in March 2026.
func noonOf(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }

// versionOf returns the step of a version made on a day.
func versionOf(label string, number, day int, content string) coc.VersionStep {
	v := coc.VersionStep{Listed: coc.Listed{Label: label, UUID: "u-" + label, MadeAt: noonOf(day)}, State: coc.Archived,
		Recorded: true, Checked: true,
		Revision: &coc.NewRevision{Number: number, UUID: "u-" + label, Content: coc.Content{Bytes: []byte(content)},
			Evidence: coc.Evidence{RequestID: "request-of-" + label, Date: noonOf(day)}}}
	if number > 1 {
		v.Revision.PreviousCheckedAt = noonOf(day - 1)
	}
	return v
}

// changeOf returns a change between two contents.
func changeOf(kind coc.Kind, from, to coc.RevisionRef, day int, old, now string) coc.NewChange {
	var was *diff.Text
	if from.Label != "" {
		was = diff.Read([]byte(old))
	}
	return coc.NewChange{Kind: kind, From: from, To: to, At: noonOf(day), Difference: diff.Compare(was, diff.Read([]byte(now)))}
}

// Contents of the document whose changes are shown.
const (
	job1 = "steps:\n- name: restart\n  task: hwc:runbook:scripts@1.0.0\n  inputs:\n    timeout: 30\n    user: root\n"
	job2 = "steps:\n- name: restart\n  task: hwc:runbook:scripts@1.0.0\n  inputs:\n    timeout: 60\n    user: root\n"
	job3 = job2 + "  outputs: []"
)

// changeFixture returns a site with a document that has changes of all kinds, numbered from
// 1, and a document with hostile names and contents.
func changeFixture(t *testing.T) (*Site, *db.DB) {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	t.Cleanup(func() { d.Close() })
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	check(err)
	cycle := coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSync, StartedAt: noonOf(1)}
	cycle.Key, err = d.Begin(t.Context(), cycle)
	check(err)
	steps := restartHistory(cycle.Key)
	for _, s := range steps {
		check(d.Commit(t.Context(), s))
	}
	check(d.Commit(t.Context(), evilHistory(cycle.Key)...))
	cycle.EndedAt, cycle.Outcome, cycle.Complete = noonOf(20), coc.CycleGood, true
	check(d.End(t.Context(), cycle, nil))
	h := archiveOf(d, func() time.Time { return noonOf(25) })
	return &Site{Archive: h, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}, d
}

// restartHistory returns the steps of changes 1 to 9.
func restartHistory(cycle coc.Key) []coc.Step {
	name, li, high, described := "restart", "COC-li", "HIGH", "what\nit does"
	step := func(day int, versions []coc.VersionStep, changes ...coc.NewChange) coc.Step {
		return coc.Step{Account: "prod", DocumentID: "DM-restart", Cycle: cycle, SeenAt: noonOf(day), Name: name, State: coc.DocPresent,
			Versions: versions, Changes: changes}
	}
	ref := func(label string, n int) coc.RevisionRef { return coc.RevisionRef{Label: label, Number: n} }
	lost := coc.VersionStep{Listed: coc.Listed{Label: "v3", UUID: "u-v3", MadeAt: noonOf(4)}, State: coc.Unavailable,
		Recorded: true, Err: "400 COC.00010002"}
	left := coc.VersionStep{Listed: coc.Listed{Label: "v1", UUID: "u-v1", MadeAt: noonOf(1)}, State: coc.Archived,
		Recorded: true, Withdrawn: true}
	steps := []coc.Step{
		step(2, []coc.VersionStep{versionOf("v1", 1, 1, job1)}, changeOf(coc.KindNew, ref("", 0), ref("v1", 1), 1, "", job1)),
		step(3, []coc.VersionStep{versionOf("v2", 1, 3, job2)}, changeOf(coc.KindVersion, ref("v1", 1), ref("v2", 1), 3, job1, job2)),
		step(5, []coc.VersionStep{lost, versionOf("v4", 1, 5, job3)}, changeOf(coc.KindVersion, ref("v2", 1), ref("v4", 1), 5, job2, job3)),
		step(6, []coc.VersionStep{versionOf("v4", 2, 6, job2)}, changeOf(coc.KindRewritten, ref("v4", 1), ref("v4", 2), 6, job3, job2)),
		step(7, nil, coc.NewChange{Kind: coc.KindMetadata, At: noonOf(7),
			Difference: coc.Difference{Summary: "description changed, risk_level added", Items: []coc.Item{
				{Op: "changed", Path: "description", Old: "what", New: described}, {Op: "added", Path: "risk_level", New: high}}}}),
		step(8, []coc.VersionStep{left}, coc.NewChange{Kind: coc.KindWithdrawn, Label: "v1", At: noonOf(8),
			Difference: coc.Difference{Summary: "v1 is no longer listed by COC; the archive keeps it"}}),
		step(9, nil, coc.NewChange{Kind: coc.KindDeleted, At: noonOf(9),
			Difference: coc.Difference{Summary: "deleted at COC; the archive keeps every version"}}),
		step(10, nil, coc.NewChange{Kind: coc.KindRestored, At: noonOf(10), Difference: coc.Difference{Summary: "restored"}}),
		step(11, []coc.VersionStep{versionOf("v5", 1, 11, job2)}, changeOf(coc.KindVersion, ref("v4", 2), ref("v5", 1), 11, job2, job2)),
	}
	steps[0].Meta = &coc.Meta{Name: &name, Creator: &li}
	steps[0].Versions[0].Revision.Author = li
	steps[0].Changes[0].Backfill = true
	steps[2].Changes[0].Skipped = []string{"v3"}
	steps[3].Changes[0].Notify = []string{"ops", "team"}
	steps[4].Meta, steps[4].Evidence = &coc.Meta{Name: &name, Creator: &li, RiskLevel: &high, Description: &described},
		coc.Evidence{RequestID: "request-of-fields"}
	steps[8].Newest = "v5"
	return steps
}

// evilHistory returns the steps of changes 10 to 12, of a hostile document with an empty first version.
func evilHistory(cycle coc.Key) []coc.Step {
	name := evilName
	var old, now strings.Builder
	for _, h := range hostile() {
		old.WriteString(h + "\n")
		now.WriteString("x" + h + "\n")
	}
	now.WriteString(strings.Repeat("long ", 13<<10))
	v1, v2 := coc.RevisionRef{Label: "v1", Number: 1}, coc.RevisionRef{Label: "v2", Number: 1}
	return []coc.Step{{Account: "prod", DocumentID: "DM-evil", Cycle: cycle, SeenAt: noonOf(12), Name: name,
		State: coc.DocPresent, Newest: "v2",
		Meta:     &coc.Meta{Name: &name, Creator: &name, Modifier: &name},
		Versions: []coc.VersionStep{versionOf("v1", 1, 12, ""), versionOf("v2", 1, 13, old.String()), versionOf("v3", 1, 14, now.String())},
		Changes: []coc.NewChange{changeOf(coc.KindNew, coc.RevisionRef{}, v1, 12, "", ""),
			changeOf(coc.KindVersion, v1, v2, 13, "", old.String()),
			changeOf(coc.KindVersion, v2, coc.RevisionRef{Label: "v3", Number: 1}, 14, old.String(), now.String())}}}
}

// response is the response of a site.
type response struct {
	status int
	header http.Header
	body   string
}

// fetch requests an address of a site.
func fetch(t *testing.T, s *Site, address string) response {
	t.Helper()
	handler, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+address, nil))
	return response{w.Code, w.Header(), w.Body.String()}
}

// pageText returns the text and the links of a page. It fails on elements, attributes and
// links that templates do not have, and that a document's text could have injected.
func pageText(t *testing.T, html string) (words string, links []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(html))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var b strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, html)
		}
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			if slices.Contains([]string{"img", "iframe", "object", "embed", "style", "base"}, name) ||
				name == "script" && len(attribute(e, "src")) == 0 {
				t.Errorf("a page has the element %s", name)
			}
			for _, a := range e.Attr {
				if n := a.Name.Local; n == "style" || strings.HasPrefix(n, "on") {
					t.Errorf("a page has the attribute %s=%q", n, a.Value)
				}
			}
			for _, link := range attribute(e, "href") {
				if !regexp.MustCompile(`^[/#]([^/]|$)`).MatchString(link) {
					t.Errorf("a link leads to %q", link)
				}
				links = append(links, link)
			}
		case xml.CharData:
			b.Write(e)
		case xml.EndElement:
			if slices.Contains([]string{"dt", "dd", "td", "th", "li", "p", "del", "ins"}, e.Name.Local) {
				b.WriteByte(' ')
			}
		}
	}
	words = b.String()
	if strings.ContainsFunc(words, func(r rune) bool { return r != '\n' && r != '\t' && r != '\u00a0' && text.Hidden(r) }) {
		t.Error("the page has invisible characters")
	}
	return strings.Join(strings.Fields(words), " "), links
}

// The page of each kind of change has the expected texts and links, and no others.
func TestChangePages(t *testing.T) {
	s, _ := changeFixture(t)
	for address, want := range map[string]struct{ has, not, links string }{
		"/changes/1": {"restart v1 new|By COC-li|Made 2026-03-01 12:00|First seen 2026-03-02 12:00 it existed before the initial sync|1 step|No one was notified: the change was made before the initial sync|change 1",
			"Layout|Old lines|Rewritten",
			"/documents/prod/DM-restart/v1|/changes/2|/changes/1/patch|/changes/1/proof|/changes?document=prod%2fDM-restart"},
		"/changes/2": {"restart v1 → v2 version|Risk now HIGH|By unknown|timeout 30 → 60|Evidence COC’s response to request request-of-v2 of 2026-03-03 12:00|cycle 1 of watch runbooks|no watch or route named",
			"Note", "/documents/prod/DM-restart/v1|/documents/prod/DM-restart/v2|/changes/1|/changes/3"},
		"/changes/3": {"v2 → v4#1|v3 was not available and is skipped", "structure", "/documents/prod/DM-restart/v4%231"},
		"/changes/4": {"v4#1 → v4#2 rewritten|The content of an existing version was replaced|the version, before it was rewritten|at most 24 hours earlier: the old content was last seen at 2026-03-05 12:00|ops waiting",
			"No one", "/documents/prod/DM-restart/v4%232"},
		"/changes/5":  {"restart metadata|description changed|description what what it does|risk_level HIGH|request-of-fields|Seen 2026-03-07|Newest v5", "Patch|By |Versions", "/documents/prod/DM-restart/v5"},
		"/changes/6":  {"restart v1 withdrawn|v1 is no longer listed by COC; the archive keeps it|Made 2026-03-01 12:00 the version|Seen 2026-03-08", "Patch|→|First seen|By", "/documents/prod/DM-restart/v1"},
		"/changes/7":  {"restart deleted|deleted at COC; the archive keeps every version|Newest v5", "Patch|Version v", "/changes/6|/changes/8"},
		"/changes/8":  {"restart restored|restored|COC has the document again", "Patch", ""},
		"/changes/9":  {"content unchanged", "Next change", "/changes/8"},
		"/changes/11": {"v1 → v2", "", ""},
	} {
		got := fetch(t, s, address)
		words, links := pageText(t, got.body)
		if got.status != http.StatusOK {
			t.Errorf("%s returns %d", address, got.status)
		}
		for has := range strings.SplitSeq(want.has, "|") {
			if !strings.Contains(words, has) {
				t.Errorf("%s does not contain %q: %s", address, has, words)
			}
		}
		main, _, _ := strings.Cut(words, "Notifications")
		for not := range strings.SplitSeq(want.not, "|") {
			if not != "" && strings.Contains(main, not) {
				t.Errorf("%s contains %q: %s", address, not, main)
			}
		}
		for link := range strings.SplitSeq(want.links, "|") {
			if link != "" && !slices.Contains(links, link) {
				t.Errorf("%s has no link to %s: %q", address, link, links)
			}
		}
	}
}
