package diff

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"cocsync/internal/text"
)

// effort is what one comparison may still spend on finding what belongs together.
// What is left once it is spent is told as removed and added.
type effort struct {
	products int // elements of lists, each held against each of another list
	traits   int // bytes of values whose likeness is judged
	known    map[knownTraits]traits
}

type knownTraits struct {
	value *node
	named bool
}

// Either is spent in some tens of milliseconds.
const (
	maxProducts = 4 << 20
	maxTraits   = 512 << 10
)

func newEffort() *effort {
	return &effort{products: maxProducts, traits: maxTraits, known: map[knownTraits]traits{}}
}

// traits are what a value holds.
type traits struct {
	list  []trait             // sorted
	deeds map[uint64]uint64   // the fields that say what a step does, and their values
	texts map[uint64][]uint64 // those that are texts of several lines, and these, sorted
}

// trait is a hash of something that a value holds where it does, and what that
// says about the value.
type trait struct {
	hash   uint64
	weight int
}

// What a trait weighs, in units that leave room for division.
const (
	traitUnit = 16

	thereTrait = 1 * traitUnit  // that there is a value
	plainTrait = 2 * traitUnit  // a value that says little: nothing, a number, a type
	valueTrait = 6 * traitUnit  // any other; more when it is long
	deedTrait  = 20 * traitUnit // what a step does
	textTrait  = 40 * traitUnit // all lines of a text

	maxOwnTraits = 1000 // of one value
)

// traitsOf returns the traits of a value, without its task, and without its name if
// it is named. There are none once the effort is spent.
func (e *effort) traitsOf(n *node, named bool) traits {
	if known, ok := e.known[knownTraits{n, named}]; ok {
		return known
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
	e.known[knownTraits{n, named}] = c.traits
	return c.traits
}

// common counts in how many of the parts of some collections a trait is.
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

// take takes in what stands under a key at a path.
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
	c.add(path, thereTrait)
	value := hash(path, n.value)
	deed := isDeed(key)
	switch {
	case strings.Contains(n.value, "\n"):
		c.lines(path, n.value, deed)
	case n.tag != "!!str" || len(n.value) < 3 || strings.EqualFold(key, "type"):
		c.add(value, plainTrait)
	case deed:
		c.add(value, deedTrait)
		if c.deeds == nil {
			c.deeds = map[uint64]uint64{}
		}
		c.deeds[path] = value
	default:
		c.add(value, valueTrait+min(len(n.value)/8, 8)*traitUnit)
	}
}

// lines takes in a text of several lines.
func (c *collector) lines(path uint64, text string, deed bool) {
	weight := max(1, textTrait/(1+strings.Count(text, "\n")))
	var hashes []uint64
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && len(hashes) < maxOwnTraits {
			hashes = append(hashes, hash(path, line))
			c.add(hashes[len(hashes)-1], weight)
		}
	}
	if deed {
		if c.texts == nil {
			c.texts = map[uint64][]uint64{}
		}
		slices.Sort(hashes)
		c.texts[path] = hashes
	}
}

// isDeed reports whether a key leads to what a step does: which API of which
// service it calls, or which script it runs.
func isDeed(key string) bool {
	switch strings.ToLower(key) {
	case "service", "api", "api_name", "script_uuid", "script":
		return true
	}
	return false
}

// alikeNames says in thousandths how alike two names are: by the words that they
// share, or by how they begin and end.
func alikeNames(a, b string) int {
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

// minEnds is from how many bytes in common on the ends of two names say something.
const minEnds = 4

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
