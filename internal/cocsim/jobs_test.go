package cocsim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// checkJob fails unless content is a job in the DSL.
func checkJob(t *testing.T, name, content string) {
	t.Helper()
	var job struct {
		Meta struct {
			Name          string
			SchemaVersion int `yaml:"schemaVersion"`
		}
		Inputs map[string]map[string]any
		Steps  []struct {
			Name, Description, Task string
			Inputs                  map[string]any
			Outputs                 []map[string]string
		}
	}
	if err := yaml.Unmarshal([]byte(content), &job); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if job.Meta.SchemaVersion != 3 || job.Meta.Name == "" || len(job.Inputs) == 0 || len(job.Steps) == 0 {
		t.Errorf("%s: meta, inputs or steps are missing", name)
	}
	seen := map[string]bool{}
	for _, s := range job.Steps {
		if s.Name == "" || seen[s.Name] || !strings.HasPrefix(s.Task, "hwc:runbook:") || s.Outputs == nil {
			t.Errorf("%s: step %q (%s) is not complete, or its name is not unique", name, s.Name, s.Task)
		}
		seen[s.Name] = true
	}
}

// The shipped jobs are complete: real DSL, distinct versions, dates that ascend and
// end before now.
func TestJobs(t *testing.T) {
	now := june(0)
	docs := Jobs(now)
	if len(docs) < 6 {
		t.Fatalf("%d jobs", len(docs))
	}
	ages := map[string]int{}
	for _, j := range shippedJobs() {
		ages[j.name] = len(j.days)
	}
	entries, err := jobFiles.ReadDir("jobs")
	if err != nil || len(entries) != len(docs) {
		t.Errorf("%d folders for %d jobs, %v", len(entries), len(docs), err)
	}
	for _, d := range docs {
		if n := len(d.Versions); n < 3 || n > 8 || n != ages[d.Name] {
			t.Errorf("%s has %d versions and %d ages", d.Name, n, ages[d.Name])
		}
		for i, v := range d.Versions {
			checkJob(t, fmt.Sprintf("%s v%d", d.Name, i+1), v.Content)
			if i > 0 && (v.Content == d.Versions[i-1].Content || !v.CreatedAt.After(d.Versions[i-1].CreatedAt)) {
				t.Errorf("%s v%d: same content, or not later, than the previous one", d.Name, i+1)
			}
			if !v.CreatedAt.Before(now) {
				t.Errorf("%s v%d is made in the future", d.Name, i+1)
			}
		}
	}
}

// Every event of the story changes the documents, and the whole has each kind of
// change.
func TestStory(t *testing.T) {
	c := NewCOC(COCOptions{Now: func() time.Time { return june(0) }})
	for _, d := range Jobs(june(0).AddDate(0, 0, -1)) {
		c.Add(d)
	}
	state := func() map[string]string {
		m := map[string]string{}
		for _, id := range c.IDs() {
			d, _ := c.Document(id)
			newest := d.Versions[len(d.Versions)-1]
			m[d.Name] = fmt.Sprint(d.Description, d.RiskLevel, d.Modifier, len(d.Versions), newest.Content)
		}
		return m
	}
	before := state()
	for _, e := range Story() {
		e.Do(c)
		now := state()
		if maps.Equal(before, now) {
			t.Errorf("nothing happened: %s", e.Text)
		}
		if e.Text == "" {
			t.Error("an event has no text")
		}
		before = now
	}
	if _, ok := c.Find("failover-redis"); !ok {
		t.Error("the new document is missing")
	}
	if _, ok := c.Find("clean-up-old-images"); ok {
		t.Error("the deleted document is still there")
	}
	for _, id := range c.IDs() {
		d, _ := c.Document(id)
		checkJob(t, d.Name, d.Versions[len(d.Versions)-1].Content)
	}
	empty := NewCOC(COCOptions{})
	for _, e := range Story() {
		e.Do(empty) // must work without its jobs
	}
}

