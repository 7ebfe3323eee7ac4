package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// segment is unique for each value, unsegment is its inverse, and browsers do not change
// the resulting address.
func TestSegments(t *testing.T) {
	all := append(strange(), "", "~~", "~~..", "~1", "v3#2", "DM-1")
	seen := map[string]string{}
	for _, s := range all {
		got := segment(s)
		if other, ok := seen[got]; ok {
			t.Errorf("segment returns %[3]s for both %[1]q and %[2]q", s, other, got)
		}
		seen[got] = s
		u, err := url.Parse("http://localhost/documents/" + got + "/raw")
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(u.ResolveReference(u).EscapedPath(), "/")
		if len(parts) != 4 {
			t.Errorf("segment(%q) = %s, which a browser resolves to %s", s, got, u.ResolveReference(u))
			continue
		}
		back, err := url.PathUnescape(parts[2])
		if err != nil || unsegment(back) != s {
			t.Errorf("segment(%q) = %s, which unsegment decodes to %q, %v", s, got, unsegment(back), err)
		}
	}
}

// Every link of every page works, and no text of a document becomes markup, a script or a
// link to another site.
func TestLinksWork(t *testing.T) {
	h := handler(t, archive(t))
	at, _ := url.Parse("http://localhost/documents")
	queue, visited := []string{at.RequestURI()}, map[string]bool{}
	kinds := map[string]int{}
	for ; len(queue) > 0; queue = queue[1:] {
		address := queue[0]
		if visited[address] {
			continue
		}
		visited[address] = true
		w := visit(t, h, address)
		switch {
		case w.Code == http.StatusSeeOther:
			queue = append(queue, w.Header().Get("Location"))
			continue
		case w.Code == http.StatusNotFound && strings.HasSuffix(address, "/v4"),
			w.Code == http.StatusGone && strings.HasSuffix(address, "/DM-2/v2"):
		case w.Code != http.StatusOK:
			t.Errorf("%s returns %d: %s", address, w.Code, w.Body)
			continue
		}
		kinds[address[strings.LastIndexByte(address, '/'):]]++
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		page := parsePage(t, w.Body.String())
		checkSemantics(t, address, page)
		for _, name := range page.elements() {
			if !slices.Contains(pageElements(), name) {
				t.Errorf("%s has an element %s", address, name)
			}
		}
		if strings.ContainsFunc(page.text(), func(r rune) bool { return r != '\n' && r != '\t' && text.Hidden(r) }) {
			t.Errorf("%s has invisible characters", address)
		}
		from, err := url.Parse("http://localhost" + address)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.all("a") {
			to, err := from.Parse(a.attr["href"])
			if err != nil || to.Host != "localhost" {
				t.Errorf("%s links to %q, %v", address, a.attr["href"], err)
				continue
			}
			if id := to.Fragment; id != "" && to.RequestURI() == address && !slices.ContainsFunc(page.all("[id]"),
				func(e *element) bool { return e.attr["id"] == id }) {
				t.Errorf("%s has nothing at #%s", address, id)
			}
			if strings.HasSuffix(to.Path, "/proof") {
				continue // the archive has no key to sign proofs
			}
			// Comparisons link to all others; skip the links that change display options.
			if q := to.Query(); len(visited) < 3000 && !q.Has("view") && !q.Has("context") && !q.Has("space") && !q.Has("from") {
				queue = append(queue, to.RequestURI())
			}
		}
	}
	for _, kind := range []string{"/raw", "/outline", "/blame", "/v3%232", "/~..", "/a%2Fb", "/compare?new=v5&old=v1"} {
		if kinds[kind] == 0 {
			t.Errorf("no page linked to …%s", kind)
		}
	}
	t.Logf("%d addresses", len(visited))
}

// pageElements returns the names of all elements that pages may have.
func pageElements() []string {
	return strings.Fields(`html head meta title link script body header nav main footer section article figure figcaption h1 h2 h3 p a span strong b i ins del br
		ul ol li dl dt dd div table caption thead tbody tr th td code kbd time form label input button select option fieldset legend details summary svg g rect`)
}

