package web_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/query"
	"cocsync/internal/web"
)

// noon is the current time in these tests.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// archiveOf returns the query archive of a database with a clock and time zone UTC.
func archiveOf(d *db.DB, now func() time.Time) *query.Archive {
	a := query.New(d)
	a.Now, a.Local = now, time.UTC
	return a
}

// writers are the archives that tests have open for writing, by path.
var writers sync.Map

// openArchive opens the archive at path for writing, until the test ends.
func openArchive(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	writers.Store(path, d)
	t.Cleanup(func() { writers.Delete(path); d.Close() })
	return d
}

// writer returns the archive of a site, open for writing.
func writer(t *testing.T, s *web.Site) *db.DB {
	t.Helper()
	d, ok := writers.Load(s.Archive.Path())
	if !ok {
		t.Fatal("the archive is not open for writing")
	}
	return d.(*db.DB)
}

// watchedSite returns a site with two watches, one of which had good cycles, two
// notifiers, and documents and versions in every state. The time is noon.
func watchedSite(t *testing.T) *web.Site {
	t.Helper()
	d := openArchive(t, filepath.Join(t.TempDir(), "archive.db"))
	s := &web.Site{Archive: archiveOf(d, func() time.Time { return noon }),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Version: "v1.2.3"}
	if _, err := d.Account(t.Context(), "prod", "https://coc.example", false); err != nil {
		t.Fatal(err)
	}
	must(t, d.Refused(t.Context(), "prod", "k", "wrong", noon.Add(time.Minute)))
	must(t, d.Configure(t.Context(), schedules("nightly", "runbooks"), noon.Add(-time.Hour)))
	addCycle(t, d, "nightly", noon.Add(-2*time.Minute), coc.CycleFailed)
	addCycle(t, d, "runbooks", noon.Add(-15*time.Minute), coc.CycleGood)
	rows := []coc.Row{{DocumentID: "DM1"}, {DocumentID: "DM2"}, {DocumentID: "DM3"}}
	must(t, d.Follow(t.Context(), coc.NewMembers{Account: "prod", Watch: "runbooks", Rows: rows, InitialSync: true,
		ListComplete: true, At: noon.Add(-15 * time.Minute)}))
	must(t, d.Commit(t.Context(), oneVersion("DM1", coc.KindNew)))
	must(t, d.Commit(t.Context(), coc.Step{Account: "prod", DocumentID: "DM2", SeenAt: noon.Add(-14 * time.Minute),
		Name: "job", State: coc.DocDeleted,
		Versions: []coc.VersionStep{
			{Listed: coc.Listed{Label: "v1"}, State: coc.Pending},
			{Listed: coc.Listed{Label: "v2"}, State: coc.Unavailable, Err: "refused"}}}))
	addCycle(t, d, "runbooks", noon.Add(-10*time.Minute), coc.CycleGood)
	addCycle(t, d, "runbooks", noon.Add(-5*time.Minute), coc.CycleFailed)
	must(t, d.Hold(t.Context(), "ops", "channel_is_archived", noon.Add(time.Hour)))
	must(t, d.Pause(t.Context(), "night", coc.PauseQuietHours, noon.Add(time.Hour)))
	return s
}

// schedules returns schedules of watches of account prod that run every 30 minutes.
func schedules(names ...string) (list []coc.Schedule) {
	for _, name := range names {
		list = append(list, coc.Schedule{Watch: name, Account: "prod", Endpoint: "https://coc.example",
			Spec: "*/30 * * * *", Timezone: "UTC", Interval: 30 * time.Minute})
	}
	return list
}

// oneVersion returns a step that adds a document's only version and notifies both
// notifiers.
func oneVersion(id string, kind coc.Kind) coc.Step {
	return coc.Step{Account: "prod", DocumentID: id, SeenAt: noon.Add(-14 * time.Minute), Name: "job", Newest: "v1", State: coc.DocPresent,
		Versions: []coc.VersionStep{{Listed: coc.Listed{Label: "v1"}, State: coc.Archived, Recorded: true, Checked: true,
			Revision: &coc.NewRevision{Number: 1, Content: coc.Content{Bytes: []byte("a: 1\n")}}}},
		Changes: []coc.NewChange{{Kind: kind, To: coc.RevisionRef{Label: "v1", Number: 1}, At: noon.Add(-14 * time.Minute),
			Notify: []string{"ops", "night"}}}}
}

