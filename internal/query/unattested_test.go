package query

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// runGood records good cycles of watch "all", one every five minutes.
func runGood(t *testing.T, d *db.DB, from, to int) {
	t.Helper()
	for at := from; at <= to; at += 5 {
		c := coc.Cycle{Watch: "all", Account: "prod", Trigger: coc.TriggerSync, StartedAt: clock(at)}
		var err error
		c.Key, err = d.Begin(t.Context(), c)
		must(t, err)
		c.EndedAt, c.Outcome, c.Complete, c.Requests = clock(at+1), coc.CycleGood, true, 2
		must(t, d.End(t.Context(), c, nil))
	}
}

// insertGood inserts good cycles like those of runGood, as anyone who can write the database can.
func insertGood(t *testing.T, path string, every, from, to int) {
	t.Helper()
	var rows []string
	for at := from; at <= to; at += every {
		rows = append(rows, fmt.Sprintf("SELECT %d AS b, %d AS e", clock(at).UnixMilli(), clock(at+1).UnixMilli()))
	}
	tamper(t, path, `INSERT INTO cycles (account_id, id, watch, cause, started_at, partial, ended_at, outcome, complete, requests)
		SELECT 1, (SELECT max(id) FROM cycles) + row_number() OVER (ORDER BY b), 'all', 'sync', b, 0, e, 'good', 1, 2
		FROM (`+strings.Join(rows, " UNION ALL ")+`);
		UPDATE counters SET cycles = (SELECT max(id) FROM cycles)`)
}

// insertWithID inserts a cycle with an id that cocsync does not give to one.
func insertWithID(t *testing.T, path string, id, at int, outcome coc.Outcome) {
	t.Helper()
	tamper(t, path, fmt.Sprintf(`INSERT INTO cycles (account_id, id, watch, cause, started_at, partial, ended_at, outcome, complete, requests)
		VALUES (1, %d, 'all', 'sync', %d, 0, %d, '%s', 1, 2)`, id, clock(at).UnixMilli(), clock(at+1).UnixMilli(), outcome))
}

// covered returns the report from noon to a time in minutes after it, and the coverage of its
// only watch.
func covered(t *testing.T, path string, now int) (Report, Coverage) {
	t.Helper()
	d, err := db.OpenReader(t.Context(), path)
	must(t, err)
	defer d.Close()
	a := archive(d)
	a.Now = func() time.Time { return clock(now) }
	r, err := reportOf(t, a, noon, clock(now), "")
	must(t, err)
	if len(r.Watches) != 1 {
		t.Fatalf("%d watches, want 1", len(r.Watches))
	}
	return r, r.Watches[0]
}

// Good cycles that someone inserted while no process ran ended the gap.
func TestInsertedCyclesEndNoGap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	open := func() *db.DB {
		d, err := db.Open(t.Context(), path)
		must(t, err)
		_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
		must(t, err)
		return d
	}
	d := open()
	runGood(t, d, 0, 100)
	must(t, d.Close())

	// Fault: cycles with ids that no process could have given to them ended the gap.
	outside := copyOf(t, path)
	for i, id := range []int{0, -1, -1000, 1000} {
		insertWithID(t, outside, id, 150+30*i, coc.CycleGood)
	}
	insertWithID(t, outside, -2, 395, coc.CycleGood)
	_, c := covered(t, outside, 400)
	if len(c.Gaps) != 1 || c.Gaps[0].Period != span(101, 400) || c.Cycles.Unattested != 5 {
		t.Errorf("with ids outside of the counted ones: %+v", c)
	}
	// Fault: inserted cycles that failed, far apart, made long gaps normal.
	for i := range 60 {
		insertWithID(t, outside, -3-i, 100*(i%2), coc.CycleFailed)
	}
	if _, c = covered(t, outside, 400); c.GapOver.Duration != 15*time.Minute {
		t.Errorf("with inserted cycles that failed a gap is longer than %v", c.GapOver)
	}

	insertGood(t, path, 5, 105, 395)
	insertGood(t, path, 1, 396, 399)

	// Before the next process, those of the last two hours may still be recorded.
	r, c := covered(t, path, 400)
	if len(c.Gaps) != 1 || c.Gaps[0].Period != span(101, 280) || c.Gaps[0].Unattested != 35 || c.Cycles.Unattested != 35 ||
		!r.Verification.Good {
		t.Errorf("before the next process: %+v, verified %v", c, r.Verification.Good)
	}
	if r, c = covered(t, path, 521); len(c.Gaps) != 1 || c.Gaps[0].Period != span(101, 521) || !r.LastCheckedAt.Equal(clock(101)) {
		t.Errorf("two hours later: gaps %v, last checked at %v", c.Gaps, r.LastCheckedAt)
	}

	d = open()
	runGood(t, d, 400, 420)
	must(t, d.Close())
	r, c = covered(t, path, 422)
	want := Gap{span(101, 400), Duration{299 * time.Minute}, 0, 0, 63}
	if len(c.Gaps) != 1 || c.Gaps[0] != want || !r.Verification.Good {
		t.Errorf("after it: gaps %+v, want %+v; verified %v", c.Gaps, want, r.Verification.Faults)
	}
	if n := c.Cycles; n.Unattested != 63 || n.Good != 26 || c.Requests != 52 || c.Interval.Duration != 5*time.Minute {
		t.Errorf("after it: %+v, %d requests, interval %v; want 26 good, 63 unattested", n, c.Requests, c.Interval)
	}

	// Many inserted cycles, far apart, do not make long gaps normal.
	for range 40 {
		insertGood(t, path, 1, 0, 0)
		insertGood(t, path, 1, 395, 395)
	}
	must(t, open().Close())
	if _, c = covered(t, path, 430); c.GapOver.Duration != 15*time.Minute || len(c.Gaps) != 1 || c.Gaps[0] != want {
		t.Errorf("a gap is longer than %v, gaps %v", c.GapOver, c.Gaps)
	}
}

