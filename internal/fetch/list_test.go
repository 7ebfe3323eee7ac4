package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// shelf is a list of documents in COC's pages.
type shelf struct {
	ids    []string
	cap    int  // the maximum rows of a page; 0: as many as requested
	total  *int // returned instead of the true one
	silent bool // returns no total
	stuck  bool // ignores the offset
	// between changes the list after a request.
	between func(request int, s *shelf)
}

func ids(from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprintf("DM%06d", i))
	}
	return out
}

func (s *shelf) answer(n int, r *http.Request) (*http.Response, error) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	if s.cap > 0 {
		limit = min(limit, s.cap)
	}
	if s.stuck {
		offset = 0
	}
	offset = min(offset, len(s.ids))
	var rows []string
	for _, id := range s.ids[offset:min(offset+limit, len(s.ids))] {
		switch id {
		case "":
			rows = append(rows, `{"document_id":"","name":"x"}`)
		case "null":
			rows = append(rows, `null`)
		default:
			rows = append(rows, fmt.Sprintf(`{"document_id":%q,"name":"n"}`, id))
		}
	}
	total := fmt.Sprintf(`"total":%d,`, len(s.ids))
	if s.total != nil {
		total = fmt.Sprintf(`"total":"%d",`, *s.total)
	}
	if s.silent {
		total = ""
	}
	body := "{" + total + `"data":[` + strings.Join(rows, ",") + "]}"
	if s.between != nil {
		s.between(n, s)
	}
	return respond(200, body), nil
}

// The list is complete and costs one request for each hundred documents and at most
// one more. A list that is not stable is reported.
func TestListPages(t *testing.T) {
	wrong := 7
	for _, tt := range []struct {
		name     string
		shelf    shelf
		want     []string
		requests int64
		stable   bool
	}{
		{"none", shelf{}, nil, 1, true},
		{"one", shelf{ids: ids(1, 1)}, ids(1, 1), 1, true},
		{"almost a page", shelf{ids: ids(1, 99)}, ids(1, 99), 1, true},
		{"a full page needs one more request", shelf{ids: ids(1, 100)}, ids(1, 100), 2, true},
		{"a page and one", shelf{ids: ids(1, 101)}, ids(1, 101), 2, true},
		{"two full pages", shelf{ids: ids(1, 200)}, ids(1, 200), 3, true},
		{"two pages and a half", shelf{ids: ids(1, 250)}, ids(1, 250), 3, true},
		{"a smaller page than asked for", shelf{ids: ids(1, 95), cap: 10}, ids(1, 95), 10, true},
		{"no total: until an empty page", shelf{ids: ids(1, 150), silent: true}, ids(1, 150), 3, true},
		{"rows without a document id", shelf{ids: append(append(ids(1, 3), "", "null", strings.Repeat("x", 300)),
			ids(4, 5)...)}, ids(1, 5), 1, true},
		{"a page of only such rows", shelf{ids: append(ids(1, 100), "")}, ids(1, 100), 2, true},
		// The same wrong total twice: this COC counts so.
		{"a total that is always wrong", shelf{ids: ids(1, 3), total: &wrong}, ids(1, 3), 4, true},
		{"one is added while the list is read", shelf{ids: ids(1, 150), between: func(n int, s *shelf) {
			if n == 1 {
				s.ids = append([]string{"DMnew"}, s.ids...)
			}
		}}, append([]string{"DMnew"}, ids(1, 150)...), 4, true},
		{"one is removed while the list is read", shelf{ids: ids(1, 150), between: func(n int, s *shelf) {
			if n == 1 {
				s.ids = s.ids[1:]
			}
		}}, ids(2, 150), 4, true},
		{"one is added and one removed: the same total, a repeated row", shelf{ids: ids(1, 150), between: func(n int, s *shelf) {
			if n == 1 {
				s.ids = append([]string{"DMnew"}, s.ids[:149]...)
			}
		}}, append([]string{"DMnew"}, ids(1, 149)...), 4, true},
		{"never stable", shelf{ids: ids(1, 150), between: func(n int, s *shelf) {
			s.ids = append(s.ids, fmt.Sprintf("DMnew%d", n))
		}}, append(ids(1, 150), "DMnew1", "DMnew2", "DMnew3", "DMnew4", "DMnew5", "DMnew6", "DMnew7"), 8, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, tr := newClient(tt.shelf.answer)
			list, err := c.List(t.Context(), coc.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range list.Rows {
				got = append(got, row.DocumentID)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if list.Stable != tt.stable || tr.n.Load() != tt.requests {
				t.Errorf("stable %v after %d requests, want %v after %d", list.Stable, tr.n.Load(), tt.stable, tt.requests)
			}
		})
	}
}

// The total of a list that shrank in every pass was that of its first page, so that
// documents which were deleted meanwhile were missing. Rows without a document id are
// returned all the same.
func TestUnstableListHasTheSmallestTotal(t *testing.T) {
	s := shelf{ids: append([]string{""}, ids(1, 249)...), between: func(_ int, s *shelf) { s.ids = s.ids[:len(s.ids)-1] }}
	c, _ := newClient(s.answer)
	list, err := c.List(t.Context(), coc.Selection{})
	if err != nil || list.Stable {
		t.Fatalf("List: stable %v, %v, want an unstable list", list.Stable, err)
	}
	// Three passes over two pages, and three pages of the last.
	if list.Total != 250-6-2 || list.Missing() != 0 || len(list.Rows) != list.Total-1 || len(list.Unnamed()) != 1 {
		t.Errorf("List = %d rows and %d without a document of %d, %d missing; want 241 and 1 of 242", len(list.Rows),
			len(list.Unnamed()), list.Total, list.Missing())
	}
}

// A COC whose list never ends is an error, not an endless loop.
func TestListEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		shelf    shelf
		requests int64
	}{
		"ignores the offset":             {shelf{ids: ids(1, 100), stuck: true}, 2},
		"the same invalid rows, forever": {shelf{ids: []string{""}, stuck: true, silent: true}, 2},
		"short, and ignores the offset":  {shelf{ids: ids(1, 5), stuck: true, silent: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			c, tr := newClient(tt.shelf.answer)
			_, err := c.List(t.Context(), coc.Selection{})
			if !errors.Is(err, coc.ErrMalformed) || tr.n.Load() != tt.requests {
				t.Errorf("List error = %v after %d requests, want malformed after %d", err, tr.n.Load(), tt.requests)
			}
		})
	}
}

