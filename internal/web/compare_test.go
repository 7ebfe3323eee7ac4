package web

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/db/dbtest"
	"cocsync/internal/diff/difftest"
)

// restart is the address of the fixture's document.
const restart = "/documents/prod/DM-restart"

// The page compares any two versions. If it cannot, it explains why and offers other
// versions.
func TestComparePages(t *testing.T) {
	s, d := changeFixture(t)
	erase(t, d, job3, "held a password")
	for address, want := range map[string]struct {
		status           int
		has, not, chosen string
	}{
		restart + "/compare?old=v1&new=v2": {200,
			"restart v1 → v2|timeout 30 → 60|v5 · 2026-03-11 12:00|Reverse|v3 · 2026-03-04 12:00 · unavailable", "identical", "v1 v2"},
		restart + "/compare?old=v2&new=v1":         {200, "restart v2 → v1|timeout 60 → 30", "", "v2 v1"},
		restart + "/compare?old=v2&new=v5":         {200, "The two contents are identical.", "Layout", "v2 v5"},
		restart + "/compare":                       {200, "restart v4#2 → v5|identical", "", "v4#2 v5"},
		restart + "/compare?new=v1":                {200, "v1 is the first version: it is compared with nothing|+6 −0", "Reverse|Layout", "v1"},
		restart + "/compare?old=~1&new=2026-03-03": {200, "restart v4#2 → v2|identical", "", "v4#2 v2"},
		restart + "/compare?old=v3&new=v5":         {404, "Compare versions of restart|the content of v3 is not in the archive: COC did not serve it (400 COC.00010002)", "identical", "v3 v5"},
		restart + "/compare?old=v4%231&new=v5":     {404, "The content of v4#1 was permanently removed from the archive|held a password|Its size was up to 256 bytes", "identical", "v4#1 v5"},
		restart + "/compare?old=v1&new=v99":        {404, `version "v99" of restart: not found|the archive has v1 to v5`, "identical", "v1"},
		restart + "/compare?old=v1&new=v2..v4":     {400, "names two versions", "", "v1"},
		"/documents/prod/DM-rstart/compare":        {404, `no document "prod/DM-rstart" in the archive`, "Compare ", ""},
		"/compare":                                 {200, "Compares a version of one document", "identical", ""},
		"/compare?old=restart@v1&new=restart@v4":   {200, "restart v1 → v4#2|timeout 30 → 60", "", ""},
		"/compare?old=DM-evil@v1&new=restart@v1":   {200, "v1 → restart v1|+6 −0", "identical", ""},
		"/compare?old=restart@v1":                  {404, `no document ""`, "", ""},
		"/compare?old=nobody@v1&new=restart@v1":    {404, `no document "nobody" in the archive`, "identical", ""},
	} {
		got := fetch(t, s, address)
		words, _ := pageText(t, got.body)
		if got.status != want.status {
			t.Errorf("%s returns %d, want %d: %s", address, got.status, want.status, words)
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
		var chosen []string
		for _, m := range regexp.MustCompile(`<option value="([^"]*)" selected>`).FindAllStringSubmatch(got.body, -1) {
			chosen = append(chosen, m[1])
		}
		if strings.Join(chosen, " ") != want.chosen {
			t.Errorf("%s has %q chosen, want %q", address, chosen, want.chosen)
		}
	}
}

func erase(t *testing.T, d *db.DB, content, why string) {
	t.Helper()
	dbtest.Erase(t, d, content, why, noonOf(24))
}

// The Reverse link swaps both sides and keeps the display options.
func TestSwap(t *testing.T) {
	s, _ := changeFixture(t)
	for address, want := range map[string]string{
		restart + "/compare?old=v1&new=v2&context=all": restart + "/compare?context=all&new=v1&old=v2",
		restart + "/compare":                           restart + "/compare?new=v4%232&old=v5",
		"/compare?old=DM-evil@v1&new=restart":          "/compare?new=DM-evil%40v1&old=restart",
		"/compare?new=restart@v2":                      "/compare?new=prod%2FDM-restart%40v1&old=prod%2FDM-restart%40v2",
	} {
		got := fetch(t, s, address)
		if _, links := pageText(t, got.body); !slices.Contains(links, want) {
			t.Errorf("%s has no link to %s: %q", address, want, links)
		}
		if there := fetch(t, s, want); there.status != http.StatusOK {
			t.Errorf("%s returns %d", want, there.status)
		}
	}
}

// Display options are in the address; the current ones are highlighted.
func TestDiffChoices(t *testing.T) {
	s, _ := changeFixture(t)
	for query, want := range map[string]struct {
		lines  int // shown lines of the new version, of six
		below  bool
		chosen string
	}{
		"":                           {5, false, "side by side 3 lines compared"},
		"?view=unified":              {5, true, "unified 3 lines compared"},
		"?context=all&view=side":     {6, false, "side by side whole file compared"},
		"?context=0":                 {1, false, "side by side 0 lines compared"},
		"?context=1&space=ignore":    {3, false, "side by side 1 line ignored"},
		"?context=25":                {6, false, "side by side 25 compared"},
		"?context=99999999999999":    {6, false, "side by side whole file compared"},
		"?context=25&view=something": {6, false, "side by side 25 compared"},
	} {
		got := fetch(t, s, "/changes/2"+query)
		_, section, _ := strings.Cut(got.body, `<section class="cocsync-diff">`)
		section, _, _ = strings.Cut(section, "</table>")
		lines := len(regexp.MustCompile(`<td[^>]*>[0-9]+</td>`).FindAllString(section, -1)) / 2
		var chosen []string
		for _, m := range regexp.MustCompile(`<strong>([^<]*)</strong>`).FindAllStringSubmatch(got.body, -1) {
			chosen = append(chosen, m[1])
		}
		if lines != want.lines || strings.Contains(got.body, `"difference below"`) != want.below || strings.Join(chosen, " ") != want.chosen {
			t.Errorf("%q shows %d lines and %q, want %+v", query, lines, chosen, want)
		}
	}
	for _, query := range []string{"?context=many", "?context=-1"} {
		if got := fetch(t, s, "/changes/2"+query); got.status != http.StatusBadRequest {
			t.Errorf("%q returns %d", query, got.status)
		}
	}
}

// patchOf requests a patch and returns it with its file name.
func patchOf(t *testing.T, s *Site, address string) (patch []byte, name string) {
	t.Helper()
	got := fetch(t, s, address)
	disposition, params, err := mime.ParseMediaType(got.header.Get("Content-Disposition"))
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/x-diff; charset=utf-8" ||
		disposition != "attachment" || err != nil {
		t.Fatalf("%s returns %d %q, %v", address, got.status, got.header, err)
	}
	return []byte(got.body), params["filename"]
}

// Applying a patch to the old content gives the new content.
func TestPatchesApply(t *testing.T) {
	s, d := changeFixture(t)
	for _, id := range []int64{1, 2, 3, 4, 9, 10, 11, 12} {
		old, now, err := d.Contents(t.Context(), coc.Key{Account: 1, ID: id})
		if err != nil {
			t.Fatal(err)
		}
		patch, _ := patchOf(t, s, changeURL(fmt.Sprint(id))+"/patch")
		if got, err := difftest.Apply(old, patch); err != nil || !bytes.Equal(got, now) {
			t.Errorf("the patch of change %d gives %q, %v, want %q", id, got, err, now)
		}
	}
	patch, name := patchOf(t, s, "/compare/patch?old=restart@v1&new=restart@v5")
	if got, err := difftest.Apply([]byte(job1), patch); err != nil || string(got) != job2 || name != "restart-v1-v5.patch" {
		t.Errorf("the patch %s gives %q, %v", name, got, err)
	}
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	cmd := exec.Command(git, "apply", "--numstat")
	cmd.Dir, cmd.Stdin = t.TempDir(), bytes.NewReader(patch)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "1\t1\trestart\n" {
		t.Errorf("git apply prints %q, %v", out, err)
	}
}

// Names of files have no path elements and no reserved names.
func TestFileNames(t *testing.T) {
	for _, tt := range []struct {
		parts []string
		want  string
	}{
		{[]string{"restart", "v1", "v2"}, "restart-v1-v2.patch"},
		{[]string{"restart", "", "v4#2"}, "restart-v4#2.patch"},
		{[]string{"重启 节点", "v1", "v2"}, "重启 节点-v1-v2.patch"},
		{[]string{"../../etc/passwd", "v1", "v2"}, "__.._etc_passwd-v1-v2.patch"},
		{[]string{"con", "", ""}, "_con.patch"},
		{[]string{"...", "", "v1"}, "_v1.patch"},
		{[]string{"-rf *", "v1", "v2"}, "_rf _-v1-v2.patch"},
		{[]string{strings.Repeat("重", 300), "v1", "v2"}, strings.Repeat("重", 66) + ".patch"},
	} {
		got := patchName(tt.parts...)
		if got != tt.want || len(got) > 255 || filepath.Base(got) != got {
			t.Errorf("patchName(%q) = %q, want %q", tt.parts, got, tt.want)
		}
	}
	s, _ := changeFixture(t)
	if _, name := patchOf(t, s, "/changes/12/patch"); name != patchName(evilName, "v2", "v3") {
		t.Errorf("the hostile document's patch is named %q", name)
	}
}

// Names and contents of documents are text on every page, never markup.
func TestHostileChangePages(t *testing.T) {
	s, _ := changeFixture(t)
	for _, address := range []string{
		"/changes/10", "/changes/11", "/changes/12", "/changes/12?view=unified&context=all", "/documents/prod/DM-evil/compare?old=v1&new=v3",
		"/documents/prod/DM-evil/compare?old=%3Cscript%3E%E2%80%AE&new=v1", "/compare?old=DM-evil@v1&new=restart",
		"/compare?old=%22%3E%3Cscript%3E&new=javascript:alert(1)",
		"/changes/%3Cscript%3E", "/changes/1%00", "/changes?document=%3Cscript%3E%E2%80%AE",
	} {
		got := fetch(t, s, address)
		words, _ := pageText(t, got.body)
		if got.status >= 500 {
			t.Errorf("%s returns %d", address, got.status)
		}
		if strings.Contains(address, "/changes/1") && got.status == 200 && !strings.Contains(words,
			"../<script>alert(1)</script><U+202E>\"^M^JX: y^@/con") {
			t.Errorf("%s does not show the name as it is: %s", address, words)
		}
	}
	words, _ := pageText(t, fetch(t, s, "/changes/12").body)
	if n := strings.Count(words, "long"); n != 13<<10 {
		t.Errorf("%d words of a long line are shown, want %d", n, 13<<10)
	}
}

// Errors are pages with a hint, or plain text for requests of files.
func TestChangeErrors(t *testing.T) {
	s, d := changeFixture(t)
	erase(t, d, job3, "held a password")
	for address, want := range map[string]struct {
		status int
		says   string
	}{
		"/changes/999":       {404, "no change 999 in the archive|shows the numbers"},
		"/changes/0":         {400, `"0" is not a valid change number`},
		"/changes/x/patch":   {400, `"x" is not a valid change number`},
		"/changes/999/patch": {404, "no change 999"},
		"/changes/999/proof": {404, "no change 999"},
		"/changes/7/patch":   {404, "a change of this kind has no patch"},
		"/changes/4/patch":   {404, "no patch: one of the two contents was erased from the archive"},
		"/changes/4":         {200, "The content of v4#1 was permanently removed from the archive at 2026-03-24 12:00 by root@host: “held a password”"},
		"/compare/patch":     {404, "no document"},
		"/compare/patch?old=restart@v3&new=restart@v5": {404, "COC did not serve it"},
	} {
		got := fetch(t, s, address)
		words := got.body
		if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			words, _ = pageText(t, got.body)
		}
		if got.status != want.status {
			t.Errorf("%s returns %d, want %d", address, got.status, want.status)
		}
		for says := range strings.SplitSeq(want.says, "|") {
			if !strings.Contains(words, says) {
				t.Errorf("%s does not contain %q: %s", address, says, words)
			}
		}
	}
}

// The proof is of the leaf that the page names.
func TestProof(t *testing.T) {
	s, _ := changeFixture(t)
	page, _ := pageText(t, fetch(t, s, "/changes/4").body)
	m := regexp.MustCompile(`leaf (\d+) of the log`).FindStringSubmatch(page)
	got := fetch(t, s, "/changes/4/proof")
	p, err := audit.ParseProof([]byte(got.body))
	if err != nil || m == nil {
		t.Fatalf("%s: %v", got.body, err)
	}
	keys, err := s.Archive.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := audit.ParseVerifier(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := p.Check(key)
	if err != nil || strconv.FormatInt(p.Index, 10) != m[1] || r.Type != audit.TypeChange {
		t.Errorf("the proof is of %s %d, %v, and the page names %s", r.Type, p.Index, err, m[1])
	}
	if name := got.header.Get("Content-Disposition"); name != "attachment; filename=change-4.proof" {
		t.Errorf("Content-Disposition is %s", name)
	}
}
