package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// watched records daily cycles of a watch at noon, good except on bad days. The watch follows
// documents since the first day.
func watched(t *testing.T, h *Archive, account, watch string, from, to int, bad string, ids ...string) {
	t.Helper()
	for day := from; day <= to; day++ {
		c := coc.Cycle{Watch: watch, Account: account, Trigger: coc.TriggerSchedule, StartedAt: on(day)}
		var err error
		c.Key, err = h.db.Begin(t.Context(), c)
		must(t, err)
		if day == from {
			var rows []coc.Row
			for _, id := range ids {
				rows = append(rows, coc.Row{DocumentID: id})
			}
			must(t, h.db.Follow(t.Context(), coc.NewMembers{Account: account, Watch: watch, Rows: rows, InitialSync: true,
				ListComplete: true, At: on(day)}))
		}
		c.EndedAt, c.Outcome, c.Complete, c.Requests = on(day).Add(time.Minute), coc.CycleGood, true, 2
		if strings.Contains(" "+bad+" ", fmt.Sprintf(" %d ", day)) {
			c.Outcome, c.Complete, c.Err = coc.CycleFailed, false, fmt.Sprintf("HTTP 503 (request %d)", day)
			c.Failures = []coc.Failure{{DocumentID: ids[0], Err: fmt.Sprintf("cut (request %d)", day)}}
		}
		must(t, h.db.End(t.Context(), c, nil))
	}
}

// audited is the fixture with watches: in prod one from day 1 to 20, which failed from
// day 9 to 13 and left DM-2 on day 9; in test one from day 1 to 4, taken out on day 5.
func audited(t *testing.T) *Archive {
	h := open(t)
	watched(t, h, "prod", "runbooks", 1, 20, "9 10 11 12 13", "DM-1", "DM-2")
	watched(t, h, "test", "other", 1, 4, "", "DM-2")
	must(t, h.db.Leave(t.Context(), "prod", "runbooks", []string{"DM-2"}, on(9)))
	must(t, h.db.Configure(t.Context(), []coc.Schedule{{Watch: "runbooks", Account: "prod", Spec: "@daily", Timezone: "UTC"}}, on(5)))
	return h
}

func TestReportOfAPeriod(t *testing.T) {
	h := audited(t)
	r, err := reportOf(t, h, on(6), on(20), "")
	must(t, err)
	if len(r.Watches) != 1 || !r.LastCheckedAt.Equal(on(20).Add(time.Minute)) {
		t.Fatalf("Report has %d watches, last asked at %v; want 1, that of prod alone", len(r.Watches), r.LastCheckedAt)
	}
	w := r.Watches[0]
	if w.Cycles.Good != 9 || w.Cycles.Failed != 5 || w.Requests != 28 || w.Interval.Duration != 24*time.Hour {
		t.Errorf("Report counts %d good, %d failed, %d requests, interval %v", w.Cycles.Good, w.Cycles.Failed, w.Requests, w.Interval)
	}
	gap := Gap{Period{Time{on(8).Add(time.Minute)}, Time{on(14)}}, Duration{on(14).Sub(on(8).Add(time.Minute))}, 5, 0, 0}
	if diff := cmp.Diff([]Gap{gap}, w.Gaps); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Failure{{"HTTP 503", 5}, {"cut", 5}}, w.Failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	var docs []string
	watched, err := Collect(r.Documents)
	must(t, err)
	for _, d := range watched {
		docs = append(docs, fmt.Sprintf("%s %v %s/%d %d", d.DocumentID, d.Partly, d.Version, d.Versions, d.Changes))
	}
	if diff := cmp.Diff([]string{"DM-2 true v1/1 2", "DM-1 false v5/5 1"}, docs); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	missing, err := Collect(r.Missing)
	if err != nil || len(missing) != 1 || missing[0].DocumentID != "DM-1" || missing[0].Version != "v4" {
		t.Errorf("missing = %+v, %v, want v4 of DM-1", missing, err)
	}
}

