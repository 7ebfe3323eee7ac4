package answer

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/history"
)

// Grep asks for lines.
type Grep struct {
	Pattern    string
	Fixed      bool // it is plain text
	IgnoreCase bool
	Names      bool     // only which documents have any
	Counts     bool     // only how many of each document
	Newest     bool     // only of the newest versions
	At         string   // only of what was newest then
	Step, Path string   // only of such a part; patterns
	Documents  []string // references, without versions; none for all
	// MaxInstructions refuses a pattern that regexp compiles to more instructions, since
	// each character of a line costs that many steps; 0 is no limit.
	MaxInstructions int
}

// Regexp reads the pattern.
func (q Grep) Regexp() (*regexp.Regexp, error) {
	text := q.Pattern
	switch {
	case text == "":
		return nil, misask(hint.Wrap(errors.New("the pattern is empty"), "is a variable of the shell not set? A dot matches every line that is not empty"))
	case strings.Contains(text, "\n"):
		return nil, misask(hint.Wrap(errors.New("the pattern has a line feed"), "lines are searched one by one: look for one of its lines"))
	}
	if q.Fixed {
		text = regexp.QuoteMeta(text)
	}
	_, err := syntax.Parse(text, syntax.Perl)
	if err == nil {
		if q.IgnoreCase {
			text = "(?i)" + text
		}
		if err := q.affordable(text); err != nil {
			return nil, err
		}
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, misask(hint.Wrap(err, "add -F to look for the text as it is"))
	}
	return re, nil
}

// affordable refuses a pattern of more than MaxInstructions.
func (q Grep) affordable(pattern string) error {
	if q.MaxInstructions == 0 || q.Fixed && !q.IgnoreCase {
		return nil
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	// The estimate comes first: to compile a hundred times a{1000} takes time and memory.
	if err != nil || instructions(re) <= 2*q.MaxInstructions && history.Instructions(pattern) <= q.MaxInstructions {
		return nil
	}
	return misask(hint.Wrap(fmt.Errorf("the pattern is too costly: it compiles to more than %d instructions", q.MaxInstructions),
		"each repetition counts, so x{1000} is 1,000; repeat less, or ask `cocsync grep` on the command line, which has no such limit"))
}

// instructions estimates to how many instructions a pattern compiles, as syntax.Parse
// does for its own limit: https://cs.opensource.google/go/go/+/master:src/regexp/syntax/parse.go.
func instructions(re *syntax.Regexp) (n int) {
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCapture:
		n += 2
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		n++
	case syntax.OpAlternate:
		n += len(re.Sub) - 1
	case syntax.OpRepeat:
		switch {
		case re.Max < 0:
			n = max(1, re.Min)*n + 1
		default:
			n = re.Max*n + re.Max - re.Min
		}
	}
	return max(1, n)
}

// Query makes history's query of the question.
func (q Grep) Query(ctx context.Context, h *history.History) (out history.Query, err error) {
	out = history.Query{Newest: q.Newest, Step: q.Step, Path: q.Path, Brief: q.Names}
	if out.Pattern, err = q.Regexp(); err != nil {
		return out, err
	}
	if out.Documents, err = q.documents(ctx, h); err != nil {
		return out, err
	}
	if q.At != "" {
		if out.At, err = h.Instant(q.At); err != nil {
			return out, misask(fmt.Errorf("--at: %w", err))
		}
	}
	return out, nil
}

// documents finds the documents that are named, each once.
func (q Grep) documents(ctx context.Context, h *history.History) (list []db.Document, err error) {
	for _, arg := range q.Documents {
		doc, ref, err := h.Split(ctx, arg)
		if err != nil {
			return nil, err
		}
		if ref != "" {
			return nil, misask(hint.Wrap(fmt.Errorf("%q names a version, and grep looks into all of them", arg), "leave @"+ref+" out; --newest and --at choose one"))
		}
		if !slices.ContainsFunc(list, func(d db.Document) bool { return d.Key == doc.Key }) {
			list = append(list, doc)
		}
	}
	return list, nil
}

// Found calls write with each document that has lines that match, by name. any says
// that there was one; the note, which versions could not be searched.
func Found(ctx context.Context, h *history.History, q history.Query, write func(history.Found) error) (anything bool, note string, err error) {
	var unread []string
	err = h.Grep(ctx, q, func(found history.Found) error {
		for _, v := range found.Unread {
			unread = append(unread, found.Document.Name+"@"+v)
		}
		if len(found.Lines) == 0 && len(found.Unread) > 0 {
			return nil
		}
		anything = true
		return write(found)
	})
	return anything, unreadNote(unread), err
}

// maxUnread is how many versions are named that could not be searched.
const maxUnread = 5

// unreadNote says which versions could not be searched; "" for none.
func unreadNote(versions []string) string {
	n := len(versions)
	if n == 0 {
		return ""
	}
	text := strings.Join(versions[:min(n, maxUnread)], ", ")
	if n > maxUnread {
		text += fmt.Sprintf(" and %d more", n-maxUnread)
	}
	return "no steps and paths are known of " + text + ": their structure can't be read"
}

// Match is a line as grep tells it; where lines are not asked for, a document.
type Match struct {
	Account    string  `json:"account"`
	DocumentID string  `json:"document_id"`
	Name       string  `json:"name"`
	Text       *string `json:"text,omitempty"`
	TextBase64 string  `json:"text_base64,omitempty"` // the bytes, where text can't hold them
	Runs       []Run   `json:"runs,omitempty"`
	Count      *int    `json:"count,omitempty"`
}

// Run is a run of versions that a line stood in.
type Run struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

// Matches makes the answer of what was found in a document.
func (q Grep) Matches(found history.Found) []Match {
	d := found.Document
	doc := Match{Account: d.Account, DocumentID: d.DocumentID, Name: d.Name}
	if q.Counts || q.Names {
		if n := len(found.Lines); q.Counts {
			doc.Count = &n
		}
		return []Match{doc}
	}
	list := make([]Match, 0, len(found.Lines))
	for _, m := range found.Lines {
		line := doc
		text, exact := exactText(m.Text)
		line.Text, line.TextBase64 = &text, exact
		for _, r := range m.Runs {
			line.Runs = append(line.Runs, Run{r.First, r.Last})
		}
		list = append(list, line)
	}
	return list
}
