package syncer

import (
	"testing"

	"cocsync/internal/coc"
)

// Ended is called with each cycle as it was recorded, also with failed ones.
func TestEnded(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	var got []coc.Cycle
	w.s.Ended = func(c coc.Cycle) { got = append(got, c) }
	w.cycle()
	w.coc.fail["DM1"] = coc.ErrTemporary
	w.coc.edit("DM1", "b\n", "bob")
	last := w.cycle()
	if len(got) != 2 || got[0].Outcome != coc.CycleGood || got[1].Outcome != coc.CycleFailed || got[1].Key != last.Key ||
		!got[1].EndedAt.Equal(last.EndedAt) {
		t.Errorf("Ended got %+v, want a good and a failed cycle", got)
	}
}
