package audit

import (
	"fmt"
	"math/bits"
	"slices"

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

// Add adds a leaf. It returns the hashes of the complete subtrees that the leaf ends,
// itself first: those of tlog.StoredHashIndex(0, n) on, with n the number of leaves before.
func (e *Edge) Add(leaf Hash) (added []Hash) {
	added = append(added, leaf)
	for n := e.Size; n&1 == 1; n >>= 1 {
		last := len(e.Peaks) - 1
		leaf = tlog.NodeHash(e.Peaks[last], leaf)
		added = append(added, leaf)
		e.Peaks = e.Peaks[:last]
	}
	e.Peaks = append(e.Peaks, leaf)
	e.Size++
	return added
}

// SkippedLevels are the levels above the leaves whose hashes are not stored. They are three
// quarters of the hashes above the leaves, and are computed from at most four leaves.
const SkippedLevels = 2

// Stored returns those of the hashes that Add returned which are stored.
func Stored(added []Hash) []Hash {
	return slices.Delete(slices.Clone(added), 1, min(1+SkippedLevels, len(added)))
}

// Root returns the root of the tree. That of an empty one is the hash of the empty
// string.
func (e *Edge) Root() Hash {
	if len(e.Peaks) == 0 {
		root, _ := tlog.TreeHash(0, nil) // needs no hashes: it cannot fail
		return root
	}
	root := e.Peaks[len(e.Peaks)-1]
	for _, peak := range slices.Backward(e.Peaks[:len(e.Peaks)-1]) {
		root = tlog.NodeHash(peak, root)
	}
	return root
}

// Valid reports whether the edge has the number of hashes that its size needs.
func (e *Edge) Valid() bool {
	return e.Size >= 0 && e.Size <= maxSize && bits.OnesCount64(uint64(e.Size)) == len(e.Peaks)
}

// Equal reports whether two edges are those of the same tree.
func (e *Edge) Equal(o *Edge) bool { return e.Size == o.Size && slices.Equal(e.Peaks, o.Peaks) }

// Clone returns a copy that grows on its own.
func (e *Edge) Clone() *Edge { return &Edge{e.Size, slices.Clone(e.Peaks)} }

// ReadEdge reads the edge of the tree of the first size leaves from stored hashes.
func ReadEdge(size int64, stored tlog.HashReader) (*Edge, error) {
	if size < 0 || size > maxSize {
		return nil, fmt.Errorf("%d is not a valid log size", size)
	}
	var indexes []int64
	for from, rest := int64(0), uint64(size); rest > 0; {
		level := bits.Len64(rest) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, from>>level))
		from += 1 << level
		rest &^= 1 << level
	}
	peaks, err := stored.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	return &Edge{size, peaks}, nil
}
