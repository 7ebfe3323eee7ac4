package answer

import (
	"context"
	"errors"
	"fmt"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/history"
)

// ErrMisasked is what an error is whose fault lies in how the question was put:
// asked like that, no archive could answer it.
var ErrMisasked = errors.New("the question makes no sense as it was asked")

// misask marks an error as ErrMisasked; nil stays nil.
func misask(err error) error {
	if err == nil {
		return nil
	}
	return &misasked{err}
}

type misasked struct{ error }

func (m *misasked) Unwrap() error        { return m.error }
func (m *misasked) Is(target error) bool { return target == ErrMisasked }

// AsOf has the versions asked for be those of a time; "" is now.
func AsOf(h *history.History, at string) (err error) {
	if at == "" {
		return nil
	}
	if h.At, err = h.Instant(at); err != nil {
		return misask(fmt.Errorf("--at: %w", err))
	}
	return nil
}

// tell passes on what is to be known beside an answer.
func tell(h *history.History, note string) {
	if h.Tell != nil && note != "" {
		h.Tell(note)
	}
}

// known refuses a value that is none of the known ones.
func known(name, value string, words []string) error {
	for _, w := range words {
		if value == w {
			return nil
		}
	}
	return misask(hint.Wrap(fmt.Errorf("%s %q is not known", name, value), hint.OneOf(value, words)))
}

// KnownAccount refuses an account that the archive never heard of; "" is all.
func KnownAccount(ctx context.Context, d *db.DB, name string) error {
	if name == "" {
		return nil
	}
	list, err := d.Accounts(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, acc := range list {
		if acc.Name == name {
			return nil
		}
		names = append(names, acc.Name)
	}
	return hint.Wrap(coc.NotFound("no account %q in the archive", name), hint.OneOf(name, names))
}
