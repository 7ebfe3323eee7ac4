package web

import "cocsync/internal/text"

// pieces are a text that a document or a person wrote, made fit to be shown.
type pieces []piece

// piece is a run of text of one kind.
type piece struct {
	Mark string // "ins" or "del" around words that only one side has, else ""
	Raw  bool   // replaces hidden characters
	Text string
}

// visible makes pieces of s in which every character can be seen, but for those in
// keep.
func visible(s, keep string) pieces {
	return pieces(nil).add("", s, keep)
}

// add appends s, marked.
func (p pieces) add(mark, s, keep string) pieces {
	for run, replaced := range text.Runs(s, keep) {
		p = append(p, piece{mark, replaced, run})
	}
	return p
}