// A list's memory is bounded.
func TestListBounded(t *testing.T) {
	const each = 50_000 // more than requested
	c, tr := newClient(func(n int, _ *http.Request) (*http.Response, error) {
		var b strings.Builder
		for i := range each {
			b.WriteString(`,{"document_id":"` + strconv.Itoa(n*each+i) + `"}`)
		}
		return respond(200, `{"data":[`+b.String()[1:]+"]}"), nil
	})
	_, err := c.List(t.Context(), coc.Selection{})
	if !errors.Is(err, coc.ErrMalformed) || tr.n.Load() != maxListed/each+1 {
		t.Errorf("List error = %v after %d requests, want malformed after %d", err, tr.n.Load(), maxListed/each+1)
	}
}

// A page that is unavailable fails the list: with half a list documents would seem
// deleted.
func TestListFailsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := shelf{ids: ids(1, 150)}
		c, _ := newClient(func(n int, r *http.Request) (*http.Response, error) {
			if n > 1 {
				return respond(500, ""), nil
			}
			return s.answer(n, r)
		})
		list, err := c.List(t.Context(), coc.Selection{})
		if !errors.Is(err, coc.ErrTemporary) || list.Rows != nil || !strings.Contains(err.Error(), "from row 100") {
			t.Errorf("List = %d rows, %v, want a temporary error that names row 100", len(list.Rows), err)
		}
	})
}

// Skipped rows are logged once for a list, however many they are.
func TestListReportsSkippedRows(t *testing.T) {
	var log bytes.Buffer
	s := shelf{ids: append(ids(1, 120), "", "", "null")}
	c, _ := newClient(s.answer)
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	if _, err := c.List(t.Context(), coc.Selection{}); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "rows=3") || !strings.Contains(got, "level=WARN") {
		t.Errorf("log = %q, want one warning of 3 rows", got)
	}
}

// The selection is sent as COC's own parameters, and only what is set.
func TestListSelection(t *testing.T) {
	var got string
	c, _ := newClient(func(_ int, r *http.Request) (*http.Response, error) {
		got = r.URL.RequestURI()
		return respond(200, `{"total":0,"data":[]}`), nil
	})
	for want, s := range map[string]coc.Selection{
		"/v1/documents?limit=100&offset=0": {},
		"/v1/documents?creator=COC-1&document_type=PUBLIC&enterprise_project_id=0&limit=100&name_like=a%20b%26c&offset=0": {
			NameLike: "a b&c", Creator: "COC-1", ProjectID: "0", DocumentType: "PUBLIC",
		},
	} {
		if _, err := c.List(t.Context(), s); err != nil || got != want {
			t.Errorf("List(%+v) requested %s, %v, want %s", s, got, err, want)
		}
	}
}
