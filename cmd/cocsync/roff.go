package main

import (
	"fmt"
	"strings"
)

// roff is a manual page in the making, in the macros of man(7).
type roff struct{ strings.Builder }

// title begins a page. It bears no date, so that one release makes one page.
func (r *roff) title(name string) {
	fmt.Fprintf(r, ".TH %s 1 \"\" %s \"User Commands\"\n.nh\n.ad l\n", roffWord(strings.ToUpper(name)), roffWord("cocsync "+version()))
}

func (r *roff) section(name string) { fmt.Fprintf(r, ".SH %s\n", roffWord(name)) }

func (r *roff) subsection(name string) { fmt.Fprintf(r, ".SS %s\n", roffWord(name)) }

// paragraph begins a paragraph. The first one below a heading needs no beginning.
func (r *roff) paragraph() {
	last := strings.TrimSuffix(r.String(), "\n")
	last = last[strings.LastIndexByte(last, '\n')+1:]
	if !strings.HasPrefix(last, ".SH ") && !strings.HasPrefix(last, ".SS ") {
		r.WriteString(".PP\n")
	}
}

// text writes a text that is laid out by hand: its paragraphs flow, and what is
// indented in it keeps its lines.
func (r *roff) text(text string) {
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		r.paragraph()
		laid := false
		for line := range strings.SplitSeq(paragraph, "\n") {
			if laidOut(line) != laid {
				laid = !laid
				r.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[laid])
			}
			r.WriteString(roffText(line) + "\n")
		}
		if laid {
			r.WriteString(".fi\n")
		}
	}
}

// laidOut reports whether a line is to stay as it is: it is indented, or in columns.
func laidOut(line string) bool {
	return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") || strings.Contains(line, "   ")
}

// verbatim writes lines as they are.
func (r *roff) verbatim(text string) {
	r.paragraph()
	r.WriteString(".nf\n")
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		r.WriteString(roffText(line) + "\n")
	}
	r.WriteString(".fi\n")
}

// item writes what is explained, and the explanation.
func (r *roff) item(head, text string) {
	fmt.Fprintf(r, ".TP\n\\fB%s\\fR\n%s\n", roffInline(head), roffText(text))
}

// roffText is a line of text, in which nothing is a request.
func roffText(line string) string {
	line = roffInline(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}

func roffInline(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}

// roffWord is an argument of a macro.
func roffWord(s string) string { return `"` + strings.ReplaceAll(roffInline(s), `"`, `\(dq`) + `"` }
