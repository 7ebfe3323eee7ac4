package coc_test

import (
	"testing"

	"cocsync/internal/coc"
)

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		what       func(pattern, s string) bool
		pattern, s string
		want       bool
	}{
		{coc.Fits, "prod-*", "prod-restart", true},
		{coc.Fits, "prod-*", "a prod-restart", false},
		{coc.Fits, "*restart*", "a restart b", true},
		{coc.Fits, "a*b*a", "aba", true},
		{coc.Fits, "aba*aba", "aba", false}, // nothing counts twice
		{coc.Fits, "[x]?", "[x]?", true},
		{coc.Fits, "", "", true},
		{coc.Fits, "", "x", false},
		{coc.PathFits, "steps[*]", "steps[restart].inputs.timeout", true},
		{coc.PathFits, "steps[*].inputs.timeout", "steps[restart].inputs.timeout", true},
		{coc.PathFits, "inputs", "inputs[password]", true},
		{coc.PathFits, "meta", "metadata.name", false},
		{coc.TaskFits, "hwc:runbook:scripts", "hwc:runbook:scripts@1.0.0", true},
		{coc.TaskFits, "hwc:runbook:scripts@2.*", "hwc:runbook:scripts@1.0.0", false},
		{coc.TaskFits, "hwc:runbook:script", "hwc:runbook:scripts@1.0.0", false},
	} {
		if got := test.what(test.pattern, test.s); got != test.want {
			t.Errorf("pattern %q against %q = %v, want %v", test.pattern, test.s, got, test.want)
		}
	}
}