// A process that is killed has not recorded the cycles of the last hour. The next one records them
// as unattested.
func TestCyclesOfAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	path, killed := filepath.Join(dir, "archive.db"), filepath.Join(dir, "killed.db")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	runGood(t, d, 0, 100)
	_, err = d.Heads(t.Context(), []string{"prod"}, clock(101)) // the head file has them
	must(t, err)
	for _, end := range []string{"", "-wal", ".key", ".head"} {
		b, err := os.ReadFile(path + end)
		must(t, err)
		must(t, os.WriteFile(killed+end, b, 0o600))
	}
	must(t, d.Close())
	d, err = db.Open(t.Context(), killed)
	must(t, err)
	runGood(t, d, 105, 120)
	must(t, d.Close())
	r, c := covered(t, killed, 122)
	if n := c.Cycles; n.Unattested != 8 || n.Good != 17 || len(c.Gaps) != 1 || c.Gaps[0].Period != span(61, 105) ||
		c.Gaps[0].Unattested != 8 || !r.Verification.Good {
		t.Errorf("Report has %+v, gaps %+v, faults %v; want 17 good, 8 unattested", n, c.Gaps, r.Verification.Faults)
	}
}

// The record of a cycle that failed has no end: another one in its row ended the gap.
func TestRecordOfOneCycleCoversNoOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	runGood(t, d, 0, 100)
	c := coc.Cycle{Watch: "all", Account: "prod", Trigger: coc.TriggerSync, StartedAt: clock(105)}
	c.Key, err = d.Begin(t.Context(), c)
	must(t, err)
	c.EndedAt, c.Outcome, c.Err = clock(106), coc.CycleFailed, "no response"
	must(t, d.End(t.Context(), c, nil))
	must(t, d.Close())
	insertGood(t, path, 5, 110, 395)
	tamper(t, path, `UPDATE coverages SET last_cycle = (SELECT max(id) FROM cycles) WHERE type = 'cycle'`)
	if _, c := covered(t, path, 521); len(c.Gaps) != 1 || c.Gaps[0].Period != span(101, 521) || c.Cycles.Failed != 1 {
		t.Errorf("the report has %+v", c)
	}
}

// A good cycle that someone inserted made an archive look up to date whose cycles had ended.
func TestInsertedCyclesAreNotFresh(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	must(t, d.Configure(t.Context(), []coc.Schedule{{Watch: "all", Account: "prod", Spec: "*/5 * * * *", Timezone: "UTC",
		Interval: 5 * time.Minute}}, noon))
	runGood(t, d, 0, 100)
	must(t, d.Close())
	insertGood(t, path, 5, 105, 395)
	insertWithID(t, path, 0, 110, coc.CycleGood)
	status := func() *Status {
		t.Helper()
		r, err := db.OpenReader(t.Context(), path)
		must(t, err)
		defer r.Close()
		a := archive(r)
		a.Now, a.Configured = func() time.Time { return clock(397) }, true
		s, err := a.LoadStatus(t.Context())
		must(t, err)
		return s
	}
	for _, when := range []string{"before", "after"} {
		s := status()
		if !s.LastGoodAt().Equal(clock(101)) || s.Healthy() || s.Problems[0].Kind != ProblemLate ||
			!strings.Contains(s.Problems[0].Why, "later good cycles are unattested") {
			t.Errorf("%s the next process: last good at %v, problems %+v", when, s.LastGoodAt(), s.Problems)
		}
		d, err := db.Open(t.Context(), path)
		must(t, err)
		must(t, d.Close())
	}
	// Fault: while a process had the archive open, any inserted good cycle was the last good one.
	d, err = db.Open(t.Context(), path)
	must(t, err)
	insertWithID(t, path, 1000, 200, coc.CycleGood)
	if s := status(); s.Writer == nil || !s.LastGoodAt().Equal(clock(101)) {
		t.Errorf("while process %v has the archive: last good at %v", s.Writer, s.LastGoodAt())
	}
	must(t, d.Close())
	tamper(t, path, `DELETE FROM cycles WHERE id = 1000`)
	if got, want := status().Watches[0].Day.String(), "81 cycles ran, 60 of them unattested"; got != want {
		t.Errorf("the last day: %q, want %q", got, want)
	}
}
