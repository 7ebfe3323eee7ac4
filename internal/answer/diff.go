package answer

import (
	"bytes"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// diffSchema is the version of Diff. It goes up when a field goes or means
// something else; new fields may come without it.
const diffSchema = 1

// Diff is a comparison as diff -o json writes it. docs/diff-json.md tells
// what each field means, docs/diff.schema.json its form.
type Diff struct {
	Schema        int              `json:"schema"`
	Account       string           `json:"account"`
	DocumentID    string           `json:"document_id"`
	Name          string           `json:"name"`
	From          *From            `json:"from,omitempty"`
	Old           *string          `json:"old"`
	New           string           `json:"new"`
	Equal         bool             `json:"equal"`
	Added         int              `json:"added"`
	Removed       int              `json:"removed"`
	Summary       string           `json:"summary"`
	Note          *string          `json:"note"`
	Items         []coc.Item       `json:"items"`
	Formatting    []coc.Formatting `json:"formatting"`
	Context       int              `json:"context"`
	IgnoreSpace   bool             `json:"ignore_space"`
	Hunks         []Hunk           `json:"hunks"`
	Unified       string           `json:"unified"`
	UnifiedBase64 string           `json:"unified_base64,omitempty"`
}

// From is the document of the old content, where that is another one.
type From struct {
	Account    string `json:"account"`
	DocumentID string `json:"document_id"`
	Name       string `json:"name"`
}

// Hunk is a run of lines around what changed.
type Hunk struct {
	OldStart int    `json:"old_start"`
	OldCount int    `json:"old_count"`
	NewStart int    `json:"new_start"`
	NewCount int    `json:"new_count"`
	Lines    []Line `json:"lines"`
}

// Line is a line. Pair is the number of the line of the other side that it
// was or became.
type Line struct {
	Op         string `json:"op"`
	Old        *int   `json:"old"`
	New        *int   `json:"new"`
	Pair       *int   `json:"pair"`
	Text       string `json:"text"`
	TextBase64 string `json:"text_base64,omitempty"`
	Newline    bool   `json:"newline"`
	Words      []Word `json:"words"`
}

// Word is a part of a line that changed, or that stayed.
type Word struct {
	Op         string `json:"op"`
	Text       string `json:"text"`
	TextBase64 string `json:"text_base64,omitempty"`
}

// NewDiff makes the answer of a comparison, whose hunks were made with the options.
func NewDiff(c *Comparison, hunks []diff.Hunk, o diff.Options) Diff {
	r, exact := c.Result(), string(c.Patch(diff.Options{Context: o.Context}))
	d := Diff{
		Schema: diffSchema, Account: c.Doc.Account, DocumentID: c.Doc.DocumentID, Name: c.Doc.Name,
		Old: orNull(c.Old), New: c.New, Equal: r.Class == coc.ClassUnchanged,
		Added: r.Added, Removed: r.Removed, Summary: r.Summary, Note: orNull(r.Note()),
		Items: append([]coc.Item{}, r.Items...), Formatting: append([]coc.Formatting{}, r.Formatting...),
		Context: o.Context, IgnoreSpace: o.IgnoreSpace, Hunks: make([]Hunk, len(hunks)),
	}
	d.Unified, d.UnifiedBase64 = exactText(exact)
	if f := c.From; f != nil {
		d.From = &From{f.Account, f.DocumentID, f.Name}
	}
	for i, h := range hunks {
		d.Hunks[i] = newHunk(h, r.Items)
	}
	return d
}

func newHunk(h diff.Hunk, items []coc.Item) Hunk {
	out := Hunk{h.OldStart, h.OldLines, h.NewStart, h.NewLines, make([]Line, len(h.Lines))}
	old, now := map[int]diff.Row{}, map[int]diff.Row{} // those with two lines of which one became the other
	for _, r := range diff.Rows(h, items) {
		if r.Old != nil && r.New != nil && r.New.Op != diff.Same {
			old[r.Old.Old], now[r.New.New] = r, r
		}
	}
	for i, l := range h.Lines {
		line := Line{Op: string(l.Op), Old: numberOrNull(l.Old), New: numberOrNull(l.New), Newline: bytes.HasSuffix(l.Text, []byte("\n"))}
		line.Text, line.TextBase64 = exactText(strings.TrimSuffix(string(l.Text), "\n"))
		if r, ok := old[l.Old]; ok && l.Op == diff.Delete {
			line.Pair, line.Words = &r.New.New, newWords(r.Words, diff.Insert)
		}
		if r, ok := now[l.New]; ok && l.Op == diff.Insert {
			line.Pair, line.Words = &r.Old.Old, newWords(r.Words, diff.Delete)
		}
		out.Lines[i] = line
	}
	return out
}

// newWords is one side of two lines' words, all but those of one kind; null where
// those are to be shown whole.
func newWords(words []diff.Word, but diff.Op) []Word {
	if words == nil {
		return nil
	}
	list := []Word{}
	for _, w := range words {
		if w.Op != but {
			text, exact := exactText(w.Text)
			list = append(list, Word{string(w.Op), text, exact})
		}
	}
	return list
}
