package diff

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// tree is the structure of one content.
type tree struct {
	root    *node
	anchors bool // it has anchors, so a part does not contain everything it refers to

	documents int // of the stream; several are the elements of a list
	lines     int // of the content
}

// node is a value of the DSL. Targets of aliases are shared, so the nodes of a tree
// are a graph without cycles, no deeper than maxDepth and with no more than maxValues
// values: a walk over all of it is bounded.
type node struct {
	kind  kind
	tag   string // YAML's short tag: !!str, !!int, !Ref
	value string // of a scalar
	items []slot
	pairs []pair  // in the order of the content
	byKey []int32 // positions of pairs, sorted by key
	sum   sum     // equal sums: equal values

	style  yaml.Style // how it is written
	anchor string     // its name, for aliases

	values, depth int
}

// slot is a value in a collection. Lines are those of the content, counted from 0.
type slot struct {
	value *node
	at    int  // the line it starts on, which is its key's or its dash's
	lines int  // how many lines it takes, at least 1
	first int  // the line of the value itself
	alias bool // its parts are at the anchor
}

type kind byte

const (
	scalar kind = iota
	list
	mapping
)

// key is a scalar that leads to a value in a mapping.
type key struct{ tag, value string }

func (k key) compare(o key) int {
	return cmp.Or(strings.Compare(k.value, o.value), strings.Compare(k.tag, o.tag))
}

// node is the key as a value.
func (k key) node() *node { return &node{kind: scalar, tag: k.tag, value: k.value} }

type pair struct {
	key key
	slot
}

// sum identifies a value with everything in it. SHA-256 costs little compared with
// parsing, and no content can cause a collision.
type sum [sha256.Size]byte

func (s sum) compare(o sum) int { return slices.Compare(s[:], o[:]) }

// index sorts the keys of a mapping. If a key is repeated it returns the position of
// the second.
func (n *node) index() (twice int, found bool) {
	n.byKey = make([]int32, len(n.pairs))
	for i := range n.byKey {
		n.byKey[i] = int32(i)
	}
	slices.SortFunc(n.byKey, func(a, b int32) int {
		return cmp.Or(n.pairs[a].key.compare(n.pairs[b].key), cmp.Compare(a, b))
	})
	for i := 1; i < len(n.byKey); i++ {
		if n.pairs[n.byKey[i-1]].key == n.pairs[n.byKey[i]].key {
			return int(n.byKey[i]), true
		}
	}
	return 0, false
}

// find returns the position of a key.
func (n *node) find(k key) (int, bool) {
	i, ok := slices.BinarySearchFunc(n.byKey, k, func(i int32, k key) int {
		return n.pairs[i].key.compare(k)
	})
	if !ok {
		return 0, false
	}
	return int(n.byKey[i]), true
}

// get returns the slot of a key's value, nil if there is none.
func (n *node) get(k key) *slot {
	i, ok := n.find(k)
	if !ok {
		return nil
	}
	return &n.pairs[i].slot
}

// text returns the first of the keys whose value is a string that is not empty.
func (n *node) text(keys ...string) string {
	if n.kind != mapping {
		return ""
	}
	for _, k := range keys {
		if s := n.get(key{"!!str", k}); s != nil && s.value.kind == scalar && s.value.textual() && s.value.value != "" {
			return s.value.value
		}
	}
	return ""
}

// name is the name of an element of a list; "" if it has none. The parameters of a
// script have a param_name.
func (n *node) name() string {
	if name := n.text("name", "Name", "param_name"); len(name) <= maxName {
		return name
	}
	return "" // too long for a name
}

// task is what a step runs: COC says task, the similar format of AWS says action.
func (n *node) task() string { return n.text("task", "action") }

// isInputs reports whether a top-level key leads to a job's parameters: COC says
// inputs, AWS parameters.
func isInputs(k key) bool { return k.value == "inputs" || k.value == "parameters" }

// isTask reports whether a key leads to what a step runs.
func isTask(k string) bool { return k == "task" || k == "action" }

