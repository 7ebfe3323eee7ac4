package notify

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
	"cocsync/internal/diff"
	"cocsync/internal/mask"
)

var update = flag.Bool("update", false, "write the golden files")

const oldJob = `meta:
  name: restart-nodes
steps:
  - name: login
    task: hwc:runbook:scripts@1.0.0
    inputs:
      password: "Winter2025!"
      timeout: 30
  - name: wait
    task: hwc:runbook:suspend@1.0.0
    inputs:
      timeout: 300
`

const newJob = `meta:
  name: restart-nodes
steps:
  - name: login
    task: hwc:runbook:scripts@1.0.0
    inputs:
      password: "Spring2026!"
      timeout: 60
  - name: wait
    task: hwc:runbook:suspend@1.0.0
    inputs:
      timeout: 300
  - name: verify
    task: hwc:runbook:scripts@1.0.0
`

// compared fills a change with what diff makes of two contents.
func compared(c coc.Change, old, now string) (*coc.Change, contents) {
	c.Difference = diff.Compare(diff.Read([]byte(old)), diff.Read([]byte(now)))
	return &c, contents{old: []byte(old), now: []byte(now)}
}

// example is a change of a kind, as in the archive.
func example(kind coc.Kind) (*coc.Change, contents) {
	at := time.Date(2026, 7, 1, 13, 0, 0, 0, time.UTC)
	c := coc.Change{Key: key(812), Ref: fmt.Sprint(812), Kind: kind, Account: "prod", Document: key(1), DocumentID: "DM2025070118023abcdef",
		Name: "restart-nodes", SeenAt: at.Add(2 * time.Minute), At: at, Modifier: "COC-anita.rao", RiskLevel: "LOW"}
	switch kind {
	case coc.KindNew:
		c.Version, c.MadeAt, c.By = "v1", at, "COC-li.wei"
		c.Difference = coc.Difference{Added: 12, Summary: "2 steps"}
		return &c, contents{now: []byte(oldJob)}
	case coc.KindVersion:
		c.Previous, c.Version, c.MadeAt, c.By = "v3", "v4", at, "COC-li.wei"
		return compared(c, oldJob, newJob)
	case coc.KindRewritten:
		c.Previous, c.Version, c.MadeAt, c.RiskLevel = "v3", "v3#2", at, "HIGH"
		return compared(c, oldJob, newJob)
	case coc.KindMetadata:
		c.RiskLevel = "HIGH"
		c.Items = []coc.Item{
			{Op: "changed", Path: "description", Old: "", New: "Stops <writes> & reads; see https://evil.example"},
			{Op: "changed", Path: "risk_level", Old: "LOW", New: "HIGH"},
		}
	case coc.KindWithdrawn:
		c.Version = "v1"
	}
	return &c, contents{}
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

// write is a message as a golden file holds it: the fallback, what a person
// sees, and the blocks.
func write(t *testing.T, m rendered) []byte {
	t.Helper()
	text := m.text
	raw, err := json.Marshal(m.blocks)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "-- text --\n%s\n-- seen --\n%s\n-- blocks --\n", text, cocsim.Render(cocsim.Message{Text: text, Blocks: raw}))
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	if m.file != nil {
		fmt.Fprintf(&out, "-- file %s, %s --\n%s", m.file.Name, m.file.Title, m.file.Content)
	}
	return out.Bytes()
}

// How each kind of change reads.
func TestChangeGolden(t *testing.T) {
	for _, kind := range coc.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			w := &writer{n: &Notifier{}, mask: &mask.Masker{}}
			c, pair := example(kind)
			m := w.change(c, pair, nil)
			golden(t, string(kind)+".txt", write(t, m))
		})
	}
	w := &writer{n: &Notifier{}, mask: &mask.Masker{}}
	c, _ := example(coc.KindVersion)
	c, pair := compared(coc.Change{Key: c.Key, Ref: c.Ref, Kind: c.Kind, Name: c.Name, Previous: "v4", Version: "v5",
		SeenAt: c.SeenAt}, newJob, newJob)
	m := w.change(c, pair, nil)
	golden(t, "unchanged.txt", write(t, m))
}

// everything is a notifier with all that a configuration can add to a message: files,
// links, people and mentions.
func everything() (*writer, []string) {
	n := byToken("ops", testChannel)
	n.Thread = 24 * time.Hour
	return &writer{n: &n, mask: &mask.Masker{}, people: map[string]Person{"COC-li.wei": {Name: "Li Wei", Slack: "U0LIWEI"},
		"COC-anita.rao": {Name: "Anita Rao"}},
		links: Links{Page: "https://cocsync.example.com/changes/{change}",
			Console: map[string]string{"prod": "https://console.example.com/coc?region=ap#/jobs/{document_id}/{version}?name={name}&account={account}"}},
	}, []string{"U0ONCALL", "S0SECURITY"}
}

