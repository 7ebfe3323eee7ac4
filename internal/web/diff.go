// Package web serves the archive over HTTP: pages, an API, feeds and metrics. It owns
// HTML and styles; queries and comparisons are left to packages query and diff.
//
// The content of documents is untrusted. It is shown as text, with invisible characters
// made visible, and never becomes markup, a link or a script. No page loads scripts,
// images or styles from other sites, so a strict Content-Security-Policy applies.
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

// colors defines all colours, for the light and the dark scheme.
//
//go:embed colors.css
var colors string

//go:embed diff.css
var diffStyle string

//go:embed diff.html
var diffTemplate string

// Diff is a comparison of two contents to show.
type Diff struct {
	Title              string     // the name of the document; "" for no heading
	Old, New           *diff.Text // a nil Old means that New is the first version
	OldLabel, NewLabel string     // of the two versions; OldLabel is empty without Old
	Context            int        // unchanged lines shown before and after a change
	IgnoreSpace        bool       // in the lines, not in the outline above them
	// Compared is the stored result of comparing Old and New; nil: compute it.
	Compared *coc.Difference
}

// DiffStyle returns the style sheet of DiffSection. It applies only to the section.
func DiffStyle() string { return ".cocsync-diff {\n" + colors + "}\n" + diffStyle }

// DiffSection writes a diff as one section element, for a page that includes DiffStyle.
// The section has no style attributes and no scripts, and links only to its own lines. A
// very long diff is truncated, with a note.
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

// diffView is the data of the diff template.
type diffView struct {
	First          bool // no old version
	Title          pieces
	Old, New       pieces // labels
	Added, Removed int
	Summary        pieces
	Groups         []group // the outline
	Formatting     []string
	Notes          []pieces
	Hunks          []hunk
	Hidden         int // changed lines that are not shown
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
		v.Notes = append(v.Notes, visible("The lines differ only in white space, which is ignored.", ""))
	case d.IgnoreSpace && result.Class != coc.ClassUnchanged:
		v.Notes = append(v.Notes, visible("Differences in white space are ignored below.", ""))
	}
	return v
}

// fragment returns the prefix of the ids in a diff. It is unique on a page with several
// diffs, and the same for the same diff.
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
