//go:build unix

package syncer

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
	"cocsync/internal/db"
	"cocsync/internal/fetch"
)

// These measure the main job against the simulator in the same process, as
// ratios in one run: docs/performance.md has the results and how to repeat it.

const connections = 4

// simulator names the size of a simulator that the test binary is to be instead
// of tests: documents, versions of each, bytes of each. COC runs in a process of
// its own, so that CPU and memory are only the daemon's.
const simulator = "COCSYNC_BENCH_SIMULATOR"

func TestMain(m *testing.M) {
	size := os.Getenv(simulator)
	if size == "" {
		os.Exit(m.Run())
	}
	if err := beSimulator(size); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func beSimulator(size string) error {
	var documents, versions, bytes int
	if _, err := fmt.Sscan(size, &documents, &versions, &bytes); err != nil {
		return err
	}
	sim := cocsim.NewCOC(cocsim.COCOptions{}) // checks no signature, so that the plain client needs none
	for d := range cocsim.Generate(documents, versions, bytes, 1) {
		for i, v := range d.Versions { // made now, not during the measurement
			d.Versions[i].Content, d.Versions[i].Lazy = v.Text(), nil
		}
		sim.Add(d)
	}
	url, _, err := cocsim.Listen(sim)
	if err != nil {
		return err
	}
	fmt.Println(url)
	_, err = io.Copy(io.Discard, os.Stdin) // until the benchmark ends
	return err
}

// serve starts a simulator in a process of its own.
func serve(b *testing.B, documents, versions, bytes int) (url string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %d", simulator, documents, versions, bytes))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	if _, err := fmt.Fscanln(out, &url); err != nil {
		b.Fatal(err)
	}
	return url
}

func client(url string) *fetch.Client {
	return &fetch.Client{Endpoint: url, Connections: connections,
		Credentials: fetch.Static(fetch.KeyPair{AccessKey: "ak", SecretKey: "sk"})}
}

// bench is a watch over everything in the simulator, with a real archive.
func bench(b *testing.B, url string) (*Syncer, Watch, *db.DB) {
	b.Helper()
	d, err := db.Open(b.Context(), filepath.Join(b.TempDir(), "a.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	s := &Syncer{Store: d, Route: func(string, coc.Kind) ([]string, []string) { return []string{"ops"}, nil },
		Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	w := Watch{Name: "all", Account: &Account{Name: "prod", Endpoint: url, COC: client(url), Connections: connections},
		Select: &coc.Selection{}, Notify: []string{"ops"}}
	return s, w, d
}

// BenchmarkFirstSync compares a first sync of 1,000 documents of 10 versions of
// about 4 KB with a plain client that downloads the same bodies and throws them
// away. The figure is sync/plain.
func BenchmarkFirstSync(b *testing.B) {
	url := serve(b, 1000, 10, 4096)
	defer debug.SetGCPercent(debug.SetGCPercent(250)) // as the program does
	for b.Loop() {
		plain := download(b, url, 1000, 10)
		s, w, d := bench(b, url)
		begun, before := time.Now(), cpu()
		c, err := s.Run(b.Context(), w, Options{})
		took := time.Since(begun)
		b.ReportMetric((cpu() - before).Seconds(), "sync-cpu-s")
		if err != nil || c.Outcome != coc.CycleGood || c.Versions != 10000 || c.Changes != 10000 {
			b.Fatalf("Run = %+v, %v", c, err)
		}
		t, err := d.Totals(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		var packed int64
		raw, err := sql.Open("sqlite", d.Path())
		if err != nil {
			b.Fatal(err)
		}
		defer raw.Close()
		if err := raw.QueryRowContext(b.Context(), `SELECT sum(length(frame)) FROM packs`).Scan(&packed); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(took.Seconds(), "sync-s")
		b.ReportMetric(plain.Seconds(), "plain-s")
		b.ReportMetric(took.Seconds()/plain.Seconds(), "sync/plain")
		b.ReportMetric(float64(packed)/10000, "packedB/version")
		b.ReportMetric(float64(t.FileBytes)/10000, "fileB/version")
		b.ReportMetric(peakMB(), "peakMB")
	}
	b.ReportMetric(0, "ns/op")
}

// download fetches every version over as many connections and throws it away.
func download(b *testing.B, url string, documents, versions int) time.Duration {
	b.Helper()
	ids := documentIDs(b, url)
	if len(ids) != documents {
		b.Fatalf("%d documents listed, want %d", len(ids), documents)
	}
	plain := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	begun := time.Now()
	queue := make(chan string)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for path := range queue {
				if err := discard(plain, url+path); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, id := range ids {
		queue <- "/v1/documents/" + id
		for v := 1; v < versions; v++ {
			queue <- fmt.Sprintf("/v1/documents/%s?version=v%d", id, v)
		}
	}
	close(queue)
	wg.Wait()
	return time.Since(begun)
}

func documentIDs(b *testing.B, url string) (ids []string) {
	b.Helper()
	l, err := client(url).List(b.Context(), coc.Selection{})
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range l.Rows {
		ids = append(ids, r.DocumentID)
	}
	return ids
}

func discard(c *http.Client, url string) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// BenchmarkNoChangeCycle runs cycles in which nothing changed over 10,000
// documents. cpu-ms is the CPU of this process, the fake COC is another.
func BenchmarkNoChangeCycle(b *testing.B) {
	url := serve(b, 10000, 1, 1024)
	s, w, _ := bench(b, url)
	if c, err := s.Run(b.Context(), w, Options{}); err != nil || c.Outcome != coc.CycleGood {
		b.Fatalf("first Run = %+v, %v", c, err)
	}
	runtime.GC()
	before, n := cpu(), 0
	for b.Loop() {
		n++
		c, err := s.Run(b.Context(), w, Options{})
		if err != nil || c.Outcome != coc.CycleGood || c.Requests > 101 || c.Changes != 0 {
			b.Fatalf("Run = %+v, %v, want at most 101 requests", c, err)
		}
		b.ReportMetric(float64(c.Requests), "requests")
	}
	b.ReportMetric((cpu()-before).Seconds()*1000/float64(n), "cpu-ms/cycle")
	b.ReportMetric(peakMB(), "peakMB")
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func peakMB() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Maxrss) / 1024
}
