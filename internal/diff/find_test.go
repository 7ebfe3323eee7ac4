package diff

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// The parts of a job are found with their lines, steps in steps and aliases too.
func TestFind(t *testing.T) {
	text := Read([]byte(`meta: {name: job}
inputs:
  region:
    type: string
steps:
  # first
  - name: drain
    task: hwc:runbook:scripts@1.0.0
    inputs: &in
      timeout: 30

  - name: loop
    task: hwc:runbook:loop@1.0.0
    inputs:
      steps:
        - name: inner
          task: hwc:runbook:suspend@1.0.0
          inputs: *in
  - name: drain
    inputs: {timeout: 5}
`))
	tests := []struct {
		name string
		fits func(path, step string) bool
		want []coc.Span
	}{
		{"step", func(_, step string) bool { return step == "loop" }, []coc.Span{{From: 12, To: 18}}},
		{"step within a step", func(_, step string) bool { return step == "inner" }, []coc.Span{{From: 16, To: 18}}},
		{"two of a name", func(_, step string) bool { return step == "drain" }, []coc.Span{{From: 7, To: 10}, {From: 19, To: 20}}},
		{"path", func(path, _ string) bool { return path == "inputs.region" }, []coc.Span{{From: 3, To: 4}}},
		{"by place", func(path, _ string) bool { return path == "steps[0].inputs.timeout" }, []coc.Span{{From: 10, To: 10}}},
		{"alias", func(path, _ string) bool { return path == "steps[loop].inputs.steps[inner].inputs.timeout" }, []coc.Span{{From: 18, To: 18}}},
		{"flow", func(path, _ string) bool { return path == "meta.name" }, []coc.Span{{From: 1, To: 1}}},
		{"nothing", func(string, string) bool { return false }, nil},
	}
	for _, tt := range tests {
		got, why := text.Find(tt.fits)
		if why != "" || cmp.Diff(got, tt.want) != "" {
			t.Errorf("%s: Find = %v, %q, want %v", tt.name, got, why, tt.want)
		}
	}
	if got, why := Read([]byte("a: [")).Find(func(string, string) bool { return true }); got != nil || why == "" {
		t.Errorf("Find in broken YAML = %v, %q, want none and a reason", got, why)
	}
}
