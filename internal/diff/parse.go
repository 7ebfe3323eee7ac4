package diff

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"cocsync/internal/diff/lines"
	"cocsync/internal/text"
)

// Bounds of a structure. COC accepts 64 KB of content.
const (
	maxContent   = 128 << 10 // bytes
	maxDocuments = 1000
	maxDepth     = 200     // nested collections, aliases followed
	maxKey       = 1024    // bytes; https://yaml.org/spec/1.2.2/ allows no more to a plain one
	maxValues    = 200_000 // total values, each alias counted with all its target's
)

// parse parses the structure of a content, or returns why it has none, in one line. An
// empty content, or one with only comments, is an empty mapping. Several YAML
// documents are a list.
func parse(text lines.Text) (t *tree, why string) {
	switch {
	case len(text.Content) > maxContent:
		return nil, fmt.Sprintf("longer than %d KB", maxContent>>10)
	case !utf8.Valid(text.Content): // the loader would read UTF-16, whose lines differ
		return nil, "not UTF-8"
	}
	// The loader turns its own panics into errors. One that it misses for some hostile
	// content must cost only that content's structure.
	defer func() {
		if p := recover(); p != nil {
			t, why = nil, "the YAML parser failed"
		}
	}()
	loader, err := yaml.NewLoader(bytes.NewReader(text.Content), yaml.WithPlugin(limits{}))
	if err != nil {
		return nil, loadFault(err)
	}
	r := reader{anchored: map[*yaml.Node]*node{}, rows: newRows(text)}
	var documents []*yaml.Node
	for {
		var y yaml.Node
		if err := loader.Load(&y); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, loadFault(err)
		}
		if len(documents) == maxDocuments {
			return nil, fmt.Sprintf("more than %d documents", maxDocuments)
		}
		documents = append(documents, y.Content...) // one, or none
	}
	t, err = r.tree(documents)
	if err != nil {
		return nil, loadFault(err)
	}
	return t, ""
}

// maxReason bounds the reason why there is no structure, in runes.
const maxReason = 150

// loadFault returns the message of invalid YAML.
func loadFault(err error) string {
	var fault *yaml.LoadError
	if !errors.As(err, &fault) {
		return text.Line(err.Error(), maxReason)
	}
	if fault.Mark.Line == 0 {
		return text.Line(fault.Message, maxReason)
	}
	return text.Line(fmt.Sprintf("line %d: %s", fault.Mark.Line, fault.Message), maxReason)
}

// limits stops the loader early. It sees no aliases, because Nodes keep them
// unexpanded; reader bounds those.
type limits struct{}

func (limits) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep", maxDepth)
	}
	return nil
}

func (limits) CheckAlias(int, int) error { return nil }

// reader turns YAML nodes into nodes of this package, which are smaller and have sums
// and lines.
type reader struct {
	// anchored has the targets of aliases; nil while one is being read, so that an alias
	// inside its own anchor is detected.
	anchored map[*yaml.Node]*node
	rows     rows
	buf      []byte
	nodes    []node // unused ones: they are allocated 64 at a time
}

// tree makes one tree of a stream's documents.
func (r *reader) tree(documents []*yaml.Node) (*tree, error) {
	t := &tree{root: &node{kind: mapping, tag: "!!map"}, documents: len(documents), lines: len(r.rows.lines)}
	switch len(documents) {
	case 0:
	case 1:
		y := documents[0]
		n, _, err := r.node(y, limit{line: len(r.rows.lines)})
		if err != nil {
			return nil, err
		}
		if n.kind == scalar && n.tag != "!!null" {
			return nil, errors.New("plain text")
		}
		if n.kind != scalar {
			t.root, t.anchors = n, len(r.anchored) > 0
			return t, nil
		}
	default:
		var err error
		if t.root.items, err = r.items(documents, limit{line: len(r.rows.lines)}); err != nil {
			return nil, err
		}
		t.root.kind, t.root.tag = list, "!!seq"
	}
	if err := t.root.measure(); err != nil {
		return nil, err
	}
	r.seal(t.root)
	t.anchors = len(r.anchored) > 0
	return t, nil
}

// node reads a value, and returns the line after its last one.
func (r *reader) node(y *yaml.Node, l limit) (n *node, end int, err error) {
	if y.Kind == yaml.AliasNode {
		n := r.anchored[y.Alias]
		if n == nil {
			return nil, 0, fmt.Errorf("line %d: alias *%s is inside its own anchor", y.Line, y.Value)
		}
		return n, r.rows.of(y) + 1, nil
	}
	if y.Anchor != "" {
		r.anchored[y] = nil
	}
	n, end, err = r.collect(y, l)
	if err != nil {
		return nil, 0, err
	}
	if err := n.measure(); err != nil {
		return nil, 0, fmt.Errorf("line %d: %w", y.Line, err)
	}
	n.style, n.anchor = y.Style, y.Anchor
	r.seal(n)
	if y.Anchor != "" {
		r.anchored[y] = n
	}
	return n, end, nil
}

