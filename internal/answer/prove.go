package answer

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/history"
)

// changesAdvice says where the numbers of changes are to be found.
const changesAdvice = "`cocsync log` shows the numbers"

// ChangeID reads the number of a change.
func ChangeID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, misask(hint.Wrap(fmt.Errorf("%q is no number of a change", text), changesAdvice))
	}
	return id, nil
}

// noChange says that there is no such change, where an error is of that.
func noChange(err error, id int64) error {
	if errors.Is(err, coc.ErrNotFound) {
		return hint.Wrap(coc.NotFound("no change %d in the archive", id), changesAdvice)
	}
	return err
}

// OneChange returns the change of that number.
func OneChange(ctx context.Context, h *history.History, id int64) (coc.Change, error) {
	c, err := h.DB.Change(ctx, id)
	return c, noChange(err, id)
}

// Prove proves that a change is in the log.
func Prove(ctx context.Context, h *history.History, id int64) (audit.Proof, error) {
	p, err := h.Prove(ctx, id)
	return p, noChange(err, id)
}
