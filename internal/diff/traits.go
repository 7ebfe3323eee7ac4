package diff

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"cocsync/internal/text"
)

// effort is the remaining effort of one comparison for finding matches. Values not
// matched when it is spent are reported as removed and added.
type effort struct {
	products int // elements of lists, each compared with each of another list
	traits   int // bytes of values whose similarity is computed
	cache    map[traitsKey]traits
}

type traitsKey struct {
	value *node
	named bool
}

// Either takes some tens of milliseconds.
const (
	maxProducts = 4 << 20
	maxTraits   = 512 << 10
)

func newEffort() *effort {
	return &effort{products: maxProducts, traits: maxTraits, cache: map[traitsKey]traits{}}
}

// traits are the content of a value.
type traits struct {
	list    []trait             // sorted
	actions map[uint64]uint64   // the fields that say what a step does, and their values
	texts   map[uint64][]uint64 // hashes of the lines of those with several lines, sorted
}

// trait is a hash of a part of a value and its position, and its weight.
type trait struct {
	hash   uint64
	weight int
}

// The weights of traits, in units that allow division.
const (
	traitUnit = 16

	existsTrait = 1 * traitUnit  // that there is a value
	plainTrait  = 2 * traitUnit  // a common value: empty, a number, a type
	valueTrait  = 6 * traitUnit  // any other; more if it is long
	actionTrait = 20 * traitUnit // what a step does
	textTrait   = 40 * traitUnit // all lines of a text

	maxOwnTraits = 1000 // of one value
)

// traitsOf returns the traits of a value, without its task, and without its name if it
// is named. It is empty if the effort is spent.
func (e *effort) traitsOf(n *node, named bool) traits {
	if found, ok := e.cache[traitsKey{n, named}]; ok {
		return found
	}
	c := collector{effort: e}
	if n.kind == mapping {
		for _, i := range n.byKey {
			p := n.pairs[i]
			if !isTask(p.key.value) && !(named && isName(p.key)) {
				c.take(offset64, p.key.value, p.value)
			}
		}
	} else {
		c.take(offset64, "", n)
	}
	slices.SortFunc(c.list, func(p, q trait) int {
		return cmp.Or(cmp.Compare(p.hash, q.hash), cmp.Compare(p.weight, q.weight))
	})
	e.cache[traitsKey{n, named}] = c.traits
	return c.traits
}

// common returns in how many parts of the collections each trait occurs.
func (e *effort) common(all ...*node) map[uint64]int {
	count := map[uint64]int{}
	for _, n := range all {
		for i := range n.size() {
			value := n.slot(i).value
			for _, t := range e.traitsOf(value, n.kind == list && value.name() != "").list {
				count[t.hash]++
			}
		}
	}
	return count
}

// collector gathers the traits of one value.
type collector struct {
	*effort
	traits
}

func (c *collector) add(hash uint64, weight int) {
	if len(c.list) < maxOwnTraits {
		c.list = append(c.list, trait{hash, weight})
	}
}

// take adds the value under a key at a path.
func (c *collector) take(path uint64, key string, n *node) {
	if len(c.list) >= maxOwnTraits || c.effort.traits <= 0 {
		return
	}
	path = hash(path, key)
	c.effort.traits -= 16 + len(key) + len(n.value)
	switch {
	case n.kind == list:
		for _, item := range n.items {
			c.take(path, "", item.value)
		}
	case n.kind == mapping:
		for _, i := range n.byKey {
			c.take(path, n.pairs[i].key.value, n.pairs[i].value)
		}
	default:
		c.scalar(path, key, n)
		return
	}
	if n.size() == 0 {
		c.add(path, plainTrait)
	}
}

func (c *collector) scalar(path uint64, key string, n *node) {
	c.add(path, existsTrait)
	value := hash(path, n.value)
	action := isActionKey(key)
	switch {
	case strings.Contains(n.value, "\n"):
		c.lines(path, n.value, action)
	case n.tag != "!!str" || len(n.value) < 3 || strings.EqualFold(key, "type"):
		c.add(value, plainTrait)
	case action:
		c.add(value, actionTrait)
		if c.actions == nil {
			c.actions = map[uint64]uint64{}
		}
		c.actions[path] = value
	default:
		c.add(value, valueTrait+min(len(n.value)/8, 8)*traitUnit)
	}
}

// lines adds a text of several lines.
func (c *collector) lines(path uint64, text string, action bool) {
	weight := max(1, textTrait/(1+strings.Count(text, "\n")))
	var hashes []uint64
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && len(hashes) < maxOwnTraits {
			hashes = append(hashes, hash(path, line))
			c.add(hashes[len(hashes)-1], weight)
		}
	}
	if action {
		if c.texts == nil {
			c.texts = map[uint64][]uint64{}
		}
		slices.Sort(hashes)
		c.texts[path] = hashes
	}
}

// isActionKey reports whether a key says what a step does: which API of which service
// it calls, or which script it runs.
func isActionKey(key string) bool {
	switch strings.ToLower(key) {
	case "service", "api", "api_name", "script_uuid", "script":
		return true
	}
	return false
}

// similarNames returns in thousandths how similar two names are: by the words that
// they share, or by their common prefix and suffix.
func similarNames(a, b string) int {
	a, b = text.Truncate(a, maxLabel), text.Truncate(b, maxLabel)
	if a == "" || b == "" {
		return 0
	}
	common := 0
	was, now := nameWords(a), nameWords(b)
	for _, word := range was {
		if i := slices.Index(now, word); i >= 0 {
			now = slices.Delete(now, i, i+1)
			common += len(word)
		}
	}
	ends := 0
	for ends < min(len(a), len(b)) && a[ends] == b[ends] {
		ends++
	}
	tail := 0
	for tail < min(len(a), len(b))-ends && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	if ends+tail < minEnds {
		ends, tail = 0, 0
	}
	return 2000 * max(common, ends+tail) / (len(a) + len(b))
}

// minEnds is the minimum of bytes in a common prefix and suffix that count.
const minEnds = 4

// nameWords splits a name at its underscores, dashes and upper-case letters.
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

// hash continues a hash with a text, by FNV-1a. Similarity decides which differences
// are shown, never whether there are any, so a cheap hash is enough.
func hash(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime64
	}
	return (h ^ 0xff) * prime64 // separates it from the next text
}
