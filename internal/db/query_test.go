package db

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// log returns an archive with one change for each list of items, in this order.
func log(t *testing.T, changes ...[]coc.Item) *DB {
	t.Helper()
	d, _ := open(t)
	for i, items := range changes {
		s := step(fmt.Sprintf("DM%d", i+1), "a\n")
		s.Changes[0].Items = items
		s.Changes[0].At = day.Add(-time.Duration(i) * time.Hour)
		commit(t, d, s)
	}
	return d
}

// found returns the ids of the changes that match a filter, newest first.
func found(t *testing.T, d *DB, f Filter) string {
	t.Helper()
	list, err := all(d.Changes(t.Context(), f))
	if err != nil {
		t.Fatalf("Changes(%+v): %v", f, err)
	}
	var ids []int64
	for _, c := range list {
		ids = append(ids, c.Key.ID)
	}
	return fmt.Sprint(ids)
}

// A search for a task also finds the changes in which a step lost it.
func TestReplacedTaskIsFoundByBothNames(t *testing.T) {
	const scripts, suspend = "hwc:runbook:scripts@1.1.0", "hwc:runbook:suspend@1.0.0"
	d := log(t,
		[]coc.Item{
			{Op: "changed", Path: "steps[ask].task", Step: "ask", Task: scripts, Old: suspend, New: scripts},
			{Op: "changed", Path: "steps[ask].inputs.timeout", Step: "ask", Task: scripts, Old: "30", New: "60"},
		},
		[]coc.Item{{Op: "changed", Path: "mainSteps[3].action", Step: "a b", Task: "aws:sleep", Old: "aws:pause", New: "aws:sleep"}},
		[]coc.Item{{Op: "changed", Path: "steps[\"a\\u202eb\"].task", Step: "a\u202eb", Task: "t@2", Old: "old:task@1", New: "t@2"}},
		// A parameter named task is not the task of the step.
		[]coc.Item{{Op: "changed", Path: "steps[a].inputs.servers[x].task", Step: "a", Task: scripts, Old: "nightly", New: "daily"}},
		[]coc.Item{{Op: "changed", Path: "meta.task", Old: "nightly", New: "daily"}},
	)
	for _, tt := range []struct {
		Filter
		want string
	}{
		{Filter{Task: "hwc:runbook:scripts@*"}, "[1 4]"},
		{Filter{Task: "hwc:runbook:suspend@*"}, "[1]"},
		{Filter{Task: "hwc:runbook:suspend@*", Path: "steps[*].task"}, "[1]"},
		{Filter{Task: "hwc:runbook:scripts@*", Path: "steps[*].inputs.timeout"}, "[1]"},
		// The timeout changed in the step that had that task before.
		{Filter{Task: "hwc:runbook:suspend@*", Path: "steps[*].inputs.timeout"}, "[1]"},
		{Filter{Task: "hwc:runbook:executeAPI@*"}, "[]"},
		{Filter{Task: "30"}, "[]"}, // an old value that is not a task
		{Filter{Task: "aws:pause"}, "[2]"},
		{Filter{Task: "aws:sleep"}, "[2]"},
		{Filter{Task: "old:task"}, "[3]"},
		{Filter{Task: "nightly"}, "[]"},
		{Filter{Task: "*"}, "[1 2 3 4]"}, // any task, but there must be one
		{Filter{Task: "*", Limit: 2}, "[1 2]"},
	} {
		if got := found(t, d, tt.Filter); got != tt.want {
			t.Errorf("Changes(%+v) = %s, want %s", tt.Filter, got, tt.want)
		}
	}
}

