package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db/dbtest"
)

// on returns noon of a day in March.
func on(day int) time.Time { return time.Date(2026, 3, day, 12, 0, 0, 0, time.UTC) }

const jobV1 = `meta:
  name: job
inputs:
  nodes: {type: string}
steps:
  - name: stop
    task: hwc:runbook:scripts@1.0.0
    inputs:
      timeout: 30
`

// strange returns ids and accounts that break addresses if they are not escaped.
func strange() []string {
	return []string{"..", ".", "~..", "~", "compare", "feed.atom", "~compare", "a/b", "a//b/", "x?y#z%2F&q=1", " ", "v1",
		"日本", "\u202e", "%2e%2e", "javascript:alert(1)", `"><script>`}
}

// archive returns a site with this archive:
//
//	prod/DM-1 "job"  v1 by Wang; v2; v3 rewritten on day 8; v4 not served; v5; v6 withdrawn
//	prod/DM-2 "job"  deleted on day 5, its v2 erased
//	prod/X, X/DM-9   "strange" for each X of strange, with hostile fields and contents
func archive(t *testing.T) *Site {
	t.Helper()
	s := emptySite(t)
	s.Archive.Now = func() time.Time { return on(20) }
	for _, name := range append(strange(), "prod") {
		if name == "\u202e" {
			continue // not a valid account name
		}
		if _, err := writer(t, s).Account(t.Context(), name, "https://coc.example", false); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, s, job()...)
	gone := steps("prod", "DM-2", "job", kept("v1", 1, "a\n"), kept("v2", 2, "secret\n"))
	commit(t, s, gone, coc.Step{Account: "prod", DocumentID: "DM-2", SeenAt: on(5), State: coc.DocDeleted, Changes: []coc.NewChange{{Kind: coc.KindDeleted, At: on(5)}}})
	dbtest.Erase(t, writer(t, s), "secret\n", "it held a password", on(6))
	bad := strings.Join(hostile(), "\n")
	for _, x := range strange() {
		doc := steps("prod", x, "strange "+x, kept("first", 1, "a: b\n"), kept("bad", 2, bad),
			kept(x, 3, "steps:\n- name: '"+strings.ReplaceAll(x, "'", "''")+"'\n  task: <b>\n"))
		doc.Meta = &coc.Meta{Name: &doc.Name, Description: &bad, RiskLevel: &bad, Creator: &bad, Modifier: &bad, ProjectID: &bad}
		for i := range doc.Versions {
			v := doc.Versions[i].Revision
			v.Author, v.UUID, v.Evidence = bad, bad, coc.Evidence{RequestID: bad, Date: on(1)}
		}
		for i := range doc.Changes {
			doc.Changes[i].Difference = coc.Difference{Summary: bad, Class: coc.ClassUnreadable, Reason: bad, Added: 1}
		}
		commit(t, s, doc)
		if x != "\u202e" {
			commit(t, s, steps(x, "DM-9", bad, kept("v1", 1, bad)))
		}
	}
	return s
}

// job returns the steps of the archive's main document.
func job() []coc.Step {
	late := strings.Replace(jobV1, "30", "60", 1)
	first := steps("prod", "DM-1", "job", kept("v1", 1, jobV1), kept("v2", 2, late), kept("v3", 3, late+"# more\n"))
	description, risk, creator := "Stops a node", "HIGH", "COC-wang"
	first.Meta = &coc.Meta{Name: &first.Name, Description: &description, RiskLevel: &risk, Creator: &creator}
	first.Versions[0].Revision.Author = creator
	first.Versions[0].Revision.UUID, first.Versions[0].Revision.Evidence = "uuid-1", coc.Evidence{RequestID: "request-1", Date: on(3)}
	again := kept("v3", 3, late+"# altered\n")
	again.Revision.Number, again.Revision.PreviousCheckedAt = 2, on(7)
	missing := coc.VersionStep{Listed: coc.Listed{Label: "v4", MadeAt: on(9)}, State: coc.Unavailable, Err: "400 COC.00010002"}
	withdrawn := kept("v6", 10, "")
	rewrite := steps("prod", "DM-1", "job", again)
	rewrite.SeenAt, rewrite.Newest = on(8), "v3"
	rewrite.Changes = []coc.NewChange{{Kind: coc.KindRewritten, From: coc.RevisionRef{Label: "v3", Number: 1},
		To: coc.RevisionRef{Label: "v3", Number: 2}, At: on(8)}}
	last := steps("prod", "DM-1", "job", missing, kept("v5", 10, "not: [closed\n"), withdrawn)
	last.SeenAt = on(10)
	withdrawn.Withdrawn, withdrawn.Revision = true, nil
	gone := coc.Step{Account: "prod", DocumentID: "DM-1", SeenAt: on(12), Newest: "v5", Versions: []coc.VersionStep{withdrawn},
		Changes: []coc.NewChange{{Kind: coc.KindWithdrawn, Label: "v6", At: on(12)}}}
	return []coc.Step{first, rewrite, last, gone}
}

// steps returns a step that adds versions, with a change between consecutive versions.
func steps(account, id, name string, versions ...coc.VersionStep) coc.Step {
	s := coc.Step{Account: account, DocumentID: id, SeenAt: on(3), Name: name, State: coc.DocPresent, Versions: versions}
	before := coc.RevisionRef{}
	for _, v := range versions {
		s.Newest = v.Label
		if v.Revision == nil {
			continue
		}
		to := coc.RevisionRef{Label: v.Label, Number: v.Revision.Number}
		s.Changes = append(s.Changes, coc.NewChange{Kind: coc.KindVersion, From: before, To: to, At: v.MadeAt,
			Difference: coc.Difference{Summary: "to " + v.Label}})
		before = to
	}
	return s
}

func kept(label string, day int, content string) coc.VersionStep {
	return coc.VersionStep{Listed: coc.Listed{Label: label, MadeAt: on(day)}, State: coc.Archived, Recorded: true, Checked: true,
		Revision: &coc.NewRevision{Number: 1, Content: coc.Content{Bytes: []byte(content)}}}
}

func commit(t *testing.T, s *Site, steps ...coc.Step) {
	t.Helper()
	if err := writer(t, s).Commit(t.Context(), steps...); err != nil {
		t.Fatal(err)
	}
}

// visit requests an address.
func visit(t *testing.T, h http.Handler, address string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+address, nil))
	return w
}

// handler returns the handler of a site.
func handler(t *testing.T, s *Site) http.Handler {
	t.Helper()
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}
