// Package cocsync_test holds what is true of the whole tree.
package cocsync_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows are all packages of the program and which others each may import. They
// keep the adapters (fetch, db, notify) from meeting, and what is pure, pure.
func arrows() map[string][]string {
	return map[string][]string{
		"cmd/cocsync":            {"*"},
		"internal/coc":           {},
		"internal/text":          {},
		"internal/term":          {"internal/text"},
		"internal/diff":          {"internal/coc", "internal/diff/lines", "internal/text"},
		"internal/diff/lines":    {}, // the record of a difference: no parser has a say in it
		"internal/diff/difftest": {},
		"internal/audit":         {},
		"internal/cocsim":        {}, // so it can't share fetch's mistakes
		"internal/hint":          {"internal/text"},
		"migrations":             {},
		"internal/schedule":      {"internal/hint"},
		"internal/config":        {"internal/coc", "internal/hint", "internal/schedule", "internal/text"},
		"internal/fetch":         {"internal/coc", "internal/hint", "internal/text"},
		"internal/db":            {"internal/audit", "internal/coc", "internal/diff", "internal/hint", "migrations"},
		"internal/mask":          {"internal/coc"},
		"internal/notify":        {"internal/coc", "internal/diff", "internal/hint", "internal/mask", "internal/text"},
		"internal/history":       {"internal/db", "internal/diff", "internal/audit", "internal/coc", "internal/hint", "internal/text"},
		"internal/answer":        {"internal/audit", "internal/coc", "internal/db", "internal/diff", "internal/history", "internal/hint", "internal/schedule", "internal/text"},
		"internal/syncer":        {"internal/coc", "internal/diff", "internal/hint", "internal/text"},
		"internal/daemon":        {"internal/config", "internal/syncer", "internal/notify", "internal/coc", "internal/hint"},
		"internal/web":           {"internal/answer", "internal/history", "internal/db", "internal/diff", "internal/coc", "internal/hint", "internal/text"},
	}
}

// A new arrow between packages is a decision: it goes into the table, or not in.
func TestNoNewArrows(t *testing.T) {
	allowed := arrows()
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if name := entry.Name(); name == "testdata" || name == "tools" || name == "bin" || len(name) > 1 && strings.HasPrefix(name, ".") {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		room := path.Dir(filepath.ToSlash(file))
		may, known := allowed[room]
		if !known {
			t.Errorf("%s: package %s is not in the table of arrows", file, room)
			return nil
		}
		for _, to := range importsOf(t, file) {
			if !slices.Contains(may, to) && !slices.Contains(may, "*") {
				t.Errorf("%s: %s may not import %s", file, room, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// importsOf returns the packages of this module that a file imports.
func importsOf(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: import %s: %v", file, spec.Path.Value, err)
		}
		if ours, ok := strings.CutPrefix(name, "cocsync/"); ok {
			list = append(list, ours)
		}
	}
	return list
}
