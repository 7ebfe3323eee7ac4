package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	Risk         string // the document's present risk level
	Task, Path   string // patterns; one difference must match both
	Text         string // only versions that added or removed it
	Kinds        []string
	Limit        int       // the newest; 0: all
	After        coc.Place // only changes after this one in the list; zero: from its start
}

// RiskLevels are those of COC's reference. The archive may have others.
func RiskLevels() []string { return []string{"LOW", "MEDIUM", "HIGH"} }

// Kinds are the kinds of change.
func Kinds() (names []string) {
	for _, k := range coc.Kinds {
		names = append(names, string(k))
	}
	return names
}

// Log returns the selected changes, newest first. Advice explains patterns if they match
// nothing; a note names changes that could not be searched completely. If some contents
// cannot be read, it returns an error and the other changes.
func (a *Archive) Log(ctx context.Context, q Log) (changes []coc.Change, advice string, err error) {
	f, err := a.filter(ctx, q)
	if err != nil {
		return nil, "", err
	}
	if q.Text == "" {
		changes, err = a.db.Changes(ctx, f)
	} else {
		changes, err = a.changesOfText(ctx, f, q.Text)
	}
	if err != nil && len(changes) == 0 {
		return nil, "", err
	}
	advice, failed := a.searched(ctx, f, len(changes))
	return changes, advice, errors.Join(err, failed)
}

// filter converts a query to a filter of the database.
func (a *Archive) filter(ctx context.Context, q Log) (db.Filter, error) {
	f := db.Filter{Seen: q.Seen, By: q.By, Risk: q.Risk, Task: q.Task, Path: q.Path, Limit: q.Limit, Behind: q.After}
	if err := a.parseLog(q, &f); err != nil {
		return f, badQuery(err)
	}
	if q.Document == "" {
		return f, nil
	}
	doc, ref, err := a.Split(ctx, q.Document)
	if err != nil {
		return f, err
	}
	if ref != "" {
		return f, badQuery(hint.Wrap(errors.New("log takes a document without a version"),
			fmt.Sprintf("`cocsync log %s` shows all its changes, `cocsync diff %s` that one", text.Visible(doc.Name), text.Visible(q.Document))))
	}
	f.Document = doc.key
	return f, nil
}

// parseLog parses the fields that need no archive and returns all errors.
func (a *Archive) parseLog(q Log, f *db.Filter) error {
	var errs []error
	var err error
	if q.Since != "" {
		if f.Since, err = a.Since(q.Since); err != nil {
			errs = append(errs, fmt.Errorf("--since: %w", err))
		}
	}
	if q.Until != "" {
		if f.Until, err = a.Until(q.Until); err != nil {
			errs = append(errs, fmt.Errorf("--until: %w", err))
		}
	}
	if q.Limit < 0 {
		errs = append(errs, hint.Wrap(fmt.Errorf("-n %d is negative", q.Limit), "-n 0 shows all"))
	}
	for _, names := range q.Kinds {
		for k := range strings.SplitSeq(names, ",") {
			if k = strings.TrimSpace(k); k != "" {
				f.Kinds = append(f.Kinds, coc.Kind(k))
				errs = append(errs, checkOneOf("--kind", k, Kinds()))
			}
		}
	}
	return errors.Join(errs...)
}

// changesOfText returns those changes of versions that pass the filter and change how often
// a text occurs in the content, as git log -S. If some contents cannot be read, it returns
// an error and the other changes.
func (a *Archive) changesOfText(ctx context.Context, f db.Filter, s string) (found []coc.Change, err error) {
	limit := f.Limit
	f.Limit = 0
	if f.Document == 0 {
		if f.Among, err = a.documentsWith(ctx, s); err != nil {
			return nil, err
		}
	}
	erased := 0
	var failed []error
	err = a.db.EachChange(ctx, f, func(c coc.Change) (more bool, err error) {
		old, now, err := a.db.Contents(ctx, c.ID)
		switch {
		case errors.Is(err, coc.ErrErased):
			erased++
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			failed = append(failed, err)
		case bytes.Count(old, []byte(s)) != bytes.Count(now, []byte(s)):
			found = append(found, c)
		}
		return limit == 0 || len(found) < limit, nil
	})
	if erased > 0 {
		a.note("%s skipped: a content was erased from the archive", text.Plural(erased, "change"))
	}
	return found, errors.Join(append(failed, err)...)
}

// documentsWith returns the documents that ever contained the longest line of a text.
func (a *Archive) documentsWith(ctx context.Context, s string) ([]int64, error) {
	longest := ""
	for line := range strings.SplitSeq(s, "\n") {
		if len(line) > len(longest) {
			longest = line
		}
	}
	found := map[int64]bool{}
	keys := []int64{}
	err := a.db.Lines(ctx, db.Need{Text: longest}, func(document int64, lines []byte) error {
		if !found[document] && (lines == nil || bytes.Contains(lines, []byte(longest))) {
			found[document] = true
			keys = append(keys, document)
		}
		return ctx.Err()
	})
	return keys, err
}

// maxNamedChanges is how many changes a note names.
const maxNamedChanges = 5

// searched notes which changes a search by path or task could not search completely, and
// returns advice on patterns if it found none.
func (a *Archive) searched(ctx context.Context, f db.Filter, found int) (advice string, err error) {
	if f.Path == "" && f.Task == "" {
		return "", nil
	}
	partly, err := a.db.Unsearched(ctx, f)
	if n := len(partly); n > 0 {
		names := make([]string, min(n, maxNamedChanges))
		for i := range names {
			names[i] = fmt.Sprint(partly[i])
		}
		more := ""
		if n > maxNamedChanges {
			more = fmt.Sprintf(" and %d more", n-maxNamedChanges)
		}
		a.note("%s could not be searched completely (%s%s), because not all differences of the structure are stored; "+
			"`cocsync log -p` without --path and --task shows the lines", text.Plural(n, "change"), strings.Join(names, ", "), more)
	}
	if found == 0 {
		advice = "a pattern must match a whole path or task, and * matches anything" + widerPattern(f) +
			"; `cocsync log -o json` shows the paths and tasks"
	}
	return advice, err
}

// widerPattern suggests a pattern that matches more.
func widerPattern(f db.Filter) string {
	flag, pattern := "--path", f.Path
	if pattern == "" {
		flag, pattern = "--task", f.Task
	}
	wide := "*" + strings.Trim(pattern, "*") + "*"
	if wide == pattern || strings.ContainsAny(pattern, "'\\") || text.Visible(pattern) != pattern {
		return ""
	}
	return ": try " + flag + " '" + wide + "'"
}
