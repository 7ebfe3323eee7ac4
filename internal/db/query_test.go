package db

import (
	"testing"

	"cocsync/internal/coc"
)

// Who asks for a task finds the changes in which a step lost it, too.
func TestReplacedTaskIsFoundByEither(t *testing.T) {
	d, _ := open(t)
	s := step("DM1", "a\n")
	s.Changes[0].Items = []coc.Item{
		{Op: "changed", Path: "steps[ask].task", Step: "ask", Task: "hwc:runbook:scripts@1.1.0",
			Old: "hwc:runbook:suspend@1.0.0", New: "hwc:runbook:scripts@1.1.0"},
		{Op: "changed", Path: "steps[ask].inputs.timeout", Step: "ask", Task: "hwc:runbook:scripts@1.1.0", Old: "30", New: "60"},
	}
	commit(t, d, s)
	for _, tt := range []struct {
		Filter
		want int
	}{
		{Filter{Task: "hwc:runbook:scripts@*"}, 1},
		{Filter{Task: "hwc:runbook:suspend@*"}, 1},
		{Filter{Task: "hwc:runbook:suspend@*", Path: "steps[*].task"}, 1},
		{Filter{Task: "hwc:runbook:scripts@*", Path: "steps[*].inputs.timeout"}, 1},
		// The step had that task no more when the timeout changed.
		{Filter{Task: "hwc:runbook:suspend@*", Path: "steps[*].inputs.timeout"}, 0},
		{Filter{Task: "hwc:runbook:executeAPI@*"}, 0},
		{Filter{Task: "30"}, 0}, // an old value that is no task
	} {
		got, err := d.Changes(t.Context(), tt.Filter)
		if err != nil || len(got) != tt.want {
			t.Errorf("Changes(%+v) = %d changes, %v, want %d", tt.Filter, len(got), err, tt.want)
		}
	}
}
