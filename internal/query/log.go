package query

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Log selects changes. Empty fields select all.
type Log struct {
	Document     string // a reference without a version
	Since, Until string // inclusive
	Seen         bool   // Since and Until are about when cocsync saw a change
	By           string // the author
	Risk         string // the document's current risk level
	Task, Path   string // patterns; one difference must match both
	Text         string // only versions that added or removed it
	Kinds        []string
	Limit        int       // the newest; 0: all
	After        coc.Place // only changes after this one in the list; zero: from its start
	OldestFirst  bool      // Limit still selects the newest
}

// RiskLevels are those of COC's reference. The archive may have others.
func RiskLevels() []string { return []string{"LOW", "MEDIUM", "HIGH"} }

// Kinds are the kinds of change.
func Kinds() (names []string) {
	for _, k := range coc.Kinds() {
		names = append(names, string(k))
	}
	return names
}

// Log returns the selected changes, newest first. A note names changes that could not be
// searched completely. If some contents cannot be read, the error is the last element, after
// the other changes.
func (a *Archive) Log(ctx context.Context, q Log) iter.Seq2[coc.Change, error] {
	return func(yield func(coc.Change, error) bool) {
		f, err := a.filter(ctx, q)
		if err == nil {
			err = a.noteUnsearched(ctx, f)
		}
		if err != nil {
			yield(coc.Change{}, err)
			return
		}
		changes := a.db.Changes(ctx, f)
		if q.Text != "" {
			changes = a.changesOfText(ctx, f, q.Text)
		}
		if q.OldestFirst && !f.OldestFirst {
			changes = rearranged(changes, slices.Reverse)
		}
		changes(yield)
	}
}

// filter converts a query to a filter of the database. It returns all errors that need no
// archive.
func (a *Archive) filter(ctx context.Context, q Log) (f db.Filter, err error) {
	f = db.Filter{Seen: q.Seen, By: q.By, Risk: q.Risk, Task: q.Task, Path: q.Path, Limit: q.Limit, After: q.After,
		OldestFirst: q.OldestFirst && q.Limit == 0 && q.Text == ""}
	errs := make([]error, 3)
	f.Since, errs[0] = Option("since", q.Since, a.Since)
	f.Until, errs[1] = Option("until", q.Until, a.Until)
	if q.Limit < 0 {
		errs[2] = hint.Wrap(fmt.Errorf("-n %d is negative", q.Limit), "-n 0 shows all")
	}
	for k := range strings.SplitSeq(strings.Join(q.Kinds, ","), ",") {
		if k = strings.TrimSpace(k); k != "" {
			f.Kinds = append(f.Kinds, coc.Kind(k))
			errs = append(errs, checkOneOf("--kind", k, Kinds()))
		}
	}
	if err := badQuery(errors.Join(errs...)); err != nil || q.Document == "" {
		return f, err
	}
	doc, ref, err := a.Split(ctx, q.Document)
	if err == nil && ref != "" {
		err = badQuery(hint.Wrap(errors.New("log takes a document without a version"),
			fmt.Sprintf("`cocsync log %s` shows all its changes, `cocsync diff %s` that one", text.Visible(doc.Name), text.Visible(q.Document))))
	}
	f.Document = doc.key
	return f, err
}

