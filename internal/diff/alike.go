package diff

import (
	"cmp"
	"slices"
	"strings"
)

// candidate is a value under a name that only one side has: it may have been
// renamed.
type candidate struct {
	name  string
	value *node
	named bool // the name is a field of the value
	gap   int  // what it stands behind, if the other side has that too: equal gaps, one place
}

// blank reports whether there is too little to know a value by: nothing but a name,
// or a single key, which says that many a parameter is a string.
func (c candidate) blank() bool { return c.value.size() < 2 }

// What two values are judged by, in thousandths of what they can reach: how alike
// their names are, whether they run the same task, what they hold, and whether one
// stands in the other's place. Where there are no tasks, the others count for more.
const (
	nameShare, contentShare, placeShare, taskShare = 200, 300, 250, 250
	bareName, bareContent                          = 300, 450

	minKin     = 500 // from here on one is taken for the other under a new name
	oneDeed    = 150 // is added where they tell one deed, and no other value does
	otherDeed  = 150 // is taken off where they tell two
	otherStep  = 300 // and this where their names don't make up for it
	likeNames  = 600 // as names from here on do
	likeText   = 700 // texts from here on are one deed,
	unlikeText = 400 // and two below that
	sameBody   = 800 // at least, of two that hold the same and are known by it
	minNames   = 300 // names from which on two that hold the same are one
	damp       = 10 * traitUnit
	minTelling = 10 * traitUnit // what a value must hold to be known by that alone
)

// maxPairs bounds how many candidates are held against each other: all of them, or
// else those of about the same rank.
const maxPairs = 4096

// kin pairs values that were renamed, those most alike first; none may be blank.
// common says how many of the values that they stand among have a trait: what many
// have says little. The pairs are the same whichever side is the old one, if the
// caller always has the same side first.
func kin(e *effort, common map[uint64]int, a, b []candidate) (pairs [][2]int) {
	type likeness struct{ i, j, rank, much int }
	var found []likeness
	k := newKinship(e, common, a, b)
	add := func(i, j int) {
		if much := k.much(i, j); much >= minKin {
			found = append(found, likeness{i, j, max(i-j, j-i), much})
		}
	}
	reach := max(1, maxPairs/(2*max(len(a), len(b))))
	for i := range a {
		from, to := max(0, i-reach), min(len(b), i+reach+1)
		for j := from; j < to; j++ {
			add(i, j)
		}
		if j := k.only(i); j >= to || j >= 0 && j < from {
			add(i, j)
		}
	}
	slices.SortFunc(found, func(p, q likeness) int {
		return cmp.Or(cmp.Compare(q.much, p.much), cmp.Compare(p.rank, q.rank), cmp.Compare(p.i, q.i), cmp.Compare(p.j, q.j))
	})
	taken := [2]map[int]bool{{}, {}}
	for _, f := range found {
		if !taken[0][f.i] && !taken[1][f.j] {
			taken[0][f.i], taken[1][f.j] = true, true
			pairs = append(pairs, [2]int{f.i, f.j})
		}
	}
	return pairs
}

// kinship judges how alike candidates are.
type kinship struct {
	a, b   []kinsman
	common map[uint64]int   // how many of the values that they stand among have a trait
	bodies [2]map[sum][]int // ranks by what they hold
}

// kinsman is a candidate with what it is judged by.
type kinsman struct {
	candidate
	traits
	task   string // without its version
	body   sum
	weight int  // of its traits
	alone  bool // no other of its side stands in its place and runs its task
}

func newKinship(e *effort, common map[uint64]int, a, b []candidate) *kinship {
	k := &kinship{common: common, bodies: [2]map[sum][]int{{}, {}}}
	k.a, k.b = k.side(e, a, k.bodies[0]), k.side(e, b, k.bodies[1])
	return k
}

