package diff

import (
	"bytes"
	"slices"

	"cocsync/internal/diff/lines"
)

// Consecutive versions of a job differ in a step or two, and parsing YAML costs
// more than all else here together. So a content is cut at the keys of its top
// level and at the steps below them; a part that stood in the version before,
// byte for byte, is not parsed again.
//
// A part may stand for itself because block YAML ends with its indentation. What
// would reach over a cut (a quoted text, a flow collection) leaves a part that
// cannot be parsed alone, and an anchor may stand in another part: then, and
// whenever something looks unusual, the content is parsed whole.

// part is a text of whole lines within a content.
type part struct {
	text  string // of the content's one copy: texts are looked up in parts
	first int    // its first line, counted from 0
	lines [][]byte
}

// piece is one key of the top level with all that stands under it.
type piece struct {
	key string
	part
	items []part // the elements of a list; nil: not cut
}

// parts are values by the text that they were read from: keys of the top level,
// and elements of a list. Their lines count from the first of that text.
type parts map[string]slot

// split cuts a content into pieces; nil when it is not plain enough.
func split(t *Text) []piece {
	var pieces []piece
	text := string(t.Content)
	begin := mark{}
	at := begin // of the line
	end := func() {
		if n := len(pieces); n > 0 { // what comes before the first key belongs to it
			pieces[n-1].cut(part{text[begin.offset:at.offset], begin.line, t.Lines[begin.line:at.line]})
			begin = at
		}
	}
	for i, line := range t.Lines {
		switch key, ok := topKey(line); {
		case ok:
			end()
			pieces = append(pieces, piece{key: key})
		case blank(line) || line[0] == '#':
		case len(pieces) == 0:
			return nil
		case line[0] == ' ' || bytes.HasPrefix(line, []byte("- ")):
		default:
			return nil // a document marker, a quoted key, a text that goes on …
		}
		at = mark{at.offset + len(line), i + 1}
	}
	end()
	return pieces
}

// mark is a place between two lines of a content.
type mark struct{ offset, line int }

// topKey returns the key of a line such as `steps:`.
func topKey(line []byte) (string, bool) {
	for i, c := range line {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', i > 0 && ('0' <= c && c <= '9' || c == '-'):
		case c == ':' && i > 0 && (i+1 == len(line) || bytes.IndexByte([]byte(" \r\n"), line[i+1]) >= 0):
			return string(line[:i]), true
		default:
			return "", false
		}
	}
	return "", false
}

// blank reports whether a line holds nothing but white space.
func blank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// cut takes in the piece's text, and cuts the elements of its list where they
// begin at one indentation.
func (p *piece) cut(whole part) {
	p.part = whole
	var begin, at mark // of the element and of the line, counted from the piece
	indent := -1       // of the list's dashes
	key := false
	var items []part
	end := func() {
		items = append(items, part{whole.text[begin.offset:at.offset], whole.first + begin.line, whole.lines[begin.line:at.line]})
		begin = at
	}
	for i, line := range whole.lines {
		in := len(line) - len(bytes.TrimLeft(line, " "))
		switch {
		case blank(line) || line[in] == '#':
		case !key:
			if string(bytes.TrimRight(line, " \r\n")) != p.key+":" {
				return
			}
			key = true
		case indent < 0 && bytes.HasPrefix(line[in:], []byte("- ")):
			indent, begin = in, at
		case indent < 0 || in < indent || in == indent && !bytes.HasPrefix(line[in:], []byte("- ")):
			return // no list, or one that ends here
		case in == indent:
			end()
		}
		at = mark{at.offset + len(line), i + 1}
	}
	if indent >= 0 {
		end()
		p.items = items
	}
}

// index keeps the values of a tree by their texts.
func index(pieces []piece, t *tree) parts {
	if t == nil || t.anchors || t.root.kind != mapping || len(t.root.pairs) != len(pieces) {
		return nil
	}
	n := len(pieces)
	for _, p := range pieces {
		n += len(p.items)
	}
	known := make(parts, n)
	for i, p := range pieces {
		pair := t.root.pairs[i]
		if pair.key != (key{plainTag(p.key), p.key}) {
			return nil
		}
		known[p.text] = pair.shift(t.origin - p.first)
		if pair.value.kind == list && len(pair.value.items) == len(p.items) {
			for j, item := range p.items {
				known[item.text] = pair.value.items[j].shift(t.origin + pair.origin - item.first)
			}
		}
	}
	return known
}

// shift returns the slot with its lines counted from another one.
func (s slot) shift(lines int) slot {
	s.at += lines
	s.origin += lines
	return s
}

// assemble makes a tree of pieces, parsing those that are not known. It returns
// nil when the content must be parsed whole.
func assemble(pieces []piece, known parts) *tree {
	if len(pieces) == 0 || !worthwhile(pieces, known) {
		return nil
	}
	var r reader
	root := &node{kind: mapping, tag: "!!map", pairs: make([]pair, len(pieces))}
	for i, p := range pieces {
		s, ok := known[p.text]
		if !ok {
			s, ok = r.piece(p, known)
		}
		if !ok {
			return nil
		}
		root.pairs[i] = pair{key{plainTag(p.key), p.key}, s.shift(p.first)}
	}
	if _, twice := root.index(); twice || root.measure() != nil {
		return nil
	}
	r.seal(root)
	last := pieces[len(pieces)-1]
	return &tree{root: root, documents: 1, lines: last.first + len(last.lines)}
}

// worthwhile reports whether at least half of the pieces' bytes are known:
// parsing many small parts costs more than parsing all at once.
func worthwhile(pieces []piece, known parts) bool {
	have, all := 0, 0
	for _, p := range pieces {
		all += len(p.text)
		if _, ok := known[p.text]; ok {
			have += len(p.text)
			continue
		}
		for _, item := range p.items {
			if _, ok := known[item.text]; ok {
				have += len(item.text)
			}
		}
	}
	return 2*have >= all && have > 0
}

// piece returns the value of one key, whose list is put together of its elements
// where it was cut; false when the content must be parsed whole.
func (r *reader) piece(p piece, known parts) (_ slot, ok bool) {
	if p.items == nil {
		t := alone(p.part, mapping)
		if t == nil || t.root.pairs[0].key != (key{plainTag(p.key), p.key}) {
			return slot{}, false
		}
		return t.root.pairs[0].shift(t.origin), true
	}
	n := &node{kind: list, tag: "!!seq", items: make([]slot, len(p.items))}
	for i, item := range p.items {
		s, ok := known[item.text]
		if !ok {
			t := alone(item, list)
			if t == nil {
				return slot{}, false
			}
			s = t.root.items[0].shift(t.origin)
		}
		n.items[i] = s.shift(item.first - p.items[0].first)
	}
	if n.measure() != nil {
		return slot{}, false
	}
	r.seal(n)
	s := slot{value: n, at: slices.IndexFunc(p.lines, func(line []byte) bool { _, ok := topKey(line); return ok })}
	s.origin = p.items[0].first - p.first
	last := n.items[len(n.items)-1]
	s.lines = s.origin + last.at + last.lines - s.at
	return s, true
}

// alone parses a part by itself; nil unless it is one key or one element.
func alone(p part, want kind) *tree {
	t, _ := parse(lines.Text{Content: []byte(p.text), Lines: p.lines})
	if t == nil || t.anchors || t.root.kind != want || len(t.root.pairs)+len(t.root.items) != 1 {
		return nil
	}
	return t
}
