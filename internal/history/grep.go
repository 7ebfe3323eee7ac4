package history

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
)

// Query asks for lines.
type Query struct {
	// Pattern is matched against a line without its end, "\n" or "\r\n".
	Pattern   *regexp.Regexp
	Documents []db.Document // those that are searched; none for all
	// Newest and At leave only lines of each document's newest version, or of that
	// of an instant; the runs of versions are told in full.
	Newest bool
	At     time.Time // zero for any
	// Step and Path are patterns in which * stands for anything. A line counts where
	// it stands in such a step, and in such a part of the job.
	Step, Path string
	// Brief asks for documents alone: Found may have no Lines.
	Brief bool
	// Most is after how many documents with such lines nobody looks for others; 0 for
	// never. Which they are is by chance.
	Most int
}

// everywhere reports whether a line counts wherever it stood.
func (q Query) everywhere() bool { return !q.Newest && q.At.IsZero() && q.Step == "" && q.Path == "" }

// Match is a line that was found.
type Match struct {
	Text string // without its end
	Runs []Run  // where it stood, oldest first
}

// Run is a run of consecutive versions.
type Run struct {
	First, Last string // labels, the same for a run of one
	// Where it stood in them, from 1, at the first place of several.
	FirstLine, LastLine int
	// Open says that Last is the newest version there is.
	Open bool
}

// Found are the lines of a document that were found, those of the first version
// first, in their order there.
type Found struct {
	Document db.Document
	Lines    []Match
	// Unread are versions whose structure could not be read, so that nothing is
	// known of steps and paths in them.
	Unread []string
}

// Grep calls f with every document that has lines that match, by name. What can't be
// read is told at the end, and the others go on.
func (h *History) Grep(ctx context.Context, q Query, f func(Found) error) error {
	if q.Most > 0 && len(q.Documents) == 0 && !q.everywhere() {
		return h.grepFew(ctx, q, f)
	}
	docs, err := h.candidates(ctx, q)
	if err != nil {
		return err
	}
	var failed []error
	u := h.DB.Unpacker()
	for _, doc := range docs {
		if q.Brief && q.everywhere() && len(q.Documents) == 0 { // the line set said all
			if err := f(Found{Document: doc}); err != nil {
				return err
			}
			continue
		}
		found, err := h.grep(ctx, q, doc, u)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, err)
		}
		if len(found.Lines) == 0 && len(found.Unread) == 0 {
			continue
		}
		if err := f(found); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// grepFew is Grep for so many documents at the most, of lines that count only where
