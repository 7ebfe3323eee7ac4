package diff

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// The bounds of what is read as a structure. COC takes 64 KB of content.
const (
	maxContent   = 128 << 10 // bytes
	maxDocuments = 1000
	maxDepth     = 200     // collections inside each other, aliases followed
	maxValues    = 200_000 // values in all, each alias counted with all it stands for
)

// parse reads the structure of a content, or says in one line why it has none.
// Nothing, and nothing but comments, is an empty mapping. Several YAML documents
// are a list of them. s takes in how it is written; nil: nobody asks.
func parse(content []byte, s *shape) (t *tree, why string) {
	if len(content) > maxContent {
		return nil, fmt.Sprintf("longer than %d KB", maxContent>>10)
	}
	// The loader turns its own panics into errors. One that it overlooks on
	// some hostile content must not cost more than that content's structure.
	defer func() {
		if p := recover(); p != nil {
			t, why = nil, "the YAML reader broke on it"
		}
	}()
	loader, err := yaml.NewLoader(bytes.NewReader(content), yaml.WithPlugin(limits{}))
	if err != nil {
		return nil, loadFault(err)
	}
	r := reader{anchored: map[*yaml.Node]*node{}, shape: s}
	var documents []*node
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
		r.see(&y, "")
		for _, child := range y.Content { // one, or none
			n, err := r.node(child)
			if err != nil {
				return nil, oneLine(err.Error(), maxReason)
			}
			documents = append(documents, n)
		}
	}
	root, err := r.root(documents)
	if err != nil {
		return nil, oneLine(err.Error(), maxReason)
	}
	return &tree{root: root, anchors: len(r.anchored) > 0}, ""
}

// maxReason bounds the reason why there is no structure, in runes.
const maxReason = 150

// loadFault words a fault of the YAML itself.
func loadFault(err error) string {
	var fault *yaml.LoadError
	if !errors.As(err, &fault) {
		return oneLine(err.Error(), maxReason)
	}
	if fault.Mark.Line == 0 {
		return oneLine(fault.Message, maxReason)
	}
	return oneLine(fmt.Sprintf("line %d: %s", fault.Mark.Line, fault.Message), maxReason)
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

// reader turns YAML nodes into our own, which are lighter and know their sums.
type reader struct {
	// anchored holds what aliases may stand for; nil while it is being read,
	// so that an alias inside its own anchor is seen.
	anchored map[*yaml.Node]*node
	shape    *shape
	buf      []byte
}

func (r *reader) see(y *yaml.Node, value string) {
	if r.shape != nil {
		r.shape.see(y, value)
	}
}

// root makes one tree of a stream's documents.
func (r *reader) root(documents []*node) (*node, error) {
	root := &node{kind: mapping, tag: "!!map"}
	switch {
	case len(documents) > 1:
		root = &node{kind: list, tag: "!!seq", items: documents}
	case len(documents) == 1 && documents[0].kind != scalar:
		return documents[0], nil
	case len(documents) == 1 && documents[0].tag != "!!null":
		return nil, errors.New("plain text")
	}
	if err := root.measure(); err != nil {
		return nil, err
	}
	r.seal(root)
	return root, nil
}

func (r *reader) node(y *yaml.Node) (*node, error) {
	if y.Kind == yaml.AliasNode {
		n := r.anchored[y.Alias]
		if n == nil {
			return nil, fmt.Errorf("line %d: alias *%s stands inside its own anchor", y.Line, y.Value)
		}
		r.see(y, y.Value)
		return n, nil
	}
	if y.Anchor != "" {
		r.anchored[y] = nil
	}
	n, err := r.collect(y)
	if err != nil {
		return nil, err
	}
	if err := n.measure(); err != nil {
		return nil, fmt.Errorf("line %d: %w", y.Line, err)
	}
	r.see(y, n.value)
	r.seal(n)
	if y.Anchor != "" {
		r.anchored[y] = n
	}
	return n, nil
}

// collect reads what a node holds.
func (r *reader) collect(y *yaml.Node) (*node, error) {
	switch y.Kind {
	case yaml.SequenceNode:
		n := &node{kind: list, tag: y.ShortTag(), items: make([]*node, len(y.Content))}
		for i, child := range y.Content {
			item, err := r.node(child)
			if err != nil {
				return nil, err
			}
			n.items[i] = item
		}
		return n, nil
	case yaml.MappingNode:
		return r.mapping(y)
	}
	n := &node{tag: y.ShortTag(), value: y.Value}
	switch n.tag { // spellings of one value
	case "!!null":
		n.value = "null"
	case "!!bool":
		n.value = strings.ToLower(n.value)
	}
	return n, nil
}

func (r *reader) mapping(y *yaml.Node) (*node, error) {
	n := &node{kind: mapping, tag: y.ShortTag(), pairs: make([]pair, len(y.Content)/2)}
	for i := range n.pairs {
		at := y.Content[2*i]
		k, err := r.node(at)
		if err != nil {
			return nil, err
		}
		if k.kind != scalar {
			return nil, fmt.Errorf("line %d: a key that is a collection", at.Line)
		}
		v, err := r.node(y.Content[2*i+1])
		if err != nil {
			return nil, err
		}
		n.pairs[i] = pair{key{k.tag, k.value}, v}
	}
	if i, found := n.index(); found {
		return nil, fmt.Errorf("line %d: duplicate key %q", y.Content[2*i].Line, cut(n.pairs[i].key.value, maxLabel))
	}
	return n, nil
}