func TestLoadCorpus(t *testing.T) {
	dir := t.TempDir()
	write := func(path, content string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("README.md", "loose")
	write("b/2.yaml", "zwei\r\n")
	write("b/1.yaml", "\ufeffone")
	write("b/.hidden", "x")
	write("a/1.yaml", "")
	write(".git/config", "x")
	docs, err := LoadCorpus(dir, june(0))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, d := range docs {
		for _, v := range d.Versions {
			got[d.Name] = append(got[d.Name], v.Content)
			if !v.CreatedAt.Before(june(0)) {
				t.Errorf("%s is made at %v, not before now", d.Name, v.CreatedAt)
			}
		}
	}
	want := map[string][]string{"a": {""}, "b": {"\ufeffone", "zwei\r\n"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("LoadCorpus (-want +got):\n%s", diff)
	}
	write("b/3.yaml", "\xff")
	if _, err := LoadCorpus(dir, june(0)); err == nil || !strings.Contains(err.Error(), "3.yaml: not valid UTF-8") {
		t.Errorf("LoadCorpus with broken UTF-8 = %v, want the file's name", err)
	}
	for _, bad := range []string{t.TempDir(), filepath.Join(dir, "nowhere")} {
		if _, err := LoadCorpus(bad, june(0)); err == nil {
			t.Errorf("LoadCorpus(%s) = nil, want an error", bad)
		}
	}
}

// A corpus of real histories, if there is one, is served byte for byte.
func TestRealCorpus(t *testing.T) {
	dir := os.Getenv("COCSYNC_CORPUS")
	if dir == "" {
		t.Skip("COCSYNC_CORPUS is not set")
	}
	docs, err := LoadCorpus(dir, june(0))
	if err != nil {
		t.Fatal(err)
	}
	c := NewCOC(COCOptions{})
	for _, d := range docs {
		id := c.Add(d)
		for i, v := range d.Versions {
			_, m := ask(t, c, fmt.Sprintf("/v1/documents/%s?version=v%d", id, i+1))
			if got := m["data"].(map[string]any)["content"]; got != v.Content {
				t.Errorf("%s v%d is not served unchanged", d.Name, i+1)
			}
		}
	}
}

// The same seed gives the same jobs; each version is a job of about the requested size
// and differs from the previous one.
func TestGenerate(t *testing.T) {
	texts := func(seed uint64) []string {
		var all []string
		for d := range Generate(100, 6, 3000, seed) {
			if len(d.Versions) != 6 {
				t.Fatalf("%d versions, want 6", len(d.Versions))
			}
			for _, v := range slices.Backward(d.Versions) {
				all = append(all, v.Text())
			}
		}
		return all
	}
	first := texts(1)
	if diff := cmp.Diff(first, texts(1)); diff != "" {
		t.Errorf("the same seed gives other texts:\n%s", diff)
	}
	if slices.Equal(first, texts(2)) {
		t.Error("another seed gives the same texts")
	}
	for i, s := range first {
		if i%25 == 0 {
			checkJob(t, fmt.Sprint("text ", i), s)
		}
		if len(s) < 1500 || len(s) > 6000 || i%6 > 0 && s == first[i-1] {
			t.Errorf("text %d: %d bytes, or like the next", i, len(s))
		}
	}
	for range Generate(3, 1, 10, 1) {
		break // an early end must not panic
	}
}

// FuzzTweak: an edit always changes the text, is always the same, and its result is a
// job.
func FuzzTweak(f *testing.F) {
	f.Add(Jobs(june(0))[0].Versions[0].Content, uint64(1))
	f.Add("a\nsteps:\n  - name: x", uint64(2))
	f.Add("", uint64(3))
	f.Fuzz(func(t *testing.T, content string, seed uint64) {
		a, what := Tweak(content, rand.New(rand.NewPCG(seed, 0)))
		b, _ := Tweak(content, rand.New(rand.NewPCG(seed, 0)))
		if a == content || a != b || what == "" {
			t.Errorf("Tweak(%q) = %q, %q, then %q", content, a, what, b)
		}
	})
}

// Many tweaks in a row keep the shipped jobs valid.
func TestTweakKeepsJobs(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, d := range Jobs(june(0)) {
		content := d.Versions[0].Content
		for range 40 {
			content, _ = Tweak(content, rng)
		}
		checkJob(t, d.Name, content)
	}
}

// BenchmarkList is a whole listing of 10,000 documents, 100 at a time.
func BenchmarkList(b *testing.B) {
	c := NewCOC(COCOptions{})
	for d := range Generate(10_000, 10, 4000, 1) {
		c.Add(d)
	}
	for b.Loop() {
		for offset := 0; offset <= 10_000; offset += 100 {
			r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/v1/documents?limit=100&offset=%d", offset), nil)
			c.ServeHTTP(httptest.NewRecorder(), r)
		}
		c.ResetRequests()
	}
}

// BenchmarkGet is one version out of ten, newest first, documents in turn.
func BenchmarkGet(b *testing.B) {
	c := NewCOC(COCOptions{})
	for d := range Generate(1000, 10, 18_500, 1) {
		c.Add(d)
	}
	ids := c.IDs()
	i := 0
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/v1/documents/%s?version=v%d", ids[i/10%1000], 10-i%10), nil)
		c.ServeHTTP(httptest.NewRecorder(), r)
		i++
	}
}
