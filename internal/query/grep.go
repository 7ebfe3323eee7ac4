package query

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
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

	unread []string // versions whose structure could not be read for Step and Path
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
		return nil, badQuery(hint.Wrap(errors.New("the pattern is empty"), "is a variable of the shell not set? A dot matches every line that is not empty"))
	case strings.Contains(text, "\n"):
		return nil, badQuery(hint.Wrap(errors.New("the pattern contains a line feed"), "lines are searched one by one: search for one of its lines"))
	}
	if q.Fixed {
		text = regexp.QuoteMeta(text)
	}
	_, err := syntax.Parse(text, syntax.Perl)
	if err == nil {
		if q.IgnoreCase {
			text = "(?i)" + text
		}
		if err := q.checkCost(text); err != nil {
			return nil, err
		}
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, badQuery(hint.Wrap(err, "add -F to search for the text as it is"))
	}
	return re, nil
}

// checkCost refuses a pattern of more than MaxInstructions.
func (q Grep) checkCost(pattern string) error {
	if q.MaxInstructions == 0 || q.Fixed && !q.IgnoreCase {
		return nil
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	// The estimate comes first: to compile a{1000} a hundred times takes time and memory.
	if err != nil || estimate(re) <= 2*q.MaxInstructions && instructions(pattern) <= q.MaxInstructions {
		return nil
	}
	return badQuery(hint.Wrap(fmt.Errorf("the pattern is too expensive: it compiles to more than %d instructions", q.MaxInstructions),
		"each repetition counts, so x{1000} is 1,000; repeat less, or use `cocsync grep` on the command line, which has no such limit"))
}

// estimate estimates the instructions of a pattern, as syntax.Parse does for its own limit:
// https://cs.opensource.google/go/go/+/master:src/regexp/syntax/parse.go.
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
	s := search{a: a, Grep: q}
	if s.pattern, err = q.Regexp(); err != nil {
		return false, err
	}
	if s.documents, err = a.grepDocuments(ctx, q.Documents); err != nil {
		return false, err
	}
	if s.at, err = Option("at", q.At, a.Time); err != nil {
		return false, err
	}
	var unread []string
	err = s.run(ctx, func(x Found) error {
		for _, v := range x.unread {
			unread = append(unread, x.Document.Name+"@"+v)
		}
		if len(x.Lines) == 0 && len(x.unread) > 0 {
			return nil
		}
		found = true
		return f(x)
	})
	if n := len(unread); n > 0 {
		more := ""
		if n > maxUnread {
			more = fmt.Sprintf(" and %d more", n-maxUnread)
		}
		a.note("steps and paths are unknown in %s%s: their structure cannot be read", strings.Join(unread[:min(n, maxUnread)], ", "), more)
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
			return nil, badQuery(hint.Wrap(fmt.Errorf("%q names a version, and grep searches all of them", arg), "leave @"+ref+" out; --newest and --at select one"))
		}
		if !slices.ContainsFunc(docs, func(d Document) bool { return d.key == doc.key }) {
			docs = append(docs, doc)
		}
	}
	return docs, nil
}

// search is a Grep that is being run.
type search struct {
	Grep
	a         *Archive
	pattern   *regexp.Regexp
	documents []Document // none for all
	at        time.Time  // zero for any
	failed    []error
}

// everywhere reports whether a line counts in all versions and parts of a job.
func (s *search) everywhere() bool { return !s.Newest && s.at.IsZero() && s.Step == "" && s.Path == "" }

// newestOf returns the version that is COC's newest, or was at a time that is not zero. ok
// is false for a document that did not exist, or whose version is unknown or not archived.
func (a *Archive) newestOf(ctx context.Context, doc Document, all []db.Revision, at time.Time) (v Version, ok bool, err error) {
	if at.IsZero() {
		if doc.State == coc.DocDeleted {
			return v, false, nil
		}
		v, err = labelledIn(all, string(doc.Version), 0)
	} else {
		v, err = a.versionAt(ctx, doc, all, at)
	}
	if ctx.Err() != nil {
		return v, false, ctx.Err()
	}
	return v, err == nil, nil
}

// hits are the lines of a document that match.
type hits struct {
	*search
	matcher *Matcher
	matches map[string]bool // whether a line matches
	byLine  map[string]*hit
	order   []*hit
	now     []*hit // those of the version that was read last
	reads   int    // versions that were read
}

// hit is a line that matches.
type hit struct {
	text     string
	versions []int // indexes of the versions that contain it
	lines    []int // its first line number in each
	selected bool  // a selected version contains it

	line, read int // its first line number in the version read last, and the number of that read
}

// read finds the lines of a content. It returns false if it cannot tell, because the
// structure cannot be read. An error says that the context ended.
func (h *hits) read(content []byte) (readable bool, err error) {
	text := diff.Read(content)
	within, ok := h.scope(text)
	h.now = h.now[:0]
	h.reads++
	for i, line := range text.Lines {
		line = withoutEnd(line)
		match, known := h.matches[string(line)]
		if !known {
			if match, err = h.matcher.Match(line); err != nil {
				return false, err
			}
			h.matches[string(line)] = match
		}
		if !match || within != nil && !within[i] {
			continue
		}
		x := h.byLine[string(line)]
		if x == nil {
			x = &hit{text: string(line)}
			h.byLine[x.text], h.order = x, append(h.order, x)
		}
		if x.read != h.reads {
			x.line, x.read = i+1, h.reads
			h.now = append(h.now, x)
		}
	}
	return ok, nil
}

// scope says which lines are in the selected step and path; nil for all.
func (h *hits) scope(text *diff.Text) (within []bool, ok bool) {
	if h.Step == "" && h.Path == "" {
		return nil, true
	}
	within = make([]bool, len(text.Lines))
	spans, unreadable := text.Find(func(path, step string) bool {
		return (h.Step == "" || step != "" && coc.Fits(h.Step, step)) && (h.Path == "" || coc.PathFits(h.Path, path))
	})
	for _, span := range spans {
		for i := span.From - 1; i < span.To; i++ {
			within[i] = true
		}
	}
	return within, unreadable == ""
}

// add records that version i has the content that was read last.
func (h *hits) add(i int, selected bool) {
	for _, x := range h.now {
		x.versions, x.lines = append(x.versions, i), append(x.lines, x.line)
		x.selected = x.selected || selected
	}
}

// lines returns the lines that selected versions contain.
func (h *hits) lines(doc Ref, all []db.Revision) (list []Match) {
	for _, x := range h.order {
		if x.selected {
			text := exact(x.text)
			list = append(list, Match{Ref: doc, Exact: &text, Runs: x.runs(all)})
		}
	}
	return list
}

// runs joins consecutive versions to runs.
func (x *hit) runs(all []db.Revision) (list []Run) {
	for i, version := range x.versions {
		name, line := all[version].Name(), x.lines[i]
		if i == 0 || x.versions[i-1] != version-1 {
			list = append(list, Run{First: name, FirstLine: line})
		}
		run := &list[len(list)-1]
		run.Last, run.LastLine, run.Newest = name, line, version == len(all)-1
	}
	return list
}