// live are the links and mentions that everything may make of a change.
func live(w *writer, c *coc.Change, mentions []string) (list []string) {
	for _, id := range mentions {
		list = append(list, "@"+id)
	}
	for _, p := range w.people {
		list = append(list, "@"+p.Slack)
	}
	return append(list, fill(w.links.Page, c), fill(w.links.Console[c.Account], c))
}

// How a message reads with all that a configuration can add.
func TestConfiguredGolden(t *testing.T) {
	w, mentions := everything()
	for _, kind := range []coc.Kind{coc.KindVersion, coc.KindRewritten} {
		c, pair := example(kind)
		m := w.change(c, pair, mentions)
		if err := sound(m, live(w, c, mentions)...); err != nil {
			t.Error(err)
		}
		golden(t, "configured-"+string(kind)+".txt", write(t, m))
	}
	c, _ := example(coc.KindVersion)
	c, pair := compared(coc.Change{Key: c.Key, Ref: c.Ref, Kind: c.Kind, Account: c.Account, Name: c.Name, Previous: "v4",
		Version: "v5", SeenAt: c.SeenAt, By: c.By}, newJob, newJob)
	golden(t, "configured-unchanged.txt", write(t, w.change(c, pair, mentions)))
	golden(t, "configured-digest.txt", write(t, w.digest([]*coc.Change{c, c}, mentions)))
	c, pair = example(coc.KindVersion)
	details, err := w.details([]*coc.Change{c}, func(*coc.Change) (contents, error) { return pair, nil })
	if err != nil || len(details) != 1 {
		t.Fatalf("details = %d, %v", len(details), err)
	}
	golden(t, "configured-details.txt", write(t, details[0]))
}

// A link leads where its template says, whatever a document is called.
func TestFill(t *testing.T) {
	c := &coc.Change{Key: key(41), Ref: fmt.Sprint(41), Account: "prod", DocumentID: "DM1/../x?y#z",
		Name: "a b&c=<d>|https://evil.example", Version: "v3#2"}
	const template = "https://h.example/{account}/{document_id}/{version}?n={name}#{change}"
	want := "https://h.example/prod/DM1%2F..%2Fx%3Fy%23z/v3?n=a%20b%26c%3D%3Cd%3E%7Chttps%3A%2F%2Fevil.example#41"
	if got := fill(template, c); got != want {
		t.Errorf("fill = %s, want %s", got, want)
	}
	c.Name = strings.Repeat("é", 1000)
	if got := fill(template, c); got != "" {
		t.Errorf("fill of a name that is too long = %s, want nothing", got)
	}
}

// The plain fallback has the mentions of the message.
func TestMentionsOf(t *testing.T) {
	w, mentions := everything()
	c, pair := example(coc.KindVersion)
	body, err := json.Marshal(w.change(c, pair, mentions).blocks)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := mentionsOf(body), "<@U0LIWEI> <@U0ONCALL> <!subteam^S0SECURITY> "; got != want {
		t.Errorf("mentionsOf = %q, want %q", got, want)
	}
}

// How a digest and notices read.
func TestOthersGolden(t *testing.T) {
	w := &writer{n: &Notifier{}, mask: &mask.Masker{}}
	var changes []*coc.Change
	for i := range int64(120) {
		changes = append(changes, edit(100+i, i/2, int(i%2)+1))
	}
	for i, kind := range []coc.Kind{coc.KindMetadata, coc.KindDeleted, coc.KindRewritten} {
		c, _ := example(kind)
		c.Key, c.Ref, c.Document, c.Name = key(int64(300+i)), fmt.Sprint(300+i), key(int64(200+i)), "job-"+string(kind)
		changes = append(changes, c)
	}
	m := w.digest(changes, nil)
	golden(t, "digest.txt", write(t, m))
	for kind, n := range map[coc.NoticeKind]*coc.Notice{
		coc.NoticeInitialSync: {Title: "Initial sync of watch runbooks: 7 documents, 31 versions archived in this cycle",
			Lines: []string{"1 document could not be read completely and will be tried again:", "restart (DM1): 500 <html>"}},
		coc.NoticeFailure: {Title: "Watch runbooks does not work", Lines: []string{"list documents: 403 APIGW.0302",
			"No cycle of this watch has been good so far."}},
		coc.NoticeRecovered: {Title: "Watch runbooks works again"},
	} {
		n.ID, n.Kind, n.Watch, n.At = 12, kind, "runbooks", time.Date(2026, 7, 1, 13, 0, 0, 0, time.UTC)
		m := w.notice(n)
		golden(t, string(kind)+".txt", write(t, m))
	}
}