func TestDocumentPage(t *testing.T) {
	s := archive(t)
	h := handler(t, s)
	page := func(address string) *element {
		t.Helper()
		w := visit(t, h, address)
		if w.Code != http.StatusOK {
			t.Fatalf("%s returns %d", address, w.Code)
		}
		return parsePage(t, w.Body.String())
	}
	p := page("/documents/prod/DM-1")
	for selector, want := range map[string]string{
		"h1": "job", "p.description": "Stops a node", "span.risk": "HIGH", "span.state": "present",
		"section.missing li": "v4 COC did not serve it (400 COC.00010002)", "figcaption": "Changes since 2026-02-19, one bar per day",
	} {
		if got := texts(p.all(selector)); !slices.Contains(got, want) {
			t.Errorf("%s contains %q, want %q", selector, got, want)
		}
	}
	rows := p.all("table.timeline tbody tr")
	var got []string
	for _, r := range rows {
		cells := texts(r.all("td"))
		got = append(got, cells[0]+" "+cells[1]+" by "+cells[2]+" "+cells[3]+" "+cells[4])
	}
	want := []string{
		"withdrawn v6 by   2026-03-12 12:00", "version v6 by unknown 2026-03-10 12:00 2026-03-10 12:00",
		"version v5 by unknown 2026-03-10 12:00 2026-03-10 12:00", "rewritten v3#2 by unknown 2026-03-03 12:00 2026-03-08 12:00",
		"version v3#1 by unknown 2026-03-03 12:00 2026-03-03 12:00", "version v2 by unknown 2026-03-02 12:00 2026-03-03 12:00",
		"version v1 by COC-wang 2026-03-01 12:00 2026-03-03 12:00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the timeline is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// Two clicks compare any two versions, the older one on the left.
	pick := func(p *element, row int) string {
		t.Helper()
		links := p.all("table.timeline tbody tr")[row].all("td.pick a")
		if len(links) != 1 {
			t.Fatalf("row %d offers %d comparisons", row, len(links))
		}
		return links[0].attr["href"]
	}
	chosen := page(pick(p, 4)) // v3#1
	if got := texts(chosen.all("tr.chosen td.label")); !slices.Equal(got, []string{"v3#1"}) {
		t.Errorf("the selected version is %q, want v3#1", got)
	}
	for row, want := range map[int]string{2: "old=v3%231&new=v5", 3: "old=v3%231&new=v3%232", 6: "old=v1&new=v3%231"} {
		to, err := url.Parse(pick(chosen, row))
		if got, _ := url.QueryUnescape(to.RawQuery); err != nil || to.Path != "/documents/prod/DM-1/compare" ||
			to.Query().Encode() != mustQuery(t, want) {
			t.Errorf("row %d compares by %s, %v, want %s", row, got, err, want)
		}
		page(to.String())
	}
	// Erased versions and changes without a version cannot be compared.
	gone := page("/documents/prod/DM-2")
	if got := texts(gone.all("table.timeline th span.red")); !slices.Contains(got, "content erased") {
		t.Errorf("the timeline of an erased content contains %q", got)
	}
	if n := len(gone.all("td.pick a")); n != 1 {
		t.Errorf("%d versions can be selected, want one", n)
	}
	if got := page("/documents/prod/DM-1?from=nosuch").all("p.choosing"); got != nil {
		t.Error("an unknown version can be selected")
	}
}

func mustQuery(t *testing.T, s string) string {
	t.Helper()
	v, err := url.ParseQuery(s)
	if err != nil {
		t.Fatal(err)
	}
	return v.Encode()
}

func texts(list []*element) (out []string) {
	for _, e := range list {
		out = append(out, strings.TrimSpace(e.text()))
	}
	return out
}

// A long timeline has several pages, and each keeps the selected version.
func TestLongTimeline(t *testing.T) {
	s := emptySite(t)
	if _, err := writer(t, s).Account(t.Context(), "prod", "https://coc.example", false); err != nil {
		t.Fatal(err)
	}
	var versions []coc.VersionStep
	for i := range perPage + 20 {
		versions = append(versions, kept(fmt.Sprintf("v%d", i+1), 1, "a"))
	}
	commit(t, s, steps("prod", "DM-1", "job", versions...))
	h := handler(t, s)
	address, seen := "/documents/prod/DM-1?from=v1", 0
	for address != "" {
		p := parsePage(t, visit(t, h, address).Body.String())
		seen += len(p.all("table.timeline tbody tr"))
		if len(p.all("p.choosing")) != 1 {
			t.Errorf("at %s no version is selected", address)
		}
		address = ""
		if next := p.all("p.more a[rel]"); len(next) > 0 {
			address = next[0].attr["href"]
		}
	}
	if seen != perPage+20 {
		t.Errorf("the pages show %d versions, want %d", seen, perPage+20)
	}
}

// All references of a document or a version redirect to its permanent address and keep the
// rest of the path and the query.
func TestReferencesRedirect(t *testing.T) {
	h := handler(t, archive(t))
	for from, want := range map[string]string{
		"/documents/DM-1":                             "/documents/prod/DM-1",
		"/documents/prod%2FDM-1":                      "/documents/prod/DM-1",
		"/documents/strange%20a%2Fb":                  "/documents/prod/a%2Fb",
		"/documents/prod/strange%20..":                "/documents/prod/~..",
		"/documents/prod/strange%20v1/latest/raw?x=1": "/documents/prod/v1/latest/raw?x=1",
		"/documents/prod/DM-1/latest":                 "/documents/prod/DM-1/v5",
		"/documents/prod/DM-1/latest/blame":           "/documents/prod/DM-1/v5/blame",
		"/documents/prod/DM-1/2026-03-02/outline":     "/documents/prod/DM-1/v2/outline",
		"/documents/prod/DM-1/2026-03-02/raw":         "/documents/prod/DM-1/v2/raw",
		"/documents/prod/DM-1/2026-03-02T00:00:00Z":   "/documents/prod/DM-1/v1",
		"/documents/prod/DM-1/v3":                     "/documents/prod/DM-1/v3%232",
		"/documents/prod/strange%20../feed.atom?x=1":  "/documents/prod/~../feed.atom?x=1",
	} {
		w := visit(t, h, from)
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != want {
			t.Errorf("%s redirects with %d to %s, want %s\n%s", from, w.Code, got, want, w.Body)
		}
	}
}

// The page of an unknown document or version suggests similar ones.
func TestMissing(t *testing.T) {
	h := handler(t, archive(t))
	for _, tt := range []struct {
		address   string
		status    int
		what, fix string
	}{
		{"/documents/jop", 404, `no document "jop" in the archive`, "did you mean job"},
		{"/documents/job", 400, `"job" names 2 documents`, "say which: prod/DM-1 (job), prod/DM-2 (job)"},
		{"/documents/prod/DM-", 400, `"prod/DM-" names 2 documents`, "say which"},
		{"/documents/other/DM-1", 404, `no document "other/DM-1" in the archive`, "shows all documents"},
		{"/documents/prod/DM-1/v9", 404, `version "v9" of job: not found`, "the archive has v1 to v6"},
		{"/documents/prod/DM-1/V2", 404, "not found", "did you mean v2?"},
		{"/documents/prod/DM-1/v2%232", 404, "not found", "v2 was never rewritten"},
		{"/documents/prod/DM-1/~9", 404, "there are only", "the archive has v1 to v6"},
		{"/documents/prod/DM-1/~x", 400, "is not a valid reference", "~1 is the version before the newest"},
		{"/documents/prod/DM-1/2020-01-01", 404, "2020-01-01", ""},
		{"/documents/prod/DM-1/v9/raw", 404, "not found", "the archive has v1 to v6"},
		{"/documents/prod/DM-1/v4/raw", 404, "400 COC.00010002", "requests it again"},
		{"/documents/prod/DM-2/v2/raw", 404, "erased", "it was removed permanently"},
	} {
		w := visit(t, h, tt.address)
		got := w.Body.String()
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			got = parsePage(t, got).all("main")[0].text()
		}
		if w.Code != tt.status || !strings.Contains(got, tt.what) || !strings.Contains(got, tt.fix) {
			t.Errorf("%s returns %d %s\nwant %d %s %s", tt.address, w.Code, got, tt.status, tt.what, tt.fix)
		}
	}
}

