// Package cocsync_test holds what is true of the whole tree.
package cocsync_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowedImports are all packages of the program and which others each may import. They
// keep the adapters (fetch, db, notify) apart, and what is pure, pure.
func allowedImports() map[string][]string {
	return map[string][]string{
		"cmd/cocsync":             {"*"},
		"internal/coc":            {},
		"internal/text":           {},
		"internal/term":           {"internal/text"},
		"internal/diff":           {"internal/coc", "internal/diff/lines", "internal/text"},
		"internal/diff/lines":     {}, // the record of a difference: no parser has a say in it
		"internal/diff/difftest":  {},
		"internal/audit":          {},
		"internal/witness":        {"internal/audit", "internal/coc"},
		"contrib/verifier":        {},
		"contrib/verifier/verify": {}, // it shares no code with the program
		"internal/cocsim":         {}, // so that it does not share fetch's mistakes
		"internal/hint":           {"internal/text"},
		"migrations":              {},
		"internal/schedule":       {"internal/hint"},
		"internal/config":         {"internal/audit", "internal/coc", "internal/hint", "internal/schedule", "internal/text"},
		"internal/fetch":          {"internal/coc", "internal/hint", "internal/text"},
		"internal/db/dbtest":      {"internal/coc", "internal/db"},
		"internal/db":             {"internal/audit", "internal/coc", "internal/diff", "internal/hint", "internal/text", "internal/witness", "migrations"},
		"internal/mask":           {"internal/coc"},
		"internal/notify":         {"internal/coc", "internal/diff", "internal/hint", "internal/mask", "internal/text"},
		"internal/query":          {"internal/audit", "internal/coc", "internal/db", "internal/diff", "internal/hint", "internal/schedule", "internal/text"},
		"internal/syncer":         {"internal/coc", "internal/diff", "internal/hint", "internal/text"},
		"internal/daemon":         {"internal/coc", "internal/syncer"},
		"internal/web":            {"internal/coc", "internal/diff", "internal/hint", "internal/query", "internal/text"},
	}
}

// A new import between packages is a decision: it goes into the table, or not in. What the
// table allows and nothing uses is removed from it.
func TestImports(t *testing.T) {
	allowed := allowedImports()
	used := map[string]map[string]bool{}
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
		from := path.Dir(filepath.ToSlash(file))
		may, known := allowed[from]
		if !known {
			t.Errorf("%s: package %s is not in the table of imports", file, from)
			return nil
		}
		if used[from] == nil {
			used[from] = map[string]bool{}
		}
		for _, to := range importsOf(t, file) {
			used[from][to] = true
			if !slices.Contains(may, to) && !slices.Contains(may, "*") {
				t.Errorf("%s: %s may not import %s", file, from, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for from, may := range allowed {
		for _, to := range may {
			if to != "*" && !used[from][to] {
				t.Errorf("%s may import %s, which no file of it does", from, to)
			}
		}
	}
}

// No chain of imports among cmd and internal becomes longer.
func TestImportChains(t *testing.T) {
	allowed := allowedImports()
	var longest func(from string) []string
	longest = func(from string) (chain []string) {
		for _, to := range allowed[from] {
			if next := longest(to); len(next) > len(chain) {
				chain = next
			}
		}
		return append([]string{from}, chain...)
	}
	all := slices.DeleteFunc(slices.Sorted(maps.Keys(allowed)), func(p string) bool { return p == "cmd/cocsync" || p == "migrations" })
	allowed["cmd/cocsync"] = all
	if chain := longest("cmd/cocsync"); len(chain) > 6 {
		t.Errorf("%d packages in %s, want at most 6", len(chain), strings.Join(chain, " → "))
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
		if internal, ok := strings.CutPrefix(name, "cocsync/"); ok {
			list = append(list, internal)
		}
	}
	return list
}