func (k *kinship) side(e *effort, list []candidate, bodies map[sum][]int) []kinsman {
	type place struct {
		gap  int
		task string
	}
	crowd := map[place]int{}
	out := make([]kinsman, len(list))
	for i, c := range list {
		m := kinsman{candidate: c, traits: e.traitsOf(c.value, c.named), body: c.body()}
		m.task, _, _ = strings.Cut(c.value.task(), "@")
		for _, t := range m.list {
			m.weight += k.weigh(t)
		}
		crowd[place{c.gap, m.task}]++
		bodies[m.body] = append(bodies[m.body], i)
		out[i] = m
	}
	for i, m := range out {
		out[i].alone = crowd[place{m.gap, m.task}] == 1
	}
	return out
}

// weigh is what a trait weighs: the less the more values have it.
func (k *kinship) weigh(t trait) int { return t.weight * 2 / max(2, k.common[t.hash]) }

// only returns the candidate of the other side that alone holds what candidate i
// alone holds, or -1.
func (k *kinship) only(i int) int {
	body := k.a[i].body
	if len(k.bodies[0][body]) != 1 || len(k.bodies[1][body]) != 1 {
		return -1
	}
	return k.bodies[1][body][0]
}

// much says how likely a value of one side is one of the other under a new name.
func (k *kinship) much(i, j int) int {
	a, b := &k.a[i], &k.b[j]
	names, place := alikeNames(a.name, b.name), 0
	switch {
	case a.gap == b.gap && a.alone && b.alone:
		place = 1000
	case a.gap == b.gap:
		place = 500
	}
	if a.body == b.body && (place == 1000 || names >= minNames || a.weight >= minTelling) {
		return sameBody + names*15/100 + place*5/100
	}
	content := 2000 * k.shared(a, b) / (a.weight + b.weight + 2*damp)
	much := 0
	switch {
	case a.task == "" && b.task == "":
		much = (names*bareName + content*bareContent + place*placeShare) / 1000
	default:
		much = (names*nameShare + content*contentShare + place*placeShare) / 1000
		if a.task == b.task {
			much += taskShare
		}
	}
	switch k.deeds(a, b) {
	case sameDeed:
		return much + oneDeed
	case twoDeeds:
		if names < likeNames {
			return much - otherStep
		}
		return much - otherDeed
	}
	return much
}

// deeds says whether two values tell what they do, and the same.
func (k *kinship) deeds(a, b *kinsman) deedMatch {
	match := noDeed
	for field, deed := range a.deeds {
		other, ok := b.deeds[field]
		switch {
		case ok && other != deed:
			return twoDeeds
		case ok && k.common[deed] <= 2:
			match = sameDeed
		case ok && match == noDeed:
			match = someDeed
		}
	}
	for field, text := range a.texts {
		other, ok := b.texts[field]
		switch much := alikeSorted(text, other); {
		case ok && much < unlikeText:
			return twoDeeds
		case ok && much >= likeText:
			match = sameDeed
		case ok && match == noDeed:
			match = someDeed
		}
	}
	if match == noDeed && len(a.deeds)+len(a.texts) > 0 && len(b.deeds)+len(b.texts) > 0 {
		return twoDeeds // in fields of which the other has none
	}
	return match
}

type deedMatch byte

const (
	noDeed   deedMatch = iota
	someDeed           // the same, as many do, or not clearly another
	sameDeed
	twoDeeds
)

// alikeSorted says in thousandths how many hashes two sorted lists share.
func alikeSorted(a, b []uint64) int {
	common := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch cmp.Compare(a[i], b[j]) {
		case -1:
			i++
		case 1:
			j++
		default:
			common, i, j = common+1, i+1, j+1
		}
	}
	return 2000 * common / max(1, len(a)+len(b))
}

// shared is what the traits weigh that two have in common.
func (k *kinship) shared(a, b *kinsman) (sum int) {
	for i, j := 0, 0; i < len(a.list) && j < len(b.list); {
		switch p, q := a.list[i], b.list[j]; cmp.Compare(p.hash, q.hash) {
		case -1:
			i++
		case 1:
			j++
		default:
			sum += k.weigh(trait{p.hash, min(p.weight, q.weight)})
			i, j = i+1, j+1
		}
	}
	return sum
}
