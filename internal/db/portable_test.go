package db

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// SQL is portable between SQLite and PostgreSQL, except in the files that a second engine
// replaces.
func TestSQLIsPortable(t *testing.T) {
	engine := []string{"db.go", "wal.go", "schema.go", "migrate.go", "backup.go", "blocks.go", "blocks_verify.go",
		"erase.go", "verify.go", "counts.go"}
	banned := map[string]*regexp.Regexp{
		"GLOB":                     regexp.MustCompile(`\bGLOB\b`),
		"iif":                      regexp.MustCompile(`\biif\(`),
		"group_concat":             regexp.MustCompile(`\bgroup_concat\(`),
		"JSON functions":           regexp.MustCompile(`\bjson_\w+\(`),
		"COLLATE":                  regexp.MustCompile(`\bCOLLATE\b`),
		"max of two":               regexp.MustCompile(`\b(max|min)\([^()]*,`),
		"a flag as a condition":    regexp.MustCompile(`\bNOT \w*\.?(partial|backfill|late|complete|published|closed|plain|routed|recorded|cut|initial)\b`),
		"rowid":                    regexp.MustCompile(`\browid\b`),
		"PRAGMA":                   regexp.MustCompile(`(?i)\bpragma_?`),
		"a subquery without alias": regexp.MustCompile(`FROM \(SELECT [^()]*\)\s*(WHERE|ORDER|LIMIT|$)`),
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	statements := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || slices.Contains(engine, file) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil || !regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE|FROM|WHERE)\b`).MatchString(text) {
				return true
			}
			statements++
			for what, re := range banned {
				if re.MatchString(text) {
					t.Errorf("%s: %s in %s", file, what, text)
				}
			}
			return true
		})
	}
	if statements < 100 {
		t.Errorf("%d statements were found", statements)
	}
}
