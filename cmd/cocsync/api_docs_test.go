package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every command in the documentation of the API succeeds and writes output.
func TestAPIExamples(t *testing.T) {
	for _, name := range []string{"sh", "curl", "jq"} {
		tool(t, name)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	must(t, err)
	s := serveArchive(t, fixture(t))
	const shown = "http://127.0.0.1:8321"
	examples := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(examples) < 6 {
		t.Fatalf("docs/api.md has %d examples", len(examples))
	}
	failing, _, _ := strings.Cut(strings.SplitAfterN(string(text), "```json\n", 2)[1], "```")
	if _, got := s.get("/api/v1/documents/restart-unhealthy-nodes/versions/v9"); got != failing {
		t.Errorf("docs/api.md shows the error\n%s\nand it is\n%s", failing, got)
	}
	for _, x := range examples {
		// The fixture's changes are older than a week.
		script := strings.ReplaceAll(strings.ReplaceAll(x[1], shown, s.url), "since=7d", "since=2026-03-01")
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", strings.ReplaceAll(script, "curl ", "curl --noproxy '*' --fail-with-body "))
		out, err := cmd.CombinedOutput()
		if err != nil || len(out) == 0 || strings.Contains(string(out), `"error"`) {
			t.Errorf("%s: %v\n%s", x[1], err, out)
		}
		t.Logf("%s\n%s", x[1], out)
	}
}