// they stand: of the documents that have such lines it reads some, and more while too
// few of them count.
func (h *History) grepFew(ctx context.Context, q Query, f func(Found) error) error {
	var list []Found
	var failed []error
	u := h.DB.Unpacker()
	for done, batch := 0, 2*q.Most; ; batch *= 4 {
		keys, err := h.having(ctx, q.Pattern, batch)
		if err != nil {
			return err
		}
		for _, key := range keys[min(done, len(keys)):] {
			doc, err := h.DB.ByKey(ctx, key)
			if err != nil {
				return err
			}
			found, err := h.grep(ctx, q, doc, u)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				failed = append(failed, err)
			}
			if len(found.Lines)+len(found.Unread) > 0 {
				list = append(list, found)
			}
			if len(list) == q.Most {
				break
			}
		}
		if len(list) == q.Most || len(keys) < batch {
			break
		}
		done = len(keys)
	}
	slices.SortFunc(list, func(a, b Found) int { return byName(a.Document, b.Document) })
	for _, found := range list {
		if err := f(found); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// candidates are the documents that are worth reading, by name.
func (h *History) candidates(ctx context.Context, q Query) ([]db.Document, error) {
	if len(q.Documents) > 0 {
		return q.Documents, nil
	}
	keys, err := h.having(ctx, q.Pattern, q.Most)
	if err != nil {
		return nil, err
	}
	return h.byKeys(ctx, keys)
}

// errMost ends a search that found as many documents as it may.
var errMost = errors.New("enough documents")

// having returns the documents that ever had a line that a pattern matches, each once,
// always in the same order; most of them at the most, or all for 0.
func (h *History) having(ctx context.Context, pattern *regexp.Regexp, most int) (keys []int64, err error) {
	known := map[int64]bool{}
	m := NewMatcher(ctx, pattern)
	err = h.DB.Lines(ctx, need(pattern), func(document int64, lines []byte) error {
		if known[document] {
			return ctx.Err()
		}
		match := lines == nil
		if !match {
			if match, err = m.any(lines); err != nil {
				return err
			}
		}
		if match {
			known[document] = true
			if keys = append(keys, document); len(keys) == most {
				return errMost
			}
		}
		return ctx.Err()
	})
	if errors.Is(err, errMost) {
		err = nil
	}
	return keys, err
}

// any reports whether one of the lines has a match.
func (m *Matcher) any(lines []byte) (bool, error) {
	for line := range bytes.Lines(lines) {
		if match, err := m.Match(bare(line)); match || err != nil {
			return match, err
		}
	}
	return false, nil
}

// bare is a line without its end.
func bare(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// fewDocuments are asked for one by one.
const fewDocuments = 100

// byKeys returns documents by name.
func (h *History) byKeys(ctx context.Context, keys []int64) (docs []db.Document, err error) {
	if len(keys) > fewDocuments {
		wanted := map[int64]bool{}
		for _, key := range keys {
			wanted[key] = true
		}
		docs, err = h.DB.Documents(ctx)
		return slices.DeleteFunc(docs, func(d db.Document) bool { return !wanted[d.Key] }), err
	}
	for _, key := range keys {
		doc, err := h.DB.ByKey(ctx, key)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	sortByName(docs)
	return docs, nil
}

// grep finds the lines of one document.
func (h *History) grep(ctx context.Context, q Query, doc db.Document, u *db.Unpacker) (found Found, err error) {
	found.Document = doc
	all, err := h.Versions(ctx, doc)
	if err != nil {
		return found, err
	}
	chosen := func(db.Revision) bool { return true }
	if q.Newest || !q.At.IsZero() {
		one, ok, err := h.standing(ctx, doc, all, q.At)
		if err != nil || !ok {
			return found, err
		}
		chosen = func(r db.Revision) bool { return r.Key == one.Key }
	}
	all = slices.DeleteFunc(all, func(r db.Revision) bool { return r.Number == 0 || r.Erased })
	hits := hits{query: q, matcher: NewMatcher(ctx, q.Pattern), matches: map[string]bool{}, at: map[string]*hit{}}
	for i, r := range all {
		if i == 0 || r.Hash != all[i-1].Hash {
			c, broken := u.Content(ctx, r.Hash)
			if broken != nil {
				err = errors.Join(err, contentError(broken, r, doc))
			}
			ok, ended := hits.read(c.Bytes)
			if ended != nil {
				return found, ended
			}
			if !ok {
				found.Unread = append(found.Unread, r.Name())
			}
		}
		hits.stand(i, chosen(r))
	}
	found.Lines = hits.found(all)
	return found, err
}

// standing returns the version that is newest, or was at that instant. ok is false
// for a document that was not there, or whose version is not here.
func (h *History) standing(ctx context.Context, doc db.Document, all []db.Revision, at time.Time) (_ Version, ok bool, err error) {
	var v Version
	if at.IsZero() {
		if doc.State == coc.Deleted {
			return v, false, nil
		}
		v, err = named(all, doc.Version, 0)
	} else {
		v, err = h.asOf(ctx, doc, all, at)
	}
	if ctx.Err() != nil {
		return v, false, ctx.Err()
	}
	return v, err == nil, nil
}

// hits are the lines of a document that match.
type hits struct {
	query   Query
	matcher *Matcher
	matches map[string]bool // whether a line does, as far as it was asked
	at      map[string]*hit
	order   []*hit
	now     []*hit // those of the version that was read last
	reads   int    // versions that were read
}

// hit is a line that matches, and the places of the versions that it stood in.
type hit struct {
	text     string
	versions []int
	lines    []int // where in each of these it stood first
	chosen   bool  // it stood in one that was asked for

	line, read int // its first line in the version that was read last, and which that was
}

// read finds the lines of a version's content. It returns false where they can't be
// told, because the structure can't be read. An error says that the context ended.
func (s *hits) read(content []byte) (readable bool, err error) {
	text := diff.Read(content)
	within, ok := s.scope(text)
	s.now = s.now[:0]
	s.reads++
	for i, line := range text.Lines {
		line = bare(line)
		match, asked := s.matches[string(line)]
		if !asked {
			if match, err = s.matcher.Match(line); err != nil {
				return false, err
			}
			s.matches[string(line)] = match
		}
		if !match || within != nil && !within[i] {
			continue
		}
		h := s.at[string(line)]
		if h == nil {
			h = &hit{text: string(line)}
			s.at[h.text], s.order = h, append(s.order, h)
		}
		if h.read != s.reads {
			h.line, h.read = i+1, s.reads
			s.now = append(s.now, h)
		}
	}
	return ok, nil
}

// scope says which lines stand in the step and the path that were asked for; nil for
// all of them.
func (s *hits) scope(text *diff.Text) (within []bool, ok bool) {
	q := s.query
	if q.Step == "" && q.Path == "" {
		return nil, true
	}
	within = make([]bool, len(text.Lines))
	spans, why := text.Find(func(path, step string) bool {
		return (q.Step == "" || step != "" && coc.Fits(q.Step, step)) && (q.Path == "" || coc.PathFits(q.Path, path))
	})
	for _, span := range spans {
		for i := span.From - 1; i < span.To; i++ {
			within[i] = true
		}
	}
	return within, why == ""
}

// stand notes that what was read last is the version at place i.
func (s *hits) stand(i int, chosen bool) {
	for _, h := range s.now {
		h.versions, h.lines = append(h.versions, i), append(h.lines, h.line)
		h.chosen = h.chosen || chosen
	}
}

func (s *hits) found(all []db.Revision) []Match {
	var list []Match
	for _, h := range s.order {
		if h.chosen {
			list = append(list, Match{h.text, h.runs(all)})
		}
	}
	return list
}

// runs turns the places of versions into runs of them.
func (h *hit) runs(all []db.Revision) []Run {
	var list []Run
	for i, place := range h.versions {
		name, line := all[place].Name(), h.lines[i]
		if i == 0 || h.versions[i-1] != place-1 {
			list = append(list, Run{First: name, FirstLine: line})
		}
		run := &list[len(list)-1]
		run.Last, run.LastLine, run.Open = name, line, place == len(all)-1
	}
	return list
}
