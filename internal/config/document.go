package config

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// document is the text of a config file and where each key stands in it. The
// library's own decoder stops at the first wrong type and does not say where a
// key stood; its parser does, so keys and types are looked at here first, and
// what is wrong is taken out before the rest is decoded.
type document struct {
	file     string
	text     []byte // what is wrong is blank
	newlines []int  // offsets
	// lines tells the line of each path, such as watch[1].select.all.
	lines map[string]int
	// bad holds the paths of keys that were taken out, and of the tables in
	// braces around them: what is missed there is no fault of its own.
	bad      map[string]bool
	counts   map[string]int // tables of an array so far, by path
	broken   bool           // what stands in which table is not known
	problems []Problem
}

func newDocument(file string, text []byte) *document {
	text = bytes.TrimPrefix(text, []byte("\uFEFF")) // some editors begin a file with it
	d := &document{
		file: file, text: slices.Clip(bytes.Clone(text)),
		lines: map[string]int{}, bad: map[string]bool{}, counts: map[string]int{},
	}
	for i, b := range text {
		if b == '\n' {
			d.newlines = append(d.newlines, i)
		}
	}
	return d
}

// again returns the document for another check, without problems. A Config that
// was not loaded has none, and problems then stand in no line.
func (d *document) again() *document {
	if d == nil {
		return &document{}
	}
	return &document{file: d.file, lines: d.lines}
}

// scan finds every key, and reports those that are unknown or of a wrong type.
func scan(file string, text []byte) *document {
	d := newDocument(file, text)
	var p unstable.Parser
	p.Reset(slices.Clip(bytes.Clone(d.text))) // d.text is blanked while it is read
	section := table{typ: reflect.TypeFor[Config]()}
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			section = d.header(e)
		case unstable.KeyValue:
			before := len(d.problems)
			path := d.keyValue(section, e)
			if section.typ == nil || len(d.problems) > before {
				d.spoil(path)
				d.blank(int(e.Raw.Offset), int(e.Raw.Offset+e.Raw.Length))
			}
		}
	}
	if err := p.Error(); err != nil {
		d.broken = true
		d.syntax(err)
	}
	return d
}

const tomlAdvice = "each key stands once in its table, texts in quotes, lists in brackets; see https://toml.io"

// maxDecodes bounds how often a text is decoded again without a line that the
// library refused.
const maxDecodes = 20

// decode reads the text strictly into cfg. A line that the library refuses, such as
// a key given twice, is reported and taken out, so that it hides no other fault.
// decode reports false when there is nothing that could be checked further.
func (d *document) decode(cfg *Config) bool {
	for range maxDecodes {
		if d.broken {
			return false
		}
		read := Default()
		read.doc = cfg.doc
		err := toml.NewDecoder(bytes.NewReader(d.text)).DisallowUnknownFields().Decode(read)
		if err == nil {
			*cfg = *read
			return true
		}
		at, ok := errors.AsType[*toml.DecodeError](err)
		if !ok {
			d.add(0, err.Error(), tomlAdvice)
			return false
		}
		line, _ := at.Position()
		d.add(line, strings.TrimPrefix(at.Error(), "toml: "), tomlAdvice)
		d.broken = !d.blankKey(line)
	}
	return false
}

// blankKey takes the line of a key and its value out. It reports false where that
// would change the meaning of other lines: a table's header, or a value of several
// lines.
func (d *document) blankKey(line int) bool {
	from := 0
	if line > 1 && line-2 < len(d.newlines) {
		from = d.newlines[line-2] + 1
	}
	if text := bytes.TrimSpace(d.text[from:]); len(text) == 0 || text[0] == '[' {
		return false
	}
	d.blankLine(from)
	for path, at := range d.lines {
		if at == line {
			d.spoil(path)
		}
	}
	var p unstable.Parser
	p.Reset(slices.Clip(bytes.Clone(d.text)))
	for p.NextExpression() {
	}
	return p.Error() == nil
}

// syntax reports where the parser stopped.
func (d *document) syntax(err error) {
	line := 0
	if at := new(unstable.ParserError); errors.As(err, &at) {
		// A highlight is a slice of the parser's text, whose capacity is its
		// length, and so shares its end.
		line = d.lineAt(len(d.text) - cap(at.Highlight))
	}
	d.add(line, "this is no TOML: "+err.Error(), tomlAdvice)
}

func (d *document) add(line int, fault, hint string) {
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Fault: fault, Hint: hint})
}

// spoil marks a key as one that was there and was wrong.
func (d *document) spoil(path string) {
	for ; path != "" && !strings.HasSuffix(path, "]"); path = parentOf(path) {
		d.bad[path] = true
	}
}

// lineOf is the line of a path or of what it lies in; 0 when that is the file.
func (d *document) lineOf(path string) int {
	for ; path != ""; path = parentOf(path) {
		if line, ok := d.lines[path]; ok {
			return line
		}
	}
	return 0
}

func (d *document) lineAt(offset int) int { return sort.SearchInts(d.newlines, offset) + 1 }

// blank takes a part of the text out and leaves its lines.
func (d *document) blank(from, to int) {
	for i := from; i < to; i++ {
		if d.text[i] != '\n' {
			d.text[i] = ' '
		}
	}
}

func (d *document) blankLine(offset int) {
	from := bytes.LastIndexByte(d.text[:offset], '\n') + 1
	to := len(d.text)
	if n := bytes.IndexByte(d.text[offset:], '\n'); n >= 0 {
		to = offset + n
	}
	d.blank(from, to)
}
