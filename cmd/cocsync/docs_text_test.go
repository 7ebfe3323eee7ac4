package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Linked pages and headings exist.
func TestDocsLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, file := range docsFiles(t) {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, place, _ := strings.Cut(m[1], "#")
			at := filepath.Join(filepath.Dir(file), path)
			if path == "" {
				at = file
			}
			if _, err := os.Stat(at); err != nil && !missingContrib(path) {
				t.Errorf("%s links %s: %v", filepath.Base(file), m[1], err)
				continue
			}
			if place != "" && !hasHeading(t, at, place) {
				t.Errorf("%s links %s, which has no such heading", filepath.Base(file), m[1])
			}
		}
	}
}

// missingContrib reports whether a path is in a missing folder of contrib. Such folders are
// added with the software that they configure.
func missingContrib(path string) bool {
	folder, ok := strings.CutPrefix(path, "../contrib/")
	folder, _, _ = strings.Cut(folder, "/")
	_, err := os.Stat(filepath.Join("..", "..", "contrib", folder))
	return ok && err != nil
}

// hasHeading reports whether a page has a heading with that GitHub anchor.
func hasHeading(t *testing.T, file, name string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(plain, " ", "-") == name {
			return true
		}
	}
	return false
}

// Every page of docs is in the index, and is not too long.
func TestDocsIndex(t *testing.T) {
	index, err := os.ReadFile(filepath.Join("..", "..", "docs", "README.md"))
	must(t, err)
	for _, file := range docsFiles(t) {
		text, err := os.ReadFile(file)
		must(t, err)
		name := filepath.Base(file)
		if n := strings.Count(string(text), "\n"); n > 300 {
			t.Errorf("%s has %d lines", name, n)
		}
		if name != "README.md" && !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
}

// Each message in docs/troubleshooting.md exists: it is in the program's source, or in the
// output recorded in a script.
func TestDocsMessages(t *testing.T) {
	table, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	must(t, err)
	rows := regexp.MustCompile("(?m)^\\| `(.+?)` \\|").FindAllStringSubmatch(string(table), -1)
	if len(rows) < 15 {
		t.Errorf("only %d messages", len(rows))
	}
	said := whatIsSaid(t)
	for _, row := range rows {
		if !strings.Contains(said, row[1]) {
			t.Errorf("the program has no message %q", row[1])
		}
	}
}

// whatIsSaid returns the source of the program and of the scripts.
func whatIsSaid(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{filepath.Join("..", "..", "internal"), "."} {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			program := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
			if err != nil || d.IsDir() || !program && !strings.HasSuffix(path, ".txtar") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		}))
	}
	return all.String()
}
