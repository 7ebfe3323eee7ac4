package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
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
	query.Grep
	Found         []foundDocument
	Lines         int // number of matching lines, shown or not
	MoreDocuments bool
	Fault         fault // why the search failed
}

// foundDocument is a document with matching lines.
type foundDocument struct {
	query.Document
	Lines []foundLine
	More  int
}

// foundLine is a matching line with the versions that contain it.
type foundLine struct {
	Text template.HTML
	Runs []query.Run
}

func (s *Site) search(ctx context.Context, q *request) (*view, error) {
	b := &searchPage{Grep: query.Grep{
		Pattern: q.get("q"), Fixed: q.get("pattern") == "", IgnoreCase: q.get("case") == "", Newest: q.get("newest") != "", At: q.get("at"),
		MaxInstructions: maxInstructions, MaxDocuments: maxFoundDocuments + 1, // one more detects that there are more
	}}
	v := &view{Title: "Search", Here: "search", Search: b.Pattern, Body: b}
	if b.Pattern == "" {
		return v, nil
	}
	if err := b.find(ctx, q); err != nil {
		v.Status, b.Fault.Why, b.Fault.Fix = s.judge(q.Request, err)
		if v.Status != http.StatusBadRequest {
			return nil, err
		}
		if !b.Fixed && strings.Contains(b.Fault.Fix, "-F") { // the command's flag
			b.Fault.Fix = "to search for the literal text, clear the pattern option"
		}
	}
	return v, nil
}

// find runs the search.
func (b *searchPage) find(ctx context.Context, q *request) error {
	if b.Newest && b.At != "" {
		return badRequest{errors.New("search either the newest versions or those as of a time, not both")}
	}
	re, err := b.Regexp()
	if err != nil {
		return err
	}
	matcher := query.NewMatcher(ctx, re)
	_, err = q.Archive.Grep(ctx, b.Grep, func(found query.Found) error {
		if len(b.Found) == maxFoundDocuments {
			b.MoreDocuments = true
			return errEnough
		}
		b.Lines += len(found.Lines)
		shown := min(len(found.Lines), maxFoundLines)
		d := foundDocument{Document: found.Document, More: len(found.Lines) - shown}
		for _, match := range found.Lines[:shown] {
			line, err := highlighted(match.Text, matcher)
			if err != nil {
				return err
			}
			d.Lines = append(d.Lines, foundLine{line, match.Runs})
		}
		b.Found = append(b.Found, d)
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// Command returns the same search as a command line.
func (b *searchPage) Command() string {
	words := []string{"cocsync grep"}
	for _, f := range []struct {
		on   bool
		flag string
	}{{b.Fixed, "-F"}, {b.IgnoreCase, "-i"}, {b.Newest, "--newest"}, {b.At != "", "--at " + quoted(b.At)}} {
		if f.on {
			words = append(words, f.flag)
		}
	}
	if strings.HasPrefix(b.Pattern, "-") {
		words = append(words, "--")
	}
	return strings.Join(append(words, quoted(b.Pattern)), " ")
}

// quoted returns a word quoted for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// highlighted returns a line with the matches marked. A long line is shortened to the part
// around the first match.
func highlighted(line string, m *query.Matcher) (t template.HTML, err error) {
	line, cut, err := shorten(line, m)
	if err != nil {
		return "", err
	}
	if cut {
		t = "… "
	}
	matches, err := m.FindAll([]byte(line), maxMarked)
	at := 0
	for _, m := range matches {
		t += shown(line[at:m[0]], "\t") + marked("ins", line[m[0]:m[1]])
		at = m[1]
	}
	return t + shown(line[at:], "\t"), err
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
