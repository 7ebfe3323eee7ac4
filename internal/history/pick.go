package history

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Picked returns those changes of versions that pass the filter and after which a
// text stands more or less often in the content than before: as git log -S. erased
// counts those of which that can't be told any more. With an error for what can't be
// read, the list holds the others.
func (h *History) Picked(ctx context.Context, f db.Filter, text string) (list []coc.Change, erased int, err error) {
	limit := f.Limit
	f.Limit = 0
	if f.Document == 0 {
		if f.Among, err = h.holding(ctx, text); err != nil {
			return nil, 0, err
		}
	}
	var failed []error
	err = h.DB.EachChange(ctx, f, func(c coc.Change) (more bool, err error) {
		old, now, err := h.DB.Contents(ctx, c.ID)
		switch {
		case errors.Is(err, coc.ErrErased):
			erased++
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			failed = append(failed, err)
		case bytes.Count(old, []byte(text)) != bytes.Count(now, []byte(text)):
			list = append(list, c)
		}
		return limit == 0 || len(list) < limit, nil
	})
	return list, erased, errors.Join(append(failed, err)...)
}

// holding returns the documents in which the longest line of a text ever stood.
func (h *History) holding(ctx context.Context, text string) ([]int64, error) {
	longest := ""
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > len(longest) {
			longest = line
		}
	}
	found := map[int64]bool{}
	keys := []int64{}
	err := h.DB.Lines(ctx, db.Need{Text: longest}, func(document int64, lines []byte) error {
		if !found[document] && (lines == nil || bytes.Contains(lines, []byte(longest))) {
			found[document] = true
			keys = append(keys, document)
		}
		return ctx.Err()
	})
	return keys, err
}
