package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// schemaQuestions are commands whose answers have the form of a schema in
// docs/schemas, whatever the archive holds.
func schemaQuestions() map[string][]string {
	return map[string][]string{
		"list":   {"list", "list --at 2026-03-15", "list --state deleted", "list --name no-such"},
		"log":    {"log", "log -p", "log --kind rewritten,metadata,deleted", "log --by nobody"},
		"show":   {"show DOC --meta", "show DOC@v1 --meta"},
		"blame":  {"blame DOC", "blame DOC@v1 -L 1,2"},
		"grep":   {"grep .", "grep . -c", "grep . -l", "grep no-such-text"},
		"status": {"status"},
		"report": {"report --since 2026-01-01", "report --since 2020-01-01 --until 2020-02-01"},
	}
}

// The JSON that a command writes has the form that its schema states, and no field
// that it does not state: of an archive that is hostile and broken, and of one that
// lived through the demo's story.
func testSchemas(t *testing.T, w *docsWorld) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "schemas", "*.schema.json"))
	must(t, err)
	if got, want := len(files), len(schemaQuestions()); got != want {
		t.Errorf("%d schemas, %d commands with one", got, want)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "json.md"))
	must(t, err)
	diffPage, err := os.ReadFile(filepath.Join("..", "..", "docs", "diff-json.md")) // tells of log
	must(t, err)
	told := filepath.Join(w.archive, "cocsync.db")
	for name, commands := range schemaQuestions() {
		file := name + ".schema.json"
		if !strings.Contains(string(page), "](schemas/"+file+")") {
			t.Errorf("docs/json.md does not name %s", file)
		}
		s := readSchema(t, "schemas/"+file)
		for _, field := range statedFields(s.root) {
			if !strings.Contains(string(page)+string(diffPage), "`"+field+"`") {
				t.Errorf("docs/json.md has no words about %s of %s", field, file)
			}
		}
		for archive, doc := range map[string]string{fixture(t): "restart-unhealthy-nodes", told: "expand-data-disk"} {
			for _, command := range commands {
				v := answered(t, archive, strings.ReplaceAll(command, "DOC", doc))
				if err := s.check(s.root, v, "$"); err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
		}
		refuses(t, s, answered(t, told, strings.ReplaceAll(commands[0], "DOC", "expand-data-disk")))
	}
}

// statedFields are the fields that a schema states, at any depth.
func statedFields(rules map[string]any) (fields []string) {
	for keyword, rule := range rules {
		inner, ok := rule.(map[string]any)
		if !ok {
			continue
		}
		if keyword == "properties" {
			fields = slices.AppendSeq(fields, maps.Keys(inner))
		}
		fields = append(fields, statedFields(inner)...)
	}
	return fields
}

// answered is what a command answers with -o json.
func answered(t *testing.T, archive, command string) (v any) {
	t.Helper()
	stdout, stderr, _ := ask(t, archive, append(strings.Fields(command), "-o", "json")...)
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatalf("cocsync %s: %v\n%s%s", command, err, stdout, stderr)
	}
	return v
}

// refuses fails the test for a schema that takes an answer from which a field was
// taken, or to which one was added, at any depth.
func refuses(t *testing.T, s schema, answer any) {
	t.Helper()
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v[:min(len(v), 1)] {
				walk(item)
			}
		case map[string]any:
			v["colour"] = "red"
			if s.check(s.root, answer, "$") == nil {
				t.Errorf("%s: takes a field that is not stated", s.root["title"])
			}
			delete(v, "colour")
			for name, part := range v {
				walk(part)
				delete(v, name)
				if s.check(s.root, answer, "$") == nil && name != "text" && name != "runs" {
					t.Errorf("%s: takes an answer without %s", s.root["title"], name)
				}
				v[name] = part
			}
		}
	}
	walk(answer)
}
