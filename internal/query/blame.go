package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Blamed is a line and the version that added it.
type Blamed struct {
	Line    int    `json:"line"` // from 1
	Version string `json:"version"`
	By      Text   `json:"by"`
	MadeAt  Time   `json:"made_at"`
	Exact          // without its line end

	SeenAt Time `json:"-"`
}

// Blame returns the lines of a version, each with the version that added it, following the
// comparisons of its changes. A line that was removed and added again belongs to the
// version that added it again. only selects lines: 10,20 or 10,+5 or step:NAME; none
// selects all. The note names versions that could not be read: their lines belong to the
// next version.
func (a *Archive) Blame(ctx context.Context, v Version, only []string) (lines []Blamed, note string, err error) {
	versions, skipped, err := a.ancestors(ctx, v)
	if err != nil {
		return nil, "", err
	}
	u := a.db.Unpacker()
	var content *diff.Text
	var owners []int // of each line of content, as an index of versions
	for i, r := range versions {
		c, err := u.Content(ctx, v.Document.key.Account, r.Hash)
		if err != nil {
			return nil, "", contentError(err, r.Name(), v.Document.Name)
		}
		now := diff.Read(c.Bytes)
		owners, content = inherit(owners, content, now, i), now
	}
	selected, err := selectLines(content, only)
	if err != nil {
		return nil, "", err
	}
	for i, l := range content.Lines {
		if selected == nil || selected[i+1] {
			r := versions[owners[i]]
			lines = append(lines, Blamed{i + 1, r.Name(), Text(r.Author), Time{r.MadeAt},
				exact(strings.TrimSuffix(string(l), "\n")), Time{r.SeenAt}})
		}
	}
	if len(skipped) > 0 {
		note = strings.Join(skipped, "; ") + ": its lines are shown as the next version's"
	}
	return lines, note, nil
}

// inherit returns the owners of the lines of now, given those of was: an unchanged line
// keeps its owner, and an added one belongs to owner.
func inherit(owners []int, was, now *diff.Text, owner int) []int {
	next := make([]int, 0, len(now.Lines))
	at := 0 // in was
	for _, h := range diff.Hunks(was, now, diff.Options{}) {
		for _, l := range h.Lines {
			if l.Op == diff.Delete {
				next = append(next, owners[at:l.Old-1]...)
				at = l.Old
				continue
			}
			// The unchanged lines before an added one.
			if missing := l.New - 1 - len(next); missing > 0 {
				next = append(next, owners[at:at+missing]...)
				at += missing
			}
			next = append(next, owner)
		}
	}
	return append(next, owners[min(at, len(owners)):]...)
}

// ancestors returns the versions that a version was made of, oldest first and itself last,
// and names those that were skipped.
func (a *Archive) ancestors(ctx context.Context, v Version) (versions []db.Revision, skipped []string, err error) {
	all, from, i, err := a.predecessors(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	for steps := 0; i >= 0 && steps <= len(all); steps++ { // a damaged archive may have a cycle
		r := all[i]
		if r.Erased && r.Key != v.db.Key {
			skipped = append(skipped, text.Visible(r.Name())+" was erased")
		} else {
			versions = append(versions, r)
		}
		var missing []db.Revision
		i, missing = previousIn(all, from, i)
		for _, m := range missing {
			skipped = append(skipped, notArchived(m, ""))
		}
	}
	slices.Reverse(versions)
	slices.Reverse(skipped)
	return versions, skipped, nil
}

// selectLines returns which lines are selected, by number; nil for all.
func selectLines(content *diff.Text, only []string) ([]bool, error) {
	if len(only) == 0 {
		return nil, nil
	}
	selected := make([]bool, len(content.Lines)+1)
	for _, spec := range only {
		find := parseLines
		if strings.HasPrefix(spec, "step:") {
			find = stepLines
		}
		spans, err := find(spec, content)
		if err != nil {
			return nil, err
		}
		for _, s := range spans {
			for i := s.From; i < len(selected) && i <= s.To; i++ {
				selected[i] = true
			}
		}
	}
	return selected, nil
}

// stepLines returns the lines of the steps of step:NAME.
func stepLines(spec string, content *diff.Text) ([]coc.Span, error) {
	step := strings.TrimPrefix(spec, "step:")
	names := map[string]bool{}
	spans, unreadable := content.Find(func(_, name string) bool {
		names[name] = true
		return name != "" && coc.Fits(step, name)
	})
	if unreadable != "" {
		return nil, hint.Wrap(coc.NotFound("-L %s: the structure cannot be read: %s", spec, unreadable), "name lines: -L 10,20")
	}
	if len(spans) == 0 {
		delete(names, "")
		return nil, hint.Wrap(coc.NotFound("-L %s: no such step", spec), hint.OneOf(step, slices.Sorted(maps.Keys(names))))
	}
	return spans, nil
}

// parseLines returns the lines of FROM,TO or FROM,+COUNT or FROM.
func parseLines(spec string, content *diff.Text) ([]coc.Span, error) {
	n := len(content.Lines)
	number := func(digits string, absent int) int { // 0 if it is invalid
		if digits == "" {
			return absent
		}
		number, err := strconv.Atoi(digits)
		if err != nil {
			return 0
		}
		return max(number, 0)
	}
	first, last, ranged := strings.Cut(spec, ",")
	s := coc.Span{From: number(first, 1), To: number(last, max(n, 1))}
	switch {
	case first == "" && !ranged, s.From == 0, s.To == 0:
		return nil, badQuery(hint.Wrap(fmt.Errorf("-L %q does not name lines", spec), "write -L 10,20, -L 10,+5 or -L step:NAME"))
	case !ranged:
		s.To = s.From
	case strings.HasPrefix(last, "+"):
		s.To += s.From - 1
	}
	if s.From > s.To || s.From > n {
		return nil, hint.Wrap(coc.NotFound("-L %s: no such lines", spec), "it has "+text.Plural(n, "line"))
	}
	return []coc.Span{s}, nil
}
