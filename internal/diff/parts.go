package diff

import "bytes"

// Consecutive versions of a job differ in a step or two, and parsing YAML costs
// more than all else here together. So a content is cut at the keys of its top
// level and at the steps below them; a part that stood in the version before,
// byte for byte, is not parsed again.
//
// A part may stand for itself because block YAML ends with its indentation. What
// would reach over a cut (a quoted text, a flow collection) leaves a part that
// cannot be parsed alone, and an anchor may stand in another part: then, and
// whenever something looks unusual, the content is parsed whole.

// piece is one key of the top level with all that stands under it.
type piece struct {
	key   string
	text  []byte   // all of it
	items [][]byte // the elements of a list, one text each; nil: not cut
}

// parts are nodes by the text that they were read from: keys of the top level,
// and elements of a list.
type parts map[string]*node

// split cuts a content into pieces; nil when it is not plain enough.
func split(t *Text) []piece {
	var pieces []piece
	at, begin, first := 0, 0, 0 // bytes before the line, before the piece; its first line
	for i, line := range t.lines {
		switch key, ok := topKey(line); {
		case ok:
			if n := len(pieces); n > 0 { // what comes before the first key belongs to it
				pieces[n-1].cut(t.content[begin:at], t.lines[first:i])
				begin, first = at, i
			}
			pieces = append(pieces, piece{key: key})
		case blank(line) || line[0] == '#':
		case len(pieces) == 0:
			return nil
		case line[0] == ' ' || bytes.HasPrefix(line, []byte("- ")):
		default:
			return nil // a document marker, a quoted key, a text that goes on …
		}
		at += len(line)
	}
	if n := len(pieces); n > 0 {
		pieces[n-1].cut(t.content[begin:], t.lines[first:])
	}
	return pieces
}

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
func (p *piece) cut(text []byte, lines [][]byte) {
	p.text = text
	at, begin, indent := 0, -1, -1 // bytes before the line, before the element; the list's indentation
	key := false
	var items [][]byte
	for _, line := range lines {
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
			items = append(items, text[begin:at])
			begin = at
		}
		at += len(line)
	}
	if indent >= 0 {
		p.items = append(items, text[begin:])
	}
}

// index keeps the nodes of a tree by their texts.
func index(pieces []piece, t *tree) parts {
	if t == nil || t.anchors || t.root.kind != mapping || len(t.root.pairs) != len(pieces) {
		return nil
	}
	known := parts{}
	for i, p := range pieces {
		pair := t.root.pairs[i]
		if pair.key != (key{"!!str", p.key}) {
			return nil
		}
		known[string(p.text)] = pair.value
		if pair.value.kind == list && len(pair.value.items) == len(p.items) {
			for j, item := range p.items {
				known[string(item)] = pair.value.items[j]
			}
		}
	}
	return known
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
		value := known[string(p.text)]
		if value == nil {
			value = r.piece(p, known)
		}
		if value == nil {
			return nil
		}
		root.pairs[i] = pair{key{"!!str", p.key}, value}
	}
	if _, twice := root.index(); twice || root.measure() != nil {
		return nil
	}
	r.seal(root)
	return &tree{root: root}
}

// worthwhile reports whether at least half of the pieces' bytes are known:
// parsing many small parts costs more than parsing all at once.
func worthwhile(pieces []piece, known parts) bool {
	have, all := 0, 0
	for _, p := range pieces {
		all += len(p.text)
		if known[string(p.text)] != nil {
			have += len(p.text)
			continue
		}
		for _, item := range p.items {
			if known[string(item)] != nil {
				have += len(item)
			}
		}
	}
	return 2*have >= all && have > 0
}

// piece returns the value of one key, whose list is put together of its elements
// where it was cut; nil when the content must be parsed whole.
func (r *reader) piece(p piece, known parts) *node {
	if p.items == nil {
		if n := alone(p.text, mapping); n != nil && n.pairs[0].key == (key{"!!str", p.key}) {
			return n.pairs[0].value
		}
		return nil
	}
	n := &node{kind: list, tag: "!!seq", items: make([]*node, len(p.items))}
	for i, item := range p.items {
		if n.items[i] = known[string(item)]; n.items[i] != nil {
			continue
		}
		one := alone(item, list)
		if one == nil {
			return nil
		}
		n.items[i] = one.items[0]
	}
	if n.measure() != nil {
		return nil
	}
	r.seal(n)
	return n
}

// alone parses a part by itself; nil unless it is one key or one element.
func alone(text []byte, want kind) *node {
	t, _ := parse(text, nil)
	if t == nil || t.anchors || t.root.kind != want || len(t.root.pairs)+len(t.root.items) != 1 {
		return nil
	}
	return t.root
}
