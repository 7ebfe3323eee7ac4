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

// schemaCommands returns commands whose output has a schema in docs/schemas, for any
// archive.
func schemaCommands() map[string][]string {
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

// The JSON of each command is valid under its schema and has no other fields, for an archive
// with hostile contents and for the archive of the demo.
func testSchemas(t *testing.T, w *docsWorld) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "schemas", "*.schema.json"))
	must(t, err)
	if got, want := len(files), len(schemaCommands()); got != want {
		t.Errorf("%d schemas, %d commands with one", got, want)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "json.md"))
	must(t, err)
	diffPage, err := os.ReadFile(filepath.Join("..", "..", "docs", "diff-json.md")) // documents log
	must(t, err)
	database := filepath.Join(w.archive, "cocsync.db")
	for name, commands := range schemaCommands() {
		file := name + ".schema.json"
		if !strings.Contains(string(page), "](schemas/"+file+")") {
			t.Errorf("docs/json.md does not name %s", file)
		}
		s := readSchema(t, "schemas/"+file)
		for _, field := range statedFields(s.root) {
			if !strings.Contains(string(page)+string(diffPage), "`"+field+"`") {
				t.Errorf("docs/json.md does not describe %s of %s", field, file)
			}
		}
		for archive, doc := range map[string]string{fixture(t): "restart-unhealthy-nodes", database: "expand-data-disk"} {
			for _, command := range commands {
				v := answered(t, archive, strings.ReplaceAll(command, "DOC", doc))
				if err := s.check(s.root, v, "$"); err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
		}
		refuses(t, s, answered(t, database, strings.ReplaceAll(commands[0], "DOC", "expand-data-disk")))
	}
}

// statedFields returns the fields that a schema declares, at any depth.
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

// answered returns the output of a command with -o json.
func answered(t *testing.T, archive, command string) (v any) {
	t.Helper()
	stdout, stderr, _ := ask(t, archive, append(strings.Fields(command), "-o", "json")...)
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatalf("cocsync %s: %v\n%s%s", command, err, stdout, stderr)
	}
	return v
}

// refuses fails the test if a schema accepts a result with a removed or an added field, at
// any depth.
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
				t.Errorf("%s: accepts an undeclared field", s.root["title"])
			}
			delete(v, "colour")
			for name, part := range v {
				walk(part)
				delete(v, name)
				if s.check(s.root, answer, "$") == nil && name != "text" && name != "runs" {
					t.Errorf("%s: accepts a result without %s", s.root["title"], name)
				}
				v[name] = part
			}
		}
	}
	walk(answer)
}
