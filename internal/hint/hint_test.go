package hint

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestOf(t *testing.T) {
	fix := Wrap(errors.New("broken"), "fix it")
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"nil", nil, ""},
		{"no advice", errors.New("broken"), ""},
		{"advice", fix, "fix it"},
		{"wrapped on", fmt.Errorf("open: %w", fix), "fix it"},
		{"advice on advice, outermost first", Wrap(fmt.Errorf("open: %w", fix), "look"), "look\nfix it"},
		{"all of a join", errors.Join(fix, nil, Wrap(errors.New("late"), "wait")), "fix it\nwait"},
		{"all of several wrapped", fmt.Errorf("%w and %w", fix, Wrap(errors.New("late"), "wait")), "fix it\nwait"},
		{"each once", errors.Join(fix, fmt.Errorf("again: %w", fix)), "fix it"},
		{"empty advice", Wrap(errors.New("broken"), ""), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Of(tt.err); got != tt.want {
				t.Errorf("Of(%v) = %q, want %q", tt.err, got, tt.want)
			}
		})
	}
}

// Advice does not change the error's text or identity.
func TestWrapKeepsTheError(t *testing.T) {
	if err := Wrap(nil, "fix it"); err != nil {
		t.Errorf("Wrap(nil) = %v, want nil", err)
	}
	err := Wrap(fmt.Errorf("open: %w", fs.ErrNotExist), "fix it")
	if got, want := err.Error(), "open: file does not exist"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("errors.Is does not see through the hint")
	}
}
