package query

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
	"cocsync/internal/db"
	"cocsync/internal/fetch"
	"cocsync/internal/syncer"
)

// The versions of each document of the benchmark, and their size in bytes.
const (
	benchVersions = 20
	benchSize     = 4096
)

// BenchmarkHistory runs queries as processes over an archive of generated jobs
// (COCSYNC_BENCH_DOCUMENTS, default 2,000), and the same queries with git over an exported and
// fully packed repository. Packing takes minutes; COCSYNC_BENCH_GIT=no omits git. The generated
// files are kept in COCSYNC_BENCH_DIR, if set. It reports the median of cocsync in milliseconds for
// each query, and its ratio to git's.
func BenchmarkHistory(b *testing.B) {
	w := benchWorld(b)
	for b.Loop() {
		w.measure(b)
	}
	b.ReportMetric(0, "ns/op")
}

// world is an archive, the program, and a repository of the same history.
type world struct {
	dir, program, db, repo string
	documents              int
	rare                   string // a text in few lines of one document
}

func benchWorld(b *testing.B) *world {
	b.Helper()
	w := &world{documents: 2000, dir: os.Getenv("COCSYNC_BENCH_DIR")}
	if n, err := strconv.Atoi(os.Getenv("COCSYNC_BENCH_DOCUMENTS")); err == nil {
		w.documents = n
	}
	if w.dir == "" {
		w.dir = b.TempDir()
	}
	w.dir = filepath.Join(w.dir, fmt.Sprint(w.documents))
	must(b, os.MkdirAll(w.dir, 0o700))
	w.program, w.db = filepath.Join(w.dir, "cocsync"), filepath.Join(w.dir, "archive.db")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", w.program, "cocsync/cmd/cocsync") // as make does
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	must(b, build.Run())
	if _, err := os.Stat(w.db); err != nil {
		w.fill(b)
	}
	w.rare = w.findRare(b)
	if os.Getenv("COCSYNC_BENCH_GIT") != "no" {
		w.repo = filepath.Join(w.dir, "git")
		if _, err := os.Stat(w.repo); err != nil {
			w.export(b)
		}
	}
	return w
}

// fill creates the archive. For the comparison with git each cycle adds one version of every
// document; otherwise one initial sync adds all versions.
func (w *world) fill(b *testing.B) {
	first := 1
	if os.Getenv("COCSYNC_BENCH_GIT") == "no" {
		first = benchVersions
	}
	sim := cocsim.NewCOC(cocsim.COCOptions{})
	var docs []cocsim.Document
	var ids []string
	for d := range cocsim.Generate(w.documents, benchVersions, benchSize, 1) {
		docs = append(docs, d)
		d.Versions = d.Versions[:first]
		ids = append(ids, sim.Add(d))
	}
	url, stop, err := cocsim.Listen(sim)
	must(b, err)
	defer stop()
	d, err := db.Open(b.Context(), w.db+".new")
	must(b, err)
	client := &fetch.Client{Endpoint: url, Connections: 4, Credentials: fetch.Static(fetch.KeyPair{AccessKey: "ak", SecretKey: "sk"})}
	s := &syncer.Syncer{Store: d, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Route: func(string, coc.Kind) ([]string, []string) { return nil, nil }}
	for v := first - 1; v < benchVersions; v++ {
		if v >= first {
			for i, id := range ids {
				sim.Edit(id, docs[i].Versions[v].Text(), fmt.Sprintf("COC-user%02d", (i+v)%37))
			}
		}
		c, err := s.Run(b.Context(), syncer.Watch{Name: "all", Select: &coc.Selection{},
			Account: &syncer.Account{Name: "prod", Endpoint: url, COC: client, Connections: 4}}, syncer.Options{})
		must(b, err)
		if c.Outcome != coc.Good {
			b.Fatalf("cycle %d: %+v", v+1, c)
		}
	}
	t, err := d.Totals(b.Context())
	must(b, err)
	if t.Versions != w.documents*benchVersions {
		b.Fatalf("%d versions are archived, want %d", t.Versions, w.documents*benchVersions)
	}
	must(b, d.Close())
	must(b, os.Rename(w.db+".new", w.db))
}

