package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/coc"
)

// A search finds lines in all versions, and the form keeps the query.
func TestSearchPages(t *testing.T) {
	s, _ := changeFixture(t)
	for address, want := range map[string]struct {
		status          int
		has, not, links string
	}{
		"/search":    {200, "Searches the lines of all archived versions", "No line", ""},
		"/search?q=": {200, "Searches the lines of all archived versions", "No line", ""},
		"/search?q=timeout": {200,
			"2 lines in 1 document|v1 timeout : 30|v2 to newest timeout : 60|cocsync grep -F -i 'timeout'", "Searches",
			restart + "/v1#L5|" + restart + "/v2#L5"},
		"/search?q=OUTPUTS":           {200, "v4#1 outputs : []", "", restart + "/v4%231#L7"},
		"/search?q=OUTPUTS&case=1":    {200, "No line matches", "", ""},
		"/search?q=time.*0&pattern=1": {200, "v1 timeout: 30|v2 to newest timeout: 60|cocsync grep -i 'time.*0'", "", ""},
		"/search?q=time.*0":           {200, "No line matches", "", ""},
		"/search?q=timeout&newest=1": {200, "1 line in 1 document|v2 to newest timeout : 60|--newest",
			"v1 timeout", restart + "/v2#L5"},
		"/search?q=timeout&at=2026-03-02": {200, "timeout : 30|--at '2026-03-02'", "v2 to newest", restart + "/v1#L5"},
		"/search?q=(time&pattern=1":       {400, "missing closing ): `(time`|clear the pattern option", "No line|-F", ""},
		"/search?q=(time":                 {200, "No line matches", "missing", ""},
		"/search?q=(%3F:.%3F){1000}%5Cx00&pattern=1": {400,
			"too expensive: it compiles to more than 2000 instructions|each repetition counts", "No line", ""},
		// Below the limit; the literal prefix makes it fast on any machine.
		"/search?q=zz%5Cx00(%3F:.%3F){980}&pattern=1": {200, "No line matches", "", ""},
		"/search?q=x&at=someday":                      {400, "someday", "No line", ""},
		"/search?q=x&at=7d&newest=1":                  {400, "search either the newest versions or those as of a time", "No line", ""},
		"/search?q=%3Cscript%3E":                      {200, "<script> alert(1)</script>|<U+202E>", "", "/documents/prod/DM-evil/v2#L1"},
		"/search?q=long&case=1":                       {200, "long long", "", ""},
		"/search?q=-it%27s":                           {200, "No line matches", "", ""},
		"/search?q=%E2%80%AE%E2%81%A6":                {200, "<U+202E><U+2066> <U+200B>", "", ""},
		"/search?q=.&pattern=1":                       {200, "and 32 more lines", "", ""},
		"/search?q=" + strings.Repeat("a%2A", 900):    {200, "No line matches", "", ""},
	} {
		got := fetch(t, s, address)
		words, links := pageText(t, got.body)
		_, words, _ = strings.Cut(words, "Or as of Search") // the form
		if got.status != want.status {
			t.Errorf("%s returns %d, want %d", address, got.status, want.status)
		}
		for has := range strings.SplitSeq(want.has, "|") {
			if !strings.Contains(words, has) {
				t.Errorf("%s does not contain %q: %s", address, has, words)
			}
		}
		for not := range strings.SplitSeq(want.not, "|") {
			if not != "" && strings.Contains(words, not) {
				t.Errorf("%s contains %q: %s", address, not, words)
			}
		}
		for link := range strings.SplitSeq(want.links, "|") {
			if link != "" && !slices.Contains(links, link) {
				t.Errorf("%s has no link to %s: %q", address, link, links)
			}
		}
		if len(got.body) > 64<<10 {
			t.Errorf("%s is %d bytes long", address, len(got.body))
		}
	}
	got := fetch(t, s, "/search?q=%22%3E%3Cb%3E&pattern=1&case=1&at=2026-03-02")
	for _, filled := range []string{`value="&#34;&gt;&lt;b&gt;" size="32"`, `name="pattern" value="1" checked`,
		`name="case" value="1" checked`, `value="2026-03-02"`, `value="&#34;&gt;&lt;b&gt;" placeholder`} {
		if !strings.Contains(got.body, filled) {
			t.Errorf("the form does not contain %s: %s", filled, got.body)
		}
	}
}

// A page with too many results says so and shows the command for all results.
func TestSearchIsBounded(t *testing.T) {
	s, d := changeFixture(t)
	for i := range maxFoundDocuments + 5 {
		name := fmt.Sprintf("job-%02d", i)
		step := coc.Step{Account: "prod", DocumentID: name, SeenAt: noonOf(15), Name: name, State: coc.DocPresent,
			Newest: "v1", Meta: &coc.Meta{Name: &name},
			Versions: []coc.VersionStep{versionOf("v1", 1, 15, "common: "+name+"\n")},
			Changes:  []coc.NewChange{changeOf(coc.KindNew, coc.RevisionRef{}, coc.RevisionRef{Label: "v1", Number: 1}, 15, "", "common\n")}}
		if err := d.Commit(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	for _, address := range []string{"/search?q=common", "/search?q=common&newest=1", "/search?q=common&at=2026-03-20"} {
		got := fetch(t, s, address)
		words, links := pageText(t, got.body)
		found := slices.DeleteFunc(links, func(l string) bool {
			return !strings.HasPrefix(l, "/documents/prod/job-") ||
				strings.Contains(l, "#")
		})
		want := fmt.Sprintf("Matches in the first %d documents; there are more. On the command line: cocsync grep -F -i", maxFoundDocuments)
		if got.status != http.StatusOK || len(found) != maxFoundDocuments || !slices.IsSorted(found) || !strings.Contains(words, want) {
			t.Errorf("%s returns %d with %q: %s", address, got.status, found, words)
		}
	}
}

// Fault: the API did not limit the cost of patterns.
func TestAPIRefusesCostlyPatterns(t *testing.T) {
	s, _ := changeFixture(t)
	for query, want := range map[string]int{
		"pattern=(%3F:.%3F){1000}%5Cx00": 400, "pattern=" + strings.Repeat("a{1000}", 600): 400, "pattern=a{1000}": 200,
		"pattern=" + strings.Repeat("a", 3000) + "&fixed_strings": 200, "pattern=" + strings.Repeat("a", 3000) +
			"&fixed_strings&ignore_case": 400,
	} {
		got := fetch(t, s, "/api/v1/grep?"+query)
		if got.status != want || (want == 400) != strings.Contains(got.body, "2000 instructions") {
			t.Errorf("%.60s returns %d, %s, want %d", query, got.status, got.body, want)
		}
	}
}
