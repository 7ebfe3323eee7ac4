package diff

// Row is one line of a hunk shown in two columns: a line that both sides have,
// two lines of which one became the other, or a line of one side alone.
type Row struct {
	Old, New *Line // nil: nothing on that side
	// Words tell two lines of which one became the other apart; nil when both
	// are to be shown whole.
	Words []Word
}

// Rows pairs the lines of a hunk that were removed with those that were added in
// their place, by likeness, in the order of both.
func (h Hunk) Rows() []Row {
	var rows []Row
	for i := range h.Lines {
		l := &h.Lines[i]
		switch l.Op {
		case Same:
			rows = append(rows, Row{Old: l, New: l})
		case Delete:
			rows = append(rows, Row{Old: l})
		default:
			rows = append(rows, Row{New: l})
		}
	}
	return rows
}
