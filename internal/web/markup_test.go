package web

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// allowedMarkup returns the elements and attributes that a section may have, with the
// allowed values of attributes.
func allowedMarkup() map[string]*regexp.Regexp {
	const id = `diff-(old|new)-[1-9][0-9]*`
	allowed := map[string]*regexp.Regexp{}
	for name, value := range map[string]string{
		"section class": `cocsync-diff( first)?`, "p class": `summary|note`,
		"span class": `version|green|red|op|to|lines`, "code class": `name|task`,
		"li class": `added|removed|changed|renamed|moved`, "tr class": `hunk|del|ins|mod`,
		"del class": `block`, "ins class": `block`, "td id": id, "a href": "#" + id,
		"th colspan": `[36]`, "th scope": `colgroup|rowgroup`,
	} {
		allowed[name] = regexp.MustCompile(`^(?:` + value + `)$`)
	}
	for name := range strings.FieldsSeq("section header h2 h3 p span ul li code a del ins b i table caption thead tbody tr th td") {
		allowed[name] = nil
	}
	return allowed
}

// side holds the shown lines of one side.
type side []string

// checkMarkup fails unless a section is well-formed, has only allowed elements and
// attributes, unique ids, and links with targets. It returns the lines in the table.
func checkMarkup(t testing.TB, html string) (old, new side) {
	t.Helper()
	allowed := allowedMarkup()
	var ids, links []string
	var cell strings.Builder
	cells, remark := 0, false
	d := xml.NewDecoder(strings.NewReader(html))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, html)
		}
		switch e := token.(type) {
		case xml.StartElement:
			checkElement(t, e, allowed)
			ids, links = append(ids, attribute(e, "id")...), append(links, attribute(e, "href")...)
			switch e.Name.Local {
			case "tr":
				cells = 0
			case "td":
				cells++
				cell.Reset()
			case "i":
				remark = true
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "td":
				old, new = put(old, new, cells, cell.String())
			case "i":
				remark = false
			}
		case xml.CharData:
			if !remark {
				cell.Write(e)
			}
		default:
			t.Errorf("unexpected %T", token)
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("duplicate id: %q", ids)
	}
	for _, l := range links {
		if !slices.Contains(ids, strings.TrimPrefix(l, "#")) {
			t.Errorf("link to %s has no target", l)
		}
	}
	return old, new
}

// checkElement fails unless an element and its attributes are allowed.
func checkElement(t testing.TB, e xml.StartElement, allowed map[string]*regexp.Regexp) {
	t.Helper()
	name := e.Name.Local
	if _, ok := allowed[name]; !ok {
		t.Errorf("element %s is not allowed", name)
	}
	for _, a := range e.Attr {
		value, ok := allowed[name+" "+a.Name.Local]
		if !ok || !value.MatchString(a.Value) {
			t.Errorf("attribute %s=%q of %s is not allowed", a.Name.Local, a.Value, name)
		}
	}
}

// attribute returns the value of an attribute, if the element has it.
func attribute(e xml.StartElement, name string) []string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return []string{a.Value}
		}
	}
	return nil
}

// put adds the text of a row's cell to its side. A number starts a line, and the third cell
// is its text; NUL, which no cell contains, is the placeholder in between.
func put(old, new side, cell int, s string) (side, side) {
	at := &old
	if cell > 3 {
		at = &new
	}
	switch {
	case cell%3 == 1 && s != "":
		*at = append(*at, "\x00")
	case cell%3 == 0 && len(*at) > 0 && (*at)[len(*at)-1] == "\x00":
		(*at)[len(*at)-1] = s
	}
	return old, new
}

// hostile returns texts that break pages if they are not escaped.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`, `</style></td></table></section><script>alert(1)</script>`,
		`<img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, `' id='x`, `javascript:alert(1)`,
		`<!-- `, `]]>`, `<![CDATA[`, `&lt;&amp;&#60;`, `&`, `{{.}}`, `<?xml?>`, `<b>`, `https://example.com/`,
		`<!channel> <@U123> @here`, "\x00\x01\x1b[31m\x7f\u0085\u009b", "\u202e\u2066\u200b\ufeff\u00ad\u00a0",
		"\xff\xfe\xc3", "\xed\xa0\x80", "\ufffe\uffff\U0010ffff", "\r", "\f\v", "\u2028\u2029", "\U000e0041", "日本語 שלום",
	}
}

// Hostile text never becomes an element or attribute.
func TestHostile(t *testing.T) {
	for _, s := range hostile() {
		quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
		for _, p := range [][2]string{
			{"a\n", s + "\n"}, {s + "\n", s}, {s, ""}, {"x " + s + " y\n", "x " + s + " z" + s + "\n"},
			{"a: b\n", "a: " + quoted + "\n"}, {quoted + ": b\n", quoted + ": c\n"},
			{"steps:\n- name: a\n  task: b\n", "steps:\n- name: " + quoted + "\n  task: " + quoted + "\n  in: |\n    a\n    " + s + "\n"},
		} {
			d := compare(p[0], p[1])
			d.OldLabel, d.NewLabel = s, s
			got := section(t, d)
			checkMarkup(t, got)
			if strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && r != '\t' && text.Hidden(r) }) {
				t.Errorf("%q: invisible characters in %q", p, got)
			}
		}
	}
}

// The section of any two contents is well-formed and shows each line on its side.
func FuzzDiffSection(f *testing.F) {
	for _, s := range hostile() {
		f.Add([]byte("a: b\nc\n"+s), []byte("a: c\nc\n"+s+"\n"+s), false)
	}
	f.Add([]byte("steps: [{name: a, task: b@1}]\n"), []byte("steps: [{name: b, task: b@2}]"), true)
	f.Fuzz(func(t *testing.T, old, new []byte, ignoreSpace bool) {
		all := Diff{Old: diff.Read(old), New: diff.Read(new), Context: len(old) + len(new), IgnoreSpace: ignoreSpace}
		gotOld, gotNew := checkMarkup(t, section(t, all))
		if bytes.Equal(old, new) || len(old)+len(new) > 1000 {
			return
		}
		if ignoreSpace {
			// Lines that differ only in white space appear on both sides as the new
			// line. Without other differences there is no table.
			if len(gotNew) > 0 {
				checkLines(t, "new", gotNew, new)
			}
			return
		}
		checkLines(t, "old", gotOld, old)
		checkLines(t, "new", gotNew, new)
	})
}

func checkLines(t *testing.T, name string, got side, content []byte) {
	t.Helper()
	var want side
	for line := range bytes.Lines(content) {
		want = append(want, text.VisibleExcept(strings.TrimSuffix(string(line), "\n"), "\t"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s lines %q, want %q", name, got, want)
	}
}
