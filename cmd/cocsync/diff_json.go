package main

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// diffSchema is the version of diffJSON. It goes up when a field goes or means
// something else; new fields may come without it.
const diffSchema = 1

// diffJSON is a comparison as diff -o json writes it. docs/diff-json.md tells
// what each field means, docs/diff.schema.json its form.
type diffJSON struct {
	Schema        int              `json:"schema"`
	Account       string           `json:"account"`
	DocumentID    string           `json:"document_id"`
	Name          string           `json:"name"`
	From          *fromJSON        `json:"from,omitempty"`
	Old           *string          `json:"old"`
	New           string           `json:"new"`
	Equal         bool             `json:"equal"`
	Added         int              `json:"added"`
	Removed       int              `json:"removed"`
	Summary       string           `json:"summary"`
	Note          *string          `json:"note"`
	Items         []diffItemJSON   `json:"items"`
	Formatting    []formattingJSON `json:"formatting"`
	Context       int              `json:"context"`
	IgnoreSpace   bool             `json:"ignore_space"`
	Hunks         []hunkJSON       `json:"hunks"`
	Unified       string           `json:"unified"`
	UnifiedBase64 string           `json:"unified_base64,omitempty"`
}

// fromJSON is the document of the old content, where that is another one.
type fromJSON struct {
	Account    string `json:"account"`
	DocumentID string `json:"document_id"`
	Name       string `json:"name"`
}

type diffItemJSON struct {
	itemJSON
	OldLines *spanJSON `json:"old_lines"`
	NewLines *spanJSON `json:"new_lines"`
}

type formattingJSON struct {
	Sort     string    `json:"sort"`
	OldLines *spanJSON `json:"old_lines"`
	NewLines *spanJSON `json:"new_lines"`
}

type spanJSON struct {
	From int `json:"from"`
	To   int `json:"to"`
}

type hunkJSON struct {
	OldStart int        `json:"old_start"`
	OldCount int        `json:"old_count"`
	NewStart int        `json:"new_start"`
	NewCount int        `json:"new_count"`
	Lines    []lineJSON `json:"lines"`
}

// lineJSON is a line. Pair is the number of the line of the other side that it
// was or became.
type lineJSON struct {
	Op         string     `json:"op"`
	Old        *int       `json:"old"`
	New        *int       `json:"new"`
	Pair       *int       `json:"pair"`
	Text       string     `json:"text"`
	TextBase64 string     `json:"text_base64,omitempty"`
	Newline    bool       `json:"newline"`
	Words      []wordJSON `json:"words"`
}

type wordJSON struct {
	Op         string `json:"op"`
	Text       string `json:"text"`
	TextBase64 string `json:"text_base64,omitempty"`
}

func (c *comparison) json(hunks []diff.Hunk, o diff.Options) diffJSON {
	exact := string(c.unified(diff.Options{Context: o.Context}))
	d := diffJSON{
		Schema: diffSchema, Account: c.doc.Account, DocumentID: c.doc.DocumentID, Name: c.doc.Name,
		Old: orNull(c.old), New: c.new, Equal: c.Equal,
		Added: c.Added, Removed: c.Removed, Summary: c.Summary, Note: orNull(c.Note),
		Items: make([]diffItemJSON, len(c.Items)), Formatting: make([]formattingJSON, len(c.Formatting)),
		Context: o.Context, IgnoreSpace: o.IgnoreSpace, Hunks: make([]hunkJSON, len(hunks)),
	}
	d.Unified, d.UnifiedBase64 = jsonText(exact)
	if f := c.from; f != nil {
		d.From = &fromJSON{f.Account, f.DocumentID, f.Name}
	}
	for i, it := range c.Items {
		stored := coc.Item{Op: it.Op, Path: it.Path, Step: it.Step, Task: it.Task, Old: it.Old, New: it.New}
		d.Items[i] = diffItemJSON{itemJSON(stored), newSpanJSON(it.OldLines), newSpanJSON(it.NewLines)}
	}
	for i, f := range c.Formatting {
		d.Formatting[i] = formattingJSON{f.Sort, newSpanJSON(f.OldLines), newSpanJSON(f.NewLines)}
	}
	for i, h := range hunks {
		d.Hunks[i] = newHunkJSON(h, c.Items)
	}
	return d
}

func newSpanJSON(s diff.Span) *spanJSON {
	if s == (diff.Span{}) {
		return nil
	}
	return &spanJSON{s.From, s.To}
}

func newHunkJSON(h diff.Hunk, items []diff.Item) hunkJSON {
	out := hunkJSON{h.OldStart, h.OldLines, h.NewStart, h.NewLines, make([]lineJSON, len(h.Lines))}
	old, now := map[int]diff.Row{}, map[int]diff.Row{} // those with two lines of which one became the other
	for _, r := range diff.Rows(h, items) {
		if r.Old != nil && r.New != nil && r.New.Op != diff.Same {
			old[r.Old.Old], now[r.New.New] = r, r
		}
	}
	for i, l := range h.Lines {
		line := lineJSON{Op: string(l.Op), Old: numberOrNull(l.Old), New: numberOrNull(l.New), Newline: ended(l)}
		line.Text, line.TextBase64 = jsonText(strings.TrimSuffix(string(l.Text), "\n"))
		if r, ok := old[l.Old]; ok && l.Op == diff.Delete {
			line.Pair, line.Words = &r.New.New, newWordsJSON(r.Words, diff.Insert)
		}
		if r, ok := now[l.New]; ok && l.Op == diff.Insert {
			line.Pair, line.Words = &r.Old.Old, newWordsJSON(r.Words, diff.Delete)
		}
		out.Lines[i] = line
	}
	return out
}

// newWordsJSON is one side of two lines' words; null where those are to be shown
// whole.
func newWordsJSON(words []diff.Word, but diff.Op) []wordJSON {
	if words == nil {
		return nil
	}
	list := []wordJSON{}
	for _, w := range oneSide(words, but) {
		text, exact := jsonText(w.Text)
		list = append(list, wordJSON{string(w.Op), text, exact})
	}
	return list
}

// jsonText is a text as JSON can hold it. Where bytes are not UTF-8, text has
// U+FFFD for each and exact is base64 of all of it; else exact is "".
func jsonText(s string) (text, exact string) {
	if utf8.ValidString(s) {
		return s, ""
	}
	return s, base64.StdEncoding.EncodeToString([]byte(s)) // encoding/json writes the U+FFFD
}

// numberOrNull is the JSON of a line's number; 0 is none.
func numberOrNull(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
