package web

import (
	"fmt"
	"html/template"
	"strings"

	"cocsync/internal/text"
)

// shown returns untrusted text as markup. Invisible characters, except those in keep, are
// replaced in <b> elements.
func shown(s, keep string) template.HTML {
	var b strings.Builder
	for run, replaced := range text.Runs(s, keep) {
		run = template.HTMLEscapeString(run)
		if replaced {
			run = "<b>" + run + "</b>"
		}
		b.WriteString(run)
	}
	return template.HTML(b.String())
}

// marked returns untrusted text of one line as markup in an element; "" for none.
func marked(element, s string) template.HTML {
	body := shown(s, "\t")
	if element == "" {
		return body
	}
	return template.HTML("<"+element+">") + body + template.HTML("</"+element+">")
}

// colored returns untrusted text of one line as markup of a class; "" for none.
func colored(class, s string) template.HTML {
	body := shown(s, "\t")
	if class == "" || s == "" {
		return body
	}
	return template.HTML(`<span class="`+class+`">`) + body + "</span>"
}

// plain returns a value of a template as untrusted text: a string of any type or a pointer
// to one.
func plain(v any) string {
	if p, ok := v.(*string); ok {
		if p == nil {
			return ""
		}
		return *p
	}
	return fmt.Sprint(v)
}
