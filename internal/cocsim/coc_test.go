package cocsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A time in June, for tests that need times.
func june(minute int) time.Time { return time.Date(2026, 6, 1, 12, minute, 0, 0, time.UTC) }

// ask sends a GET and returns its status and JSON.
func ask(t *testing.T, c *COC, path string) (int, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatalf("GET %s: %v in %q", path, err, w.Body)
	}
	for _, name := range []string{"X-Request-Id", "Date"} {
		if w.Header().Get(name) == "" {
			t.Errorf("GET %s: no header %s", path, name)
		}
	}
	return w.Code, m
}

// listIDs reads one page.
func listIDs(t *testing.T, c *COC, query string) (total int, ids []string) {
	t.Helper()
	status, m := ask(t, c, "/v1/documents?"+query)
	if status != 200 {
		t.Fatalf("list %s: status %d: %v", query, status, m)
	}
	for _, row := range m["data"].([]any) {
		ids = append(ids, row.(map[string]any)["document_id"].(string))
	}
	return int(m["total"].(float64)), ids
}

func TestListRow(t *testing.T) {
	c := NewCOC(COCOptions{Now: func() time.Time { return june(0) }})
	id := c.Add(Document{Name: "a", Creator: "COC-li", Description: "d", Versions: []Version{{Content: "x"}}})
	_, m := ask(t, c, "/v1/documents")
	want := map[string]any{"total": 1.0, "data": []any{map[string]any{
		"document_id": id, "name": "a", "version": "v1", "creator": "COC-li", "modifier": nil,
		"create_time": float64(june(0).UnixMilli()), "update_time": float64(june(0).UnixMilli()), "enterprise_project_id": "0",
	}}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(id, "DM20260601120000") || len(id) != 25 {
		t.Errorf("id = %s, want DM, the time, nine digits", id)
	}
}

func TestDocument(t *testing.T) {
	now := june(0)
	c := NewCOC(COCOptions{Now: func() time.Time { return now }})
	id := c.Add(Document{Name: "a", Creator: "COC-li", RiskLevel: "HIGH", Versions: []Version{{Content: "one <&>\r\n\t"}}})
	now = june(1)
	if got := c.Edit(id, "zwei ü", "COC-bo"); got != "v2" {
		t.Fatalf("Edit = %q, want v2", got)
	}
	d, _ := c.Document(id)
	want := map[string]any{"data": map[string]any{
		"document_id": id, "name": "a", "version": "v2", "content": "zwei ü", "creator": "COC-li", "modifier": "COC-bo",
		"create_time": float64(june(0).UnixMilli()), "update_time": float64(june(1).UnixMilli()),
		"enterprise_project_id": "0", "risk_level": "HIGH", "description": "",
		"versions": []any{
			map[string]any{"version_uuid": d.Versions[1].UUID, "create_time": float64(june(1).UnixMilli()), "version": "v2"},
			map[string]any{"version_uuid": d.Versions[0].UUID, "create_time": float64(june(0).UnixMilli()), "version": "v1"},
		},
	}}
	_, got := ask(t, c, "/v1/documents/"+id)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	_, got = ask(t, c, "/v1/documents/"+id+"?version=v1")
	want["data"].(map[string]any)["version"] = "v1"
	want["data"].(map[string]any)["content"] = "one <&>\r\n\t"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("version v1 (-want +got):\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	c := NewCOC(COCOptions{})
	id := c.Add(Document{Name: "a", Versions: []Version{{Content: "x"}}})
	public := c.Add(Document{Name: "b", Type: "PUBLIC", Versions: []Version{{Content: "x"}}})
	gone := c.Add(Document{Name: "c", Versions: []Version{{Content: "x"}}})
	c.Delete(gone)
	for _, tt := range []struct {
		path   string
		status int
		code   any
	}{
		{"/v1/documents/" + id, 200, nil},
		{"/v1/documents/" + public + "?document_type=PUBLIC", 200, nil},
		{"/v1/documents/" + public, 400, "COC.00042101"},
		{"/v1/documents/" + id + "?document_type=PUBLIC", 400, "COC.00042101"},
		{"/v1/documents/" + gone, 400, "COC.00042101"},
		{"/v1/documents/DM%2F..%2Fx", 400, "COC.00042101"},
		{"/v1/documents/" + id + "?version=v9", 400, "COC.00010002"},
		{"/v1/documents?limit=0", 400, "COC.00010002"},
		{"/v1/documents?limit=ten", 400, "COC.00010002"},
		{"/v1/documents?offset=-1", 400, "COC.00010002"},
		{"/v1/documents?document_type=SECRET", 400, "COC.00010002"},
		{"/v1/documents/" + id + "/versions", 404, "APIGW.0101"},
		{"/v2/documents", 404, "APIGW.0101"},
	} {
		status, m := ask(t, c, tt.path)
		if status != tt.status || m["error_code"] != tt.code {
			t.Errorf("GET %s = %d %v, want %d %v", tt.path, status, m["error_code"], tt.status, tt.code)
		}
	}
	c.Forbid(ActionList)
	if status, m := ask(t, c, "/v1/documents"); status != 403 || m["error_code"] != "APIGW.0302" || m["request_id"] == "" {
		t.Errorf("forbidden list = %d %v, want 403 APIGW.0302 with request_id", status, m)
	}
	if status, _ := ask(t, c, "/v1/documents/"+id); status != 200 {
		t.Errorf("get while only the list is forbidden = %d, want 200", status)
	}
	c.Allow(ActionList)
	c.Forbid(ActionGet)
	if status, _ := ask(t, c, "/v1/documents/"+id); status != 403 {
		t.Errorf("forbidden get = %d, want 403", status)
	}
}

// Paging by offset until an empty page shows every document once.
func TestPaging(t *testing.T) {
	c := NewCOC(COCOptions{})
	for i := range 250 {
		c.Add(Document{ID: fmt.Sprintf("DM%03d", i), Name: "x", Versions: []Version{{Content: "x"}}})
	}
	for _, tt := range []struct {
		query string
		want  int
	}{
		{"", 10}, {"limit=100", 100}, {"limit=5000", 100}, {"limit=100&offset=200", 50}, {"limit=100&offset=250", 0},
		{"limit=100&offset=9999999999", 0},
	} {
		if total, ids := listIDs(t, c, tt.query); len(ids) != tt.want || total != 250 {
			t.Errorf("list %q = %d of %d, want %d of 250", tt.query, len(ids), total, tt.want)
		}
	}
	var all []string
	for offset := 0; ; {
		_, ids := listIDs(t, c, fmt.Sprintf("limit=100&offset=%d", offset))
		if len(ids) == 0 {
			break
		}
		all = append(all, ids...)
		offset += len(ids)
	}
	slices.Sort(all)
	if diff := cmp.Diff(c.IDs(), all); diff != "" {
		t.Errorf("paged ids (-want +got):\n%s", diff)
	}
}

// Rows move if a document is removed between two pages: one is skipped, and total
// changes.
func TestShiftingRows(t *testing.T) {
	c := NewCOC(COCOptions{})
	for i := range 5 {
		c.Add(Document{ID: fmt.Sprint("DM", i), Name: "x", Versions: []Version{{Content: "x"}}})
	}
	c.Fail(Fault{Path: "offset=2", Do: func() { c.Delete("DM4") }})
	_, first := listIDs(t, c, "limit=2&offset=0")
	total, second := listIDs(t, c, "limit=2&offset=2")
	if diff := cmp.Diff([]string{"DM4", "DM3", "DM1", "DM0"}, append(first, second...)); diff != "" || total != 4 {
		t.Errorf("total %d, ids (-want +got):\n%s", total, diff)
	}
}

func TestFilters(t *testing.T) {
	c := NewCOC(COCOptions{})
	one := []Version{{Content: "x"}}
	c.Add(Document{ID: "DM1", Name: "restart-web", Creator: "li", Project: "p1", Versions: one})
	c.Add(Document{ID: "DM2", Name: "restart-db", Creator: "bo", Project: "p1", Versions: one})
	c.Add(Document{ID: "DM3", Name: "patch", Creator: "li", Project: "p2", Versions: one})
	c.Add(Document{ID: "DM4", Name: "restart-public", Creator: "hw", Type: "PUBLIC", Versions: one})
	for query, want := range map[string][]string{
		"":                                      {"DM3", "DM2", "DM1"},
		"name_like=restart":                     {"DM2", "DM1"},
		"creator=li":                            {"DM3", "DM1"},
		"enterprise_project_id=p1&creator=li":   {"DM1"},
		"document_type=PUBLIC":                  {"DM4"},
		"document_type=PUBLIC&name_like=nobody": nil,
	} {
		if total, ids := listIDs(t, c, query); !slices.Equal(ids, want) || total != len(want) {
			t.Errorf("list %q = %v of %d, want %v", query, ids, total, want)
		}
	}
}

// COC keeps 100 versions; the numbers of labels continue.
func TestHundredAndFirstVersion(t *testing.T) {
	c := NewCOC(COCOptions{})
	id := c.Add(Document{Name: "a", Versions: []Version{{Content: "1"}}})
	label := ""
	for i := 2; i <= 101; i++ {
		label = c.Edit(id, fmt.Sprint(i), "COC-bo")
	}
	d, _ := c.Document(id)
	if label != "v101" || len(d.Versions) != 100 || d.Versions[0].Label != "v2" {
		t.Errorf("newest %s, %d versions from %s, want v101, 100 from v2", label, len(d.Versions), d.Versions[0].Label)
	}
	if status, _ := ask(t, c, "/v1/documents/"+id+"?version=v1"); status != 400 {
		t.Errorf("v1 = %d, want 400", status)
	}
}

// Which fields each kind of edit changes, and which not.
func TestEdits(t *testing.T) {
	now := june(0)
	c := NewCOC(COCOptions{Now: func() time.Time { return now }})
	id := c.Add(Document{Name: "a", Versions: []Version{{Content: "1"}, {Content: "2"}, {Content: "3"}}})
	before, _ := c.Document(id)
	now = june(5)
	c.Rewrite(id, "v2", "zwei")
	d, _ := c.Document(id)
	if d.Versions[1].Text() != "zwei" || d.Versions[1].UUID != before.Versions[1].UUID || !d.UpdatedAt.Equal(before.UpdatedAt) {
		t.Errorf("Rewrite moved more than the content: %+v", d)
	}
	c.Touch(id)
	if d, _ = c.Document(id); !d.UpdatedAt.Equal(now) {
		t.Errorf("Touch: update_time %v, want %v", d.UpdatedAt, now)
	}
	now = june(6)
	c.Change(id, func(d *Document) { d.RiskLevel = "HIGH" })
	if d, _ = c.Document(id); !d.UpdatedAt.Equal(now) || d.RiskLevel != "HIGH" {
		t.Errorf("Change: %v %s, want %v HIGH", d.UpdatedAt, d.RiskLevel, now)
	}
	c.Change(id, func(d *Document) { d.UpdatedAt = june(1) })
	if d, _ = c.Document(id); !d.UpdatedAt.Equal(june(1)) {
		t.Errorf("Change that sets update_time: %v, want %v", d.UpdatedAt, june(1))
	}
	c.Withdraw(id, "v2")
	if d, _ = c.Document(id); len(d.Versions) != 2 {
		t.Errorf("Withdraw: %d versions, want 2", len(d.Versions))
	}
	c.Delete(id)
	if _, ok := c.Document(id); ok || c.Edit(id, "x", "y") != "" {
		t.Error("a deleted document is still there")
	}
	c.Restore(id)
	if got := c.Edit(id, "4", "COC-bo"); got != "v4" {
		t.Errorf("Edit after Restore = %q, want v4", got)
	}
}

// A restored document is at its old position.
func TestRestoreKeepsPosition(t *testing.T) {
	c := NewCOC(COCOptions{})
	for i := range 4 {
		c.Add(Document{ID: fmt.Sprint("DM", i), Versions: []Version{{Content: "x"}}})
	}
	c.Delete("DM1")
	listIDs(t, c, "")
	c.Restore("DM1")
	if _, ids := listIDs(t, c, ""); !slices.Equal(ids, []string{"DM3", "DM2", "DM1", "DM0"}) {
		t.Errorf("list after Restore = %v", ids)
	}
}

// A raw token reaches the caller byte for byte, with and without a hook.
func TestRawToken(t *testing.T) {
	for _, token := range []string{`"a\ud800b"`, `"\u0061\/"`, "\"\xff\xfe\""} {
		c := NewCOC(COCOptions{Flat: true})
		id := c.Add(Document{Name: "a", Versions: []Version{{Raw: token}}})
		for _, hook := range []func(string, map[string]any){nil, func(_ string, m map[string]any) { m["create_time"] = "1" }} {
			c.Mangle(hook)
			w := httptest.NewRecorder()
			c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/documents/"+id, nil))
			if !strings.Contains(w.Body.String(), `"content":`+token) {
				t.Errorf("raw token %q: body %q", token, w.Body)
			}
		}
	}
}

func TestMangle(t *testing.T) {
	c := NewCOC(COCOptions{Flat: true})
	id := c.Add(Document{Name: "a", Versions: []Version{{Content: "x"}}})
	c.Mangle(func(path string, m map[string]any) {
		m["create_time"] = fmt.Sprint(m["create_time"])
		m["path"] = path
		delete(m, "creator")
	})
	_, m := ask(t, c, "/v1/documents/"+id)
	_, ok := m["creator"]
	if _, text := m["create_time"].(string); !text || ok || m["path"] != "/v1/documents/"+id {
		t.Errorf("mangled document = %v", m)
	}
	_, m = ask(t, c, "/v1/documents")
	if row := m["data"].([]any)[0].(map[string]any); row["path"] != "/v1/documents" {
		t.Errorf("mangled row = %v", row)
	}
}

// Concurrent readers and editors: for the race detector, and every response must be
// complete.
func TestAtOnce(t *testing.T) {
	c := NewCOC(COCOptions{})
	for _, d := range Jobs(june(0)) {
		c.Add(d)
	}
	ids := c.IDs()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 40 {
				id := ids[(g+i)%len(ids)]
				switch i % 5 {
				case 0:
					c.Edit(id, "x", "y")
				case 1:
					c.Delete(id)
					c.Restore(id)
				case 2:
					c.Mangle(func(string, map[string]any) {})
				default:
					for _, path := range []string{"/v1/documents", "/v1/documents/" + id} {
						w := httptest.NewRecorder()
						c.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
						if !json.Valid(w.Body.Bytes()) {
							t.Errorf("GET %s: not JSON: %q", path, w.Body)
						}
					}
				}
				c.Requests()
			}
		})
	}
	wg.Wait()
}

// FuzzCOC: for any request, the response is JSON and nothing panics.
func FuzzCOC(f *testing.F) {
	for _, s := range []string{"/v1/documents?limit=1", "/v1/documents/DM1?version=v1", "/v1/documents//", "/%2F", "/v1/documents%2fx"} {
		f.Add(s, "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature=00")
	}
	f.Fuzz(func(t *testing.T, target, auth string) {
		r, err := http.NewRequest(http.MethodGet, "http://coc"+target, nil)
		if err != nil {
			t.Skip()
		}
		r.Header.Set("Authorization", auth)
		r.Header.Set("X-Sdk-Date", "20260601T120000Z")
		for _, opts := range []COCOptions{{}, {AccessKey: "AK", SecretKey: "SK"}} {
			c := NewCOC(opts)
			c.Add(Document{ID: "DM1", Versions: []Version{{Content: "x"}}})
			w := httptest.NewRecorder()
			c.ServeHTTP(w, r)
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("GET %q: not JSON: %q", target, w.Body)
			}
		}
	})
}
