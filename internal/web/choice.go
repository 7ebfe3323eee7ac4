package web

import (
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/query"
	"cocsync/internal/text"
)

// diffChoice holds the display options of a diff and the links to change them.
type diffChoice struct {
	Context     int
	IgnoreSpace bool
	Unified     bool
	Groups      []choices
	PatchURL    string
}

// choices are the values of one display option.
type choices struct {
	Name string
	Wide bool // has an effect only if two columns fit
	List []choice
}

// choice is one value of a display option.
type choice struct {
	Name, URL string
	Now       bool
}

// Unchanged lines around a change.
const (
	wideContext = 25
	wholeFile   = 1 << 30 // more lines than any content has
)

// diffChoice parses the display options of a diff. A first version is shown as a whole and
// has no options.
func (q *request) diffChoice(first bool, patch string) (diffChoice, error) {
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
		{"Layout", true, []choice{{"side by side", q.with("view", ""), !d.Unified}, {"unified", q.with("view", "unified"), d.Unified}}},
		{"Context", false, around},
		{"White space", false, []choice{{"compared", q.with("space", ""), !d.IgnoreSpace},
			{"ignored", q.with("space", "ignore"), d.IgnoreSpace}}},
	}
	return d, nil
}

// view lays out a diff with the chosen options.
func (d diffChoice) view(x Diff) *diffView {
	x.Context, x.IgnoreSpace = d.Context, d.IgnoreSpace
	return newDiffView(x)
}

// patchName returns a safe file name for a patch, from names that users chose.
func patchName(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return query.FileName(strings.Join(parts, "-")) + ".patch"
}
