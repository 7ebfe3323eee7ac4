package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/query"
)

func TestCompletion(t *testing.T) {
	archive := fixture(t)
	config, _ := withSlack(t, archive)
	for _, tt := range []struct {
		line string
		want []string
	}{
		// A name with control characters is not completed; an ambiguous name is completed as ID.
		{"show ", []string{"old-job\tDM-old", "restart-unhealthy-nodes\tDM-restart", "DM-twin-1\ttwin", "DM-twin-2\ttwin"}},
		{"show old-job ", nil},
		{"show old-job@", []string{"old-job@v1"}},
		{"log ", []string{"old-job\tDM-old", "restart-unhealthy-nodes\tDM-restart", "DM-twin-1\ttwin", "DM-twin-2\ttwin"}},
		{"diff DM-restart@v", []string{"DM-restart@v5", "DM-restart@v3#2", "DM-restart@v3#1", "DM-restart@v2", "DM-restart@v1"}},
		{"diff DM-restart ", []string{"v5", "v3#2", "v3#1", "v2", "v1"}},
		{"diff DM-restart@v3 ", []string{"v5", "v3#2", "v3#1", "v2", "v1"}},
		{"diff nosuch ", nil},
		{"list -o ", []string{"text", "json"}},
		{"log --kind ", query.Kinds()},
		{"log --kind new,version,metadata,withdrawn,deleted,", []string{"new,version,metadata,withdrawn,deleted,rewritten",
			"new,version,metadata,withdrawn,deleted,restored"}},
		{"log --color ", []string{"auto", "always", "never"}},
		{"notify test ", []string{"ops"}},
		{"notify retry --notifier ", []string{"ops"}},
	} {
		args := append([]string{"-c", config, "__complete"}, strings.Split(tt.line, " ")...)
		if got := completions(t, archive, args...); cmp.Diff(tt.want, got) != "" {
			t.Errorf("completing %q (-want +got):\n%s", tt.line, cmp.Diff(tt.want, got))
		}
	}
}

// Errors would disturb the shell.
func TestCompletionWithoutArchive(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.db")
	for _, line := range []string{"show ", "show x@", "diff x ", "log "} {
		if got := completions(t, none, append([]string{"__complete"}, strings.Split(line, " ")...)...); got != nil {
			t.Errorf("completing %q = %q, want none", line, got)
		}
	}
}

// completions returns the completions for the shell.
func completions(t *testing.T, archive string, args ...string) (list []string) {
	t.Helper()
	stdout, stderr, status := ask(t, archive, args...)
	if status != 0 || strings.Contains(stderr, "rror") {
		t.Errorf("%q = %q, %d", args, stderr, status)
	}
	for line := range strings.Lines(stdout) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, ":") {
			list = append(list, line)
		}
	}
	return list
}
