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

// absent is an error for what a question names and the archive does not have.
type absent string

func (a absent) Error() string        { return string(a) }
func (a absent) Is(target error) bool { return target == coc.ErrNotFound }

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
	return misask(hint.Wrap(fmt.Errorf("%s %q is not known", name, value), "it is one of "+strings.Join(words, ", ")))
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
	return hint.Wrap(absent(fmt.Sprintf("no account %q in the archive", name)), DidYouMean(name, names))
}

// DidYouMean names the likely ones among those that there are, or all of them.
func DidYouMean(typed string, names []string) string {
	if near := history.Nearest(typed, names); len(near) > 0 {
		return "did you mean " + strings.Join(near, ", ") + "?"
	}
	switch len(names) {
	case 0:
		return "there is none yet"
	case 1:
		return "there is " + names[0]
	}
	return "there are " + strings.Join(names, ", ")
}
