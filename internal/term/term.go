// Package term writes for people: colors, tables, wrapped text, a pager and the
// progress of long tasks, adapted to the terminal if there is one. It leaves the
// contents, and the prompts of init, to the commands.
package term

import (
	"bufio"
	"errors"
	"io"
	"os"

	xterm "golang.org/x/term"

	"cocsync/internal/text"
)

// Output is where a command writes.
type Output struct {
	Out, Err io.Writer
	Color    string // always, never, or auto: if Out is a terminal that supports colors
}

// Writer writes text to an Output or its pager.
type Writer struct {
	*bufio.Writer
	Exact bool // documents are written byte for byte: this is not a terminal
	Color bool
	Width int // columns of the terminal; 0: unlimited
}

// IsTerminal reports whether a stream is a terminal. Its width may be unknown.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && xterm.IsTerminal(int(f.Fd()))
}

// columnsOf returns how many columns a terminal has; 0 if the stream is none.
func columnsOf(w io.Writer) int {
	if !IsTerminal(w) {
		return 0
	}
	n, _, err := xterm.GetSize(int(w.(*os.File).Fd()))
	if err != nil {
		return 0
	}
	return n
}

// colored reports whether the output supports colors.
func (o Output) colored() bool {
	switch o.Color {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && columnsOf(o.Out) > 0 && supportsColors(o.Out)
}

// Writer returns a writer to w with the settings of Out. It must be flushed.
func (o Output) Writer(w io.Writer) *Writer {
	return &Writer{bufio.NewWriter(w), !IsTerminal(o.Out), o.colored(), columnsOf(o.Out)}
}

// Print runs write with a writer to Out.
func (o Output) Print(write func(*Writer) error) error {
	w := o.Writer(o.Out)
	return errors.Join(write(w), w.Flush())
}

// Content returns a document's text for the output: byte for byte to a pipe or file,
// with hidden characters visible to a terminal.
func (w *Writer) Content(s string) string {
	if w.Exact {
		return s
	}
	return text.VisibleExcept(s, "\n\t")
}

// Style is a color code of ANSI terminals (SGR).
type Style string

// The styles. Yellow and cyan are hard to read on a light background.
const (
	Plain   Style = ""
	Bold    Style = "1"
	Faint   Style = "2"
	Red     Style = "31"
	Green   Style = "32"
	Magenta Style = "35"
	Alarm   Style = "1;31"
	// What changed in a line, in reverse: it is visible on dark and on light backgrounds.
	RedWord   Style = "7;31"
	GreenWord Style = "7;32"
)

// Span is a text in one style.
type Span struct {
	Text  string
	Style Style
}

// Paint colors a text of one line if the output supports colors.
func (o Output) Paint(s Style, text string) string {
	return (&Writer{Color: o.colored()}).Paint(s, text)
}

// Paint colors a text of one line if the output supports colors.
func (w *Writer) Paint(s Style, text string) string {
	if !w.Color || s == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
