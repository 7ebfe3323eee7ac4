package coc

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Difference is what differs between the two contents or states of a change. It is
// derived: it can be computed again from the archive.
type Difference struct {
	Algorithm int // version of diff's algorithm; 0 if it was not computed from contents
	Class     Class
	Added     int // lines
	Removed   int // lines
	// Summary describes it in one line for people, of at most 200 runes and without
	// control characters: 2 steps added, timeout 30 → 60 in wait_healthy. No code reads
	// it.
	Summary string
	Reason  string // why the structure could not be read, in one line; "" if it was
	// Items are at most 200 structural differences, in the order of the new content. Old
	// and New have at most 500 runes each, truncated with "…", at the front too if a long
	// prefix is the same in both. Of a text of several lines they have the lines that
	// differ, with a line "…" for those between.
	Items   []Item
	Omitted int  // structural differences that are not in Items
	Cut     bool // a path or a task in Items is truncated
	// Formatting explains the changed lines that no item has, if the structure could be
	// read: every changed line is in one or the other, or belongs to an item that was
	// omitted.
	Formatting []Formatting
	Skipped    []string // labels of the versions between the two that were not available
}

// Class says what a difference consists of.
type Class string

const (
	ClassNone       Class = ""           // no contents are compared
	ClassUnchanged  Class = "unchanged"  // the same bytes
	ClassFormatting Class = "formatting" // other bytes with the same meaning
	ClassStructural Class = "structural"
	ClassUnreadable Class = "unreadable" // the structure of a content could not be read
	ClassErased     Class = "erased"     // one of the two contents was erased
)

// ErasedDifference is the difference if one of the two contents was erased, and the
// versions between the two that were not available.
func ErasedDifference(algorithm int, skipped []string) Difference {
	return Difference{Algorithm: algorithm, Class: ClassErased, Summary: "content changed", Skipped: skipped}
}

// Complete reports whether Items are all structural differences, and not truncated.
func (d Difference) Complete() bool {
	return d.Class != ClassUnreadable && d.Class != ClassErased && d.Omitted == 0 && !d.Cut && len(d.Skipped) == 0
}

// Reformatted reports whether lines are written differently and mean the same.
func (d Difference) Reformatted() bool { return d.FormattedLines() > 0 }

// FormattedLines counts the lines that are written differently and mean the same.
func (d Difference) FormattedLines() (n int) {
	for _, f := range d.Formatting {
		if f.Kind != FormattingShifted {
			n += f.OldLines.Len() + f.NewLines.Len()
		}
	}
	return n
}

// Note describes for people what Summary does not: why there is no structure, how many
// items were omitted, and which versions were skipped; "" if there is none of these.
func (d Difference) Note() string { return join(d.ContentNote(), d.SkippedNote()) }

// ContentNote is Note without the versions that were skipped.
func (d Difference) ContentNote() string {
	omitted := fmt.Sprintf("%d more differences not listed", d.Omitted)
	switch d.Omitted {
	case 0:
		omitted = ""
	case 1:
		omitted = "1 more difference not listed"
	}
	return join(omitted, d.reason())
}

// UncountedNote is Note without the number of items that were omitted.
func (d Difference) UncountedNote() string { return join(d.reason(), d.SkippedNote()) }

func (d Difference) reason() string {
	if d.Class == ClassErased {
		return "one of the two contents was erased"
	}
	return d.Reason
}

func join(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(s string) bool { return s == "" }), "; ")
}

// SkippedNote says which versions were skipped; "" for none.
func (d Difference) SkippedNote() string {
	switch len(d.Skipped) {
	case 0:
		return ""
	case 1:
		return d.Skipped[0] + " was not available and is skipped"
	}
	return strings.Join(d.Skipped, ", ") + " were not available and are skipped"
}

// Item is one structural difference.
type Item struct {
	Op string `json:"op"` // added, removed, changed, renamed, moved
	// Path says where: steps[restart].inputs.timeout. An element of a list is named where
	// its name is unique, else counted from 0; a key that is not a plain word is quoted:
	// inputs["a.b"].
	Path string `json:"path"`
	Step string `json:"step"` // name of the innermost step; "" outside steps
	Task string `json:"task"` // that step's task
	// Old and New are the values, or the names (renamed), or the positions (moved):
	// "first", "after drain", "after [3]"; several that moved together all have those of
	// the first. A step that was added or removed has neither. A string is bare; it is
	// quoted in a collection, if the type changed ("30", 30), and if it is empty or could
	// be read as another type. "" is no value.
	Old string `json:"old"`
	New string `json:"new"`
	// OldLines and NewLines are its lines in both versions; zero on a side without it.
	OldLines Span `json:"old_lines"`
	NewLines Span `json:"new_lines"`
}

// FormattingShifted is the Kind of lines that are the same in both versions: the line
// diff shows them as changed because something near them was added, removed or moved.
const FormattingShifted = "shifted"

// Formatting is a run of changed lines, on either side or both, that mean the same as before.
type Formatting struct {
	// Kind is comments, anchors, key order, quoting, spelling (null for ~), layout (flow or
	// block style, document markers), white space, or shifted.
	Kind     string `json:"sort"`
	OldLines Span   `json:"old_lines"`
	NewLines Span   `json:"new_lines"`
}

// Span is a run of lines counted from 1, both ends included. The zero Span has none; its
// JSON is null.
type Span struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Len is the number of its lines.
func (s Span) Len() int {
	if s.From == 0 {
		return 0
	}
	return s.To - s.From + 1
}

// MarshalJSON writes null for the zero Span.
func (s Span) MarshalJSON() ([]byte, error) {
	if s == (Span{}) {
		return []byte("null"), nil
	}
	type plain Span
	return json.Marshal(plain(s))
}

// MetaDifference returns the difference of a change of fields.
func MetaDifference(items []Item) Difference {
	var list []string
	for _, it := range items {
		if it.Path == "description" {
			list = append(list, "description changed")
		} else {
			list = append(list, it.Path+" "+cmp.Or(it.Old, `""`)+" → "+cmp.Or(it.New, `""`))
		}
	}
	return Difference{Summary: strings.Join(list, ", "), Items: items}
}

// EventDifference returns the difference of an event of a document that changes no content:
// withdrawn, with the label of the version, deleted or restored.
func EventDifference(kind Kind, label string) Difference {
	summary := "available again"
	switch kind {
	case KindWithdrawn:
		summary = label + " is no longer listed by COC; the archive keeps it"
	case KindDeleted:
		summary = "deleted at COC; the archive keeps every version"
	}
	return Difference{Summary: summary}
}
