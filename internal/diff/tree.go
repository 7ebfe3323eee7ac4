package diff

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// tree is the structure of one content.
type tree struct {
	root    *node
	anchors bool // it holds anchors, so no part of it stands for itself
}

// node is a value of the DSL. What aliases stand for is shared, so the nodes of
// a tree are a graph without cycles, no deeper than maxDepth and standing for no
// more than maxValues values: a walk over all of it is bounded.
type node struct {
	kind  kind
	tag   string // YAML's short tag: !!str, !!int, !Ref
	value string // of a scalar
	items []*node
	pairs []pair  // in the order of the content
	byKey []int32 // places of pairs, sorted by key
	sum   sum     // equal sums: equal values

	values, depth int
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

type pair struct {
	key   key
	value *node
}

// sum stands for a value with all that is in it. SHA-256 costs little beside
// parsing, and no content can be made to collide.
type sum [sha256.Size]byte

func (s sum) compare(o sum) int { return slices.Compare(s[:], o[:]) }

// index sorts the keys of a mapping. When a key stands twice it returns the
// place of the second.
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

// get returns the value of a key, nil when there is none.
func (n *node) get(k key) *node {
	i, ok := slices.BinarySearchFunc(n.byKey, k, func(i int32, k key) int {
		return n.pairs[i].key.compare(k)
	})
	if !ok {
		return nil
	}
	return n.pairs[n.byKey[i]].value
}

// text returns the first of the keys whose value is a string that says
// something.
func (n *node) text(keys ...string) string {
	if n.kind != mapping {
		return ""
	}
	for _, k := range keys {
		if v := n.get(key{"!!str", k}); v != nil && v.kind == scalar && v.tag == "!!str" && v.value != "" {
			return v.value
		}
	}
	return ""
}

// name is what people call an element of a list; "" when it has none.
func (n *node) name() string { return n.text("name", "Name") }

// task is what a step runs: COC says task, its kin at AWS action.
func (n *node) task() string { return n.text("task", "action") }

// measure counts what a node stands for, and refuses too much of it.
func (n *node) measure() error {
	n.values, n.depth = 1, 0
	add := func(child *node) {
		n.values += child.values // each at most maxValues
		n.depth = max(n.depth, child.depth+1)
	}
	for _, item := range n.items {
		add(item)
	}
	for _, p := range n.pairs {
		add(p.value)
	}
	switch {
	case n.values > maxValues:
		return fmt.Errorf("its aliases stand for more than %d values", maxValues)
	case n.depth > maxDepth:
		return fmt.Errorf("nested more than %d deep", maxDepth)
	}
	return nil
}

// seal works out the sum of a node whose children have theirs. Each part is
// written with its length, and keys in sorted order: the order of keys is no
// difference.
func (r *reader) seal(n *node) {
	buf := append(r.buf[:0], byte(n.kind))
	buf = appendPart(buf, n.tag)
	switch n.kind {
	case scalar:
		buf = append(buf, n.value...)
	case list:
		for _, item := range n.items {
			buf = append(buf, item.sum[:]...)
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

// body is the sum of a mapping without the value of its name: two elements with
// the same body are one under two names. It reports false for what has no name
// or nothing else.
func (n *node) body() (sum, bool) {
	name := n.name()
	if name == "" || len(n.pairs) < 2 {
		return sum{}, false
	}
	buf := appendPart(nil, n.tag)
	for _, i := range n.byKey {
		p := n.pairs[i]
		if name != "" && p.value.value == name && (p.key.value == "name" || p.key.value == "Name") {
			p.value, name = &node{}, "" // the sum of nothing stands for it
		}
		buf = p.append(buf)
	}
	return sha256.Sum256(buf), true
}

// steps counts the steps of a job: the elements of the top-level lists that
// hold steps.
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
// mainSteps in its kin at AWS, and whatever else ends so.
func isSteps(k key, v *node) bool {
	return v.kind == list && strings.HasSuffix(strings.ToLower(k.value), "steps")
}
