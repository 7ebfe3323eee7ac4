package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Blamed is a line and the version that brought it in.
type Blamed struct {
	Line int // counted from 1
	db.Revision
	Text []byte // with its end, if it has one
}

// Blame says of each line of a version which version brought it in, going back by
// what each was compared with when it came. A line that went and came back belongs to
// the version that brought it back. The note says what lies between and could not be
// read, so that what it brought is seen in the version after it.
func (h *History) Blame(ctx context.Context, v Version) (lines []Blamed, text *diff.Text, note string, err error) {
	line, passed, err := h.ancestry(ctx, v)
	if err != nil {
		return nil, nil, "", err
	}
	u := h.DB.Unpacker()
	var owners []int // of each line of text, as a place in line
	for i, r := range line {
		c, err := u.Content(ctx, r.Hash)
		if err != nil {
			return nil, nil, "", contentError(err, r, v.Document)
		}
		now := diff.Read(c.Bytes)
		owners = inherit(owners, text, now, i)
		text = now
	}
	for i, l := range text.Lines {
		lines = append(lines, Blamed{i + 1, line[owners[i]], l})
	}
	if len(passed) > 0 {
		note = strings.Join(passed, "; ") + ": what came with it is shown as the next version's"
	}
	return lines, text, note, nil
}

// inherit returns the owners of the lines of now, when those of was are known and
// what is new belongs to owner.
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
			// Before an added line stand the unchanged ones between.
			if missing := l.New - 1 - len(next); missing > 0 {
				next = append(next, owners[at:at+missing]...)
				at += missing
			}
			next = append(next, owner)
		}
	}
	return append(next, owners[min(at, len(owners)):]...)
}

// ancestry returns the versions that a version came from, oldest first and itself
// last, and says which were passed over.
func (h *History) ancestry(ctx context.Context, v Version) (line []db.Revision, passed []string, err error) {
	all, err := h.Versions(ctx, v.Document)
	if err != nil {
		return nil, nil, err
	}
	from, err := h.DB.Predecessors(ctx, v.Document.Key)
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(all, func(r db.Revision) bool { return r.Key == v.Key })
	for steps := 0; at >= 0 && steps <= len(all); steps++ { // a damaged archive may go round
		r := all[at]
		if r.Erased && r.Key != v.Key {
			passed = append(passed, text.Visible(r.Name())+" was erased")
		} else {
			line = append(line, r)
		}
		var between []string
		at, between = before(all, from, at)
		passed = append(passed, between...)
	}
	slices.Reverse(line)
	slices.Reverse(passed)
	return line, passed, nil
}

// before returns the place of the revision that the one at a place was compared with
// when it came; where no change recorded it yet, of the one before it; -1 for none.
// It says which between them are not here.
func before(all []db.Revision, from map[int64]int64, at int) (_ int, between []string) {
	key, recorded := from[all[at].Key]
	if recorded && key == 0 {
		return -1, nil
	}
	for i := at - 1; i >= 0; i-- {
		r := all[i]
		if r.Number > 0 && (!recorded || r.Key == key) {
			return i, between
		}
		if r.Number == 0 {
			between = append(between, fmt.Sprintf("%s lies between and is not in the archive: %s", text.Visible(r.Label), Reason(r)))
		}
	}
	// What it was compared with may stand behind it: v3 alone, rewritten since.
	return slices.IndexFunc(all, func(r db.Revision) bool { return recorded && r.Key == key && r.Key != all[at].Key }), nil
}

// Content returns the content of a version. The error is coc.ErrErased when it was
// removed.
func (h *History) Content(ctx context.Context, v Version) (coc.Content, error) {
	c, err := h.DB.Content(ctx, v.Hash)
	if err != nil {
		err = contentError(err, v.Revision, v.Document)
	}
	return c, err
}

// contentError names the version whose content can't be read.
func contentError(err error, r db.Revision, doc db.Document) error {
	if errors.Is(err, coc.ErrErased) {
		err = hint.Wrap(err, "somebody had it removed for good; `cocsync show --meta` still tells its hash and size")
	}
	return fmt.Errorf("%s of %s: %w", text.Visible(r.Name()), text.Visible(doc.Name), err)
}