// A path matches all paths below it, a task all its versions; only * is special.
func TestPatterns(t *testing.T) {
	d := log(t,
		[]coc.Item{{Path: "steps[restart].inputs.timeout", Step: "restart", Task: "hwc:runbook:scripts@1.0.0"}},
		[]coc.Item{{Path: "steps[restart]", Step: "restart", Task: "hwc:runbook:scripts2@1.0.0"}},
		[]coc.Item{{Path: "inputs.region"}},
		[]coc.Item{{Path: "inputs.ab"}, {Path: `inputs["c d"].x`}},
		[]coc.Item{{Path: "steps[Restart]"}, {Path: "steps[restart2][0]"}},
		[]coc.Item{{Op: "renamed", Path: "steps[drain]", Old: "empty", New: "drain"},
			{Op: "renamed", Path: "inputs.zone", Old: "area", New: "zone"}},
	)
	for _, tt := range []struct {
		Filter
		want string
	}{
		{Filter{Path: "steps[restart]"}, "[1 2]"},
		{Filter{Path: "steps"}, "[1 2 5 6]"},
		{Filter{Path: "steps[empty]"}, "[6]"},
		{Filter{Path: "inputs.area"}, "[6]"},
		{Filter{Path: "step"}, "[]"},
		{Filter{Path: "inputs"}, "[3 4 6]"},
		{Filter{Path: "inputs.a"}, "[]"},
		{Filter{Path: `inputs["c d"]`}, "[4]"},
		{Filter{Path: "*timeout"}, "[1]"},
		{Filter{Path: "timeout"}, "[]"},
		{Filter{Path: "*inputs"}, "[1 3 4 6]"},
		{Filter{Path: "steps[*]"}, "[1 2 5 6]"},
		{Filter{Path: "s*s[*t].in*s.*"}, "[1]"},
		{Filter{Path: "inputs.regio?"}, "[]"},
		{Filter{Path: "inputs.[ab]*"}, "[]"},
		{Filter{Path: "inputs.region*region"}, "[]"},
		{Filter{Task: "hwc:runbook:scripts"}, "[1]"},
		{Filter{Task: "hwc:runbook:scripts@1.0.0"}, "[1]"},
		{Filter{Task: "hwc:runbook:scripts@1"}, "[]"},
		{Filter{Task: "hwc:runbook:script*"}, "[1 2]"},
		{Filter{Task: "hwc:runbook:scripts", Path: "inputs"}, "[]"},
	} {
		if got := found(t, d, tt.Filter); got != tt.want {
			t.Errorf("Changes(%+v) = %s, want %s", tt.Filter, got, tt.want)
		}
	}
}

// Unsearched returns the changes that match a search except that their differences are not
// stored completely.
func TestUnsearched(t *testing.T) {
	d, _ := open(t)
	for i, d1 := range []coc.Difference{{Class: coc.ClassUnreadable}, {}, {Omitted: 3}, {Omitted: 1}} {
		s := step(fmt.Sprintf("DM%d", i+1), "a\n")
		s.Changes[0].Difference, s.Changes[0].At = d1, day.Add(-time.Duration(i)*time.Hour)
		s.Changes[0].Items = [][]coc.Item{nil, {{Path: "inputs.a"}}, {{Path: "inputs.b"}}, {{Path: "inputs.c"}}}[i]
		commit(t, d, s)
	}
	s := step("DM5", "a\n")
	s.Changes[0].At, s.Changes[0].Cut, s.Changes[0].Items = day.Add(-5*time.Hour), true,
		[]coc.Item{{Path: "inputs." + strings.Repeat("x", 79) + "…"}}
	commit(t, d, s)
	for _, tt := range []struct {
		Filter
		want string
	}{
		{Filter{}, "[]"},
		{Filter{Path: "inputs.b"}, "[1 4 5]"},
		{Filter{Path: "inputs.b", Limit: 1}, "[1 4 5]"},
		{Filter{Path: "steps", Since: day.Add(-2 * time.Hour)}, "[1 3]"},
		{Filter{Task: "x"}, "[1 3 4 5]"},
	} {
		got, n, err := d.Unsearched(t.Context(), tt.Filter, 10)
		if err != nil || n != len(got) || fmt.Sprint(got) != tt.want {
			t.Errorf("Unsearched(%+v) = %v, %v, want %s", tt.Filter, got, err, tt.want)
		}
	}
}
