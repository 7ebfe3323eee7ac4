package diff

import "cocsync/internal/coc"

// Row is one line of a hunk in two columns: a line that both sides have, two lines of
// which one became the other, or a line of one side only.
type Row struct {
	Old, New *Line // nil: nothing on that side
	// Words are the differences of two lines of which one became the other, both without
	// their "\n": a difference there is seen in the lines themselves. It is nil if both
	// are to be shown whole.
	Words []Word
}

// Limits for pairing the lines of a hunk, some milliseconds each. After them lines are
// paired less well, in linear time.
const (
	maxSteps = 2_000_000       // of comparing lines with each other
	maxCuts  = 2 * 1500 * 1500 // 1,500 lines with as many, twice: all lines of a content of 64 KB
)

// Rows pairs the removed lines of a hunk with those added in their place, in the order
// of both: first those of which an item says that one became the other, then similar
// ones. The items are those of the whole comparison, or nil. A line without a match has a
// row of its own, a removed one before the added ones around it. The lines alias the hunk.
func Rows(h Hunk, items []coc.Item) []Row {
	rows := make([]Row, 0, len(h.Lines))
	p := pairing{steps: maxSteps, cuts: maxCuts, work: maxWork, ids: map[string]int{}, lineFacts: factsOf(items)}
	for lines := h.Lines; len(lines) > 0; {
		if op := lines[0].Op; op != Delete && op != Insert {
			rows = append(rows, Row{Old: h.AsOld(&lines[0]), New: &lines[0]})
			lines = lines[1:]
			continue
		}
		n := run(lines, Delete)
		m := n + run(lines[n:], Insert)
		rows = p.rows(rows, lines[:n], lines[n:m])
		lines = lines[m:]
	}
	return rows
}

// lineFacts are what items say about lines, by their numbers: which one became which
// other, and which belong to an added or removed step, and so have no match.
type lineFacts struct {
	became, was    map[int]int
	removed, added map[int]bool
}

func factsOf(items []coc.Item) lineFacts {
	f := lineFacts{map[int]int{}, map[int]int{}, map[int]bool{}, map[int]bool{}}
	mark := func(lines map[int]bool, s coc.Span) {
		for n := s.From; n > 0 && n <= s.To; n++ {
			lines[n] = true
		}
	}
	for _, it := range items {
		whole := it.Old == "" && it.New == ""
		switch {
		case whole && it.Op == Removed:
			mark(f.removed, it.OldLines)
		case whole && it.Op == Added:
			mark(f.added, it.NewLines)
		case it.Op != Changed && it.Op != Renamed, it.OldLines.From != it.OldLines.To, it.NewLines.From != it.NewLines.To:
		case f.became[it.OldLines.From] == 0 && f.was[it.NewLines.From] == 0:
			f.became[it.OldLines.From], f.was[it.NewLines.From] = it.NewLines.From, it.OldLines.From
		}
	}
	return f
}

// run returns how many lines from the first on have an op.
func run(lines []Line, op Op) int {
	n := 0
	for n < len(lines) && lines[n].Op == op {
		n++
	}
	return n
}