func (w *world) export(b *testing.B) {
	must(b, exec.Command("git", "init", "-q", "--bare", w.repo+".new").Run())
	cmd := exec.Command("sh", "-c", `"$0" --db "$1" export git | git -C "$2" fast-import --quiet && git -C "$2" gc --quiet --aggressive --prune=now`,
		w.program, w.db, w.repo+".new")
	cmd.Stderr = b.Output()
	must(b, cmd.Run())
	must(b, os.Rename(w.repo+".new", w.repo))
}

// findRare finds a value in a version of a document in the middle.
func (w *world) findRare(b *testing.B) string {
	doc := fmt.Sprintf("job-%06d", w.documents/2)
	for line := range strings.Lines(w.ask(b, "show", doc+"@v10")) {
		text := strings.TrimSpace(line)
		if len(text) >= 12 && w.ask(b, "grep", "-F", "-l", "--", text) == doc+"\n" {
			return text
		}
	}
	b.Fatal("no line of a version is rare")
	return ""
}

func (w *world) ask(b *testing.B, args ...string) string {
	var out bytes.Buffer
	w.run(b, &out, append([]string{w.program, "--db", w.db}, args...))
	return out.String()
}

func (w *world) run(b *testing.B, out io.Writer, args []string) time.Duration {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = out, b.Output()
	begun := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%q: %v", args, err)
	}
	return time.Since(begun)
}

// question is a query for both programs, with the number of documents for each.
type question struct {
	name       string
	ours, git  func(document int) []string
	turns, all int
	scale      float64 // the factor of git's time
}

func (w *world) questions(b *testing.B) []question {
	name := func(i int) string { return fmt.Sprintf("job-%06d", i) }
	path := func(i int) string { return "prod/" + name(i) + ".yaml" }
	// The commits of a document: its versions were recorded in sequence.
	commits := map[int][]string{}
	commit := func(i, version int) string {
		if commits[i] == nil {
			var out bytes.Buffer
			w.run(b, &out, []string{"git", "-C", w.repo, "log", "--reverse", "--format=%H", "main", "--", path(i)})
			commits[i] = strings.Fields(out.String())
		}
		return commits[i][version-1]
	}
	git := func(args ...string) []string { return append([]string{"git", "-C", w.repo}, args...) }
	sample, scale := w.sampleCommits(b)
	return []question{
		{"show", func(i int) []string { return []string{"show", name(i) + "@v10"} },
			func(i int) []string { return git("show", commit(i, 10)+":"+path(i)) }, 15, 15, 1},
		{"show-newest", func(i int) []string { return []string{"show", name(i)} }, // git unpacks no delta for it
			func(i int) []string { return git("show", "main:"+path(i)) }, 15, 15, 1},
		{"diff", func(i int) []string { return []string{"diff", name(i) + "@v10..v12"} },
			func(i int) []string { return git("diff", commit(i, 10), commit(i, 12), "--", path(i)) }, 15, 15, 1},
		{"find+diff", func(i int) []string { return []string{"diff", name(i) + "@v10..v12"} }, // git has to find the versions
			func(i int) []string {
				return []string{"sh", "-c", `cd "$0" && c=$(git log --reverse --format=%H main -- "$1") && git diff $(echo "$c" | sed -n 10p) $(echo "$c" | sed -n 12p) -- "$1"`, w.repo, path(i)}
			}, 15, 3, 1},
		{"log", func(i int) []string { return []string{"log", "-n", "20", name(i)} },
			func(i int) []string { return git("log", "-n", "20", "main", "--", path(i)) }, 15, 3, 1},
		{"blame", func(i int) []string { return []string{"blame", name(i)} },
			func(i int) []string { return git("blame", "main", "--", path(i)) }, 15, 3, 1},
		{"grep", func(int) []string { return []string{"grep", "-F", "--", w.rare} },
			func(int) []string { return git(append([]string{"grep", "-F", "-e", w.rare}, sample...)...) }, 15, 1, scale},
		{"log-S", func(int) []string { return []string{"log", "-S", w.rare} },
			func(int) []string { return git("log", "-S"+w.rare, "main") }, 15, 1, 1},
		{"grep-vs-log-S", func(int) []string { return []string{"grep", "-F", "--", w.rare} },
			func(int) []string { return git("log", "-S"+w.rare, "main") }, 15, 1, 1},
	}
}

// maxSample is the maximum number of revisions for git grep, which takes equally long for each.
const maxSample = 1000

