package web

import (
	"bytes"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"unicode"

	"cocsync/internal/answer"
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
func (q *question) diffChoice(first bool, patch string) (diffChoice, error) {
	d := diffChoice{Context: answer.PatchContext, IgnoreSpace: q.get("space") == "ignore", Unified: q.get("view") == "unified", PatchURL: patch}
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
		{strconv.Itoa(answer.PatchContext) + " lines", q.with("context", ""), d.Context == answer.PatchContext},
		{strconv.Itoa(wideContext), q.with("context", strconv.Itoa(wideContext)), d.Context == wideContext},
		{"whole file", q.with("context", "all"), d.Context == wholeFile},
	}
	switch d.Context {
	case answer.PatchContext, wideContext, wholeFile:
	default:
		around = append(around, choice{answer.Plural(d.Context, "line"), "", true})
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

// maxFileName bounds the names of files, in runes: file systems take 255 bytes.
const maxFileName = 60

// fileName makes a name for a file of what people called things. It holds letters and
// digits of any script, dots, dashes and underscores, so that no system takes it for
// a path, an option, a device or a hidden file.
func fileName(ending string, parts ...string) string {
	var names []string
	for _, p := range parts {
		name := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '_' || r == '-' {
				return r
			}
			return '_'
		}, p)
		if runes := []rune(name); len(runes) > maxFileName {
			name = string(runes[:maxFileName])
		}
		if name = strings.Trim(name, "._-"); name != "" {
			names = append(names, name)
		}
	}
	if len(names) < 2 { // a name alone may be that of a device
		names = append([]string{"change"}, names...)
	}
	return fmt.Sprintf("%s%s", strings.Join(names, "-"), ending)
}