// nameAt returns the position of an element's name.
func (n *node) nameAt() int {
	name := n.name()
	return slices.IndexFunc(n.pairs, func(p pair) bool { return isName(p.key) && p.value.kind == scalar && p.value.value == name })
}

// withName returns a mapping under another name; its lines stay.
func (n *node) withName(name *node) *node {
	to := *n
	to.pairs = slices.Clone(n.pairs)
	to.pairs[n.nameAt()].value = name
	var r reader
	r.seal(&to)
	return &to
}

// measure counts the values of a node, aliases followed, and rejects too many.
func (n *node) measure() error {
	n.values, n.depth = 1, 0
	add := func(child *node) {
		n.values += child.values // each at most maxValues
		n.depth = max(n.depth, child.depth+1)
	}
	for _, item := range n.items {
		add(item.value)
	}
	for _, p := range n.pairs {
		add(p.value)
	}
	switch {
	case n.values > maxValues:
		return fmt.Errorf("its aliases expand to more than %d values", maxValues)
	case n.depth > maxDepth:
		return fmt.Errorf("nested more than %d deep", maxDepth)
	}
	return nil
}

// seal computes the sum of a node whose children have theirs. Each part is written
// with its length, and keys in sorted order: the order of keys is not a difference.
func (r *reader) seal(n *node) {
	buf := append(r.buf[:0], byte(n.kind))
	buf = appendPart(buf, n.tag)
	switch n.kind {
	case scalar:
		buf = append(buf, n.value...)
	case list:
		for _, item := range n.items {
			buf = append(buf, item.value.sum[:]...)
		}
	case mapping:
		for _, i := range n.byKey {
			buf = n.pairs[i].append(buf)
		}
	}
	n.sum, r.buf = sha256.Sum256(buf), buf
}

func (p pair) append(buf []byte) []byte {
	buf = appendPart(buf, p.key.tag)
	buf = appendPart(buf, p.key.value)
	return append(buf, p.value.sum[:]...)
}

func appendPart(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// isName reports whether a key leads to the name of its mapping.
func isName(k key) bool {
	return k.tag == "!!str" && (k.value == "name" || k.value == "Name" || k.value == "param_name")
}

// slot returns part i of a collection.
func (n *node) slot(i int) slot {
	if n.kind == list {
		return n.items[i]
	}
	return n.pairs[i].slot
}

// size is the number of parts of a collection.
func (n *node) size() int { return len(n.items) + len(n.pairs) }

// none is an empty collection of the kind.
func (n *node) none() *node {
	return &node{kind: n.kind, tag: n.tag, style: n.style}
}

// body is the sum of a value without its name: two with the same body are one under
// two names.
func (c candidate) body() sum {
	if !c.named {
		return c.value.sum
	}
	buf := appendPart(nil, c.value.tag)
	for _, i := range c.value.byKey {
		if p := c.value.pairs[i]; !isName(p.key) {
			buf = p.append(buf)
		}
	}
	return sha256.Sum256(buf)
}

// steps counts the steps of a job: the elements of the top-level lists with steps.
func (t *tree) steps() int {
	total := 0
	for _, p := range t.root.pairs {
		if isSteps(p.key, p.value) {
			total += len(p.value.items)
		}
	}
	return total
}

// isSteps reports whether a key leads to a list of steps: steps in a COC job,
// mainSteps in one of AWS, and any other key with this ending.
func isSteps(k key, v *node) bool {
	return v.kind == list && strings.HasSuffix(strings.ToLower(k.value), "steps")
}

// sameForm makes a list of a content's only document if the other content has several.
func sameForm(was, now *tree) (*tree, *tree) {
	if was.documents > 1 && now.documents <= 1 {
		return was, now.asList()
	}
	if now.documents > 1 && was.documents <= 1 {
		return was.asList(), now
	}
	return was, now
}

// asList is the tree as one of several documents.
func (t *tree) asList() *tree {
	root := &node{kind: list, tag: "!!seq"}
	if t.documents > 0 {
		root.items = []slot{{value: t.root, lines: max(1, t.lines)}}
	}
	var r reader
	r.seal(root)
	return &tree{root: root, documents: t.documents, lines: t.lines}
}
