package diff

// mapping compares two mappings, key by key.
func (w *walker) mapping(at *place, old, new *node) {
	here := at.emptied(old, new)
	var lone [2][]int // positions of keys that one side does not have
	for i, p := range old.pairs {
		if new.get(p.key) == nil {
			lone[0] = append(lone[0], i)
		}
	}
	for i, p := range new.pairs {
		if old.get(p.key) == nil {
			lone[1] = append(lone[1], i)
		}
	}
	was, now := w.renamedKeys(old, new, lone)
	w.removedKeys(here, old, lone[0], was)
	for j := range new.pairs {
		p := &new.pairs[j]
		twin := old.get(p.key)
		if i, ok := now[j]; ok {
			twin = &old.pairs[i].slot
			to := here.pair(p.key, twin, &p.slot)
			w.renamed(&to, old.pairs[i].key.node(), p.key.node(), here.old.part(slot{at: twin.at, lines: 1}),
				here.new.part(slot{at: p.at, lines: 1}))
			w.node(&to, twin.value, p.value)
			continue
		}
		if twin != nil && w.unchanged(here, twin, &p.slot) {
			continue
		}
		to := here.pair(p.key, twin, &p.slot)
		if twin == nil {
			to.new = to.new.above(here.new, j, new.slot)
			to.old = to.old.withoutPart(here, j)
			w.addOneSided(&to, nil, p.value)
		} else {
			w.node(&to, twin.value, p.value)
		}
	}
}

// removedKeys adds the pairs at some positions, which the new mapping does not have,
// except the renamed ones.
func (w *walker) removedKeys(here *place, old *node, places []int, renamed map[int]int) {
	for _, i := range places {
		if _, ok := renamed[i]; ok {
			continue
		}
		p := &old.pairs[i]
		to := here.pair(p.key, &p.slot, nil)
		to.old = to.old.above(here.old, i, old.slot)
		to.new = to.new.withoutPart(here, i)
		w.addOneSided(&to, p.value, nil)
	}
}

// renamedKeys pairs keys that only one side has and that lead to mappings with similar
// content, such as a renamed parameter.
func (w *walker) renamedKeys(old, new *node, lone [2][]int) (was, now map[int]int) {
	candidates := func(n, other *node, places []int) (list []candidate, at []int) {
		last, next := -1, 0 // the previous key that both have, by its position in old
		for _, i := range places {
			for ; next < i; next++ {
				if twin, ok := other.find(n.pairs[next].key); ok && n == old {
					last = next
				} else if ok {
					last = twin
				}
			}
			p := n.pairs[i]
			if c := (candidate{p.key.value, p.value, false, last}); p.key.tag == "!!str" && p.value.kind == mapping && !c.blank() {
				list, at = append(list, c), append(at, i)
			}
		}
		return list, at
	}
	a, i := candidates(old, new, lone[0])
	b, j := candidates(new, old, lone[1])
	was, now = map[int]int{}, map[int]int{}
	swap := old.sum.compare(new.sum) > 0
	if swap {
		a, b, i, j = b, a, j, i
	}
	if len(a) == 0 || len(b) == 0 {
		return was, now
	}
	for _, p := range matchRenames(w.effort, w.effort.common(old, new), a, b) {
		x, y := i[p[0]], j[p[1]]
		if swap {
			x, y = y, x
		}
		was[x], now[y] = y, x
	}
	return was, now
}
