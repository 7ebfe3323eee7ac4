package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cocsync/internal/query"
	"cocsync/internal/text"
)

// Limits of a search.
const (
	maxFoundDocuments = 12
	maxFoundLines     = 20 // of a document
	maxMarked         = 50 // matches marked in a line
)

// maxInstructions limits the size of a pattern's program, and so its time per character.
const maxInstructions = 2000

// searchPage is a search over all versions.
type searchPage struct {
	Text, At                   string
	Pattern, Exact, NewestOnly bool
	Searched                   bool
	Found                      []foundDocument
	Lines                      int // number of matching lines, shown or not
	MoreDocuments              bool
	Command                    pieces // the command that shows all matches
	Why, Fix                   pieces // why the search failed
}

// foundDocument is a document with matching lines.
type foundDocument struct {
	Name  pieces
	URL   string
	Lines []foundLine
	More  int
}

// foundLine is a matching line with the versions that contain it.
type foundLine struct {
	Text pieces
	Runs []foundRun
}

// foundRun is a run of consecutive versions.
type foundRun struct {
	First, Last       pieces
	FirstURL, LastURL string
	Open              bool
}

func (s *Site) search(ctx context.Context, q *pageRequest) (*view, error) {
	b := &searchPage{Text: q.get("q"), At: q.get("at"), Pattern: q.get("pattern") != "", Exact: q.get("case") != "", NewestOnly: q.get("newest") != ""}
	v := &view{Title: visible("Search", ""), Here: "search", Search: b.Text, Body: b}
	if b.Text == "" {
		return v, nil
	}
	b.Searched = true
	err := b.find(ctx, q)
	if err != nil {
		var what, fix string
		if v.Status, what, fix = s.judge(q.Request, err); v.Status != http.StatusBadRequest {
			return nil, err
		}
		if b.Pattern && strings.Contains(fix, "-F") { // the command's flag
			fix = "to search for the literal text, clear the pattern option"
		}
		b.Why, b.Fix = visible(what, "\n"), visible(fix, "\n")
		return v, nil
	}
	b.Command = visible(b.command(), "")
	return v, nil
}

// find runs the search.
func (b *searchPage) find(ctx context.Context, q *pageRequest) error {
	if b.NewestOnly && b.At != "" {
		return badRequest{errors.New("search either the newest versions or those as of a time, not both")}
	}
	grep := query.Grep{Pattern: b.Text, Fixed: !b.Pattern, IgnoreCase: !b.Exact, Newest: b.NewestOnly, At: b.At,
		MaxInstructions: maxInstructions, MaxDocuments: maxFoundDocuments + 1} // one more detects that there are more
	re, err := grep.Regexp()
	if err != nil {
		return err
	}
	matcher := query.NewMatcher(ctx, re)
	_, err = q.Grep(ctx, grep, func(found query.Found) error {
		if len(b.Found) == maxFoundDocuments {
			b.MoreDocuments = true
			return errEnough
		}
		b.Lines += len(found.Lines)
		doc, err := newFoundDocument(found, matcher)
		b.Found = append(b.Found, doc)
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// command returns the same search as a command line.
func (b *searchPage) command() string {
	words := []string{"cocsync grep"}
	for _, f := range []struct {
		on   bool
		flag string
	}{{!b.Pattern, "-F"}, {!b.Exact, "-i"}, {b.NewestOnly, "--newest"}, {b.At != "", "--at " + quoted(b.At)}} {
		if f.on {
			words = append(words, f.flag)
		}
	}
	if strings.HasPrefix(b.Text, "-") {
		words = append(words, "--")
	}
	return strings.Join(append(words, quoted(b.Text)), " ")
}

// quoted returns a word quoted for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func newFoundDocument(found query.Found, m *query.Matcher) (d foundDocument, err error) {
	d = foundDocument{Name: visible(found.Document.Name, ""), URL: documentURL(found.Document)}
	for i, match := range found.Lines {
		if i == maxFoundLines {
			d.More = len(found.Lines) - i
			break
		}
		var l foundLine
		if l.Text, err = marked(match.Text, m); err != nil {
			return d, err
		}
		for _, r := range match.Runs {
			l.Runs = append(l.Runs, newFoundRun(found.Document, r))
		}
		d.Lines = append(d.Lines, l)
	}
	return d, nil
}

func newFoundRun(doc query.Document, r query.Run) foundRun {
	address := func(label string, line int) string { return fmt.Sprintf("%s#L%d", versionURL(doc, label), line) }
	run := foundRun{First: visible(r.First, ""), FirstURL: address(r.First, r.FirstLine), Open: r.Newest}
	if r.Last != r.First {
		run.Last, run.LastURL = visible(r.Last, ""), address(r.Last, r.LastLine)
	}
	return run
}

// marked returns a line with the matches marked. A long line is shortened to the part
// around the first match.
func marked(line string, m *query.Matcher) (t pieces, err error) {
	line, cut, err := shorten(line, m)
	if err != nil {
		return nil, err
	}
	if cut {
		t = t.add("", "… ", "")
	}
	matches, err := m.FindAll([]byte(line), maxMarked)
	at := 0
	for _, m := range matches {
		t = t.add("", line[at:m[0]], "\t").add("ins", line[m[0]:m[1]], "\t")
		at = m[1]
	}
	return t.add("", line[at:], "\t"), err
}

// maxLine is the maximum length of a shown line in bytes.
const maxLine = 500

// shorten cuts a line to the part around its first match.
func shorten(line string, m *query.Matcher) (_ string, cut bool, err error) {
	if len(line) <= maxLine {
		return line, false, nil
	}
	from := 0
	at, err := m.Find([]byte(line))
	if at != nil {
		from = max(0, at[0]-maxLine/4)
	}
	return strings.ToValidUTF8(line[from:min(len(line), from+maxLine)], ""), from > 0, err
}

// Summary counts the matches.
func (b *searchPage) Summary() string {
	in := text.Plural(len(b.Found), "document")
	if b.MoreDocuments {
		return fmt.Sprintf("Matches in the first %s; there are more", in)
	}
	return text.Plural(b.Lines, "line") + " in " + in
}