// The notifier's detail limits what is sent of the content.
func TestDetail(t *testing.T) {
	for _, test := range []struct {
		detail      Detail
		has, hasNot string
	}{
		{DetailFull, "timeout: 60|30 → 60|steps[verify]|+12 −|password: ***", "2026!|2025!"},
		{"", "timeout: 60|30 → 60", "2026!|2025!"},
		{DetailOutline, "steps[login].inputs.timeout|added steps[verify]|1 added, 2 changed", "30|60|@@|2026!|2025!"},
		{DetailName, "restart-nodes v3 → v4|by COC-li.wei|change 812", "timeout|verify|30 →|@@|added"},
		{"misspelt", "restart-nodes v3 → v4|by COC-li.wei|change 812", "timeout|verify|30 →|@@|added"},
	} {
		w := &writer{n: &Notifier{Detail: test.detail}, mask: &mask.Masker{}}
		c, pair := example(coc.KindVersion)
		c.Added = 12
		m := w.change(c, pair, nil)
		got := string(write(t, m))
		got = strings.ReplaceAll(got[:strings.Index(got, "-- blocks")], "13:02", "")
		for s := range strings.SplitSeq(test.has, "|") {
			if !strings.Contains(got, s) {
				t.Errorf("detail %q: missing %q:\n%s", test.detail, s, got)
			}
		}
		for s := range strings.SplitSeq(test.hasNot, "|") {
			if strings.Contains(got, s) {
				t.Errorf("detail %q has %q:\n%s", test.detail, s, got)
			}
		}
	}
}

// A diff is cut by whole lines, and says what is missing and where it all is.
func TestLongDiff(t *testing.T) {
	w := &writer{n: &Notifier{}, mask: &mask.Masker{}}
	now := strings.Repeat("a line of some length, so that they add up\n", 1000)
	c, pair := compared(coc.Change{Key: key(1), Ref: fmt.Sprint(1), Kind: coc.KindVersion, Name: "big", Previous: "v3",
		Version: "v4"}, "", now)
	m := w.change(c, pair, nil)
	got := string(write(t, m))
	if weight(m.blocks) > maxBlocks || weight(m.blocks) < maxBlocks/2 {
		t.Errorf("weight is %d, want near %d", weight(m.blocks), maxBlocks)
	}
	if !strings.Contains(got, "more lines; cocsync diff big@v3..v4 shows all") {
		t.Errorf("message does not say what is missing:\n%s", got)
	}
	for l := range strings.Lines(got[:strings.Index(got, "-- blocks")]) {
		if strings.Contains(l, "+a") && !strings.HasSuffix(l, "add up\n") {
			t.Errorf("a line is cut: %q", l)
		}
	}
}

// The command that a message names can be pasted into a shell, whatever the
// document's name is.
func TestCommand(t *testing.T) {
	for _, test := range []struct{ name, id, from, to, want string }{
		{"restart", "DM1", "v1", "v2", "cocsync diff restart@v1..v2"},
		{"restart", "DM1", "v1", "v1#2", "cocsync diff restart@v1..v1#2"},
		{"restart", "DM1", "", "v1", "cocsync show restart@v1"},
		{"two words", "DM1", "v1", "v2", "cocsync diff DM1@v1..v2"},
		{"$(reboot)", "DM1", "v1", "v2", "cocsync diff DM1@v1..v2"},
		{"-rf", "DM1", "v1", "v2", "cocsync diff DM1@v1..v2"},
		{"$(reboot)", "`reboot`", "v1", "v2", "cocsync log"},
		{"restart", "DM1", "v1", "v2;reboot", "cocsync log"},
		{"restart", "DM1", "v1;reboot", "v2", "cocsync log restart"},
	} {
		got := command(&coc.Change{Name: test.name, DocumentID: test.id, Previous: test.from, Version: test.to})
		if got != test.want {
			t.Errorf("command of %q, %q: %q, want %q", test.name, test.id, got, test.want)
		}
	}
}

// No author is guessed.
func TestAuthor(t *testing.T) {
	for _, test := range []struct {
		kind         coc.Kind
		by, modifier string
		want         string
	}{
		{coc.KindVersion, "COC-li.wei", "COC-bob", "by COC-li.wei"},
		{coc.KindVersion, "", "COC-bob", "author unknown, document last modified by COC-bob"},
		{coc.KindVersion, "", "", "author unknown"},
		{coc.KindMetadata, "", "COC-bob", "document last modified by COC-bob"},
		{coc.KindDeleted, "", "COC-bob", ""},
		{coc.KindWithdrawn, "", "COC-bob", ""},
	} {
		if got := (&writer{mask: &mask.Masker{}}).author(&coc.Change{Kind: test.kind, By: test.by,
			Modifier: test.modifier}).text; got != test.want {
			t.Errorf("author(%s, %q, %q) = %q, want %q", test.kind, test.by, test.modifier, got, test.want)
		}
	}
}

// Differences that diff counted and did not keep are counted with those that do not fit,
// not separately.
func TestUnlisted(t *testing.T) {
	var steps strings.Builder
	for i := range diff.MaxItems + 7 {
		fmt.Fprintf(&steps, "- name: s%d\n", i)
	}
	c, pair := compared(coc.Change{Kind: coc.KindVersion}, "steps: []\n", "steps:\n"+steps.String())
	w := &writer{n: &Notifier{}, mask: &mask.Masker{}}
	if s := w.excerpt(c, pair); s.more != 7 || len(s.notes) != 0 {
		t.Errorf("content of %q has %d more and says %q, want 7 and nothing", c.Note(), s.more, s.notes)
	}
}
