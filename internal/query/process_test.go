package query

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
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
	"cocsync/internal/diff"
)

// The generated archive: documents have one of benchHistories histories of benchVersions
// versions of benchSize bytes, and a line with their own name.
const (
	benchHistories = 500
	benchVersions  = 20
	benchSize      = 4096
)

// BenchmarkQueries runs queries as processes over an archive of generated jobs
// (COCSYNC_BENCH_DOCUMENTS, default 2,000). It is kept in COCSYNC_BENCH_DIR, if set. For each
// query it reports the processor time (user and system) in milliseconds and the peak of
// resident memory in MB, both the median of five runs.
func BenchmarkQueries(b *testing.B) {
	w := benchWorld(b)
	for b.Loop() {
		for _, q := range w.queries() {
			w.measure(b, q)
		}
		w.sizes(b)
	}
	b.ReportMetric(0, "ns/op")
}

// world is an archive and the program.
type world struct {
	program, db string
	documents   int
}

func benchWorld(b *testing.B) *world {
	b.Helper()
	w := &world{documents: 2000}
	if n, err := strconv.Atoi(os.Getenv("COCSYNC_BENCH_DOCUMENTS")); err == nil {
		w.documents = n
	}
	dir := filepath.Join(cmp.Or(os.Getenv("COCSYNC_BENCH_DIR"), b.TempDir()), fmt.Sprint(w.documents))
	must(b, os.MkdirAll(dir, 0o700))
	w.program, w.db = filepath.Join(dir, "cocsync"), filepath.Join(dir, "archive.db")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", w.program, "cocsync/cmd/cocsync") // as make does
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	must(b, build.Run())
	if _, err := os.Stat(w.db); err != nil {
		w.fill(b)
	}
	return w
}

// history is the history of some documents.
type history struct {
	texts []string
	diffs []coc.Difference
	made  []time.Time
}

func histories() (list []history) {
	for d := range cocsim.Generate(benchHistories, benchVersions, benchSize, 1) {
		var h history
		var old *diff.Text
		for _, v := range d.Versions {
			text := v.Text()
			now := diff.Read([]byte(text))
			h.texts, h.made = append(h.texts, text), append(h.made, v.CreatedAt)
			h.diffs = append(h.diffs, diff.Compare(old, now))
			old = now
		}
		list = append(list, h)
	}
	return list
}

// fill creates the archive as one initial sync does, without requests and comparisons.
func (w *world) fill(b *testing.B) {
	d, err := db.Open(b.Context(), w.db+".new")
	must(b, err)
	_, err = d.Account(b.Context(), "prod", "https://coc.example.com", false)
	must(b, err)
	now := time.Now()
	c := coc.Cycle{Watch: "all", Account: "prod", Trigger: coc.TriggerSync, StartedAt: now}
	c.Key, err = d.Begin(b.Context(), c)
	must(b, err)
	rows := make([]coc.Row, w.documents)
	for i := range rows {
		rows[i] = coc.Row{DocumentID: fmt.Sprintf("DM%06d", i), Name: benchName(i)}
	}
	must(b, d.Follow(b.Context(), coc.NewMembers{Account: "prod", Watch: "all", Rows: rows, InitialSync: true, ListComplete: true, At: now}))
	all := histories()
	var steps []coc.Step
	for i := range rows {
		steps = append(steps, benchStep(i, all[i%len(all)], c.Key, now))
		if len(steps) == 16 || i == len(rows)-1 {
			must(b, d.Commit(b.Context(), steps...))
			steps = steps[:0]
		}
	}
	c.EndedAt, c.Outcome, c.Complete, c.Listed = time.Now(), coc.CycleGood, true, w.documents
	c.Versions, c.Requests = w.documents*benchVersions, w.documents*benchVersions
	must(b, d.End(b.Context(), c, nil))
	must(b, d.Close())
	must(b, os.Rename(w.db+".new.key", w.db+".key"))
	must(b, os.Rename(w.db+".new.head", w.db+".head"))
	must(b, os.Rename(w.db+".new", w.db))
}

func benchName(i int) string { return fmt.Sprintf("job-%06d", i) }

// benchMark is in no other document.
func benchMark(i int) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(benchName(i))))[:20]
}