// sampleCommits returns commits distributed over the history, and their share of it.
func (w *world) sampleCommits(b *testing.B) (list []string, scale float64) {
	if w.repo == "" {
		return nil, 0
	}
	var out bytes.Buffer
	w.run(b, &out, []string{"git", "-C", w.repo, "rev-list", "main"})
	all := strings.Fields(out.String())
	for i := 0; i < len(all); i += max(1, len(all)/maxSample) {
		list = append(list, all[i])
	}
	return list, float64(len(all)) / float64(len(list))
}

func (w *world) measure(b *testing.B) {
	for _, q := range w.questions(b) {
		var ours, gits []time.Duration
		for turn := range q.turns {
			i := (turn*997 + 13) % w.documents
			ours = append(ours, w.run(b, io.Discard, append([]string{w.program, "--db", w.db}, q.ours(i)...)))
			if turn < q.all && w.repo != "" {
				args := q.git(i)
				gits = append(gits, w.run(b, io.Discard, args))
			}
		}
		mine := middle(ours)
		b.ReportMetric(mine.Seconds()*1000, q.name+"-ms")
		if len(gits) > 0 {
			theirs := middle(gits).Seconds() * q.scale
			b.ReportMetric(mine.Seconds()/theirs, q.name+"/git")
			b.Logf("%-14s ours %8.1f ms, git %12.1f ms, git/ours %.1f", q.name, mine.Seconds()*1000, theirs*1000, theirs/mine.Seconds())
		}
	}
	w.measureHeavy(b)
	w.sizes(b)
}

func middle(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// heavy are queries that read much of the archive, without git's counterpart.
func (w *world) heavy() map[string][]string {
	return map[string][]string{
		"status":    {"status"},
		"log-path":  {"log", "--path", "steps[restart_disk_1].inputs.*", "-n", "20"},
		"log-paths": {"log", "--path", "*.inputs.timeout", "-n", "20"},
		"log-none":  {"log", "--path", "steps[there_is_none]", "-n", "20"},
		"log-task":  {"log", "--task", "hwc:runbook:*", "-n", "20"},
		"log-by":    {"log", "--by", "COC-user03", "-n", "20"},
		"list":      {"list"},
		"list-at":   {"list", "--at", "2025-07-10"},
		"report":    {"report", "--since", "400d"},
		"verify":    {"verify"},
	}
}

// measureHeavy measures each of the heavy queries, and the memory that it takes at most.
func (w *world) measureHeavy(b *testing.B) {
	for name, args := range w.heavy() {
		ms, peak := w.peak(b, append([]string{"--db", w.db}, args...))
		b.ReportMetric(ms, name+"-ms")
		b.ReportMetric(peak, name+"-peakMB")
	}
}

// peak runs the program and returns its processor time in milliseconds and its peak of
// resident memory in MB. (What the system counts for a child includes its parent's peak.)
func (w *world) peak(b *testing.B, args []string) (ms, peakMB float64) {
	cmd := exec.Command(w.program, args...)
	cmd.Stdout, cmd.Stderr = io.Discard, b.Output()
	must(b, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	peak := 0
	for {
		select {
		case err := <-done:
			must(b, err)
			spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			return spent.Seconds() * 1000, float64(peak) / 1024
		case <-time.After(5 * time.Millisecond):
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
				kb, _ := strconv.Atoi(strings.Fields(after)[0])
				peak = max(peak, kb)
			}
		}
	}
}

// sizes reports bytes per version.
func (w *world) sizes(b *testing.B) {
	versions := float64(w.documents * benchVersions)
	d, err := db.OpenReader(b.Context(), w.db)
	must(b, err)
	defer d.Close()
	t, err := d.Totals(b.Context())
	must(b, err)
	packed, err := d.PackedBytes(b.Context())
	must(b, err)
	b.ReportMetric(float64(packed)/versions, "packedB/version")
	log, err := d.WAL(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(t.FileBytes-log.Bytes)/versions, "fileB/version")
	if w.repo == "" {
		return
	}
	packs, err := filepath.Glob(filepath.Join(w.repo, "objects", "pack", "*.pack"))
	must(b, err)
	var size int64
	for _, p := range packs {
		info, err := os.Stat(p)
		must(b, err)
		size += info.Size()
	}
	b.ReportMetric(float64(size)/versions, "gitB/version")
}
