package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// getPage requests a page and checks its status.
func getPage(t *testing.T, h http.Handler, address string, status int) *element {
	t.Helper()
	w := visit(t, h, address)
	if w.Code != status {
		t.Fatalf("%s returns %d, want %d", address, w.Code, status)
	}
	return parsePage(t, w.Body.String())
}

// facts returns the facts of a version's head by name.
func facts(p *element) map[string]string {
	list := map[string]string{}
	for _, d := range p.all("dl.strip div") {
		list[d.all("dt")[0].text()] = d.all("dd")[0].text()
	}
	return list
}

func hrefs(list []*element) (out []string) {
	for _, a := range list {
		out = append(out, a.attr["href"])
	}
	return out
}

func TestVersionPage(t *testing.T) {
	h := handler(t, archive(t))
	p := getPage(t, h, "/documents/prod/DM-1/v1", http.StatusOK)
	for name, want := range map[string]string{
		"By": "COC-wang", "Made": "2026-03-01 12:00", "First seen": "2026-03-03 12:00", "Size": text.Size(int64(len(jobV1))),
		"version_uuid": "uuid-1",
		"SHA-256":      coc.Content{Bytes: []byte(jobV1)}.Hash().String(), "COC request": "request-1 of 2026-03-03 12:00",
	} {
		if got := facts(p)[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var lines []string
	for i, row := range p.all("table.source tr") {
		if id := row.attr["id"]; id != "L"+row.all("td.no")[0].text() || row.all("td.no a")[0].attr["href"] != "#"+id ||
			row.all("td.no")[0].text() == "" {
			t.Errorf("row %d has the id %q", i+1, id)
		}
		lines = append(lines, row.all("td")[1].text()+"\n")
	}
	if got := strings.Join(lines, ""); got != jobV1 {
		t.Errorf("the page shows %q, want %q", got, jobV1)
	}
	// The links to the next version visit all versions.
	var way []string
	for at := "/documents/prod/DM-1/v1/blame"; at != ""; {
		way = append(way, strings.TrimPrefix(at, "/documents/prod/DM-1/"))
		status := http.StatusOK
		if strings.HasSuffix(at, "/v4") {
			status = http.StatusNotFound
		}
		p := getPage(t, h, at, status)
		at = ""
		for _, a := range p.all("a[rel]") {
			if a.attr["rel"] == "next" {
				at = a.attr["href"]
			}
		}
	}
	if want := []string{"v1/blame", "v2/blame", "v3%231/blame", "v3%232/blame", "v4", "v5", "v6"}; !slices.Equal(way, want) {
		t.Errorf("the links visit %q, want %q", way, want)
	}
	// A rewritten version shows when the previous content was last checked.
	if got := facts(getPage(t, h, "/documents/prod/DM-1/v3%232", http.StatusOK))["Previous content last checked"]; got != "2026-03-07 12:00" {
		t.Errorf("the last check of the previous content is %q", got)
	}
	p = getPage(t, h, "/documents/prod/DM-1/v2", http.StatusOK)
	links := hrefs(p.all("div.siblings a"))
	for _, want := range []string{"/documents/prod/DM-1", "/documents/prod/DM-1/v1", "/documents/prod/DM-1/v3%231",
		"/changes/prod/2", "/documents/prod/DM-1/compare?new=v5&old=v2", "/documents/prod/DM-1?from=v2"} {
		if !slices.Contains(links, want) {
			t.Errorf("v2 links to %q, not to %s", links, want)
		}
	}
	if got := texts(getPage(t, h, "/documents/prod/DM-1/v6", http.StatusOK).all("p.aside")); !slices.Contains(got, "The content is empty.") {
		t.Errorf("the page of an empty content contains %q", got)
	}
}

// The page of a version without content explains why the content is unavailable.
func TestAbsentVersion(t *testing.T) {
	h := handler(t, archive(t))
	for _, tt := range []struct {
		address string
		status  int
		why     string
	}{
		{"/documents/prod/DM-1/v4", http.StatusNotFound, "COC did not serve it (400 COC.00010002)"},
		{"/documents/prod/DM-2/v2", http.StatusGone, "permanently erased: it held a password"},
	} {
		p := getPage(t, h, tt.address, tt.status)
		if got := texts(p.all("p.absent")); len(got) != 1 || got[0] != "The content is unavailable: "+tt.why {
			t.Errorf("%s contains %q, want %q", tt.address, got, tt.why)
		}
		if p.all("nav.tabs") != nil || p.all("table.source") != nil {
			t.Errorf("%s shows a content", tt.address)
		}
		for _, tab := range []string{"/outline", "/blame"} {
			if w := visit(t, h, tt.address+tab); w.Code != http.StatusSeeOther || w.Header().Get("Location") != tt.address {
				t.Errorf("%s%s returns %d, to %q", tt.address, tab, w.Code, w.Header().Get("Location"))
			}
		}
	}
	if got := facts(getPage(t, h, "/documents/prod/DM-2/v2", http.StatusGone)); got["SHA-256"] != "" || got["Size"] != "up to 256 bytes" || got["Content removed"] != "2026-03-06 12:00 by root@host" {
		t.Errorf("the facts of an erased content are %q", got)
	}
}

func TestOutlinePage(t *testing.T) {
	h := handler(t, archive(t))
	p := getPage(t, h, "/documents/prod/DM-1/v2/outline", http.StatusOK)
	var got []string
	for _, e := range p.all("section.outline") {
		got = append(got, strings.Join(strings.Fields(e.text()), " "))
	}
	want := []string{
		"meta lines 1–2 namejob", "inputs lines 3–4 nodes line 4 typestring",
		"steps 1 step lines 5–9 1 stop hwc:runbook:scripts@1.0.0 lines 6–9 inputs timeout60",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the outline is %q, want %q", got, want)
	}
	if a := p.all("section.outline li.step a.row"); len(a) != 1 || a[0].attr["href"] != "/documents/prod/DM-1/v2#L6" ||
		a[0].attr["data-to"] != "9" {
		t.Errorf("the step links to %q", hrefs(a))
	}
	if got := texts(getPage(t, h, "/documents/prod/DM-1/v5/outline", http.StatusOK).all("p.aside")); len(got) != 1 ||
		!strings.HasPrefix(got[0], "The structure cannot be parsed: line 2:") {
		t.Errorf("the outline of invalid YAML is %q", got)
	}
}

// Each run of lines names its version and author once.
func TestBlamePage(t *testing.T) {
	h := handler(t, archive(t))
	p := getPage(t, h, "/documents/prod/DM-1/v3%232/blame", http.StatusOK)
	got := map[string]string{}
	for _, row := range p.all("table.blame tr[id]") {
		if by := strings.TrimSpace(row.all("td.by")[0].text()); by != "" {
			got[row.attr["id"]] = by
		}
	}
	want := map[string]string{"L1": "v1 2026-03-01 12:00 COC-wang", "L9": "v2 2026-03-02 12:00 unknown",
		"L10": "v3#2 2026-03-03 12:00 unknown"}
	for id, by := range want {
		if got[id] != by {
			t.Errorf("line %s is by %q, want %q", id, got[id], by)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d runs of lines, want %d: %q", len(got), len(want), got)
	}
}

// Raw responses have the exact bytes of the content and are plain text in every browser.
func TestRaw(t *testing.T) {
	h := handler(t, archive(t))
	bad := strings.Join(hostile(), "\n")
	for address, want := range map[string][2]string{
		"/documents/prod/DM-1/v1/raw":     {jobV1, `inline; filename="job@v1.yaml"`},
		"/documents/prod/a%2Fb/bad/raw":   {bad, `inline; filename="strange a_b@bad.yaml"`},
		"/documents/prod/日本/bad/raw":      {bad, `inline; filename*=utf-8''strange%20%E6%97%A5%E6%9C%AC%40bad.yaml`},
		"/documents/prod/~../~../raw":     {"steps:\n- name: '..'\n  task: <b>\n", `inline; filename="strange ..@.yaml"`},
		"/documents/prod/DM-1/v6/raw":     {"", `inline; filename="job@v6.yaml"`},
		"/documents/prod/DM-1/v3%231/raw": {strings.Replace(jobV1, "30", "60", 1) + "# more\n", `inline; filename="job@v3#1.yaml"`},
	} {
		w := visit(t, h, address)
		header := w.Header()
		if w.Code != http.StatusOK || w.Body.String() != want[0] || header.Get("Content-Disposition") != want[1] {
			t.Errorf("%s returns %d, %s, %q", address, w.Code, header.Get("Content-Disposition"), w.Body)
		}
		if header.Get("Content-Type") != "text/plain; charset=utf-8" || header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s has header %v", address, header)
		}
	}
}
