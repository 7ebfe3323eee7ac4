package main

// style is a colour code of ANSI terminals (SGR).
type style string

const (
	plain style = ""
	bold  style = "1"
	faint style = "2"
	red   style = "31"
	green style = "32"
	// Yellow and cyan are hard to read on a light background.
	magenta style = "35"
	alarm   style = "1;31"
	// What changed within a line, in reverse: it stands out on dark and on light.
	redWord   style = "7;31"
	greenWord style = "7;32"
)

// paint colours a text where the output takes colours. The text is one line.
func (a *app) paint(s style, text string) string {
	return (&page{color: a.colored()}).paint(s, text)
}

// paint colours a text where the page takes colours. The text is one line.
func (p *page) paint(s style, text string) string {
	if !p.color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
