// Package web shows the archive as pages to read. It owns their HTML and its
// style; what they tell comes from the packages that know.
//
// Everything that stands in a document is hostile: it is shown as text, with
// what can't be seen made visible, and never becomes markup, a link or a script.
// No page needs a script, an image or a style from elsewhere, so that the
// strictest Content-Security-Policy can stand over it.
package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// colors names all colours once, for the light and the dark.
//
//go:embed colors.css
var colors string

//go:embed diff.css
var diffStyle string

//go:embed diff.html
var diffTemplate string

// Diff is a comparison to be shown.
type Diff struct {
	Title              string     // names the document; "" for no heading
	Old, New           *diff.Text // nil Old: New is the first version
	OldLabel, NewLabel string     // name the two versions; without Old there is no OldLabel
	Context            int        // unchanged lines shown on either side of a change
	IgnoreSpace        bool       // among the lines, not in the outline above them
	// Compared is what comparing Old and New gave, where somebody knows already.
	Compared *coc.Difference
}

// DiffStyle returns the style sheet of DiffSection. It styles nothing outside
// the section.
func DiffStyle() string { return ".cocsync-diff {\n" + colors + "}\n" + diffStyle }

// DiffSection writes a diff as one section element, for a page that brings
// DiffStyle itself. It has no style attribute, no script, and no address but
// those of its own lines. Of very long diffs it shows the first part and says so.
func DiffSection(w io.Writer, d Diff) error {
	t, err := template.New("diff").Parse(diffTemplate)
	if err != nil {
		return fmt.Errorf("read the template of a diff: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, newDiffView(d)); err != nil {
		return fmt.Errorf("lay out a diff: %w", err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write a diff: %w", err)
	}
	return nil
}

// diffView is a Diff as the template takes it.
type diffView struct {
	First          bool // there is no old version
	Title          pieces
	Old, New       pieces // labels
	Added, Removed int
	Summary        pieces
	Groups         []group // the outline
	Formatting     []string
	Notes          []pieces // what else the reader should know
	Hunks          []hunk
	Hidden         int // changed lines that had no room
}

func newDiffView(d Diff) diffView {
	result := d.Compared
	if result == nil {
		fresh := diff.Compare(d.Old, d.New)
		result = &fresh
	}
	v := diffView{
		First: d.Old == nil,
		Title: visible(d.Title, ""),
		Old:   visible(d.OldLabel, ""),
		New:   visible(d.NewLabel, ""),
		Added: result.Added, Removed: result.Removed,
		Summary:    visible(result.Summary, ""),
		Formatting: formattingNotes(result.Formatting),
	}
	if note := result.ContentNote(); note != "" {
		v.Notes = append(v.Notes, visible(note, ""))
	}
	hunks := diff.Hunks(d.Old, d.New, diff.Options{Context: d.Context, IgnoreSpace: d.IgnoreSpace})
	lines := newLayout(hunks, result.Items)
	v.Hunks, v.Hidden = lines.hunks, lines.hidden
	v.Groups = groups(result.Items, anchors{fragment: d.fragment(hunks), layout: lines})
	switch {
	case d.IgnoreSpace && result.Class != coc.ClassUnchanged && len(v.Hunks) == 0 && v.Hidden == 0:
		v.Notes = append(v.Notes, visible("The lines differ in white space only, which is left out here.", ""))
	case d.IgnoreSpace && result.Class != coc.ClassUnchanged:
		v.Notes = append(v.Notes, visible("Lines that differ in white space only are taken for equal below.", ""))
	}
	return v
}

// fragment returns what the ids of a diff begin with: its own on a page that
// shows several, and the same each time it is shown.
func (d Diff) fragment(hunks []diff.Hunk) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q\n", d.Title, d.OldLabel, d.NewLabel)
	for _, h := range hunks {
		for _, l := range h.Lines {
			fmt.Fprintf(sum, "%c %d %d ", l.Op, l.Old, l.New)
			sum.Write(l.Text)
		}
	}
	return "cocsync-" + hex.EncodeToString(sum.Sum(nil)[:4])
}
