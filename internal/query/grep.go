package query

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"cocsync/internal/hint"
)

// Grep selects lines.
type Grep struct {
	Pattern    string // RE2, matched against each line without its line end
	Fixed      bool   // Pattern is plain text
	IgnoreCase bool
	Names      bool     // only which documents have lines
	Counts     bool     // only how many lines of each document
	Newest     bool     // only lines of the newest versions
	At         string   // only lines of the versions that were newest then
	Step, Path string   // only lines in such a step and such a part of the job; patterns
	Documents  []string // references without versions; none for all
	// MaxInstructions refuses a pattern that compiles to more instructions, since each
	// character of a line takes as many steps; 0: no limit.
	MaxInstructions int
	// MaxDocuments ends the search after so many documents, which are not the first by name;
	// 0: no limit.
	MaxDocuments int
}

// Found are the lines of a document that match, in the order in which they appeared.
type Found struct {
	Document Document
	Lines    []Match // may be empty if only names are selected
}

// Match is a line that matches; only the document if lines are not selected.
type Match struct {
	Ref
	*Exact
	Runs  []Run `json:"runs,omitempty"` // of the versions that contain it, oldest first
	Count *int  `json:"count,omitzero"` // of lines
}

// Run is a run of consecutive versions.
type Run struct {
	First string `json:"first"`
	Last  string `json:"last"`
	// Its first line number in both versions, from 1.
	FirstLine int `json:"-"`
	LastLine  int `json:"-"`

	Newest bool `json:"-"` // Last is the newest version
}

// Matches returns the JSON of what was found in a document.
func (q Grep) Matches(found Found) []Match {
	switch n := len(found.Lines); {
	case q.Counts:
		return []Match{{Ref: found.Document.Ref, Count: &n}}
	case q.Names:
		return []Match{{Ref: found.Document.Ref}}
	}
	return found.Lines
}

// Regexp compiles the pattern.
func (q Grep) Regexp() (*regexp.Regexp, error) {
	text := q.Pattern
	switch {
	case text == "":
		return nil, badQuery(hint.Wrap(errors.New("the pattern is empty"),
			"is a shell variable not set? A dot matches every line that is not empty"))
	case strings.Contains(text, "\n"):
		return nil, badQuery(hint.Wrap(errors.New("the pattern contains a line feed"),
			"lines are searched one by one: search for one of its lines"))
	}
	if q.Fixed {
		text = regexp.QuoteMeta(text)
	}
	_, err := syntax.Parse(text, syntax.Perl) // without (?i), which is not the user's
	if q.IgnoreCase {
		text = "(?i)" + text
	}
	if costly := !q.Fixed || q.IgnoreCase; err == nil && costly && q.MaxInstructions > 0 && instructions(text) > q.MaxInstructions {
		return nil, badQuery(hint.Wrap(fmt.Errorf("the pattern is too expensive: it compiles to more than %d instructions", q.MaxInstructions),
			"each repetition counts, so x{1000} is 1,000; repeat less, or use `cocsync grep` on the command line, which has no such limit"))
	}
	var re *regexp.Regexp
	if err == nil {
		re, err = regexp.Compile(text)
	}
	if err != nil {
		return nil, badQuery(hint.Wrap(err, "add -F to search for the text as it is"))
	}
	return re, nil
}

// instructions estimates how many instructions a pattern compiles to, as syntax.Parse does for
// its own limit: https://cs.opensource.google/go/go/+/master:src/regexp/syntax/parse.go. To
// compile a{1000} a hundred times takes time and memory. It is 1 for an invalid pattern.
func instructions(pattern string) int {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 1
	}
	return estimate(re)
}

func estimate(re *syntax.Regexp) (n int) {
	for _, sub := range re.Sub {
		n += estimate(sub)
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

// Grep calls f with each document that has lines that match, by name, and reports whether
// there was one. A note names versions that could not be searched. What cannot be read is
// reported at the end and does not stop the search.
func (a *Archive) Grep(ctx context.Context, q Grep, f func(Found) error) (found bool, err error) {
	s := search{a: a, Grep: q, texts: a.db.Unpacker()}
	if s.pattern, err = q.Regexp(); err != nil {
		return false, err
	}
	if s.documents, err = a.grepDocuments(ctx, q.Documents); err != nil {
		return false, err
	}
	if s.at, err = Option("at", q.At, a.Time); err != nil {
		return false, err
	}
	err = s.run(ctx, func(x Found) error {
		found = true
		return f(x)
	})
	if n := len(s.unread); n > 0 {
		more := ""
		if n > maxUnread {
			more = fmt.Sprintf(" and %d more", n-maxUnread)
		}
		a.note("steps and paths are unknown in %s%s: their structure cannot be read", strings.Join(s.unread[:min(n, maxUnread)], ", "), more)
	}
	return found, err
}

// maxUnread is how many unreadable versions a note names.
const maxUnread = 5

// grepDocuments finds the documents that references name, each once.
func (a *Archive) grepDocuments(ctx context.Context, refs []string) (docs []Document, err error) {
	for _, arg := range refs {
		doc, ref, err := a.Split(ctx, arg)
		if err != nil {
			return nil, err
		}
		if ref != "" {
			return nil, badQuery(hint.Wrap(fmt.Errorf("%q names a version, but grep searches all of them", arg),
				"leave @"+ref+" out; --newest and --at select one"))
		}
		if !slices.ContainsFunc(docs, func(d Document) bool { return d.key == doc.key }) {
			docs = append(docs, doc)
		}
	}
	return docs, nil
}
