package web

import (
	"bytes"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/query"
	"cocsync/internal/text"
)

// diffChoice is how a diff is to be shown, and where it is shown otherwise.
type diffChoice struct {
	Context     int
	IgnoreSpace bool
	Unified     bool
	Groups      []choices
	PatchURL    string
}

// choices are the ways in which one thing about a diff can be.
type choices struct {
	Name string
	Wide bool // it makes a difference where there is room for two columns
	List []choice
}

// choice is one way to show something.
type choice struct {
	Name, URL string
	Now       bool
}

// What may stand around a change.
const (
	wideContext = 25
	wholeFile   = 1 << 30 // lines, which no content has
)

// diffChoice reads how a diff is to be shown. Of a first version all is shown, and only
// its patch is left to choose.
func (q *pageRequest) diffChoice(first bool, patch string) (diffChoice, error) {
	d := diffChoice{Context: query.PatchContext, IgnoreSpace: q.get("space") == "ignore", Unified: q.get("view") == "unified", PatchURL: patch}
	switch text := q.get("context"); text {
	case "":
	case "all":
		d.Context = wholeFile
	default:
		n, err := q.number("context")
		if err != nil {
			return d, err
		}
		d.Context = min(n, wholeFile)
	}
	if first {
		return d, nil
	}
	around := []choice{
		{strconv.Itoa(query.PatchContext) + " lines", q.with("context", ""), d.Context == query.PatchContext},
		{strconv.Itoa(wideContext), q.with("context", strconv.Itoa(wideContext)), d.Context == wideContext},
		{"whole file", q.with("context", "all"), d.Context == wholeFile},
	}
	switch d.Context {
	case query.PatchContext, wideContext, wholeFile:
	default:
		around = append(around, choice{text.Plural(d.Context, "line"), "", true})
	}
	d.Groups = []choices{
		{"Layout", true, []choice{{"side by side", q.with("view", ""), !d.Unified}, {"one below the other", q.with("view", "unified"), d.Unified}}},
		{"Around changes", false, around},
		{"Spaces", false, []choice{{"count", q.with("space", ""), !d.IgnoreSpace}, {"ignored", q.with("space", "ignore"), d.IgnoreSpace}}},
	}
	return d, nil
}

// section lays a diff out as it was chosen. What DiffSection writes is markup of ours.
func (d diffChoice) section(x Diff) (template.HTML, error) {
	x.Context, x.IgnoreSpace = d.Context, d.IgnoreSpace
	var b bytes.Buffer
	err := DiffSection(&b, x)
	return template.HTML(b.String()), err
}

// patchName is a name for a patch of what people called things.
func patchName(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return query.FileName(strings.Join(parts, "-")) + ".patch"
}
