package query

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
)

// search is a Grep that is being run.
type search struct {
	Grep
	a         *Archive
	pattern   *regexp.Regexp
	documents []Document // none for all
	at        time.Time  // zero for any
	texts     *db.Unpacker
	unread    []string // versions whose structure could not be read for Step and Path
	failed    []error
}

// errEnough ends a walk over the line index.
var errEnough = errors.New("enough documents")

func (s *search) run(ctx context.Context, f func(Found) error) error {
	docs := s.documents
	if len(docs) == 0 {
		var few []Found
		err := s.candidates(ctx, func(doc Document) error {
			if s.MaxDocuments == 0 {
				docs = append(docs, doc)
				return nil
			}
			return s.document(ctx, doc, func(found Found) error {
				if few = append(few, found); len(few) == s.MaxDocuments {
					return errEnough
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		slices.SortFunc(docs, byName)
		slices.SortFunc(few, func(a, b Found) int { return byName(a.Document, b.Document) })
		for _, found := range few {
			if err := f(found); err != nil {
				return err
			}
		}
	}
	for _, doc := range docs {
		if err := s.document(ctx, doc, f); err != nil {
			return err
		}
	}
	return errors.Join(s.failed...)
}

// candidates calls f with each document that ever had a line that the pattern matches, in an
// order that does not change.
func (s *search) candidates(ctx context.Context, f func(Document) error) error {
	seen := map[coc.Key]bool{}
	m := NewMatcher(ctx, s.pattern)
	return s.a.db.Lines(ctx, required(s.pattern), func(key coc.Key, lines []byte) error {
		if seen[key] {
			return ctx.Err()
		}
		if lines != nil {
			if match, err := m.matchAny(lines); !match {
				return err
			}
		}
		seen[key] = true
		doc, err := s.a.db.ByKey(ctx, key)
		if err != nil {
			return err
		}
		return f(newDocument(doc))
	})
}

// required returns what every text that a pattern matches must contain, as far as it is
// plain text. Of `timeout: (30|60)` it is "timeout: " and not the numbers.
func required(pattern *regexp.Regexp) db.Need {
	re, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil { // it was compiled before
		return db.Need{}
	}
	return requiredBy(re)
}

func requiredBy(re *syntax.Regexp) db.Need {
	var subs []db.Need
	for _, sub := range re.Sub {
		subs = append(subs, requiredBy(sub))
	}
	switch {
	case re.Op == syntax.OpLiteral:
		return db.Need{Text: string(re.Rune)}
	case re.Op == syntax.OpCapture, re.Op == syntax.OpPlus, re.Op == syntax.OpRepeat && re.Min > 0:
		return subs[0]
	case re.Op == syntax.OpConcat:
		return db.Need{All: subs}
	case re.Op == syntax.OpAlternate:
		return db.Need{Any: subs}
	}
	return db.Need{}
}

// withoutEnd returns a line without "\n" or "\r\n".
func withoutEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// newestOf returns the version that is COC's newest, or was at a time that is not zero. ok
// is false for a document that did not exist, or whose version is unknown or not archived.
func (a *Archive) newestOf(ctx context.Context, doc Document, all []db.Revision, at time.Time) (v Version, ok bool, err error) {
	switch {
	case !at.IsZero():
		v, err = a.versionAt(ctx, doc, all, at)
	case doc.State == coc.DocDeleted:
		return v, false, nil
	default:
		v, err = labelledIn(all, string(doc.Version), 0)
	}
	return v, err == nil, ctx.Err()
}

// document calls f with what is found in a document, if something is. What cannot be read is
// added to s.unread and s.failed. An error is that of f or of the context.
func (s *search) document(ctx context.Context, doc Document, f func(Found) error) error {
	everywhere := !s.Newest && s.at.IsZero() && s.Step == "" && s.Path == ""
	if s.Names && everywhere && len(s.documents) == 0 { // the line index knows
		return f(Found{Document: doc})
	}
	lines, err := s.lines(ctx, doc)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.failed = append(s.failed, err)
	if len(lines) == 0 {
		return nil
	}
	return f(Found{doc, lines})
}

// lines finds the lines of a document.
func (s *search) lines(ctx context.Context, doc Document) (list []Match, err error) {
	all, err := s.a.revisions(ctx, doc.key)
	if err != nil {
		return nil, err
	}
	var only coc.Key
	if s.Newest || !s.at.IsZero() {
		one, ok, err := s.a.newestOf(ctx, doc, all, s.at)
		if err != nil || !ok {
			return nil, err
		}
		only = one.db.Key
	}
	all = slices.DeleteFunc(all, func(r db.Revision) bool { return r.Number == 0 || r.Erased })
	h := hits{search: s, matcher: NewMatcher(ctx, s.pattern), doc: doc.Ref, byLine: map[string]*hit{}}
	for i, r := range all {
		if i == 0 || r.Hash != all[i-1].Hash {
			c, unreadable := s.texts.Content(ctx, doc.key.Account, r.Hash)
			if unreadable != nil {
				err = errors.Join(err, contentError(unreadable, r.Name(), doc.Name))
			}
			ok, ended := h.read(c.Bytes)
			if ended != nil {
				return nil, ended
			}
			if !ok {
				s.unread = append(s.unread, doc.Name+"@"+r.Name())
			}
		}
		h.add(i, r.Name(), i == len(all)-1, only.IsZero() || r.Key == only)
	}
	for _, x := range h.order {
		if x.selected {
			list = append(list, x.Match)
		}
	}
	return list, err
}

// hits are the lines of a document that match.
type hits struct {
	*search
	matcher *Matcher
	doc     Ref
	byLine  map[string]*hit // nil for a line that does not match
	order   []*hit
	now     []*hit // those of the version that was read last
	reads   int    // versions that were read
}

// hit is a line that matches.
type hit struct {
	Match
	last       int  // the index of the last version that contains it
	selected   bool // a selected version contains it
	line, read int  // its first line number in the version read last, and the number of that read
}

// read finds the lines of a content. It returns false if it cannot tell, because the
// structure cannot be read. An error says that the context ended.
func (h *hits) read(content []byte) (readable bool, err error) {
	text := diff.Read(content)
	within, readable := h.scope(text)
	h.now = h.now[:0]
	h.reads++
	for i, line := range text.Lines {
		line = withoutEnd(line)
		x, ok := h.byLine[string(line)]
		if !ok {
			match, err := h.matcher.Match(line)
			if err != nil {
				return false, err
			}
			if match {
				text := exact(string(line))
				x = &hit{Match: Match{Ref: h.doc, Exact: &text}}
			}
			h.byLine[string(line)] = x
		}
		if x != nil && x.read != h.reads && (within == nil || within[i]) {
			x.line, x.read = i+1, h.reads
			h.now = append(h.now, x)
		}
	}
	return readable, nil
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

// add records that the version at index i has the content that was read last. It extends a
// run that ends with the previous version.
func (h *hits) add(i int, version string, newest, selected bool) {
	for _, x := range h.now {
		if len(x.Runs) == 0 {
			h.order = append(h.order, x)
		}
		if len(x.Runs) == 0 || x.last != i-1 {
			x.Runs = append(x.Runs, Run{First: version, FirstLine: x.line})
		}
		run := &x.Runs[len(x.Runs)-1]
		run.Last, run.LastLine, run.Newest = version, x.line, newest
		x.last, x.selected = i, x.selected || selected
	}
}
