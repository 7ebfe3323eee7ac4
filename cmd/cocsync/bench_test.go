package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cocsync/internal/cocsim"
	"cocsync/internal/db"
)

// BenchmarkSentDuringInitialSync edits a document while the daemon is still fetching the
// long history of all others, and measures the time until Slack has the alert. The watch
// runs every 20 seconds, so up to 20 seconds are due to the schedule.
func BenchmarkSentDuringInitialSync(b *testing.B) {
	for b.Loop() {
		coc := cocsim.NewCOC(cocsim.COCOptions{})
		slack := cocsim.NewSlack(cocsim.SlackOptions{})
		var first string
		for d := range cocsim.Generate(300, 20, 4096, 1) { // 6,000 requests at 50 a second
			first = coc.Add(d)
		}
		a := &app{err: b.Output(), now: time.Now, logFormat: choice{value: "text"}}
		dir := b.TempDir()
		urls := [2]string{}
		for i, service := range []http.Handler{coc, slack} {
			url, stop, err := cocsim.Listen(service)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(stop)
			urls[i] = url
		}
		a.configFlag = filepath.Join(dir, "config.toml")
		text := fmt.Sprintf(`
account = [{ name = "prod", endpoint = %q, access_key = "ak", secret_key = "sk", requests_per_second = 50 }]
watch = [{ name = "all", account = "prod", schedule = "@every 20s", select = { all = true }, notify = ["ops"] }]
slack = [{ name = "ops", token = "xoxb-1", channel = "C0123456789", api_url = %q }]
`, urls[0], urls[1]+"/api/")
		if err := os.WriteFile(a.configFlag, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		path := filepath.Join(dir, "cocsync.db")
		d, err := db.Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- a.daemon(d, path, a.logger(slog.LevelWarn), func(error) {}).Run(ctx, nil, nil) }()
		// The summary of the first cycle shows that the list was read and history is being fetched.
		if err := slack.Wait(ctx, 1); err != nil {
			b.Fatal(err)
		}
		edited := time.Now()
		coc.Edit(first, "steps:\n  - name: edited\n", "COC-zhang.min")
		if err := slack.Wait(ctx, 2); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(edited).Seconds(), "alert-s")
		t, err := d.Totals(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if t.Versions >= 6000 {
			b.Fatal("the initial sync was over before the edit was sent")
		}
		stop()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
}
