package history

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// A gap is what is much longer than usual, and no cycle that failed to read the list,
// or read some documents by name, ends one.
func TestGaps(t *testing.T) {
	start := on(1)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	good := func(minutes ...int) (list []coc.Cycle) {
		for _, m := range minutes {
			list = append(list, coc.Cycle{StartedAt: at(m), EndedAt: at(m + 1), Outcome: coc.Good, Complete: true})
		}
		return list
	}
	bad := coc.Cycle{StartedAt: at(25), EndedAt: at(26), Outcome: coc.Bad}
	some := coc.Cycle{StartedAt: at(30), EndedAt: at(31), Outcome: coc.Good, Complete: true, Partial: true}
	for _, tt := range []struct {
		name     string
		cycles   []coc.Cycle
		from, to int
		usual    time.Duration
		want     []Gap
	}{
		{"regular", good(0, 5, 10, 15, 20), 0, 22, 5 * time.Minute, nil},
		{"one is missing", good(0, 5, 15, 20), 0, 22, 5 * time.Minute, nil},
		{"the middle", append(good(0, 5, 10), good(60, 65, 70)...), 0, 72, 5 * time.Minute, []Gap{{at(11), at(60)}}},
		{"failed and partial ones in it", append(append(good(0, 5, 10, 15), bad, some), good(60, 65)...), 0, 66, 5 * time.Minute, []Gap{{at(16), at(60)}}},
		{"the beginning and the end", good(30, 35, 40), 0, 90, 5 * time.Minute, []Gap{{at(0), at(30)}, {at(41), at(90)}}},
		{"nothing at all", nil, 0, 60, 0, []Gap{{at(0), at(60)}}},
		{"one alone", good(0), 0, 9, 0, nil},
	} {
		w := watchReport("all", tt.cycles, at(tt.from), at(tt.to))
		if diff := cmp.Diff(tt.want, w.Gaps); diff != "" || w.Usual != tt.usual {
			t.Errorf("%s: usually every %v, want %v; gaps (-want +got):\n%s", tt.name, w.Usual, tt.usual, diff)
		}
	}
}
