package web

import "cocsync/internal/text"

// pieces are untrusted text, prepared for display.
type pieces []piece

// piece is a run of text of one kind.
type piece struct {
	Mark string // "ins" or "del" for words that only one side has, otherwise ""
	Raw  bool   // a replacement of invisible characters
	Text string
}

// visible returns s as pieces, with invisible characters replaced except those in keep.
func visible(s, keep string) pieces {
	return pieces(nil).add("", s, keep)
}

// add appends s with a mark.
func (p pieces) add(mark, s, keep string) pieces {
	for run, replaced := range text.Runs(s, keep) {
		p = append(p, piece{mark, replaced, run})
	}
	return p
}