// collect reads the parts of a node.
func (r *reader) collect(y *yaml.Node, l limit) (n *node, end int, err error) {
	if len(r.nodes) == 0 {
		r.nodes = make([]node, 64)
	}
	n, r.nodes = &r.nodes[0], r.nodes[1:]
	n.tag = shortTag(y)
	switch y.Kind {
	case yaml.SequenceNode:
		n.kind = list
		n.items, err = r.items(y.Content, l)
	case yaml.MappingNode:
		n.kind = mapping
		n.pairs, err = r.pairs(y.Content, l)
	default:
		n.value = oneSpelling(n.tag, y.Value)
	}
	if err != nil {
		return nil, 0, err
	}
	if i, found := n.index(); found {
		return nil, 0, fmt.Errorf("line %d: duplicate key %q", y.Content[2*i].Line, text.Truncate(n.pairs[i].key.value, maxLabel))
	}
	return n, r.rows.end(y, n, l), nil
}

// oneSpelling returns a scalar's value in one spelling of the several that some types
// have.
func oneSpelling(tag, value string) string {
	switch tag {
	case "!!null":
		return "null"
	case "!!bool":
		return strings.ToLower(value) // True, TRUE
	}
	return value
}

// shortTag is the type of a value.
func shortTag(y *yaml.Node) string {
	tag := y.ShortTag()
	if tag == "!!str" && y.Kind == yaml.ScalarNode && y.Style == 0 {
		return plainTag(y.Value)
	}
	return tag
}

// oldTag is the type of a text without quotes that this loader reads as a string and
// YAML 1.1 does not: COC's parser may be of either version, so quotes around it may be
// more than formatting, and so may its spelling.
const oldTag = "!!str?"

// plainTag is the type of a text without quotes that this loader reads as a string.
func plainTag(s string) string {
	if s == "" || s == "=" {
		return oldTag
	}
	if c := s[0]; c < utf8.RuneSelf && strings.IndexByte("yYnNoO", c) >= 0 && len(s) <= len("off") {
		switch strings.ToLower(s) { // https://yaml.org/type/bool.html
		case "y", "n", "yes", "no", "on", "off":
			return oldTag
		}
	}
	if strings.IndexByte("0123456789.+-", s[0]) >= 0 && (isNumber(s) || isTime(s)) {
		return oldTag
	}
	return "!!str"
}

func (r *reader) items(all []*yaml.Node, l limit) ([]slot, error) {
	items := make([]slot, len(all))
	end := l.from
	for i, y := range all {
		at := r.rows.dash(r.rows.of(y), end)
		next := l.line
		if i+1 < len(all) {
			next = r.rows.dash(r.rows.of(all[i+1]), at)
		}
		var err error
		items[i], end, err = r.slot(y, at, limit{at, max(at+1, next), y.Column - 2})
		if err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (r *reader) pairs(all []*yaml.Node, l limit) ([]pair, error) {
	pairs := make([]pair, len(all)/2)
	for i := range pairs {
		y := all[2*i]
		var err error
		if pairs[i].key, err = r.key(y, l); err != nil {
			return nil, err
		}
		at, next := r.rows.of(y), l.line
		if 2*i+2 < len(all) {
			next = r.rows.of(all[2*i+2])
		}
		pairs[i].slot, _, err = r.slot(all[2*i+1], at, limit{at, max(at+1, next), y.Column})
		if err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// key reads a mapping's key. Most are plain, and need no node of their own.
func (r *reader) key(y *yaml.Node, l limit) (k key, err error) {
	if y.Kind == yaml.ScalarNode && y.Anchor == "" {
		k.tag = shortTag(y)
		k.value = oneSpelling(k.tag, y.Value)
	} else {
		n, _, err := r.node(y, l)
		if err != nil {
			return k, err
		}
		if n.kind != scalar {
			return k, fmt.Errorf("line %d: a key that is a collection", y.Line)
		}
		k = key{n.tag, n.value}
	}
	if len(k.value) > maxKey {
		return k, fmt.Errorf("line %d: a key longer than %d bytes", y.Line, maxKey)
	}
	return k, nil
}

// slot reads a value, whose key or dash is on the line at.
func (r *reader) slot(y *yaml.Node, at int, l limit) (s slot, end int, err error) {
	s.value, end, err = r.node(y, l)
	s.at, s.lines, s.first, s.alias = at, max(1, end-at), r.rows.of(y), y.Kind == yaml.AliasNode
	return s, end, err
}
