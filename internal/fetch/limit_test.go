package fetch

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// served responds with pages of some sizes; row makes each row from its number.
func served(rows, page int, row func(i int) string) canned {
	return func(_ int, r *http.Request) (*http.Response, error) {
		offset, err := strconv.Atoi(r.URL.Query().Get("offset"))
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		fmt.Fprintf(&b, `{"total":%d,"data":[`, rows)
		for i := offset; i < min(rows, offset+page); i++ {
			if i > offset {
				b.WriteByte(',')
			}
			b.WriteString(row(i))
		}
		b.WriteString("]}")
		return respond(200, b.String()), nil
	}
}

// Names of any length were kept. A row over a limit is a failed document with its id;
// the others are listed, also if a list has only such rows.
func TestListSkipsLongRows(t *testing.T) {
	const longest = `{"document_id":"DM%d","name":"%s"}`
	row := func(id int, name string) string { return fmt.Sprintf(longest, id, name) }
	name := strings.Repeat("n", maxRowName)
	padded := fmt.Sprintf(`{"document_id":"DM4","name":"n","x":"%s"}`, strings.Repeat("x", maxRow-39))
	if len(padded) != maxRow {
		t.Fatalf("a row of %d bytes, want %d", len(padded), maxRow)
	}
	rows := []string{
		row(0, name), row(1, name+"n"), row(2, strings.Repeat("注", maxRowName/3+1)), row(3, strings.Repeat("n", 60<<10)),
		padded, strings.Replace(padded, "DM4", "DM44", 1), `{"name":"` + strings.Repeat("n", maxRow) + `"}`, row(7, ""),
	}
	c, _ := newClient(served(len(rows), pageSize, func(i int) string { return rows[i] }))
	list, err := c.List(t.Context(), coc.Selection{})
	if err != nil || !list.Stable {
		t.Fatalf("List: stable %v, %v", list.Stable, err)
	}
	want := []coc.SkippedRow{
		{DocumentID: "DM1", Reason: "its name in the list is longer than 1 KiB"},
		{DocumentID: "DM2", Reason: "its name in the list is longer than 1 KiB"},
		{DocumentID: "DM3", Reason: "its row in the list is longer than 16 KiB"},
		{DocumentID: "DM44", Reason: "its row in the list is longer than 16 KiB"},
		{Reason: "its row in the list is longer than 16 KiB"},
	}
	if d := cmp.Diff(want, list.Skipped); d != "" {
		t.Errorf("skipped (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"DM0", "DM4", "DM7"}, idsOf(list)); d != "" {
		t.Errorf("listed (-want +got):\n%s", d)
	}
	c, _ = newClient(served(450, pageSize, func(i int) string { return row(i, name+"n") }))
	if list, err = c.List(t.Context(), coc.Selection{}); err != nil || len(list.Skipped) != 450 || len(list.Rows) != 0 || !list.Stable {
		t.Errorf("List of long names: %d skipped, %d listed, stable %v, %v", len(list.Skipped), len(list.Rows), list.Stable, err)
	}
}

func idsOf(list coc.List) (ids []string) {
	for _, r := range list.Rows {
		ids = append(ids, r.DocumentID)
	}
	return ids
}

// A list had no limit in bytes. Over 64 MiB, or 200,000 rows, it fails: a part of a
// list proves nothing.
func TestListIsBounded(t *testing.T) {
	long := strings.Repeat("n", 1000)
	for name, tt := range map[string]struct {
		answer canned
		want   string
	}{
		"bytes": {served(150_000, pageSize,
			func(i int) string { return fmt.Sprintf(`{"document_id":"DM%d","name":"%s"}`, i, long) }), "longer than 64 MiB"},
		"rows": {served(maxListed+1, 10_000, func(i int) string {
			return fmt.Sprintf(`{"document_id":"DM%d"}`,
				i)
		}), "more than 200000 documents"},
		"rows of one page": {served(maxListed+5, maxListed+5,
			func(i int) string { return fmt.Sprintf(`{"document_id":"DM%d"}`, i) }), "more than 200000 documents"},
		"invalid rows": {served(1_000_000, 1_000_000, func(int) string { return "0" }), "more than 200000 documents"},
	} {
		c, tr := newClient(tt.answer)
		list, err := c.List(t.Context(), coc.Selection{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || list.Rows != nil {
			t.Errorf("%s: List = %d rows, %v after %d requests, want %q", name, len(list.Rows), err, tr.n.Load(), tt.want)
		}
	}
	c, _ := newClient(served(maxListed, 10_000, func(i int) string { return fmt.Sprintf(`{"document_id":"DM%d"}`, i) }))
	if list, err := c.List(t.Context(), coc.Selection{}); err != nil || len(list.Rows) != maxListed {
		t.Errorf("List of %d documents = %d, %v", maxListed, len(list.Rows), err)
	}
}
