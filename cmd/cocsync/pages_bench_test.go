package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/query"
)

// The load for the pages: the number of readers, and the duration.
const (
	loadReaders = 50
	loadTime    = 10 * time.Second
)

// BenchmarkPages requests every page of an archive that BenchmarkQueries of internal/query
// created (COCSYNC_BENCH_DIR, COCSYNC_BENCH_DOCUMENTS), 20 times each, and reports the
// median in milliseconds. Then 50 readers send requests for ten seconds while a process
// writes. It reports responses per second, the slowest, and the slowdown of the writer.
func BenchmarkPages(b *testing.B) {
	made := filepath.Join(os.Getenv("COCSYNC_BENCH_DIR"), os.Getenv("COCSYNC_BENCH_DOCUMENTS"), "archive.db")
	if _, err := os.Stat(made); err != nil || os.Getenv("COCSYNC_BENCH_DIR") == "" {
		b.Skip("COCSYNC_BENCH_DIR and COCSYNC_BENCH_DOCUMENTS name no archive: see docs/performance.md")
	}
	archive := filepath.Join(b.TempDir(), "archive.db")
	copyArchive(b, made, archive)
	s := serveArchive(b, archive)
	pages := benchPages(b, archive)
	for b.Loop() {
		for name, address := range pages {
			var took []time.Duration
			for range 20 {
				begun := time.Now()
				fetchPage(b, s.url+address)
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, name+"-ms")
		}
		underLoad(b, s.url, archive, pages)
	}
	b.ReportMetric(0, "ns/op")
}

// copyArchive copies an archive that other processes may have open.
func copyArchive(b *testing.B, from, to string) {
	b.Helper()
	d, err := db.OpenShared(b.Context(), from)
	must(b, err)
	defer d.Close()
	must(b, d.Backup(b.Context(), to))
}

// benchPages returns the addresses of all pages, for a document in the middle of the
// archive.
func benchPages(b *testing.B, archive string) map[string]string {
	b.Helper()
	d, err := db.OpenReader(b.Context(), archive)
	must(b, err)
	defer d.Close()
	docs, err := collect(d.ListDocuments(b.Context(), db.DocumentQuery{Skip: 1000, Limit: 1}))
	must(b, err)
	if len(docs) == 0 {
		b.Fatal("the archive has at most 1,000 documents")
	}
	list, err := collect(d.Changes(b.Context(), db.Filter{Document: docs[0].Key, Limit: 1}))
	must(b, err)
	doc := "/documents/" + docs[0].Account + "/" + docs[0].DocumentID
	change := "/changes/" + list[0].Ref
	q := query.New(d)
	found, err := q.Document(b.Context(), docs[0].Account+"/"+docs[0].DocumentID)
	must(b, err)
	v, err := q.Version(b.Context(), found, "latest")
	must(b, err)
	version := doc + "/" + v.Version
	return map[string]string{
		"overview": "/", "documents": "/documents?skip=1000", "found": "/documents?q=" + docs[0].Name, "fleet": "/documents?at=1d",
		"document": doc, "version": version, "outline": version + "/outline", "blame": version + "/blame", "raw": version + "/raw",
		"compare": doc + "/compare?old=v1&new=" + v.Version, "changes": "/changes", "change": change, "patch": change + "/patch",
		"rare": "/search?q=" + docs[0].DocumentID + "x", "common": "/search?q=timeout", "health": "/health", "metrics": "/metrics",
		"feed": "/feed.atom", "api": "/api/v1/changes?n=50",
	}
}

func fetchPage(b *testing.B, address string) {
	answer, err := http.Get(address)
	if err != nil {
		b.Error(err)
		return
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		b.Errorf("%s: %s, %v", address, answer.Status, err)
	}
}

// underLoad reports how many readers and a writer affect each other.
func underLoad(b *testing.B, url, archive string, pages map[string]string) {
	d, err := db.Open(b.Context(), archive)
	must(b, err)
	defer d.Close()
	alone := writeFor(b, d, loadTime/2, "alone")
	var wg sync.WaitGroup
	var answers atomic.Int64
	var slowest atomic.Int64
	addresses := make([]string, 0, len(pages))
	for _, a := range pages {
		addresses = append(addresses, a)
	}
	until := time.Now().Add(loadTime)
	for reader := range loadReaders {
		wg.Go(func() {
			for i := reader; time.Now().Before(until); i++ {
				begun := time.Now()
				fetchPage(b, url+addresses[i%len(addresses)])
				answers.Add(1)
				for took := int64(time.Since(begun)); took > slowest.Load(); {
					slowest.Store(took)
				}
			}
		})
	}
	during := writeFor(b, d, loadTime, "during")
	wg.Wait()
	b.ReportMetric(float64(answers.Load())/loadTime.Seconds(), "answers/s")
	b.ReportMetric(float64(slowest.Load())/1e6, "slowest-ms")
	b.ReportMetric(alone, "alone-commits/s")
	b.ReportMetric(during, "during-commits/s")
}

// writeFor commits new documents for a duration, and returns the number per second.
func writeFor(b *testing.B, d *db.DB, long time.Duration, name string) float64 {
	begun, n := time.Now(), 0
	for ; time.Since(begun) < long; n++ {
		id := fmt.Sprintf("DM-%s-%d", name, n)
		text := strings.Repeat("a: b\n", 100) + id + "\n"
		err := d.Commit(b.Context(), coc.Step{Account: "prod", DocumentID: id, SeenAt: time.Now(), Name: id, Newest: "v1",
			State: coc.DocPresent, Meta: &coc.Meta{Name: &id},
			Versions: []coc.VersionStep{versionStep("v1", 1, text, "")}, Changes: []coc.NewChange{change(coc.KindNew, "", "v1",
				1, "", text, false)}})
		if err != nil {
			b.Errorf("commit during reads: %v", err)
			return 0
		}
	}
	return float64(n) / time.Since(begun).Seconds()
}
