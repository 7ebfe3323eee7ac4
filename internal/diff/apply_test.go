package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/diff/lines"
)

// script is what a walk recorded about one value: how the old one becomes the new one.
type script struct {
	replaced *node
	inside   *script // of the JSON in a string

	keys     map[key]*script
	goneKeys map[key]bool
	newKeys  map[key]*node
	oldNames map[key]string // of a renamed key

	items   map[int]*script // by index in the new list
	gone    map[int]bool    // indexes in the old list
	added   map[int]*node
	moved   map[int]int // new index to old
	newName *node
}

func newScript() *script {
	return &script{
		keys: map[key]*script{}, goneKeys: map[key]bool{}, newKeys: map[key]*node{}, oldNames: map[key]string{},
		items: map[int]*script{}, gone: map[int]bool{}, added: map[int]*node{}, moved: map[int]int{},
	}
}

// at returns the script of the value at a place.
func (s *script) at(p *place) *script {
	if p.up == nil {
		return s
	}
	up := s.at(p.up)
	switch {
	case p.inside:
		if up.inside == nil {
			up.inside = newScript()
		}
		return up.inside
	case p.key != nil:
		if up.keys[*p.key] == nil {
			up.keys[*p.key] = newScript()
		}
		return up.keys[*p.key]
	}
	if up.items[p.now] == nil {
		up.items[p.now] = newScript()
	}
	return up.items[p.now]
}

// take adds one difference.
func (s *script) take(op string, p *place, old, new *node) {
	if op == Changed {
		s.at(p).replaced = new
		return
	}
	up := s.at(p.up)
	switch {
	case op == Added && p.key != nil:
		up.newKeys[*p.key] = new
	case op == Added:
		up.added[p.now] = new
	case op == Removed && p.key != nil:
		up.goneKeys[*p.key] = true
	case op == Removed:
		up.gone[p.was] = true
	case op == Moved:
		up.moved[p.now] = p.was
	case p.key != nil:
		up.oldNames[*p.key] = old.value
	default:
		s.at(p).newName = new
	}
}

// apply makes the new value from the old one.
func (s *script) apply(n *node) *node {
	if s.replaced != nil {
		n = s.replaced
	}
	switch {
	case s.inside != nil:
		return s.inside.apply(parseJSON(n.value))
	case n.kind == mapping:
		return s.applyMapping(n)
	case n.kind == list:
		return s.applyList(n)
	}
	return n
}

func (s *script) applyMapping(n *node) *node {
	to := &node{kind: mapping, tag: n.tag}
	add := func(k key, v *node) {
		if own := s.keys[k]; own != nil {
			v = own.apply(v)
		}
		if s.newName != nil && isName(k) && v.value == n.name() {
			v = s.newName
		}
		to.pairs = append(to.pairs, pair{k, slot{value: v}})
	}
	renamed := map[string]key{}
	for k, old := range s.oldNames {
		renamed[old] = k
	}
	for _, p := range n.pairs {
		k, ok := renamed[p.key.value]
		switch {
		case s.goneKeys[p.key]:
		case ok && p.key.tag == k.tag:
			add(k, p.value)
		default:
			add(p.key, p.value)
		}
	}
	for k, v := range s.newKeys {
		add(k, v)
	}
	return to
}

func (s *script) applyList(n *node) *node {
	leaves := map[int]bool{}
	for _, i := range s.moved {
		leaves[i] = true
	}
	var stay []*node
	for i, item := range n.items {
		if !s.gone[i] && !leaves[i] {
			stay = append(stay, item.value)
		}
	}
	to := &node{kind: list, tag: n.tag}
	for j := 0; len(stay) > 0 || len(to.items) < len(n.items)-len(s.gone)+len(s.added); j++ {
		v := s.added[j]
		if i, ok := s.moved[j]; ok {
			v = n.items[i].value
		} else if v == nil {
			v, stay = stay[0], stay[1:]
		}
		if own := s.items[j]; own != nil {
			v = own.apply(v)
		}
		to.items = append(to.items, slot{value: v})
	}
	return to
}