// benchStep is the step that archives a document.
func benchStep(i int, h history, cycle coc.Key, now time.Time) coc.Step {
	name, user := benchName(i), func(n int) string { return fmt.Sprintf("COC-user%02d", n%37) }
	creator, modifier, risk := user(i), user(i+benchVersions), []string{"LOW", "MEDIUM", "HIGH"}[i%3]
	s := coc.Step{Account: "prod", DocumentID: fmt.Sprintf("DM%06d", i), Cycle: cycle, SeenAt: now, Name: name,
		Newest: fmt.Sprintf("v%d", benchVersions), State: coc.DocPresent, Fingerprint: &coc.Hash{byte(i), byte(i >> 8), byte(i >> 16)},
		Meta: &coc.Meta{Name: &name, Creator: &creator, Modifier: &modifier, RiskLevel: &risk, Extra: "{}"}}
	for n, text := range h.texts {
		label, made := fmt.Sprintf("v%d", n+1), h.made[n].Add(time.Duration(i)*time.Second)
		l := coc.Listed{Label: label, UUID: fmt.Sprintf("%08d-%04d-4000-a000-000000000000", i, n), MadeAt: made}
		rev := &coc.NewRevision{Number: 1, UUID: l.UUID, Content: coc.Content{Bytes: []byte(text + "# " + benchMark(i) + "\n")},
			Evidence: coc.Evidence{RequestID: fmt.Sprintf("%032d", i*benchVersions+n), Date: now}}
		change := coc.NewChange{Kind: coc.KindNew, At: made, To: coc.RevisionRef{Label: label, Number: 1}, Backfill: true, Difference: h.diffs[n]}
		if n == 0 {
			rev.Author = creator
		} else {
			change.Kind, change.From = coc.KindVersion, coc.RevisionRef{Label: fmt.Sprintf("v%d", n), Number: 1}
		}
		s.Versions = append(s.Versions, coc.VersionStep{Listed: l, State: coc.Archived, Recorded: true, Checked: true,
			Backfill: true, Revision: rev})
		s.Changes = append(s.Changes, change)
	}
	return s
}

// benchQuery is a query for one of the documents.
type benchQuery struct {
	name string
	args func(name, mark string) []string
}

func (w *world) queries() []benchQuery {
	fixed := func(args ...string) func(name, mark string) []string {
		return func(string, string) []string { return args }
	}
	return []benchQuery{
		{"version", fixed("version")},
		{"show", func(name, _ string) []string { return []string{"show", name + "@v10"} }},
		{"show-newest", func(name, _ string) []string { return []string{"show", name} }},
		{"diff", func(name, _ string) []string { return []string{"diff", name + "@v10..v12"} }},
		{"log", func(name, _ string) []string { return []string{"log", "-n", "20", name} }},
		{"blame", func(name, _ string) []string { return []string{"blame", name} }},
		{"grep", func(_, mark string) []string { return []string{"grep", "-F", "--", mark} }},
		{"log-S", func(_, mark string) []string { return []string{"log", "-S", mark} }},
		{"status", fixed("status")},
		{"log-path", fixed("log", "--path", "steps[restart_disk_1].inputs.*", "-n", "20")},
		{"log-paths", fixed("log", "--path", "*.inputs.timeout", "-n", "20")},
		{"log-none", fixed("log", "--path", "steps[not_there]", "-n", "20")},
		{"log-task", fixed("log", "--task", "hwc:runbook:*", "-n", "20")},
		{"log-by", fixed("log", "--by", "COC-user03", "-n", "20")},
		{"list", fixed("list")},
		{"list-at", fixed("list", "--at", "2025-07-10")},
		{"report", fixed("report", "--since", "2025-07-01", "--until", "2026-07-01")},
		{"prove", fixed("audit", "prove", strconv.Itoa(w.documents*benchVersions/2))},
		{"verify", fixed("verify")},
	}
}

// measure reports the medians of five runs, each for another document.
func (w *world) measure(b *testing.B, q benchQuery) {
	var spent, peaks []float64
	for turn := range 5 {
		i := (turn*997 + 13) % w.documents
		ms, peak := w.run(b, append([]string{"--db", w.db}, q.args(benchName(i), benchMark(i))...))
		spent, peaks = append(spent, ms), append(peaks, peak)
	}
	slices.Sort(spent)
	slices.Sort(peaks)
	b.ReportMetric(spent[len(spent)/2], q.name+"-ms")
	b.ReportMetric(peaks[len(peaks)/2], q.name+"-peakMB")
}

// run runs the program and returns its processor time and its peak of resident memory. (What
// the system counts for a child includes its parent's peak.)
func (w *world) run(b *testing.B, args []string) (ms, peakMB float64) {
	cmd := exec.Command(w.program, args...)
	var failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &failure
	must(b, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	peak := 0
	for {
		select {
		case err := <-done:
			if err != nil {
				b.Fatalf("%q: %v: %s", args, err, &failure)
			}
			spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			return spent.Seconds() * 1000, float64(peak) / 1024
		case <-time.After(2 * time.Millisecond):
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
	var packed int64
	raw, err := sql.Open("sqlite", w.db)
	must(b, err)
	defer raw.Close()
	must(b, raw.QueryRowContext(b.Context(), `SELECT sum(length(frame)) FROM packs`).Scan(&packed))
	b.ReportMetric(float64(packed)/versions, "packedB/version")
	b.ReportMetric(float64(t.FileBytes)/versions, "fileB/version")
}