// changesOfText returns those changes of versions that pass the filter and change how often
// a text occurs in the content, as git log -S. Contents that cannot be read are reported at
// the end.
func (a *Archive) changesOfText(ctx context.Context, f db.Filter, s string) iter.Seq2[coc.Change, error] {
	return func(yield func(coc.Change, error) bool) {
		limit := f.Limit
		f.Limit = 0
		found, erased := 0, 0
		var failed []error
		for c, err := range a.changesWith(ctx, f, s) {
			var old, now []byte
			if err == nil {
				old, now, err = a.db.Contents(ctx, c.Key)
			}
			switch {
			case errors.Is(err, coc.ErrErased):
				erased++
			case err != nil && (c.Key.IsZero() || ctx.Err() != nil):
				yield(coc.Change{}, cmp.Or(ctx.Err(), err))
				return
			case err != nil:
				failed = append(failed, err)
			case bytes.Count(old, []byte(s)) != bytes.Count(now, []byte(s)):
				if found++; !yield(c, nil) {
					return
				}
			}
			if found == limit && limit > 0 {
				break
			}
		}
		if erased > 0 {
			a.note("%s skipped: a content was erased from the archive", text.Plural(erased, "change"))
		}
		if err := errors.Join(failed...); err != nil {
			yield(coc.Change{}, err)
		}
	}
}

// changesWith returns the changes that pass the filter, newest first, of the documents that
// ever contained the longest line of a text.
func (a *Archive) changesWith(ctx context.Context, f db.Filter, s string) iter.Seq2[coc.Change, error] {
	if !f.Document.IsZero() {
		return a.db.Changes(ctx, f)
	}
	return func(yield func(coc.Change, error) bool) {
		longest := ""
		for line := range strings.SplitSeq(s, "\n") {
			if len(line) > len(longest) {
				longest = line
			}
		}
		documents := map[coc.Key]bool{}
		err := a.db.Lines(ctx, db.Need{Text: longest}, func(document coc.Key, lines []byte) error {
			if lines == nil || !documents[document] && bytes.Contains(lines, []byte(longest)) {
				documents[document] = true
			}
			return ctx.Err()
		})
		if err != nil {
			yield(coc.Change{}, err)
			return
		}
		if len(documents) > fewDocuments {
			for c, err := range a.db.Changes(ctx, f) {
				if (err != nil || documents[c.Document]) && !yield(c, err) {
					return
				}
			}
			return
		}
		// Of a few documents, only their changes are read and sorted.
		rearranged(func(yield func(coc.Change, error) bool) {
			for document := range documents {
				f.Document = document
				for c, err := range a.db.Changes(ctx, f) {
					if !yield(c, err) {
						return
					}
				}
			}
		}, func(list []coc.Change) {
			slices.SortFunc(list, func(x, y coc.Change) int { return cmp.Or(y.At.Compare(x.At), y.Key.Compare(x.Key)) })
		})(yield)
	}
}

// fewDocuments is the maximum number of documents whose changes are sorted in memory.
const fewDocuments = 100

// maxNamedChanges is how many changes a note names.
const maxNamedChanges = 5

// noteUnsearched notes which changes a search by path or task cannot search completely.
func (a *Archive) noteUnsearched(ctx context.Context, f db.Filter) error {
	names, n, err := a.db.Unsearched(ctx, f, maxNamedChanges)
	if err != nil || n == 0 {
		return err
	}
	count, more := text.Plural(n, "change"), ""
	if n == db.MaxUnsearched {
		count = fmt.Sprintf("%d or more changes", n)
	}
	if n > len(names) {
		more = fmt.Sprintf(" and %d more", n-len(names))
	}
	a.note("%s could not be searched completely (%s%s), because not all differences of the structure are stored; "+
		"`cocsync log -p` without --path and --task shows the lines", count, strings.Join(names, ", "), more)
	return nil
}

// Advice explains patterns, for a search by path or task that found nothing; "" for others.
// It suggests a pattern that matches more.
func (q Log) Advice() string {
	flag, pattern, wider := "--path", q.Path, ""
	if pattern == "" {
		flag, pattern = "--task", q.Task
	}
	if pattern == "" {
		return ""
	}
	wide := "*" + strings.Trim(pattern, "*") + "*"
	if wide != pattern && !strings.ContainsAny(pattern, "'\\") && text.Visible(pattern) == pattern {
		wider = ": try " + flag + " '" + wide + "'"
	}
	return "a pattern must match a whole path or task, and * matches anything" + wider + "; `cocsync log -o json` shows the paths and tasks"
}
