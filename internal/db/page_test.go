package db

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// ListDocuments selects by a part of the name or a prefix of the id; no character is special.
func TestListDocuments(t *testing.T) {
	d, _ := open(t)
	for i, name := range []string{"restart", "Restart 100%", "stop_all", "stopXall"} {
		s := step(fmt.Sprintf("DM%d", i), name)
		s.Name, s.Meta = name, &coc.Meta{Name: &name}
		commit(t, d, s)
	}
	for _, tt := range []struct {
		part DocumentQuery
		want []string
		all  int
	}{
		{DocumentQuery{Limit: 10}, []string{"Restart 100%", "restart", "stopXall", "stop_all"}, 4},
		{DocumentQuery{Limit: 2, Skip: 1}, []string{"restart", "stopXall"}, 4},
		{DocumentQuery{Limit: 10, Text: "RESTART"}, []string{"Restart 100%", "restart"}, 2},
		{DocumentQuery{Limit: 10, Text: "0%"}, []string{"Restart 100%"}, 1},
		{DocumentQuery{Limit: 10, Text: "p_a"}, []string{"stop_all"}, 1},
		{DocumentQuery{Limit: 10, Text: "dm2"}, []string{"stop_all"}, 1},
		{DocumentQuery{Limit: 10, Text: "M2"}, nil, 0},
		{DocumentQuery{Limit: 10, State: coc.DocDeleted}, nil, 0},
		{DocumentQuery{Limit: 10, Account: "prod", State: coc.DocPresent, Text: "stop"}, []string{"stopXall", "stop_all"}, 2},
		{DocumentQuery{Limit: 10, Account: "test"}, nil, 0},
	} {
		docs, err := all(d.ListDocuments(t.Context(), tt.part))
		if err != nil {
			t.Fatal(err)
		}
		n, err := d.CountDocuments(t.Context(), tt.part)
		var got []string
		for _, doc := range docs {
			got = append(got, doc.Name)
		}
		if err != nil || n != tt.all || !slices.Equal(got, tt.want) {
			t.Errorf("ListDocuments(%+v) = %q of %d, %v, want %q of %d", tt.part, got, n, err, tt.want, tt.all)
		}
	}
	if doc, err := d.Details(t.Context(), key(1)); err != nil || !doc.ChangedAt.Equal(day) {
		t.Errorf("Details = %+v, %v, want ChangedAt %v", doc, err, day)
	}
	times, err := all(d.ChangeTimes(t.Context(), coc.Key{}, time.Time{}))
	if err != nil || len(times) != 4 || !slices.IsSortedFunc(times, time.Time.Compare) {
		t.Errorf("ChangeTimes = %v, %v, want four in order", times, err)
	}
}

// Queries of a document's page return only that document's data.
func TestOfADocument(t *testing.T) {
	d, _ := open(t)
	if _, err := d.Account(t.Context(), "test", "https://test.example", false); err != nil {
		t.Fatal(err)
	}
	other := step("DM1", "a: 3\n")
	other.Account = "test"
	commit(t, d, step("DM1", "a: 1\n"), next("DM1", 2, "a: 2\n"), other, step("DM10", "a: 4\n"))
	doc, err := d.ByID(t.Context(), "prod", "DM1")
	if err != nil || doc.Account != "prod" || doc.DocumentID != "DM1" || doc.Version != "v2" {
		t.Fatalf("ByID = %+v, %v", doc, err)
	}
	for _, id := range [][2]string{{"prod", "DM"}, {"prod", ""}, {"", "DM1"}, {"prod", "job DM1"}, {"test", "DM10"}} {
		if doc, err := d.ByID(t.Context(), id[0], id[1]); !errors.Is(err, coc.ErrNotFound) {
			t.Errorf("ByID(%q, %q) = %s, %v, want coc.ErrNotFound", id[0], id[1], doc.DocumentID, err)
		}
	}
	names, err := all(d.Names(t.Context()))
	slices.Sort(names)
	if want := []string{"DM1", "DM1", "DM10", "job DM1", "job DM1", "job DM10"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("Names = %q, %v, want %q", names, err, want)
	}
	revisions, err := d.Revisions(t.Context(), doc.Key, "")
	if err != nil || len(revisions) != 2 {
		t.Fatalf("Revisions = %v, %v", revisions, err)
	}
	for _, r := range revisions {
		if c, err := all(d.Changes(t.Context(), Filter{To: r.Key})); err != nil || len(c) != 1 || c[0].Version != r.Label ||
			c[0].Document != doc.Key {
			t.Errorf("the changes to %s are %v, %v", r.Label, c, err)
		}
	}
	if c, err := all(d.Changes(t.Context(), Filter{To: key(999)})); len(c) > 0 || err != nil {
		t.Errorf("the changes to no revision are %v, %v", c, err)
	}
	times, err := all(d.ChangeTimes(t.Context(), doc.Key, time.Time{}))
	if err != nil || len(times) != 2 {
		t.Errorf("Times of the document = %v, %v, want two", times, err)
	}
}
