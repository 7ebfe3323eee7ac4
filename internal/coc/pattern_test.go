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
		{coc.PathWithin, "steps[*].description", "steps[a].description", true},
		{coc.PathWithin, "steps[*].inputs", "steps[a].inputs.timeout", true},
		{coc.PathWithin, "steps[*].description", "steps[a].inputs.script_params[x].description", false},
		{coc.PathWithin, "steps[*].description", `steps["a].description[b"].inputs.script`, false},
		{coc.PathWithin, "steps[*].description", `steps["a].description[b"].description`, true},
		{coc.PathWithin, "steps[*].description", `steps["a\"].description[b"].inputs`, false},
		{coc.PathWithin, "steps[a.b]", `steps["a.b"].inputs`, true},
		{coc.PathWithin, "meta", "metadata.name", false},
		{coc.PathWithin, "meta.*", "meta.name", true},
		{coc.PathWithin, "meta.*", "meta", false},
		{coc.PathWithin, "steps[0]", "steps[0].name", true},
		{coc.PathWithin, "steps.a", "steps[a]", false},
		{coc.PathWithin, "", "steps", false},
		{coc.PathWithin, "steps[", "steps[a]", false},
		{coc.PathMayFit, "steps[*].inputs.timeout", "steps[b]", true},
		{coc.PathMayFit, "steps[a].inputs", "steps[b]", false},
		{coc.PathMayFit, "inputs[x]", "inputs", true},
		{coc.PathMayFit, "inputs", "inputs", false},
	} {
		if got := test.what(test.pattern, test.s); got != test.want {
			t.Errorf("pattern %q against %q = %v, want %v", test.pattern, test.s, got, test.want)
		}
	}
}
