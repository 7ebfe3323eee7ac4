package query

import (
	"bytes"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// diffSchema is the version of Diff's form. It is raised when a field is removed or changes
// its meaning, not when a field is added.
const diffSchema = 1

// PatchContext is the number of unchanged lines around a change, as in git.
const PatchContext = 3

// Diff is a comparison in the form of diff -o json: docs/diff-json.md.
type Diff struct {
	Schema int `json:"schema"`
	Ref
	From          *Ref             `json:"from,omitzero"` // the document of the old content, if it is another one
	Old           Text             `json:"old"`
	New           string           `json:"new"`
	Equal         bool             `json:"equal"`
	Added         int              `json:"added"`
	Removed       int              `json:"removed"`
	Summary       string           `json:"summary"`
	Note          Text             `json:"note"`
	Items         []coc.Item       `json:"items"`
	Formatting    []coc.Formatting `json:"formatting"`
	Context       int              `json:"context"`
	IgnoreSpace   bool             `json:"ignore_space"`
	Hunks         []Hunk           `json:"hunks"`
	Unified       string           `json:"unified"`
	UnifiedBase64 string           `json:"unified_base64,omitempty"`
}

// Hunk is a run of lines around changed ones.
type Hunk struct {
	OldStart int    `json:"old_start"`
	OldCount int    `json:"old_count"`
	NewStart int    `json:"new_start"`
	NewCount int    `json:"new_count"`
	Lines    []Line `json:"lines"`
}

// Line is a line. Pair is the number of the line on the other side that it was changed from
// or to; Words are the parts of such a line.
type Line struct {
	Op   string `json:"op"`
	Old  Number `json:"old"`
	New  Number `json:"new"`
	Pair Number `json:"pair"`
	Exact
	Newline bool   `json:"newline"`
	Words   []Word `json:"words,format:emitnull"`
}

// Word is a part of a line, changed or not.
type Word struct {
	Op string `json:"op"`
	Exact
}

// Diff returns the comparison with hunks that were made with the options.
func (c *Comparison) Diff(hunks []diff.Hunk, o diff.Options) Diff {
	r, patch := c.Result(), string(c.Patch(diff.Options{Context: o.Context}))
	d := Diff{
		Schema: diffSchema, Ref: c.Document.Ref, Old: Text(c.Old), New: c.New, Equal: r.Class == coc.ClassUnchanged,
		Added: r.Added, Removed: r.Removed, Summary: r.Summary, Note: Text(r.Note()),
		Items: r.Items, Formatting: r.Formatting,
		Context: o.Context, IgnoreSpace: o.IgnoreSpace, Hunks: make([]Hunk, len(hunks)),
		Unified: patch, UnifiedBase64: base64IfBinary(patch),
	}
	if c.From != nil {
		d.From = &c.From.Ref
	}
	for i, h := range hunks {
		d.Hunks[i] = newHunk(h, r.Items)
	}
	return d
}

func newHunk(h diff.Hunk, items []coc.Item) Hunk {
	out := Hunk{h.OldStart, h.OldLines, h.NewStart, h.NewLines, make([]Line, len(h.Lines))}
	rows := map[*diff.Line]diff.Row{} // those of lines that were changed
	for _, r := range diff.Rows(h, items) {
		if r.Old != nil && r.New != nil && r.New.Op != diff.Same {
			rows[r.Old], rows[r.New] = r, r
		}
	}
	for i := range h.Lines {
		l := &h.Lines[i]
		line := Line{Op: string(l.Op), Old: Number(l.Old), New: Number(l.New), Exact: exact(strings.TrimSuffix(string(l.Text), "\n")),
			Newline: bytes.HasSuffix(l.Text, []byte("\n"))}
		if r, ok := rows[l]; ok {
			pair, other := r.New.New, diff.Insert
			if l == r.New {
				pair, other = r.Old.Old, diff.Delete
			}
			line.Pair = Number(pair)
			for _, w := range r.Words { // without those that only the other side has
				if w.Op != other {
					line.Words = append(line.Words, Word{string(w.Op), exact(w.Text)})
				}
			}
			if r.Words != nil && line.Words == nil {
				line.Words = []Word{}
			}
		}
		out.Lines[i] = line
	}
	return out
}

// Patch returns a line diff for patch and git apply. A nil old means that there is no old file.
func Patch(name, documentID string, old, now *diff.Text, o diff.Options) []byte {
	was, is := patchNames(name, documentID, old == nil)
	return diff.Unified(old, now, was, is, o)
}

// Patch returns the line diff of a comparison, as Patch does.
func (c *Comparison) Patch(o diff.Options) []byte {
	was, is := c.PatchNames()
	return diff.Unified(c.Was, c.Now, was, is, o)
}

// PatchNames are the names of both sides in a patch.
func (c *Comparison) PatchNames() (was, is string) {
	was, _ = patchNames(c.OldDocument().Name, c.OldDocument().DocumentID, c.Was == nil)
	_, is = patchNames(c.Document.Name, c.Document.DocumentID, c.Was == nil)
	return was, is
}

// patchNames returns a document's name as a file in the working directory, for both sides.
func patchNames(name, documentID string, first bool) (old, now string) {
	file := strings.ReplaceAll(name, "/", "_")
	if file == "" || file == "." || file == ".." {
		file = documentID
	}
	if first {
		return "/dev/null", "b/" + file
	}
	return "a/" + file, "b/" + file
}

// Arrow writes what a change compares: v3 → v4.
func Arrow(old, now string) string {
	if old == "" {
		return now
	}
	return old + " → " + now
}
