package main

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

const atomSpace = "http://www.w3.org/2005/Atom"

// element is an XML element.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e element) all(name string) (list []element) {
	for _, c := range e.Children {
		if c.XMLName == (xml.Name{Space: atomSpace, Local: name}) {
			list = append(list, c)
		}
	}
	return list
}

// one returns the text of the child with that name, or "".
func (e element) one(name string) string {
	for _, c := range e.all(name) {
		return c.Text
	}
	return ""
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// checkFeed reads a feed and checks it against RFC 4287, section 4.
func checkFeed(t *testing.T, text string) element {
	t.Helper()
	var feed element
	must(t, xml.Unmarshal([]byte(text), &feed))
	if feed.XMLName != (xml.Name{Space: atomSpace, Local: "feed"}) {
		t.Errorf("the root is %v", feed.XMLName)
	}
	wrong := rules{
		once: []string{"id", "title", "updated", "generator"}, some: []string{"author", "link"},
		may: []string{"subtitle", "entry"}, dates: []string{"updated"},
	}.check(feed)
	ids := []string{feed.one("id")}
	for _, e := range feed.all("entry") {
		wrong = append(wrong, rules{
			once: []string{"id", "title", "updated", "content"}, some: []string{"author", "link"},
			may: []string{"published", "category"}, dates: []string{"updated", "published"},
		}.check(e)...)
		if c := e.all("content"); len(c) == 1 && (c[0].attr("type") != "text" || len(c[0].Children) > 0) {
			wrong = append(wrong, "a content is not text")
		}
		ids = append(ids, e.one("id"))
	}
	for i, id := range ids {
		if u, err := url.Parse(id); err != nil || !u.IsAbs() {
			wrong = append(wrong, fmt.Sprintf("the id %q is not a valid IRI", id))
		}
		if slices.Index(ids, id) != i {
			wrong = append(wrong, fmt.Sprintf("the id %s occurs twice", id))
		}
	}
	if !slices.ContainsFunc(feed.all("link"), func(l element) bool { return l.attr("rel") == "self" }) {
		wrong = append(wrong, "the feed has no link to itself")
	}
	for _, w := range wrong {
		t.Errorf("the feed is not valid: %s", w)
	}
	return feed
}

// rules list the children of an element: exactly one, at least one, or any number.
type rules struct{ once, some, may, dates []string }

func (r rules) check(e element) (wrong []string) {
	for _, c := range e.Children {
		name := c.XMLName.Local
		if c.XMLName.Space != atomSpace || !slices.Contains(slices.Concat(r.once, r.some, r.may), name) {
			wrong = append(wrong, fmt.Sprintf("%s in %s", name, e.XMLName.Local))
		}
		if slices.Contains(r.dates, name) && !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`).MatchString(c.Text) {
			wrong = append(wrong, fmt.Sprintf("%s %q is not a valid date", name, c.Text))
		}
		if name == "author" && (len(c.Children) != 1 || c.one("name") == "") {
			wrong = append(wrong, "an author has no name")
		}
	}
	for _, name := range r.once {
		if n := len(e.all(name)); n != 1 {
			wrong = append(wrong, fmt.Sprintf("%s has %d × %s", e.XMLName.Local, n, name))
		}
	}
	for _, name := range r.some {
		if len(e.all(name)) == 0 {
			wrong = append(wrong, fmt.Sprintf("%s has no %s", e.XMLName.Local, name))
		}
	}
	alternates := 0
	for _, l := range e.all("link") {
		if u, err := url.Parse(l.attr("href")); err != nil || !u.IsAbs() {
			wrong = append(wrong, fmt.Sprintf("the link %q is not valid", l.attr("href")))
		}
		if l.attr("rel") == "alternate" {
			alternates++
		}
	}
	if alternates != 1 {
		wrong = append(wrong, fmt.Sprintf("%s has %d alternates of one type", e.XMLName.Local, alternates))
	}
	return wrong
}

// titles returns the titles of a feed's entries.
func titles(feed element) (list []string) {
	for _, e := range feed.all("entry") {
		list = append(list, e.one("title"))
	}
	return list
}

// The feeds are valid, have the reported changes but none from before the initial sync, and
// make control characters visible.
func TestFeeds(t *testing.T) {
	s := serveArchive(t, fixture(t))
	answered, body := s.get("/feed.atom")
	if typ := answered.Header.Get("Content-Type"); answered.StatusCode != http.StatusOK || typ != "application/atom+xml; charset=utf-8" {
		t.Fatalf("/feed.atom returns %s, %q", answered.Status, typ)
	}
	feed := checkFeed(t, body)
	got := titles(feed)
	want := []string{"new: twin v1", "new: twin v1", "deleted: old-job", "new: old-job v1",
		"new: evil^[[2Jname<U+202E>gpj<U+009B>31m <!channel> v1", "metadata: restart-unhealthy-nodes",
		"rewritten: restart-unhealthy-nodes v3#1 → v3#2", "version: restart-unhealthy-nodes v3#1 → v5",
		"version: restart-unhealthy-nodes v2 → v3#1"}
	if !slices.Equal(got, want) {
		t.Errorf("/feed.atom has the entries\n%q, want\n%q", got, want)
	}
	rewritten := feed.all("entry")[6]
	if got, want := rewritten.one("content"), "step restart removed, comments changed\n"+
		"The content of an existing version was replaced.\n- step restart (hwc:runbook:scripts@1.0.0) removed\n"; got != want {
		t.Errorf("the rewrite is %q, want %q", got, want)
	}
	if got, want := rewritten.all("link")[0].attr("href"), s.url+"/changes/5"; got != want {
		t.Errorf("the rewrite links %s, want %s", got, want)
	}
	if got, want := rewritten.one("updated"), "2026-03-16T12:00:00.273000005Z"; got != want {
		t.Errorf("the rewrite has the time %s, want %s, when it was seen", got, want)
	}
	if path, err := exec.LookPath("xmllint"); err != nil {
		t.Log("xmllint not found")
	} else {
		lint := exec.CommandContext(t.Context(), path, "--noout", "-")
		lint.Stdin = strings.NewReader(body)
		if out, err := lint.CombinedOutput(); err != nil {
			t.Errorf("xmllint: %v\n%s", err, out)
		}
	}
}

// Changes that were recorded together had the same time, so feed readers could not order
// their entries. Each entry has a distinct time, in the order of the feed and the same in
// all feeds.
func TestFeedEntriesHaveDistinctTimes(t *testing.T) {
	s := serveArchive(t, fixture(t))
	times, together := map[string]time.Time{}, 0 // by id
	for _, address := range []string{"/feed.atom", "/documents/prod/DM-restart/feed.atom"} {
		_, body := s.get(address)
		var before time.Time
		seen := map[time.Time]bool{}
		for i, e := range checkFeed(t, body).all("entry") {
			at, err := time.Parse(time.RFC3339Nano, e.one("updated"))
			must(t, err)
			if same := i > 0 && at.Truncate(time.Millisecond).Equal(before.Truncate(time.Millisecond)); same {
				if together++; !at.Before(before) {
					t.Errorf("%s: entry %d has the time %v, but was recorded before one with %v", address, i, at, before)
				}
			}
			if known := times[e.one("id")]; seen[at] || !known.IsZero() && !known.Equal(at) {
				t.Errorf("%s: entry %d has the time %v, like another entry, or in another feed %v", address, i, at, known)
			}
			before, seen[at], times[e.one("id")] = at, true, at
		}
	}
	if together == 0 {
		t.Error("no entries were recorded together")
	}
}

// A document's feed includes its first version, and is found by any name of the document.
func TestFeedOfOneDocument(t *testing.T) {
	s := serveArchive(t, fixture(t))
	_, whole := s.get("/documents/prod/DM-restart/feed.atom")
	feed := checkFeed(t, whole)
	if got := titles(feed); len(got) != 6 || got[5] != "new: restart-unhealthy-nodes v1" {
		t.Errorf("the document's feed has the entries %q", got)
	}
	if got, want := feed.all("link")[0].attr("href"), s.url+"/documents/prod/DM-restart/feed.atom"; got != want {
		t.Errorf("the document's feed is at %s, want %s", got, want)
	}
	for _, address := range []string{"/documents/restart-unhealthy-nodes/feed.atom", "/documents/DM-res/feed.atom",
		"/documents/prod%2FDM-restart/feed.atom"} {
		if _, body := s.get(address); body != whole {
			t.Errorf("%s is another feed:\n%s", address, body)
		}
	}
	_, evilFeed := s.get("/documents/" + url.PathEscape(evil) + "/feed.atom")
	if got, want := checkFeed(t, evilFeed).one("title"), "cocsync: evil^[[2Jname<U+202E>gpj<U+009B>31m <!channel>"; got != want {
		t.Errorf("the hostile document's feed is called %q, want %q", got, want)
	}
	for address, want := range map[string]int{"/documents/nope/feed.atom": http.StatusNotFound,
		"/documents/twin/feed.atom": http.StatusBadRequest} {
		if answered, _ := s.get(address); answered.StatusCode != want {
			t.Errorf("%s returns %s, want %d", address, answered.Status, want)
		}
	}
}

// Only the ETag says whether a reader has the current feed: a change can be added without
// a later time.
func TestFeedETag(t *testing.T) {
	s := serveArchive(t, fixture(t))
	answered, _ := s.get("/feed.atom")
	tag, modified := answered.Header.Get("ETag"), answered.Header.Get("Last-Modified")
	if modified != "Fri, 20 Mar 2026 12:00:00 GMT" {
		t.Errorf("the feed was modified %q", modified)
	}
	if answered, body := s.get("/feed.atom", "If-None-Match", tag); answered.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("with its ETag the feed returns %s and %q", answered.Status, body)
	}
	for _, headers := range [][]string{{"If-None-Match", `"other"`}, {"If-Modified-Since", modified},
		{"If-None-Match", `"other"`, "If-Modified-Since", modified}} {
		if answered, body := s.get("/feed.atom", headers...); answered.StatusCode != http.StatusOK || body == "" {
			t.Errorf("with %q the feed returns %s", headers, answered.Status)
		}
	}
}

// An entry's id is permanent: it does not change with the host, after a rename, a rewrite or
// a restore.
func TestFeedIDsArePermanent(t *testing.T) {
	archive := fixture(t)
	ids := func(archive, host string) (list []string) {
		s := serveArchive(t, archive)
		s.url = strings.Replace(s.url, "127.0.0.1", host, 1)
		_, body := s.get("/documents/prod/DM-restart/feed.atom")
		feed := checkFeed(t, body)
		list = append(list, feed.one("id"))
		for _, e := range feed.all("entry") {
			list = append(list, e.one("id"))
		}
		return list
	}
	want := ids(archive, "127.0.0.1")
	if got := ids(archive, "localhost"); !slices.Equal(got, want) {
		t.Errorf("under another host the ids are %q, want %q", got, want)
	}
	copied, restored := filepath.Join(t.TempDir(), "copy.db"), filepath.Join(t.TempDir(), "restored.db")
	for _, args := range [][]string{{"--db", archive, "backup", copied}, {"--db", restored, "restore", copied}} {
		must(t, run(t.Context(), args, strings.NewReader(""), t.Output(), t.Output()))
	}
	if got := ids(restored, "127.0.0.1"); !slices.Equal(got, want) {
		t.Errorf("after a restore the ids are %q, want %q", got, want)
	}
	d, err := db.Open(t.Context(), archive)
	must(t, err)
	name := "renamed"
	must(t, d.Commit(t.Context(), coc.Step{Account: "prod", DocumentID: "DM-restart", Cycle: coc.Key{Account: 1, ID: 1},
		SeenAt: dayOf(30), Name: name, State: coc.DocPresent,
		Meta: &coc.Meta{Name: &name}, Versions: []coc.VersionStep{rewritten("v5", 13, job1, dayOf(29))},
		Changes: []coc.NewChange{change(coc.KindRewritten, "v5", "v5#2", 30, job4, job1, false)}}))
	must(t, d.Close())
	got := ids(archive, "127.0.0.1")
	if got[0] != want[0] || !slices.Equal(got[2:], want[1:]) {
		t.Errorf("after a rename and a rewrite the ids are %q, want %q with one more", got, want)
	}
}

// A feed has the newest hundred changes in the order in which they were recorded, even if a
// version was made long before it was archived. An empty feed is valid.
func TestFeedHasNewestChanges(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "archive.db")
	d, err := db.Open(t.Context(), archive)
	must(t, err)
	defer d.Close()
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	s := serveArchive(t, archive)
	_, empty := s.get("/feed.atom")
	if got := titles(checkFeed(t, empty)); len(got) != 0 {
		t.Errorf("the feed of an empty archive has the entries %q", got)
	}
	for i := range 101 {
		label := fmt.Sprintf("v%d", i+1)
		step := coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: dayOf(200).Add(time.Duration(i) * time.Minute),
			Name: "job", State: coc.DocPresent,
			Newest: label, Versions: []coc.VersionStep{versionStep(label, 150-i, label+": \ufffe\xff\n", "")},
			Changes: []coc.NewChange{change(coc.KindVersion, "", label, 150-i, "", label, false)}}
		step.Changes[0].Items = []coc.Item{{Op: "added", Path: "x", New: strings.Repeat("重", 300) + "\ufffe\xff\x00"},
			{Op: "changed", Path: "y", Old: "a\x00\ufffe\n\xffb", New: ""}}
		must(t, d.Commit(t.Context(), step))
	}
	_, full := s.get("/feed.atom")
	feed := checkFeed(t, full)
	got := titles(feed)
	if len(got) != 100 || got[0] != "version: job v101" || got[99] != "version: job v2" {
		t.Errorf("the feed has %d entries: %q", len(got), got)
	}
	const cut, spelled = "重重…\n", `a^@<U+FFFE> ⏎ <FF>b → ""`
	if content := feed.all("entry")[0].one("content"); !strings.Contains(content, cut) || !strings.Contains(content, spelled) {
		t.Errorf("the newest is %q, want %q and %q in it", content, cut, spelled)
	}
}
