package diff

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// candidate is a value under a name that only one side has: it may have been
// renamed.
type candidate struct {
	name  string
	value *node
	named bool // the name is a field of the value
	gap   int  // what it stands behind, if the other side has that too: equal gaps, one place
}

// Values under two names are taken for one that was renamed when they share at
// least minAlike thousandths of what they hold, or minInPlace where one stands in
// the other's place. Candidates are compared with those of about the same rank on
// the other side: with all of them while the pairs stay below maxPairs.
const (
	minAlike   = 600
	minInPlace = 500
	maxPairs   = 4096
	maxTraits  = 1000 // of one value
)

// kin pairs values that were renamed: those that hold the same first, then the
// ones most alike. The pairs are the same whichever side is the old one, if the
// caller always has the same side first.
func kin(a, b []candidate) [][2]int {
	pairs, i, j := sameBodies(a, b)
	return append(pairs, mostAlike(a, b, i, j)...)
}

// sameBodies pairs the values that are equal but for their names, first with
// first, and returns the ranks of the others.
func sameBodies(a, b []candidate) (pairs [][2]int, i, j []int) {
	waiting := map[sum][]int{}
	for rank, c := range b {
		waiting[c.body()] = append(waiting[c.body()], rank)
	}
	taken := make([]bool, len(b))
	for rank, c := range a {
		if c.empty() || len(waiting[c.body()]) == 0 {
			i = append(i, rank)
			continue
		}
		twin := waiting[c.body()][0]
		waiting[c.body()] = waiting[c.body()][1:]
		taken[twin] = true
		pairs = append(pairs, [2]int{rank, twin})
	}
	for rank := range b {
		if !taken[rank] {
			j = append(j, rank)
		}
	}
	return pairs, i, j
}

// mostAlike pairs what is left, the likest first.
func mostAlike(a, b []candidate, i, j []int) (pairs [][2]int) {
	if len(i) == 0 || len(j) == 0 {
		return nil
	}
	type likeness struct{ i, j, rank, much int }
	var found []likeness
	was, now := allTraits(a, i), allTraits(b, j)
	reach := max(1, maxPairs/(2*max(len(i), len(j))))
	for x := range i {
		for y := max(0, x-reach); y < min(len(j), x+reach+1); y++ {
			least := minAlike
			if a[i[x]].gap == b[j[y]].gap {
				least = minInPlace
			}
			if much := was[x].alike(now[y]); much >= least {
				found = append(found, likeness{x, y, max(x-y, y-x), much})
			}
		}
	}
	slices.SortFunc(found, func(p, q likeness) int {
		return cmp.Or(cmp.Compare(q.much, p.much), cmp.Compare(p.rank, q.rank), cmp.Compare(p.i, q.i), cmp.Compare(p.j, q.j))
	})
	taken := [2]map[int]bool{{}, {}}
	for _, f := range found {
		if !taken[0][f.i] && !taken[1][f.j] {
			taken[0][f.i], taken[1][f.j] = true, true
			pairs = append(pairs, [2]int{i[f.i], j[f.j]})
		}
	}
	return pairs
}

// traits are what a value holds, in sorted order: hashes, each with its weight.
type traits struct {
	list   []trait
	weight int
}

type trait struct {
	hash   uint64
	weight int
}

func allTraits(all []candidate, ranks []int) []traits {
	list := make([]traits, len(ranks))
	for n, rank := range ranks {
		list[n] = all[rank].traits()
	}
	return list
}

// empty reports whether there is too little to know a value by: nothing but a
// name, or a single key, which says that many a parameter is a string.
func (c candidate) empty() bool { return c.value.size() < 2 }

func (c candidate) traits() traits {
	var t traits
	if c.empty() {
		return t
	}
	for _, word := range nameWords(c.name) {
		t.add(hash(prime64, word), 2)
	}
	t.take(offset64, c.value, c.named)
	slices.SortFunc(t.list, func(p, q trait) int {
		return cmp.Or(cmp.Compare(p.hash, q.hash), cmp.Compare(p.weight, q.weight))
	})
	return t
}

func (t *traits) add(hash uint64, weight int) {
	if len(t.list) < maxTraits {
		t.list = append(t.list, trait{hash, weight})
		t.weight += weight
	}
}

// take takes in a value at a path: that there is one weighs less than what it
// is. named leaves its name out.
func (t *traits) take(path uint64, n *node, named bool) {
	if len(t.list) >= maxTraits {
		return
	}
	switch {
	case n.kind != scalar && n.size() == 0:
		t.add(path, 1)
	case n.kind == list:
		path = hash(path, "[]")
		for _, item := range n.items {
			t.take(path, item.value, false)
		}
	case n.kind == mapping:
		for _, i := range n.byKey {
			p := n.pairs[i]
			if !named || !isName(p.key) {
				t.take(hash(path, p.key.value), p.value, false)
			}
		}
	default:
		t.add(path, 1)
		for line := range strings.Lines(n.value) {
			line = strings.TrimSpace(line)
			t.add(hash(path, line), 2+min(len(line)/16, 2))
		}
	}
}

// alike says how much two values share, in thousandths.
func (t traits) alike(o traits) int {
	common := 0
	for i, j := 0, 0; i < len(t.list) && j < len(o.list); {
		switch p, q := t.list[i], o.list[j]; cmp.Compare(p.hash, q.hash) {
		case -1:
			i++
		case 1:
			j++
		default:
			common += min(p.weight, q.weight)
			i, j = i+1, j+1
		}
	}
	if t.weight+o.weight == 0 {
		return 0
	}
	return 2000 * common / (t.weight + o.weight)
}

// nameWords cuts a name at its underscores, dashes and capitals.
func nameWords(name string) []string {
	var list []string
	begin, last := 0, ' '
	for i, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) || unicode.IsUpper(r) && unicode.IsLower(last) {
			list = append(list, name[begin:i])
			begin = i
		}
		last = r
	}
	list = append(list, name[begin:])
	for i, w := range list {
		list[i] = strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
	}
	return slices.DeleteFunc(list, func(w string) bool { return w == "" })
}

// The constants of 64-bit FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/.
const (
	offset64 = 14695981039346656037
	prime64  = 1099511628211
)

// hash goes on from a hash with a text, by FNV-1a. Likeness decides on which
// differences are told, never on whether there are any, so a cheap hash will do.
func hash(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime64
	}
	return (h ^ 0xff) * prime64 // no text goes on into the next
}
