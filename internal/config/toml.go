package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// document is the text of a config file, with the line of each key and the
// problems found so far. The library parses the text one table at a time, so that
// an error in one table hides none in another: docs/decisions/0017-toml.md.
type document struct {
	file string
	text []string // one element for each line; "\n" where the line was rejected
	// lines holds the line of each key, by paths such as watch[1].select.all.
	lines map[string]int
	// unread fill lines with the keys of a table. They run only if a problem needs a
	// line, because each position costs the library a pass over the table.
	unread []func()
	// bad holds the paths of keys that were reported and of the tables in braces
	// around them. Nothing more is reported about them.
	bad      map[string]bool
	arrays   map[string]int // the number of [[…]] so far, by path
	broken   bool           // the text is invalid TOML, so keys may be missing
	problems []Problem
}

func newDocument(file string, text []byte) *document {
	return &document{
		file: file, text: strings.SplitAfter(string(bytes.TrimPrefix(text, []byte(byteOrderMark))), "\n"),
		lines: map[string]int{}, bad: map[string]bool{}, arrays: map[string]int{},
	}
}

// forCheck returns the document for another check: without problems. The document of
// a Config that was not loaded is nil; its problems have no line.
func (d *document) forCheck() *document {
	if d == nil {
		return &document{bad: map[string]bool{}}
	}
	return &document{file: d.file, lines: d.lines, unread: d.unread, bad: map[string]bool{}}
}

// decode reads the text into cfg and reports invalid TOML, unknown keys and wrong
// types. It returns false if keys may be missing, so that checks are pointless.
func (d *document) decode(cfg *Config) bool {
	for from, to := 0, 0; from < len(d.text); from = to {
		to = d.tableEnd(from)
		d.section(reflect.ValueOf(cfg).Elem(), from, to)
	}
	// The tables are valid one by one. The whole is not if one is given twice.
	if err := unmarshal(d.text, &map[string]any{}); err != nil && !d.broken {
		d.add(errorLine(err), errorText(err), tomlAdvice)
		d.broken = true
	}
	return !d.broken
}

// isHeader reports whether a line begins a table. No key of the config takes a list
// of lists or text of several lines, so a line that begins with [ is a header.
func isHeader(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "[") }

// tableEnd returns the end of the table that begins at a line.
func (d *document) tableEnd(from int) int {
	if n := slices.IndexFunc(d.text[from+1:], isHeader); n >= 0 {
		return from + 1 + n
	}
	return len(d.text)
}

// section reads one table, text[from:to], into cfg: its header, which the first one
// does not have, and the keys below it.
func (d *document) section(cfg reflect.Value, from, to int) {
	prefix, body := "", from
	if isHeader(d.text[from]) {
		body++
	}
	tree, end := d.parse(from, to)
	for _, header := range keysIn(d.text[from:min(body, end)]) {
		prefix = d.header(header.Key(), from+1)
	}
	d.noteKeys(prefix, min(body, end), end)
	before := len(d.problems)
	d.table(cfg, "", tree)
	for _, p := range d.problems[before:] {
		if body > from && p.Line == from+1 { // the header is rejected, so the table is not part of the whole
			for i := range d.text[from:to] {
				d.text[from+i] = "\n"
			}
		}
	}
}

// header records the line of a table and returns its path.
func (d *document) header(keys toml.Key, line int) string {
	path := ""
	for i, key := range keys {
		path = join(path, key)
		d.note(path, line)
		f, _ := fieldOf(reflect.TypeFor[Config](), key)
		if i == 0 && len(keys) == 1 && f.Type != nil && isTables(f.Type) && strings.HasPrefix(strings.TrimSpace(d.text[line-1]), "[[") {
			d.arrays[path]++
		}
		if n := d.arrays[path]; n > 0 {
			path = element(path, n-1)
			d.note(path, line)
		}
	}
	return path
}

// noteKeys records the lines of the keys in text[from:to], which are in the table prefix.
func (d *document) noteKeys(prefix string, from, to int) {
	d.unread = append(d.unread, func() {
		for _, e := range keysIn(d.text[from:to]) {
			line, _ := e.Position()
			path := prefix
			for _, key := range e.Key() {
				path = join(path, key)
				d.note(path, from+line)
			}
		}
	})
}

const tomlAdvice = "write each key once per table, text in quotes and lists in brackets; see https://toml.io"

// parse returns the keys of text[from:to]. A key that the library rejects, such as one
// that is given twice, is reported, and its line is dropped. If the text is invalid, parse
// returns the keys before the error, and where they end.
func (d *document) parse(from, to int) (map[string]any, int) {
	for {
		tree := map[string]any{}
		err := unmarshal(d.text[from:to], &tree)
		if err == nil {
			return tree, to
		}
		at := from + max(errorLine(err), 1) - 1
		e, ok := errors.AsType[*toml.DecodeError](err)
		if !ok || len(e.Key()) == 0 || d.text[at] == "\n" {
			d.broken = true
			d.add(at+1, "invalid TOML: "+errorText(err), tomlAdvice)
			tree = map[string]any{}
			if unmarshal(d.text[from:at], &tree) != nil {
				return nil, from
			}
			return tree, at
		}
		d.add(at+1, errorText(err), tomlAdvice)
		d.text[at] = "\n"
	}
}

// keysIn returns every key of a text and its position; none if the text is invalid. An
// empty struct has no fields, so the library's strict mode reports each key.
func keysIn(text []string) []toml.DecodeError {
	if missing, ok := errors.AsType[*toml.StrictMissingError](unmarshal(text, &struct{}{})); ok {
		return missing.Errors
	}
	return nil
}

func unmarshal(text []string, v any) error {
	return toml.NewDecoder(strings.NewReader(strings.Join(text, ""))).DisallowUnknownFields().Decode(v)
}

// errorLine returns the line of an error of the library; 0 if it has none.
func errorLine(err error) int {
	if e, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := e.Position()
		return line
	}
	return 0
}

func errorText(err error) string { return strings.TrimPrefix(err.Error(), "toml: ") }

func (d *document) add(line int, problem, advice string) {
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Fault: problem, Hint: advice})
}

// note records the line of a path, unless it has one.
func (d *document) note(path string, line int) {
	if _, ok := d.lines[path]; !ok {
		d.lines[path] = line
	}
}

// spoil marks a key as reported. An element of a list marks the list.
func (d *document) spoil(path string) {
	if strings.HasSuffix(path, "]") {
		path = parentOf(path)
	}
	for ; path != "" && !strings.HasSuffix(path, "]"); path = parentOf(path) {
		d.bad[path] = true
	}
}

// lineOf returns the line of a path, or of the nearest list or table around it; 0 if that
// is the file.
func (d *document) lineOf(path string) int {
	for _, read := range d.unread {
		read()
	}
	d.unread = nil
	for ; path != ""; path = parentOf(path) {
		if line, ok := d.lines[path]; ok {
			return line
		}
	}
	return 0
}

// element is the path of an element of a list.
func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
