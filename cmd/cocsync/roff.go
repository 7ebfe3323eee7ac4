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

// text writes a text that is laid out by hand: its paragraphs flow, and what is
// indented in it keeps its lines.
func (r *roff) text(text string) {
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		r.WriteString(".PP\n")
		laid := false
		for line := range strings.SplitSeq(paragraph, "\n") {
			// So does what is laid out in columns.
			if indented := strings.HasPrefix(line, " ") || strings.Contains(line, "   "); indented != laid {
				r.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[indented])
				laid = indented
			}
			r.WriteString(roffText(line) + "\n")
		}
		if laid {
			r.WriteString(".fi\n")
		}
	}
}

// verbatim writes lines as they are.
func (r *roff) verbatim(text string) {
	r.WriteString(".PP\n.nf\n")
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
