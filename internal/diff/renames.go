package diff

import (
	"cmp"
	"slices"
	"strings"
)

// candidate is a value under a name that only one side has: it may have been renamed.
type candidate struct {
	name  string
	value *node
	named bool // the name is a field of the value
	gap   int  // the element before it, if the other side has that too: equal gaps mean the same position
}

// blank reports whether a value has too little to recognize it: only a name, or a
// single key, such as the type that many parameters share.
func (c candidate) blank() bool { return c.value.size() < 2 }

// Criteria of a rename, in thousandths of the maximum: how similar the names are,
// whether both run the same task, what the values contain, and whether one is at the
// other's position. Without tasks the others count more.
const (
	nameShare, contentShare, placeShare, taskShare = 200, 300, 250, 250
	bareName, bareContent                          = 300, 450

	minScore      = 500 // minimum score of a rename
	sameBonus     = 150 // added if both have the same task fields, and no other value does
	otherFields   = 150 // subtracted if their task fields differ
	otherStep     = 300 // subtracted instead if the names are not similar either
	closeNames    = 600 // minimum similarity of such names
	similarText   = 700 // texts from here on are the same,
	differentText = 400 // and different below that
	sameBody      = 800 // at least, for two with the same content that is specific enough
	minNames      = 300 // minimum similarity of the names of two with the same content
	smoothing     = 10 * traitUnit
	minSpecific   = 10 * traitUnit // minimum weight of content that is specific enough
)

// maxPairs bounds how many candidates are compared: all of them, or else those of
// about the same rank.
const maxPairs = 4096

// matchRenames pairs values that were renamed, the most similar first; none may be
// blank. common says how many of the values around them have a trait: a frequent trait
// means little. The pairs are the same whichever side is the old one, if the caller
// always passes the same side first.
func matchRenames(e *effort, common map[uint64]int, a, b []candidate) (pairs [][2]int) {
	type match struct{ i, j, rank, score int }
	var found []match
	k := newRenames(e, common, a, b)
	add := func(i, j int) {
		if score := k.score(i, j); score >= minScore {
			found = append(found, match{i, j, max(i-j, j-i), score})
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
	slices.SortFunc(found, func(p, q match) int {
		return cmp.Or(cmp.Compare(q.score, p.score), cmp.Compare(p.rank, q.rank), cmp.Compare(p.i, q.i), cmp.Compare(p.j, q.j))
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

// renames scores how similar candidates are.
type renames struct {
	a, b   []renameCandidate
	common map[uint64]int   // how many of the values around them have a trait
	bodies [2]map[sum][]int // ranks by their content
}

// renameCandidate is a candidate with the data for its score.
type renameCandidate struct {
	candidate
	traits
	task   string // without its version
	body   sum
	weight int // of its traits
	// uniquePlace: no other of its side is at its position and runs its task.
	uniquePlace bool
}

func newRenames(e *effort, common map[uint64]int, a, b []candidate) *renames {
	k := &renames{common: common, bodies: [2]map[sum][]int{{}, {}}}
	k.a, k.b = k.side(e, a, k.bodies[0]), k.side(e, b, k.bodies[1])
	return k
}

func (k *renames) side(e *effort, list []candidate, bodies map[sum][]int) []renameCandidate {
	type place struct {
		gap  int
		task string
	}
	crowd := map[place]int{}
	out := make([]renameCandidate, len(list))
	for i, c := range list {
		m := renameCandidate{candidate: c, traits: e.traitsOf(c.value, c.named), body: c.body()}
		m.task, _, _ = strings.Cut(c.value.task(), "@")
		for _, t := range m.list {
			m.weight += k.weigh(t)
		}
		crowd[place{c.gap, m.task}]++
		bodies[m.body] = append(bodies[m.body], i)
		out[i] = m
	}
	for i, m := range out {
		out[i].uniquePlace = crowd[place{m.gap, m.task}] == 1
	}
	return out
}

// weigh returns the weight of a trait: the more values have it, the less.
func (k *renames) weigh(t trait) int { return t.weight * 2 / max(2, k.common[t.hash]) }

// only returns the only candidate of the other side that shares the content which only
// candidate i has, or -1.
func (k *renames) only(i int) int {
	body := k.a[i].body
	if len(k.bodies[0][body]) != 1 || len(k.bodies[1][body]) != 1 {
		return -1
	}
	return k.bodies[1][body][0]
}

// score returns how likely a value of one side is one of the other under a new name.
func (k *renames) score(i, j int) int {
	a, b := &k.a[i], &k.b[j]
	names, place := similarNames(a.name, b.name), 0
	switch {
	case a.gap == b.gap && a.uniquePlace && b.uniquePlace:
		place = 1000
	case a.gap == b.gap:
		place = 500
	}
	if a.body == b.body && (place == 1000 || names >= minNames || a.weight >= minSpecific) {
		return sameBody + names*15/100 + place*5/100
	}
	content := 2000 * k.shared(a, b) / (a.weight + b.weight + 2*smoothing)
	total := 0
	switch {
	case a.task == "" && b.task == "":
		total = (names*bareName + content*bareContent + place*placeShare) / 1000
	default:
		total = (names*nameShare + content*contentShare + place*placeShare) / 1000
		if a.task == b.task {
			total += taskShare
		}
	}
	switch k.sameFields(a, b) {
	case equalFields:
		return total + sameBonus
	case differentFields:
		if names < closeNames {
			return total - otherStep
		}
		return total - otherFields
	}
	return total
}

// sameFields reports whether two values have fields that say what they do, and whether
// these are equal.
func (k *renames) sameFields(a, b *renameCandidate) fieldMatch {
	match := noFields
	for field, action := range a.actions {
		other, ok := b.actions[field]
		switch {
		case ok && other != action:
			return differentFields
		case ok && k.common[action] <= 2:
			match = equalFields
		case ok && match == noFields:
			match = uncertainFields
		}
	}
	for field, text := range a.texts {
		other, ok := b.texts[field]
		switch like := similarHashes(text, other); {
		case ok && like < differentText:
			return differentFields
		case ok && like >= similarText:
			match = equalFields
		case ok && match == noFields:
			match = uncertainFields
		}
	}
	if match == noFields && len(a.actions)+len(a.texts) > 0 && len(b.actions)+len(b.texts) > 0 {
		return differentFields // in fields that the other does not have
	}
	return match
}

type fieldMatch byte

const (
	noFields        fieldMatch = iota
	uncertainFields            // the same, as in many values, or not clearly different
	equalFields
	differentFields
)

// similarHashes returns in thousandths how many hashes two sorted lists share.
func similarHashes(a, b []uint64) int {
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

// shared is the weight of the traits that two have in common.
func (k *renames) shared(a, b *renameCandidate) (sum int) {
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
