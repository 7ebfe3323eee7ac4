package diff

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"cocsync/internal/coc"
)

// The minimum of steps is reported as moved: the others are a longest run in the same
// order.
func TestFewestMoves(t *testing.T) {
	for _, tt := range []struct {
		old, new string
		moves    int
	}{
		{"a b c d e", "a b c d e", 0},
		{"a b c d e", "e a b c d", 1},
		{"a b c d e", "b c d e a", 1},
		{"a b c d e", "e d c b a", 4},
		{"a b c d", "b a d c", 2},
		{"a b c", "x c y a b", 1},
	} {
		got := 0
		for _, item := range Compare(stepsNamed(tt.old), stepsNamed(tt.new)).Items {
			if item.Op == Moved {
				got++
			}
		}
		if got != tt.moves {
			t.Errorf("%s to %s: %d moves, want %d", tt.old, tt.new, got, tt.moves)
		}
	}
}

func stepsNamed(names string) *Text {
	var b strings.Builder
	b.WriteString("steps:\n")
	for _, name := range strings.Fields(names) {
		fmt.Fprintf(&b, "- {name: %s, task: do_%s}\n", name, name)
	}
	return Read([]byte(b.String()))
}

// A name that is not unique on either side does not decide which elements match.
func TestDuplicateName(t *testing.T) {
	const one = "steps:\n- {name: a, task: x}\n- {name: b, task: y}\n"
	const two = "steps:\n- {name: a, task: z}\n- {name: a, task: x}\n- {name: b, task: y}\n"
	got := Compare(Read([]byte(one)), Read([]byte(two)))
	want := coc.Item{Op: Added, Path: "steps[0]", Step: "a", Task: "z", NewLines: coc.Span{From: 2, To: 2}}
	if len(got.Items) != 1 || got.Items[0] != want {
		t.Errorf("items %v, want %v", got.Items, want)
	}
}

// A Text is read once and may be compared by several goroutines; run with -race.
func TestTextIsShared(t *testing.T) {
	old, new := stepsNamed("a b"), stepsNamed("a c")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got := Compare(old, new).Summary; got != "step c added, step b removed" {
				t.Errorf("summary %q", got)
			}
		})
	}
	wg.Wait()
}
