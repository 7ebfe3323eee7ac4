package audit

import (
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a hash of the tree: of a leaf, or of the two hashes below it.
type Hash = tlog.Hash

// LeafHash returns the hash of a record's leaf.
func LeafHash(record []byte) Hash { return tlog.RecordHash(record) }

// Edge is a tree that only grows: its number of leaves, and the hashes of the complete
// subtrees that it consists of, the largest first. It is enough to add a leaf and to
// compute the root.
type Edge struct {
	Size  int64
	Peaks []Hash
}

// Add adds a leaf.
func (e *Edge) Add(leaf Hash) {
	for n := e.Size; n&1 == 1; n >>= 1 {
		last := len(e.Peaks) - 1
		leaf = tlog.NodeHash(e.Peaks[last], leaf)
		e.Peaks = e.Peaks[:last]
	}
	e.Peaks = append(e.Peaks, leaf)
	e.Size++
}

// Root returns the root of the tree. That of an empty one is the hash of the empty
// string.
func (e *Edge) Root() Hash {
	if len(e.Peaks) == 0 {
		root, _ := tlog.TreeHash(0, nil) // needs no hashes: it cannot fail
		return root
	}
	root := e.Peaks[len(e.Peaks)-1]
	for i := len(e.Peaks) - 2; i >= 0; i-- {
		root = tlog.NodeHash(e.Peaks[i], root)
	}
	return root
}

// Marshal concatenates the peaks.
func (e *Edge) Marshal() []byte {
	b := make([]byte, 0, len(e.Peaks)*tlog.HashSize)
	for _, p := range e.Peaks {
		b = append(b, p[:]...)
	}
	return b
}

// UnmarshalEdge parses what Marshal writes.
func UnmarshalEdge(size int64, b []byte) (e Edge, err error) {
	if size < 0 || len(b) != bits.OnesCount64(uint64(size))*tlog.HashSize {
		return e, fmt.Errorf("a tree of %d leaves does not end in %d bytes", size, len(b))
	}
	e.Size = size
	for ; len(b) > 0; b = b[tlog.HashSize:] {
		e.Peaks = append(e.Peaks, Hash(b[:tlog.HashSize]))
	}
	return e, nil
}

// Leaves are the hashes of all leaves of a tree, from which any proof can be computed.
type Leaves []Hash

// ReadHashes returns stored hashes of the tree, in tlog's numbering.
func (l Leaves) ReadHashes(indexes []int64) ([]Hash, error) {
	list := make([]Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		from, to := n<<level, (n+1)<<level
		if from < 0 || to > int64(len(l)) {
			return nil, errors.New("the tree is too small")
		}
		list[i] = l.whole(from, to)
	}
	return list, nil
}

// whole returns the hash of a complete subtree over leaves from to to.
func (l Leaves) whole(from, to int64) Hash {
	if to-from == 1 {
		return l[from]
	}
	middle := from + (to-from)/2
	return tlog.NodeHash(l.whole(from, middle), l.whole(middle, to))
}

// ProveRecord proves that leaf n is in the tree of the first size leaves.
func (l Leaves) ProveRecord(size, n int64) (tlog.RecordProof, error) {
	return tlog.ProveRecord(size, n, l)
}
