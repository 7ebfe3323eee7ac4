package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/hint"
	"cocsync/internal/history"
)

func (a *app) blameCommand() *cobra.Command {
	var lines []string
	var output *choice
	cmd := &cobra.Command{
		Use:   "blame DOC[@REF]",
		Short: "show which version brought in each line",
		Long: `Blame shows each line of a version (the newest if none is named) with the version
that brought it in, who made that and when. A line that went and came back belongs to
the version that brought it back. COC doesn't say who made each version: an author
who is not known for certain is unknown.

-L leaves some lines, and may be given several times:

  -L 10,20        from line 10 to line 20; one of them may be left out
  -L 10,+5        five lines from line 10 on
  -L step:drain   those of the step drain; * stands for anything

` + referenceHelp + `

` + pageHelp,
		Example: `  cocsync blame restart-unhealthy-nodes
  cocsync blame restart-unhealthy-nodes@v3 -L step:drain
  cocsync blame restart-unhealthy-nodes -o json | jq -r '.[] | select(.by == null) | .line'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeVersion,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notEmpty(cmd, "lines"); err != nil {
				return err
			}
			return a.blame(cmd.Context(), args[0], lines, output.value == formatJSON)
		},
	}
	cmd.Flags().StringArrayVarP(&lines, "lines", "L", nil, "only these lines: `FROM,TO` or step:NAME")
	output = outputFlag(cmd)
	return cmd
}

func (a *app) blame(ctx context.Context, spec string, only []string, asJSON bool) error {
	h, err := a.reader(ctx)
	if err != nil {
		return err
	}
	doc, ref, err := h.Split(ctx, spec)
	if err != nil {
		return err
	}
	v, err := h.Version(ctx, doc, ref)
	if err != nil {
		return err
	}
	lines, text, note, err := h.Blame(ctx, v)
	if err != nil {
		return err
	}
	if lines, err = chosenLines(lines, text, only); err != nil {
		return err
	}
	a.aside(v.Note)
	a.aside(note)
	if v.Form == coc.FormToken {
		a.aside(tokenNote)
	}
	if len(lines) == 0 {
		a.nothing(visible(doc.Name+"@"+v.Label()) + " is empty")
	}
	if asJSON {
		return a.writeJSON(blameJSON(lines))
	}
	return a.paged(func(p *page) error {
		p.blame(lines)
		return nil
	})
}

// chosenLines are the lines that -L names; all of them without it.
func chosenLines(lines []history.Blamed, text *diff.Text, only []string) ([]history.Blamed, error) {
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
func lineSpans(text string, content *diff.Text, lines int) ([]diff.Span, error) {
	if step, ok := strings.CutPrefix(text, "step:"); ok {
		names := map[string]bool{}
		spans, why := content.Find(func(_, name string) bool {
			names[name] = true
			return name != "" && coc.Fits(step, name)
		})
		if why != "" {
			return nil, hint.Wrap(fmt.Errorf("-L %s: the structure can't be read: %s", text, why), "name lines: -L 10,20")
		}
		if len(spans) == 0 {
			var list []string
			for name := range names {
				if name != "" {
					list = append(list, name)
				}
			}
			slices.Sort(list)
			return nil, hint.Wrap(fmt.Errorf("-L %s: there is no such step", text), didYouMean(step, list))
		}
		return spans, nil
	}
	wrong := func() ([]diff.Span, error) {
		return nil, usage(hint.Wrap(fmt.Errorf("-L %q names no lines", text), "write -L 10,20, -L 10,+5 or -L step:NAME"))
	}
	first, last, ranged := strings.Cut(text, ",")
	s := diff.Span{From: 1, To: lines}
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
		return nil, hint.Wrap(fmt.Errorf("-L %s: there are no such lines", text), "there are "+plural(lines, "line"))
	}
	return []diff.Span{s}, nil
}

// blame writes lines behind the versions that brought them in.
func (p *page) blame(lines []history.Blamed) {
	measure := widths()
	var label, author, digits int
	for _, l := range lines {
		label = max(label, measure.StringWidth(visible(l.Name())))
		author = max(author, measure.StringWidth(orUnknown(l.Author)))
		digits = len(strconv.Itoa(l.Line))
	}
	for _, l := range lines {
		fmt.Fprintf(p, "%s %s %s %s %s\n",
			p.paint(magenta, measure.FillRight(visible(l.Name()), label)), measure.FillRight(orUnknown(l.Author), author),
			p.paint(faint, p.day(l.MadeAt, l.SeenAt)), p.paint(faint, fmt.Sprintf("%*d", digits, l.Line)),
			p.content(strings.TrimSuffix(string(l.Text), "\n")))
	}
}

// day writes the day on which a version was made, or seen where that is not known.
func (p *page) day(made, seen time.Time) string {
	if made.IsZero() {
		made = seen
	}
	return made.In(p.local).Format(time.DateOnly)
}

// blamedJSON is a line of blame -o json.
type blamedJSON struct {
	Line       int     `json:"line"`
	Version    string  `json:"version"`
	By         *string `json:"by"`
	MadeAt     *string `json:"made_at"`
	Text       string  `json:"text"`
	TextBase64 string  `json:"text_base64,omitempty"` // the bytes, where text can't hold them
}

func blameJSON(lines []history.Blamed) []blamedJSON {
	list := make([]blamedJSON, len(lines))
	for i, l := range lines {
		text, exact := jsonText(strings.TrimSuffix(string(l.Text), "\n"))
		list[i] = blamedJSON{l.Line, l.Name(), orNull(l.Author), jsonTime(l.MadeAt), text, exact}
	}
	return list
}