// addCycle records a cycle of 1.5 seconds.
func addCycle(t *testing.T, d *db.DB, watch string, startedAt time.Time, outcome coc.Outcome) {
	t.Helper()
	c := coc.Cycle{Watch: watch, Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: startedAt}
	var err error
	c.Key, err = d.Begin(t.Context(), c)
	must(t, err)
	c.EndedAt, c.Outcome = startedAt.Add(1500*time.Millisecond), outcome
	must(t, d.End(t.Context(), c, nil))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func handler(t *testing.T, s *web.Site) http.Handler {
	t.Helper()
	h, err := s.Handler()
	must(t, err)
	return h
}

// request requests an address, with headers as pairs of name and value.
func request(t *testing.T, h http.Handler, address string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+address, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// scraped parses /metrics with the parser of Prometheus.
func scraped(t *testing.T, h http.Handler) map[string]*dto.MetricFamily {
	t.Helper()
	w := request(t, h, "/metrics")
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics returns %d: %s", w.Code, w.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatalf("parse /metrics: %v", err)
	}
	return families
}

// values returns cocsync's gauges and counters by name{label="value"}.
func values(families map[string]*dto.MetricFamily) map[string]float64 {
	all := map[string]float64{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			if !strings.HasPrefix(name, "cocsync_") || m.Histogram != nil {
				continue
			}
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			all[name+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return all
}

// Metrics have the values of the archive.
func TestMetricsOfTheArchive(t *testing.T) {
	got := values(scraped(t, handler(t, watchedSite(t))))
	at := func(d time.Duration) float64 { return float64(noon.Add(d).UnixMilli()) / 1000 }
	want := map[string]float64{
		`cocsync_watch_last_success_timestamp_seconds{watch="runbooks"}`:   at(-10*time.Minute + 1500*time.Millisecond),
		`cocsync_watch_last_success_timestamp_seconds{watch="nightly"}`:    0,
		`cocsync_watch_last_cycle_timestamp_seconds{watch="runbooks"}`:     at(-5 * time.Minute),
		`cocsync_watch_last_cycle_timestamp_seconds{watch="nightly"}`:      at(-2 * time.Minute),
		`cocsync_watch_failed_cycles{watch="runbooks"}`:                    1,
		`cocsync_watch_failed_cycles{watch="nightly"}`:                     1,
		`cocsync_watch_stale{watch="runbooks"}`:                            1, // its last cycle failed
		`cocsync_watch_stale{watch="nightly"}`:                             1,
		`cocsync_cycle_duration_seconds{watch="runbooks"}`:                 1.5,
		`cocsync_cycle_duration_seconds{watch="nightly"}`:                  1.5,
		`cocsync_version_oldest_check_timestamp_seconds{watch="runbooks"}`: at(-14 * time.Minute),
		`cocsync_documents{state="present"}`:                               1,
		`cocsync_documents{state="listed"}`:                                1,
		`cocsync_documents{state="deleted"}`:                               1,
		`cocsync_versions{state="archived"}`:                               1,
		`cocsync_versions{state="pending"}`:                                1,
		`cocsync_versions{state="unavailable"}`:                            1,
		`cocsync_deliveries_waiting{notifier="ops"}`:                       1,
		`cocsync_deliveries_waiting{notifier="night"}`:                     1,
		// due two minutes after the change was seen
		`cocsync_delivery_oldest_waiting_seconds{notifier="ops"}`:   (12 * time.Minute).Seconds(),
		`cocsync_delivery_oldest_waiting_seconds{notifier="night"}`: (12 * time.Minute).Seconds(),
		`cocsync_deliveries_failed{notifier="ops"}`:                 0,
		`cocsync_deliveries_failed{notifier="night"}`:               0,
		`cocsync_notifier_held{notifier="ops"}`:                     1,
		`cocsync_notifier_held{notifier="night"}`:                   0,
		`cocsync_notifier_quiet{notifier="ops"}`:                    0,
		`cocsync_notifier_quiet{notifier="night"}`:                  1,
		`cocsync_account_refused{account="prod"}`:                   1,
		`cocsync_healthy{}`:                                         0,
		`cocsync_problems{kind="cycle_failed"}`:                     2,
		`cocsync_problems{kind="on_hold"}`:                          1,
		`cocsync_problems{kind="late"}`:                             0,
		`cocsync_versions_missing{}`:                                0, // its document is deleted
		`cocsync_account_paused{account="prod"}`:                    0,
		`cocsync_changes_total{kind="new"}`:                         0, // recorded before the process started
	}
	for name, v := range want {
		if g, is := got[name]; !is || g != v {
			t.Errorf("%s is %v (present: %t), want %v", name, g, is, v)
		}
	}
	for _, name := range []string{"cocsync_archive_bytes{}", "cocsync_log_records{}", "cocsync_schema_version{}"} {
		if got[name] <= 0 {
			t.Errorf("%s is %v, want > 0", name, got[name])
		}
	}
	if got["cocsync_log_signed_records{}"] != got["cocsync_log_records{}"] {
		t.Errorf("%v of %v records are signed, want all", got["cocsync_log_signed_records{}"], got["cocsync_log_records{}"])
	}
	for name := range got {
		if strings.HasPrefix(name, "cocsync_version_oldest_check") && strings.Contains(name, "nightly") {
			t.Errorf("%s of a watch without documents", name)
		}
	}
}

// cocsync_changes_total counts changes since the process started, once each, without backfill.
func TestMetricsCountChanges(t *testing.T) {
	s := watchedSite(t)
	h := handler(t, s)
	step := oneVersion("DM4", coc.KindNew)
	step.Changes = append(step.Changes, coc.NewChange{Kind: coc.KindVersion, To: step.Changes[0].To, At: noon, Backfill: true},
		coc.NewChange{Kind: coc.KindRewritten, To: step.Changes[0].To, At: noon})
	must(t, writer(t, s).Commit(t.Context(), step))
	for range 2 {
		got := values(scraped(t, h))
		for kind, want := range map[string]float64{"new": 1, "version": 0, "rewritten": 1, "deleted": 0} {
			if name := `cocsync_changes_total{kind="` + kind + `"}`; got[name] != want {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
	}
}

// liveSite returns a site with the metrics of a daemon.
func liveSite(t *testing.T) *web.Site {
	t.Helper()
	s := watchedSite(t)
	s.Live = web.NewLive()
	s.Live.Loaded(nil)
	s.Live.Requests("prod", []string{"ok", "throttled"})("ok", 80*time.Millisecond)
	s.Live.Posts([]string{"ops"}, []string{"ok", "network"})("ops", "ok")
	cycles := s.Live.Cycles()
	cycles(coc.Cycle{Watch: "runbooks", Outcome: coc.CycleGood, StartedAt: noon, EndedAt: noon.Add(2 * time.Second)})
	cycles(coc.Cycle{Watch: "runbooks", Outcome: coc.CycleGood, StartedAt: noon, EndedAt: noon.Add(-time.Second)}) // the clock was set back
	cycles(coc.Cycle{Watch: "runbooks", Outcome: coc.CycleGood, StartedAt: noon, EndedAt: noon.Add(time.Second), Partial: true})
	return s
}

// Metrics of the daemon are counted; outcomes that never occurred are 0.
func TestMetricsOfTheDaemon(t *testing.T) {
	s := liveSite(t)
	h := handler(t, s)
	families := scraped(t, h)
	got := values(families)
	for name, want := range map[string]float64{
		`cocsync_coc_requests_total{account="prod",outcome="ok"}`:            1,
		`cocsync_coc_requests_total{account="prod",outcome="throttled"}`:     0,
		`cocsync_notify_posts_total{notifier="ops",outcome="ok"}`:            1,
		`cocsync_notify_posts_total{notifier="ops",outcome="network"}`:       0,
		`cocsync_config_last_reload_successful{}`:                            1,
		`cocsync_build_info{` + buildLabels(families) + `,version="v1.2.3"}`: 1,
	} {
		if g, is := got[name]; !is || g != want {
			t.Errorf("%s is %v (present: %t), want %v", name, g, is, want)
		}
	}
	cycles := families["cocsync_cycle_seconds"].GetMetric()[0].GetHistogram()
	if cycles.GetSampleCount() != 2 || cycles.GetSampleSum() != 2 {
		t.Errorf("cycle_seconds has %d cycles of %v s, want the two complete ones of 2 s", cycles.GetSampleCount(), cycles.GetSampleSum())
	}
	s.Live.Loaded(errors.New("config.toml: line 3"))
	if got := values(scraped(t, h)); got[`cocsync_config_last_reload_successful{}`] != 0 ||
		got[`cocsync_watch_failed_cycles{watch="runbooks"}`] != 1 {
		t.Errorf("after a refused configuration: %v", got)
	}
	must(t, writer(t, s).Configure(t.Context(), schedules("runbooks"), noon))
	for name := range values(scraped(t, h)) {
		if strings.Contains(name, "nightly") {
			t.Errorf("%s of a watch that the configuration no longer names", name)
		}
	}
}

func buildLabels(families map[string]*dto.MetricFamily) string {
	return fmt.Sprintf("goversion=%q", families["cocsync_build_info"].GetMetric()[0].GetLabel()[0].GetValue())
}

// docs/metrics.md lists exactly the existing metrics, with their types and labels.
func TestMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	must(t, err)
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(cocsync_\\w+)` \\| (\\w+) \\| ([\\w, ]*?) ?\\| the (?:archive|daemon|process) \\| \\S").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = m[2] + " " + m[3]
	}
	existing := map[string]string{}
	for name, f := range scraped(t, handler(t, liveSite(t))) {
		if !strings.HasPrefix(name, "cocsync_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		existing[name] = strings.ToLower(f.GetType().String()) + " " + strings.Join(labels, ", ")
		if help := f.GetHelp(); !strings.HasSuffix(help, ".") || help == "." {
			t.Errorf("the help of %s is not a sentence: %q", name, help)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(existing)) {
		if documented[name] != existing[name] {
			t.Errorf("docs/metrics.md has %s as %q, want %q", name, documented[name], existing[name])
		}
	}
	for name := range documented {
		if existing[name] == "" {
			t.Errorf("docs/metrics.md lists %s, which does not exist", name)
		}
	}
}

// Any name is a valid label.
func TestMetricsOfHostileNames(t *testing.T) {
	s := liveSite(t)
	names := []string{"a\"b\\c\nd 1\n# HELP x", "\xff\xfe", "\xff", "日本\u202e", ""}
	for _, name := range names {
		addCycle(t, writer(t, s), name, noon, coc.CycleFailed)
		s.Live.Requests(name, []string{name})(name, 0)
		s.Live.Posts([]string{name}, []string{name})
		s.Live.Cycles()(coc.Cycle{Watch: name, Outcome: coc.Outcome(name)})
	}
	must(t, writer(t, s).Configure(t.Context(), schedules(names...), noon.Add(-time.Hour)))
	s.Version = "v1\"\n\xff"
	got := values(scraped(t, handler(t, s)))
	for _, label := range []string{`a"b\c^Jd 1^J# HELP x`, "<FF><FE>", "<FF>", "日本<U+202E>", ""} {
		if name := fmt.Sprintf("cocsync_watch_failed_cycles{watch=%q}", label); got[name] != 1 {
			t.Errorf("%s is %v, want 1", name, got[name])
		}
	}
}

// If the archive cannot be read, the response is an error without metrics.
func TestMetricsError(t *testing.T) {
	s := watchedSite(t)
	var log strings.Builder
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	h := handler(t, s)
	must(t, s.Archive.Close())
	w := request(t, h, "/metrics")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "cocsync_") ||
		!strings.Contains(log.String(), "metrics not read") {
		t.Errorf("/metrics of a closed archive = %d, %q, and the log is %q", w.Code, w.Body, log.String())
	}
	log.Reset()
	disconnected, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(disconnected, http.MethodGet, "http://localhost/metrics", nil))
	if log.Len() > 0 {
		t.Errorf("a disconnected client is logged: %s", &log)
	}
	if _, err := s.Handler(); err == nil {
		t.Error("Handler of a closed archive succeeds, want an error")
	}
}
