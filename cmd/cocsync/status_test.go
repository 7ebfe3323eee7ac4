package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/query"
	"cocsync/internal/term"
)

// statusText returns the output of status at that time.
func statusText(t *testing.T, d *db.DB, now time.Time) string {
	t.Helper()
	q := query.New(d)
	q.Now = func() time.Time { return now }
	s, err := q.LoadStatus(t.Context())
	must(t, err)
	s.Writer.Since.Time = dayOf(20)
	s.FileBytes, s.WALBytes = 172<<10, 0 // which go with the schema
	var b bytes.Buffer
	p := &page{&term.Writer{Writer: bufio.NewWriter(&b)}, time.UTC}
	must(t, p.status(s))
	p.Flush()
	return strings.NewReplacer(d.Path(), "ARCHIVE", fmt.Sprintf("pid %d", os.Getpid()), "pid 7",
		fmt.Sprintf("-USR1 %d`", os.Getpid()), "-USR1 7`").Replace(b.String())
}

// Problems are shown first, each with its fix.
func TestStatusNamesProblemsAndTheirFix(t *testing.T) {
	d, err := db.OpenWith(t.Context(), fixture(t), db.Options{Command: "run"})
	must(t, err)
	defer d.Close()
	must(t, d.Refused(t.Context(), "prod", "k", "bad signature", dayOf(20).Add(14*time.Minute)))
	must(t, d.Paused(t.Context(), "prod", dayOf(20).Add(11*time.Minute)))
	got := statusText(t, d, dayOf(20).Add(10*time.Minute))
	golden := filepath.Join("testdata", "query", "status.golden")
	if *update {
		must(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// An archive with fewer than three cycles had no problem, no matter how old the last one
// was. A watch is late by its schedule.
func TestStatusSeesThatAWatchIsLate(t *testing.T) {
	d, err := db.OpenWith(t.Context(), filepath.Join(t.TempDir(), "archive.db"), db.Options{Command: "run"})
	must(t, err)
	defer d.Close()
	if got := statusText(t, d, dayOf(0)); !strings.Contains(got, "! no cycle has run yet") {
		t.Errorf("status of an empty archive:\n%s", got)
	}
	must(t, d.Configure(t.Context(), []coc.Schedule{{Watch: "runbooks", Account: "prod", Endpoint: "https://coc.example",
		Spec: "*/5 * * * *", Timezone: "UTC", Interval: 5 * time.Minute}}, dayOf(0)))
	c := coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSync, StartedAt: dayOf(0)}
	c.Key, err = d.Begin(t.Context(), c)
	must(t, err)
	c.EndedAt, c.Outcome, c.Complete = c.StartedAt.Add(time.Second), coc.CycleGood, true
	must(t, d.End(t.Context(), c, nil))
	if got := statusText(t, d, dayOf(0).Add(9*time.Minute)); !strings.HasPrefix(got, "All is well.\n") {
		t.Errorf("status while all is well:\n%s", got)
	}
	must(t, d.RecordCounted()) // as an hour later
	got := statusText(t, d, dayOf(3))
	want := "1 problem.\n! watch runbooks is late: a cycle was due 2 days ago and none has succeeded since\n" +
		"    why: schedule */5 * * * * (UTC); the last good cycle ended 2 days ago, at 2026-03-01T12:00:01Z\n"
	if !strings.HasPrefix(got, want) {
		t.Errorf("status of an archive not written for three days:\n%s\nwant it to begin with\n%s", got, want)
	}
}

// The fields for alert rules are present even if they are empty.
func TestStatusJSON(t *testing.T) {
	archive := fixture(t)
	stdout, _, status := ask(t, archive, "status", "-o", "json")
	var got query.Status
	must(t, json.Unmarshal([]byte(stdout), &got))
	if status != 0 || got.Documents["present"] != 4 || got.Documents["deleted"] != 1 || got.Versions["unavailable"] != 1 {
		t.Errorf("status -o json counts %v documents and %v versions, status %d", got.Documents, got.Versions, status)
	}
	if w := got.Watches[0]; w.FailedInARow != 1 || !w.LastGoodAt.IsZero() || w.LastCycle.Outcome != "failed" ||
		len(w.LastCycle.Failures) != 1 {
		t.Errorf("status -o json has the watch %+v", w)
	}
	if n := got.Notifiers[0]; n.Waiting != 1 || n.Failed != 1 || n.Held != "channel_is_archived" {
		t.Errorf("status -o json has the notifier %+v", n)
	}
	if len(got.Problems) == 0 || !strings.Contains(stdout, `"problems": [`) {
		t.Errorf("status -o json has no problems:\n%s", stdout)
	}
}
