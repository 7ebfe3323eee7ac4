package web

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// element is an element of a page, or a run of text.
type element struct {
	name   string // "" for text
	attr   map[string]string
	data   string // of text
	within []*element
}

// parsePage parses a page. It fails unless the page is well-formed.
func parsePage(t testing.TB, page string) *element {
	t.Helper()
	root := &element{}
	open := []*element{root}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root
		} else if err != nil {
			at := int(d.InputOffset())
			t.Fatalf("not well-formed: %v: %q", err, page[max(0, at-200):min(len(page), at+50)])
		}
		in := open[len(open)-1]
		switch x := token.(type) {
		case xml.StartElement:
			e := &element{name: x.Name.Local, attr: map[string]string{}}
			for _, a := range x.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			in.within = append(in.within, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			in.within = append(in.within, &element{data: string(x)})
		}
	}
}

// all returns the descendants of e that match a selector: tag, .class, tag.class,
// tag[attribute], or several of them separated by spaces for descendants.
func (e *element) all(selector string) (found []*element) {
	first, rest, more := strings.Cut(selector, " ")
	for _, x := range e.within {
		if x.is(first) {
			if more {
				found = append(found, x.all(rest)...)
			} else {
				found = append(found, x)
			}
		}
		if !x.is(first) || !more {
			found = append(found, x.all(selector)...)
		}
	}
	return found
}

func (e *element) is(selector string) bool {
	selector, attribute, _ := strings.Cut(strings.TrimSuffix(selector, "]"), "[")
	tag, class, _ := strings.Cut(selector, ".")
	_, has := e.attr[attribute]
	return e.name != "" && (tag == "" || tag == e.name) && (class == "" ||
		slices.Contains(strings.Fields(e.attr["class"]), class)) && (attribute == "" || has)
}

// text returns the text of an element and its descendants.
func (e *element) text() string {
	var b strings.Builder
	b.WriteString(e.data)
	for _, x := range e.within {
		b.WriteString(x.text())
	}
	return b.String()
}

// elements returns the names of all descendants of e.
func (e *element) elements() (names []string) {
	for _, x := range e.within {
		if x.name != "" {
			names = append(names, x.name)
		}
		names = append(names, x.elements()...)
	}
	return names
}
