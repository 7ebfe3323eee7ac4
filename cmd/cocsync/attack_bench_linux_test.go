package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCalibration measures this machine: the processor time of the SHA-256 of 1 GiB and
// of 1,000 small commits to SQLite, to scale the figures of other machines.
func BenchmarkCalibration(b *testing.B) {
	block := make([]byte, 1<<20)
	for b.Loop() {
		before := ownProcessorTime(b)
		h := sha256.New()
		for range 1 << 10 {
			h.Write(block)
		}
		b.ReportMetric(float64((ownProcessorTime(b) - before).Milliseconds()), "sha256-cpu-ms")
		d, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "x.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
		must(b, err)
		_, err = d.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT")
		must(b, err)
		before = ownProcessorTime(b)
		for range 1000 {
			_, err := d.Exec("INSERT INTO t (text) VALUES ('a small row')")
			must(b, err)
		}
		b.ReportMetric(float64((ownProcessorTime(b) - before).Milliseconds()), "commits-cpu-ms")
		must(b, d.Close())
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkCostlySearches runs the page over an archive with a line of 4 MB, lets 16 clients
// search it with a pattern as costly as the page accepts, and reports the slowest of ten
// requests of each probe, and the processor time that the page used in the two seconds
// after all clients left.
func BenchmarkCostlySearches(b *testing.B) {
	program, err := os.Executable()
	must(b, err)
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), program, "--db", longLine(b), "web", "--listen", "127.0.0.1:0")
		cmd.Env = append(os.Environ(), asProgram+"=1")
		stdout, err := cmd.StdoutPipe()
		must(b, err)
		must(b, cmd.Start())
		url := firstURL(b, stdout)
		ctx, leave := context.WithCancel(b.Context())
		var clients sync.WaitGroup
		for range 16 {
			clients.Go(func() {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/search?q=(%3F:.%3F){990}%5Cx00&pattern=1", nil)
				if err != nil {
					b.Error(err)
					return
				}
				if answer, err := http.DefaultClient.Do(r); err == nil {
					answer.Body.Close()
				}
			})
		}
		for processorTime(b, cmd.Process.Pid) < time.Second {
			time.Sleep(10 * time.Millisecond)
		}
		for name, address := range map[string]string{"ready-ms": "/-/ready", "healthy-ms": "/-/healthy", "metrics-ms": "/metrics"} {
			b.ReportMetric(slowest(b, url+address), name)
		}
		leave()
		clients.Wait()
		before := processorTime(b, cmd.Process.Pid)
		time.Sleep(2 * time.Second)
		b.ReportMetric(float64((processorTime(b, cmd.Process.Pid) - before).Milliseconds()), "cpu-ms-after")
		must(b, cmd.Process.Signal(os.Interrupt))
		if err := cmd.Wait(); err != nil {
			b.Errorf("web ended: %v", err)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// slowest returns the duration of the slowest of ten requests, in milliseconds.
func slowest(b *testing.B, address string) float64 {
	var slowest time.Duration
	for range 10 {
		begun := time.Now()
		answer, err := http.Get(address)
		must(b, err)
		answer.Body.Close()
		slowest = max(slowest, time.Since(begun))
	}
	return float64(slowest.Microseconds()) / 1000
}

// firstURL returns the address of the page as soon as a process writes it, and keeps reading
// so that the process never blocks.
func firstURL(b *testing.B, stdout io.Reader) string {
	b.Helper()
	var text []byte
	buf := make([]byte, 4096)
	for {
		n, err := stdout.Read(buf)
		must(b, err)
		text = append(text, buf[:n]...)
		if url := regexp.MustCompile(`http://[0-9.]+:[0-9]+`).Find(text); url != nil && bytes.HasSuffix(text, []byte("\n")) {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return string(url)
		}
	}
}

func ownProcessorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
