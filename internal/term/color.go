package term

// Style is a colour code of ANSI terminals (SGR).
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

// Paint colours a text of one line if the output supports colours.
func (o Output) Paint(s Style, text string) string {
	return (&Writer{Color: o.colored()}).Paint(s, text)
}

// Paint colours a text of one line if the output supports colours.
func (w *Writer) Paint(s Style, text string) string {
	if !w.Color || s == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
