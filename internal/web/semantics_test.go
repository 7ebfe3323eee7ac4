package web

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// checkSemantics fails on accessibility errors: headings that skip a level, landmarks or
// controls with the same name, ambiguous buttons.
func checkSemantics(t *testing.T, address string, page *element) {
	t.Helper()
	level := 0
	for _, name := range page.elements() {
		if len(name) != 2 || name[0] != 'h' || name[1] < '1' || name[1] > '6' {
			continue
		}
		next := int(name[1] - '0')
		if next > level+1 || next == 1 && level > 0 {
			t.Errorf("%s: heading %s after h%d", address, name, level)
		}
		level = next
	}
	if level == 0 {
		t.Errorf("%s has no heading", address)
	}
	for _, b := range page.all("button") {
		if b.attr["type"] == "" {
			t.Errorf("%s: button %q has no type", address, b.text())
		}
	}
	names := map[string]bool{}
	unique := func(role, name string) {
		if names[role+" "+name] {
			t.Errorf("%s: two of role %s are named %q", address, role, name)
		}
		names[role+" "+name] = true
	}
	for role, selectors := range map[string][]string{
		"region": {"section[aria-label]", "section[aria-labelledby]", "div[role]"}, "navigation": {"nav"}, "main": {"main"},
		"search": {"form[role]"},
	} {
		for _, selector := range selectors {
			for _, e := range page.all(selector) {
				unique(role, page.nameOf(e))
			}
		}
	}
	for _, tag := range []string{"button", "input", "select", "summary"} {
		for _, e := range page.all(tag) {
			name := page.nameOf(e)
			if strings.TrimSpace(name) == "" {
				t.Errorf("%s: a %s has no name", address, tag)
			}
			unique(tag, name)
		}
	}
}

// nameOf returns the accessible name of an element.
func (e *element) nameOf(x *element) string {
	if label := x.attr["aria-label"]; label != "" {
		return label
	}
	for _, l := range e.all("[id]") {
		if id := x.attr["aria-labelledby"]; id != "" && l.attr["id"] == id {
			return strings.Join(strings.Fields(l.text()), " ")
		}
	}
	for _, l := range e.all("label") {
		if id := x.attr["id"]; id != "" && l.attr["for"] == id || slices.Contains(l.all(x.name), x) {
			return strings.Join(strings.Fields(l.text()), " ")
		}
	}
	return strings.Join(strings.Fields(x.text()), " ")
}

// Fault: headings of change and comparison pages skipped from h1 to h3. Two regions of the
// overview, the two buttons of the search page, and the tables of several watches had the
// same names.
func TestPagesHaveDistinctLandmarksAndControls(t *testing.T) {
	s := archive(t)
	d := writer(t, s)
	for i, watch := range []string{"nightly", "runbooks"} {
		c := coc.Cycle{Watch: watch, Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: on(18)}
		var err error
		if c.Key, err = d.Begin(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		rows := []coc.Row{{DocumentID: "DM-1"}, {DocumentID: "DM-2"}}
		if err := d.Follow(t.Context(), coc.NewMembers{Account: "prod", Watch: watch, Rows: rows, InitialSync: true,
			ListComplete: true, At: on(18)}); err != nil {
			t.Fatal(err)
		}
		c.EndedAt, c.Outcome = on(18).Add(time.Second), coc.CycleFailed
		c.Failures = []coc.Failure{{DocumentID: "DM-1", Name: "job", Err: "500"}, {DocumentID: "DM-2", Name: "job", Err: "500"}}[:i+1]
		if err := d.End(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
	}
	h := handler(t, s)
	const doc = "/documents/prod/DM-1"
	tables := 0
	for _, address := range []string{
		"/", "/documents", "/documents?q=job", "/changes", "/changes?by=COC-wang", "/search", "/search?q=timeout",
		"/search?q=(&pattern=1", "/health",
		doc, doc + "?from=v1", doc + "/v1", doc + "/v2/outline", doc + "/v5/outline", doc + "/v2/blame", doc + "/v4", "/documents/prod/DM-2/v2",
		doc + "/compare?old=v1&new=v2", doc + "/compare?old=v1&new=v5", doc + "/compare", "/compare",
		"/compare?old=prod/DM-1@v1&new=prod/DM-2@v1",
		"/changes/1", "/changes/2", "/changes/3", "/changes/4", "/changes/8", "/changes/999", "/nosuch", "/documents/nosuch",
	} {
		w := visit(t, h, address)
		page := parsePage(t, w.Body.String())
		checkSemantics(t, address, page)
		tables += len(page.all("div[role]"))
	}
	if tables < 4 {
		t.Errorf("%d tables of documents and watches on all pages, want more to compare", tables)
	}
}
