package answer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/history"
	"cocsync/internal/text"
)

// Blamed is a line as blame tells it.
type Blamed struct {
	Line       int     `json:"line"`
	Version    string  `json:"version"`
	By         *string `json:"by"`
	MadeAt     *string `json:"made_at"`
	Text       string  `json:"text"`
	TextBase64 string  `json:"text_base64,omitempty"` // the bytes, where text can't hold them
}

// NewBlame makes the answer of lines.
func NewBlame(lines []history.Blamed) []Blamed {
	list := make([]Blamed, len(lines))
	for i, l := range lines {
		text, exact := exactText(strings.TrimSuffix(string(l.Text), "\n"))
		list[i] = Blamed{l.Line, l.Name(), orNull(l.Author), Time(l.MadeAt), text, exact}
	}
	return list
}

// ChosenLines are the lines that -L names; all of them without it.
func ChosenLines(lines []history.Blamed, text *diff.Text, only []string) ([]history.Blamed, error) {
	if len(only) == 0 {
		return lines, nil
	}
	chosen := make([]bool, len(lines)+1)
	for _, o := range only {
		spans, err := lineSpans(o, text, len(lines))
		if err != nil {
			return nil, err
		}
		for _, s := range spans {
			for i := s.From; i <= min(s.To, len(lines)); i++ {
				chosen[i] = true
			}
		}
	}
	var list []history.Blamed
	for _, l := range lines {
		if chosen[l.Line] {
			list = append(list, l)
		}
	}
	return list, nil
}

// lineSpans reads one -L of a content with so many lines.
func lineSpans(spec string, content *diff.Text, lines int) ([]coc.Span, error) {
	if step, ok := strings.CutPrefix(spec, "step:"); ok {
		names := map[string]bool{}
		spans, why := content.Find(func(_, name string) bool {
			names[name] = true
			return name != "" && coc.Fits(step, name)
		})
		if why != "" {
			return nil, hint.Wrap(coc.NotFound("-L %s: the structure can't be read: %s", spec, why),
				"name lines: -L 10,20")
		}
		if len(spans) == 0 {
			var list []string
			for name := range names {
				if name != "" {
					list = append(list, name)
				}
			}
			slices.Sort(list)
			return nil, hint.Wrap(coc.NotFound("-L %s: there is no such step", spec),
				hint.OneOf(step, list))
		}
		return spans, nil
	}
	wrong := func() ([]coc.Span, error) {
		return nil, misask(hint.Wrap(fmt.Errorf("-L %q names no lines", spec), "write -L 10,20, -L 10,+5 or -L step:NAME"))
	}
	first, last, ranged := strings.Cut(spec, ",")
	s := coc.Span{From: 1, To: lines}
	var err error
	if first != "" {
		if s.From, err = strconv.Atoi(first); err != nil || s.From < 1 {
			return wrong()
		}
	}
	switch {
	case !ranged && first == "":
		return wrong()
	case !ranged:
		s.To = s.From
	case last != "":
		n, err := strconv.Atoi(last)
		if err != nil || n < 1 {
			return wrong()
		}
		if s.To = n; last[0] == '+' {
			s.To = s.From + n - 1
		}
	}
	if s.From > s.To || s.From > lines {
		return nil, hint.Wrap(coc.NotFound("-L %s: there are no such lines", spec),
			"there are "+text.Plural(lines, "line"))
	}
	return []coc.Span{s}, nil
}