// The account filters all parts of a report, and a removed watch has no gap after its removal.
func TestReportOfAnAccount(t *testing.T) {
	h := audited(t)
	r, err := reportOf(t, h, on(0), on(20), "test")
	must(t, err)
	if len(r.Watches) != 1 || r.Watches[0].Watch != "other" || len(r.Watches[0].Gaps) != 0 || !r.Watches[0].Followed[0].Until.Equal(on(5)) {
		t.Errorf("watches of test = %+v", r.Watches)
	}
	docs, err := Collect(r.Documents)
	must(t, err)
	changes, err := Collect(r.Changes)
	must(t, err)
	missing, err := Collect(r.Missing)
	must(t, err)
	if len(docs) != 1 || docs[0].Account != "test" || len(changes) != 0 || len(missing) != 0 {
		t.Errorf("Report of test has %d documents, %d changes, %d missing; want 1, 0, 0", len(docs), len(changes), len(missing))
	}
}

// A change counts if it was made or seen in the period, so that consecutive periods omit no change.
// Backfill is counted separately.
func TestReportOmitsNoChange(t *testing.T) {
	h := open(t)
	late := step("prod", "DM-9", "late", 12, kept("v1", 8))
	late.Changes = []coc.NewChange{compares("", "v1", 8)}
	late.Changes[0].Items = []coc.Item{{Op: "added", Path: "steps[a]"}}
	old := step("prod", "DM-10", "old", 12, kept("v1", 1))
	old.Changes = []coc.NewChange{compares("", "v1", 1)}
	old.Changes[0].Backfill = true
	again := step("prod", "DM-9", "late", 14, kept("v1", 8))
	again.Versions[0].Revision.Number, again.Versions[0].Revision.PreviousCheckedAt = 2, on(13)
	again.Versions[0].Revision.Content.Bytes = []byte("another")
	again.Changes = []coc.NewChange{{Kind: coc.KindRewritten, At: on(14), From: coc.RevisionRef{Label: "v1", Number: 1},
		To: coc.RevisionRef{Label: "v1", Number: 2}}}
	must(t, h.db.Commit(t.Context(), late, old, again))
	for _, tt := range []struct {
		from, to, backfill int
		want               string
	}{
		{8, 10, 0, "[version v1#1, deleted ]"},
		{10, 14, 1, "[version v1#1]"},
		{14, 20, 0, "[rewritten v1#2]"},
		{15, 20, 0, "[]"},
	} {
		r, err := reportOf(t, h, on(tt.from), on(tt.to), "prod")
		must(t, err)
		var got []string
		rewrites := 0
		for c, err := range r.Changes {
			must(t, err)
			got = append(got, string(c.Kind)+" "+string(c.Version))
			if c.Kind == coc.KindRewritten {
				rewrites++
			}
		}
		list, err := Collect(r.Rewrites)
		if err != nil || len(list) != rewrites {
			t.Errorf("Report has %d rewrites, %v, want %d", len(list), err, rewrites)
		}
		for _, x := range list {
			if !x.PreviousCheckedAt.Equal(on(13)) || x.PreviousSHA256 == x.SHA256 || x.SHA256 == "" {
				t.Errorf("change %d is the rewrite %+v", x.ID, x)
			}
		}
		if s := "[" + strings.Join(got, ", ") + "]"; s != tt.want || r.Backfill.Changes != tt.backfill {
			t.Errorf("Report from day %d to %d has %s and %d before, want %s and %d", tt.from, tt.to, s, r.Backfill.Changes, tt.want, tt.backfill)
		}
	}
}

// reportOf returns the report of [since, until).
func reportOf(t *testing.T, h *Archive, since, until time.Time, account string) (Report, error) {
	return h.Report(t.Context(), ReportQuery{since.Format(time.RFC3339Nano),
		until.Add(-time.Millisecond).Format(time.RFC3339Nano), account, nil})
}