// canonical writes a value so that equal ones look equal; JSON in strings is written
// as its value.
func canonical(n *node) string {
	if n.tag == "!!str" && n.kind == scalar {
		if inside := parseJSON(n.value); inside != nil {
			return "json" + canonical(inside)
		}
	}
	var parts []string
	switch n.kind {
	case scalar:
		return fmt.Sprintf("%s %q", n.tag, n.value)
	case list:
		for _, item := range n.items {
			parts = append(parts, canonical(item.value))
		}
		return n.tag + "[" + strings.Join(parts, ",") + "]"
	}
	for _, p := range n.pairs {
		parts = append(parts, fmt.Sprintf("%s %q:%s", p.key.tag, p.key.value, canonical(p.value)))
	}
	slices.Sort(parts)
	return n.tag + "{" + strings.Join(parts, ",") + "}"
}

// checkStructure checks that the differences applied to the old tree give the new one,
// that each has its lines, and that every changed line belongs to one of them or to a
// note.
func checkStructure(t *testing.T, a, b *Text, r coc.Difference) {
	t.Helper()
	was, _ := a.structure()
	now, _ := b.structure()
	if was == nil || now == nil {
		if len(r.Items)+len(r.Formatting) > 0 || r.Note() == "" {
			t.Errorf("items %v, formatting %v, note %q without a structure", r.Items, r.Formatting, r.Note())
		}
		return
	}
	blocks := lines.Changed(&a.Text, &b.Text)
	s, w := newScript(), newWalker(a, b)
	w.edit = s.take
	w.walk(was, now, blocks)
	was, now = sameForm(was, now)
	if was.root.values < 5000 && now.root.values < 5000 {
		got, want := canonical(s.apply(was.root)), canonical(now.root)
		if got = unwrap(got); got != unwrap(want) {
			t.Errorf("the differences applied to old give\n%s, want\n%s", got, want)
		}
	}
	checkLines(t, a, b, r, w, blocks)
}

// unwrap removes the mark of JSON in a string.
func unwrap(s string) string { return strings.ReplaceAll(s, "json!!", "!!") }

func checkLines(t *testing.T, a, b *Text, r coc.Difference, w *walker, blocks []lines.Block) {
	t.Helper()
	spans := w.spans // of the items not listed too
	for _, f := range r.Formatting {
		spans = append(spans, struct{ old, new coc.Span }{f.OldLines, f.NewLines})
	}
	var covered [2][]bool
	covered[0], covered[1] = make([]bool, len(a.Lines)), make([]bool, len(b.Lines))
	for _, s := range spans {
		for i, run := range []coc.Span{s.old, s.new} {
			if run.From == 0 && run.To == 0 {
				continue
			}
			if run.From < 1 || run.To < run.From || run.To > max(1, len(covered[i])) {
				t.Fatalf("lines %v of %d", run, len(covered[i]))
			}
			for n := run.From; n <= min(run.To, len(covered[i])); n++ {
				covered[i][n-1] = true
			}
		}
	}
	for _, c := range blocks {
		for i := c.Old; i < c.OldEnd; i++ {
			if !covered[0][i] {
				t.Fatalf("nothing accounts for old line %d %q", i+1, a.Lines[i])
			}
		}
		for i := c.New; i < c.NewEnd; i++ {
			if !covered[1][i] {
				t.Fatalf("nothing accounts for new line %d %q", i+1, b.Lines[i])
			}
		}
	}
	for _, item := range r.Items {
		if item.Op != Added && item.OldLines.From == 0 && len(a.Lines) > 0 || item.Op != Removed && item.NewLines.From == 0 && len(b.Lines) > 0 {
			t.Errorf("%s %s is at %v and %v", item.Op, item.Path, item.OldLines, item.NewLines)
		}
	}
}
