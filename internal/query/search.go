package query

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

func (s *search) run(ctx context.Context, f func(Found) error) error {
	docs := s.documents
	if len(docs) == 0 {
		if s.MaxDocuments > 0 && !s.everywhere() {
			return s.runSome(ctx, f)
		}
		keys, err := s.candidates(ctx, s.MaxDocuments)
		if err == nil {
			docs, err = s.byName(ctx, keys)
		}
		if err != nil {
			return err
		}
	}
	if err := s.each(ctx, docs, f); err != nil {
		return err
	}
	return errors.Join(s.failed...)
}

// runSome is run for at most MaxDocuments, where lines do not count everywhere: it reads
// some of the documents that have matching lines, and more while too few of them count.
func (s *search) runSome(ctx context.Context, f func(Found) error) error {
	var list []Found
	for done, batch := 0, 2*s.MaxDocuments; ; batch *= 4 {
		keys, err := s.candidates(ctx, batch)
		if err != nil {
			return err
		}
		docs, err := s.byName(ctx, keys[min(done, len(keys)):])
		if err != nil {
			return err
		}
		err = s.each(ctx, docs, func(found Found) error {
			if list = append(list, found); len(list) == s.MaxDocuments {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) || err == nil && len(keys) < batch {
			break
		}
		if err != nil {
			return err
		}
		done = len(keys)
	}
	slices.SortFunc(list, func(a, b Found) int { return byName(a.Document, b.Document) })
	for _, found := range list {
		if err := f(found); err != nil {
			return err
		}
	}
	return errors.Join(s.failed...)
}

// each calls f with what is found in each document. What cannot be read is added to s.failed.
func (s *search) each(ctx context.Context, docs []Document, f func(Found) error) error {
	u := s.a.db.Unpacker()
	for _, doc := range docs {
		found := Found{Document: doc}
		if !s.Names || !s.everywhere() || len(s.documents) > 0 { // else the line index knows
			var err error
			if found, err = s.document(ctx, doc, u); ctx.Err() != nil {
				return ctx.Err()
			}
			s.failed = append(s.failed, err)
			if len(found.Lines)+len(found.unread) == 0 {
				continue
			}
		}
		if err := f(found); err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a walk over the line index.
var errEnough = errors.New("enough documents")

// candidates returns the documents that ever had a line that the pattern matches, each once,
// in an order that does not change; at most limit, or all for 0.
func (s *search) candidates(ctx context.Context, limit int) (keys []coc.Key, err error) {
	known := map[coc.Key]bool{}
	m := NewMatcher(ctx, s.pattern)
	err = s.a.db.Lines(ctx, required(s.pattern), func(document coc.Key, lines []byte) error {
		if known[document] {
			return ctx.Err()
		}
		match := lines == nil
		if !match {
			if match, err = m.matchAny(lines); err != nil {
				return err
			}
		}
		if match {
			known[document] = true
			if keys = append(keys, document); len(keys) == limit {
				return errEnough
			}
		}
		return ctx.Err()
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return keys, err
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
	all := func(list []*syntax.Regexp) []db.Need {
		needs := make([]db.Need, len(list))
		for i, sub := range list {
			needs[i] = requiredBy(sub)
		}
		return needs
	}
	switch re.Op {
	case syntax.OpLiteral:
		return db.Need{Text: string(re.Rune)}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredBy(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return requiredBy(re.Sub[0])
		}
	case syntax.OpConcat:
		return db.Need{All: all(re.Sub)}
	case syntax.OpAlternate:
		return db.Need{Any: all(re.Sub)}
	}
	return db.Need{}
}

// matchAny reports whether one of the lines matches.
func (m *Matcher) matchAny(lines []byte) (bool, error) {
	for line := range bytes.Lines(lines) {
		if match, err := m.Match(withoutEnd(line)); match || err != nil {
			return match, err
		}
	}
	return false, nil
}

// withoutEnd returns a line without "\n" or "\r\n".
func withoutEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// byName returns the documents of keys, by name.
func (s *search) byName(ctx context.Context, keys []coc.Key) ([]Document, error) {
	docs := make([]Document, len(keys))
	for i, key := range keys {
		doc, err := s.a.db.ByKey(ctx, key)
		if err != nil {
			return nil, err
		}
		docs[i] = newDocument(doc)
	}
	slices.SortFunc(docs, byName)
	return docs, nil
}

// document finds the lines of one document.
func (s *search) document(ctx context.Context, doc Document, u *db.Unpacker) (found Found, err error) {
	found.Document = doc
	all, err := s.a.revisions(ctx, doc.key)
	if err != nil {
		return found, err
	}
	selected := func(db.Revision) bool { return true }
	if s.Newest || !s.at.IsZero() {
		one, ok, err := s.a.newestOf(ctx, doc, all, s.at)
		if err != nil || !ok {
			return found, err
		}
		selected = func(r db.Revision) bool { return r.Key == one.db.Key }
	}
	all = slices.DeleteFunc(all, func(r db.Revision) bool { return r.Number == 0 || r.Erased })
	h := hits{search: s, matcher: NewMatcher(ctx, s.pattern), matches: map[string]bool{}, byLine: map[string]*hit{}}
	for i, r := range all {
		if i == 0 || r.Hash != all[i-1].Hash {
			c, unreadable := u.Content(ctx, doc.key.Account, r.Hash)
			if unreadable != nil {
				err = errors.Join(err, contentError(unreadable, r.Name(), doc.Name))
			}
			ok, ended := h.read(c.Bytes)
			if ended != nil {
				return found, ended
			}
			if !ok {
				found.unread = append(found.unread, r.Name())
			}
		}
		h.add(i, selected(r))
	}
	found.Lines = h.lines(doc.Ref, all)
	return found, err
}
