package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cocsync/internal/db"
)

// The page of a change parsed its note, and a summary determined the kind of change. With
// every summary replaced, all pages and queries differ only in the summaries.
func TestSummariesAreNotParsed(t *testing.T) {
	archive := fixture(t)
	other := filepath.Join(t.TempDir(), "other.db")
	d, err := db.OpenShared(t.Context(), archive)
	must(t, err)
	must(t, d.Backup(t.Context(), other))
	must(t, d.Close())
	c, err := sql.Open("sqlite", "file:"+other)
	must(t, err)
	summaries := storedSummaries(t, c)
	replacements := []string{}
	for i, s := range summaries {
		words := fmt.Sprintf("zebra %d", i)
		_, err := c.Exec(`UPDATE diffs SET summary = ? WHERE summary = ?`, words, s)
		must(t, err)
		replacements = append(replacements, words, "…", s, "…", strings.ReplaceAll(s, "'", "&#39;"), "…")
	}
	must(t, c.Close())
	if len(summaries) < 5 {
		t.Fatalf("the archive has the summaries %q", summaries)
	}
	same := strings.NewReplacer(replacements...)
	space := regexp.MustCompile(`\s+`)
	host := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	plain := func(text string) string {
		return host.ReplaceAllString(space.ReplaceAllString(same.Replace(text), " "), "HOST")
	}
	was, is := serveArchive(t, archive), serveArchive(t, other)
	addresses := []string{"/", "/changes", "/feed.atom", "/api/v1/changes", "/documents/prod/DM-restart"}
	for id := 1; ; id++ {
		address := fmt.Sprintf("/changes/%d", id)
		if answer, _ := was.get(address); answer.StatusCode != 200 {
			break
		}
		addresses = append(addresses, address)
	}
	for _, address := range addresses {
		_, want := was.get(address)
		if _, got := is.get(address); plain(got) != plain(want) {
			t.Errorf("with other summaries %s is\n%s\nwant\n%s", address, plain(got), plain(want))
		}
	}
	if len(addresses) < 10 {
		t.Errorf("only %q were read", addresses)
	}
}

// storedSummaries returns the summaries of an archive, the longest first.
func storedSummaries(t *testing.T, c *sql.DB) (summaries []string) {
	t.Helper()
	rows, err := c.Query(`SELECT DISTINCT summary FROM diffs WHERE summary <> '' ORDER BY length(summary) DESC`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		must(t, rows.Scan(&s))
		summaries = append(summaries, s)
	}
	must(t, rows.Err())
	return summaries
}