// A chart covers the time from the first change to now, counts all changes, and handles
// days of 23 and 25 hours.
func TestLife(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		days         int // since the first change
		since, every string
		bars         int
	}{
		{0, "2026-02-19", "day", 30}, {29, "2026-02-19", "day", 30}, {30, "2026-02-18", "day", 31}, {189, "2025-09-12", "day", 190},
		{190, "2025-09-11", "week", 28}, {1329, "2022-07-30", "week", 190}, {1330, "2022-07-29", "8 days", 167},
		{5000, "2012-07-11", "27 days", 186},
	} {
		now := on(20)
		times := []time.Time{now.AddDate(0, 0, -tt.days), now.AddDate(0, 0, -tt.days/2), now}
		l, err := newHistoryChart(times, now, berlin)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, d := range l.Bars {
			sum += d.Count
		}
		if l.Since != tt.since || l.Every != tt.every || len(l.Bars) != tt.bars || sum != len(times) {
			t.Errorf("after %d days the chart has %d bars of a %s since %s with %d changes, want %d of a %s since %s", tt.days,
				len(l.Bars), l.Every, l.Since, sum, tt.bars, tt.every, tt.since)
		}
	}
	if l, err := newHistoryChart(nil, on(20), berlin); err != nil || l.Bars != nil {
		t.Error("newHistoryChart(no changes) has a chart")
	}
	if l, err := newHistoryChart([]time.Time{on(25)}, on(20), berlin); err != nil || l.Bars[len(l.Bars)-1].Count != 1 {
		t.Error("a change with a time in the future is missing")
	}
}
