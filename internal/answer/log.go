package answer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/history"
	"cocsync/internal/text"
)

// Log asks for changes. Empty fields ask for all.
type Log struct {
	Document     string // a reference to one, without a version
	Since, Until string // both included
	Seen         bool   // those go by when cocsync saw the change
	By           string // author
	Risk         string // level of the document now
	Task, Path   string // patterns that one difference must fit, both of them
	Text         string // only versions that added or removed it
	Kinds        []string
	Limit        int // the newest so many; 0: all
}

// RiskLevels are those that COC's reference names. The archive holds whatever COC said.
func RiskLevels() []string { return []string{"LOW", "MEDIUM", "HIGH"} }

// Kinds are the words for the kinds of change.
func Kinds() []string {
	var names []string
	for _, k := range coc.Kinds {
		names = append(names, string(k))
	}
	return names
}

// Filter makes the archive's filter of the question.
func (q Log) Filter(ctx context.Context, h *history.History) (db.Filter, error) {
	f := db.Filter{Seen: q.Seen, By: q.By, Risk: q.Risk, Task: q.Task, Path: q.Path, Limit: q.Limit}
	if err := q.bounds(h, &f); err != nil {
		return f, misask(err)
	}
	if q.Document == "" {
		return f, nil
	}
	doc, ref, err := h.Split(ctx, q.Document)
	if err != nil {
		return f, err
	}
	if ref != "" {
		return f, misask(hint.Wrap(errors.New("log takes a document without a version"),
			fmt.Sprintf("`cocsync log %s` shows all its changes, `cocsync diff %s` that one", text.Visible(doc.Name), text.Visible(q.Document))))
	}
	f.Document = doc.Key
	return f, nil
}

// bounds reads what of the question needs no archive; all faults at once.
func (q Log) bounds(h *history.History, f *db.Filter) error {
	var errs []error
	var err error
	if q.Since != "" {
		if f.Since, err = h.Since(q.Since); err != nil {
			errs = append(errs, fmt.Errorf("--since: %w", err))
		}
	}
	if q.Until != "" {
		if f.Until, err = h.Until(q.Until); err != nil {
			errs = append(errs, fmt.Errorf("--until: %w", err))
		}
	}
	if q.Limit < 0 {
		errs = append(errs, hint.Wrap(fmt.Errorf("-n %d is less than none", q.Limit), "-n 0 shows all"))
	}
	for _, list := range q.Kinds {
		for k := range strings.SplitSeq(list, ",") {
			if k = strings.TrimSpace(k); k != "" {
				f.Kinds = append(f.Kinds, coc.Kind(k))
				errs = append(errs, known("--kind", k, Kinds()))
			}
		}
	}
	return errors.Join(errs...)
}

// Changes returns the changes that pass the question's filter, newest first. With an
// error it returns those that it could read.
func (q Log) Changes(ctx context.Context, h *history.History, f db.Filter) ([]coc.Change, error) {
	if q.Text == "" {
		return h.DB.Changes(ctx, f)
	}
	list, erased, err := h.Picked(ctx, f, q.Text)
	if erased > 0 {
		tell(h, text.Plural(erased, "change")+" passed over: a content was erased from the archive")
	}
	return list, err
}

// maxNamed is how many changes a note names.
const maxNamed = 5

// Searched tells what a search by path or task is worth that found so many changes:
// which ones it could not see in full, so that nobody takes silence for proof. The
// advice says how patterns work, where it found none.
func Searched(ctx context.Context, h *history.History, f db.Filter, found int) (advice string, err error) {
	if f.Path == "" && f.Task == "" {
		return "", nil
	}
	unseen, err := h.DB.Unsearched(ctx, f)
	if n := len(unseen); n > 0 {
		names := make([]string, min(n, maxNamed))
		for i := range names {
			names[i] = fmt.Sprint(unseen[i])
		}
		more := ""
		if n > maxNamed {
			more = fmt.Sprintf(" and %d more", n-maxNamed)
		}
		tell(h, fmt.Sprintf("%s could not be searched in full (%s%s), because not all differences of the structure are stored; "+
			"`cocsync log -p` without --path and --task shows the lines", text.Plural(n, "change"), strings.Join(names, ", "), more))
	}
	if found == 0 {
		advice = "a pattern must fit a path or task from end to end, and * stands for anything" + widened(f) +
			"; `cocsync log -o json` shows the paths and tasks"
	}
	return advice, err
}

// widened suggests a pattern that fits more than the one that was given.
func widened(f db.Filter) string {
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
