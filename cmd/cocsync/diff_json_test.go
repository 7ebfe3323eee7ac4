package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/diff"
	"cocsync/internal/query"
)

// The JSON of any pair is valid under docs/diff.schema.json and has no other fields.
func TestDiffJSONMatchesSchema(t *testing.T) {
	s := readSchema(t, "diff.schema.json")
	for _, pair := range pairs(t) {
		for _, ignoreSpace := range []bool{false, true} {
			if err := s.check(s.root, answerOf(t, pair, diff.Options{Context: 2, IgnoreSpace: ignoreSpace}), "$"); err != nil {
				t.Errorf("JSON of %q: %v", pair, err)
			}
		}
	}
}

// The check of the schema refuses invalid values.
func TestSchemaRefuses(t *testing.T) {
	s := readSchema(t, "diff.schema.json")
	for _, tt := range []struct {
		fact   string
		mangle func(map[string]any)
	}{
		{"another schema", func(v map[string]any) { v["schema"] = 2.0 }},
		{"a missing field", func(v map[string]any) { delete(v, "hunks") }},
		{"an undeclared field", func(v map[string]any) { v["colour"] = "red" }},
		{"a wrong type", func(v map[string]any) { v["old"] = 3.0 }},
		{"a fraction", func(v map[string]any) { v["added"] = 1.5 }},
		{"a number below the minimum", func(v map[string]any) { v["removed"] = -1.0 }},
		{"a value that is not in enum", func(v map[string]any) {
			v["items"].([]any)[0].(map[string]any)["op"] = "replaced"
		}},
		{"a text that is too long", func(v map[string]any) { v["summary"] = strings.Repeat("重", 201) }},
		{"invalid base64", func(v map[string]any) { v["unified_base64"] = "?" }},
	} {
		v := answerOf(t, [2]string{job1, job2}, diff.Options{Context: 1})
		if err := s.check(s.root, v, "$"); err != nil {
			t.Fatal(err)
		}
		tt.mangle(v)
		if err := s.check(s.root, v, "$"); err == nil {
			t.Errorf("the schema accepts %s", tt.fact)
		}
	}
}

// The hunks and the patch have every byte, including invalid UTF-8. The joined words equal
// their line.
func TestDiffJSONHasAllBytes(t *testing.T) {
	for _, pair := range pairs(t) {
		var d query.Diff
		must(t, json.Unmarshal(written(t, pair, diff.Options{Context: 1 << 20}), &d))
		var old, now bytes.Buffer
		for _, h := range d.Hunks {
			for _, l := range h.Lines {
				text := bytesOf(t, l.Text, l.TextBase64)
				joined := ""
				for _, w := range l.Words {
					joined += bytesOf(t, w.Text, w.TextBase64)
				}
				if l.Words != nil && joined != text {
					t.Errorf("the words of %q are %q", text, joined)
				}
				if l.Newline {
					text += "\n"
				}
				if l.Op != "+" {
					old.WriteString(text)
				}
				if l.Op != "-" {
					now.WriteString(text)
				}
			}
		}
		if pair[0] != pair[1] && (old.String() != pair[0] || now.String() != pair[1]) {
			t.Errorf("hunks of %q have %q and %q", pair, old.String(), now.String())
		}
		if got, want := bytesOf(t, d.Unified, d.UnifiedBase64), string(comparisonOf(pair[0],
			pair[1]).Patch(diff.Options{Context: 1 << 20})); got != want {
			t.Errorf("the patch of %q is %q, want %q", pair, got, want)
		}
	}
}

func bytesOf(t *testing.T, text, exact string) string {
	t.Helper()
	if exact == "" {
		return text
	}
	b, err := base64.StdEncoding.DecodeString(exact)
	must(t, err)
	return string(b)
}

// written returns the JSON of a pair as written by the command.
func written(t *testing.T, pair [2]string, o diff.Options) []byte {
	t.Helper()
	c := comparisonOf(pair[0], pair[1])
	var b bytes.Buffer
	must(t, query.Write(&b, c.Diff(diff.Hunks(c.Was, c.Now, o), o)))
	return b.Bytes()
}

func answerOf(t *testing.T, pair [2]string, o diff.Options) map[string]any {
	t.Helper()
	var v map[string]any
	must(t, json.Unmarshal(written(t, pair, o), &v))
	return v
}

// The example in the documentation is the output of the command.
func TestDiffJSONExample(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "diff-json.md")
	doc, err := os.ReadFile(file)
	must(t, err)
	command := regexp.MustCompile("`cocsync (diff [^`]*)` writes:").FindSubmatch(doc)
	before, rest, ok := bytes.Cut(doc, []byte("```json\n"))
	want, after, closed := bytes.Cut(rest, []byte("```\n"))
	if command == nil || !ok || !closed {
		t.Fatalf("%s has no command and example", file)
	}
	got, stderr, status := ask(t, fixture(t), strings.Fields(string(command[1]))...)
	if stderr != "" || status != 0 {
		t.Fatalf("%s: %s", command[1], stderr)
	}
	if *update {
		must(t, os.WriteFile(file, slices.Concat(before, []byte("```json\n"+got+"```\n"), after), 0o600))
	} else if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-documented +written):\n%s", command[1], diff)
	}
}

// schema checks values with the keywords of JSON Schema that our schemas use. Undeclared
// fields are errors here: readers may ignore new fields, but the program must declare all
// that it writes.
type schema struct{ root map[string]any }

func readSchema(t *testing.T, name string) schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	must(t, err)
	var s schema
	must(t, json.Unmarshal(text, &s.root))
	return s
}

func (s schema) check(rules map[string]any, v any, at string) error {
	if ref, ok := rules["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/$defs/")
		def, ok := s.root["$defs"].(map[string]any)[name].(map[string]any)
		if !ok {
			return fmt.Errorf("%s: no definition %q", at, ref)
		}
		return s.check(def, v, at)
	}
	for keyword, rule := range rules {
		ok := true
		switch keyword {
		case "type":
			ok = slices.ContainsFunc(list(rule), func(name any) bool { return isType(v, name.(string)) })
		case "const":
			ok = v == rule
		case "enum":
			ok = slices.Contains(list(rule), v)
		case "minimum":
			n, number := v.(float64)
			ok = !number || n >= rule.(float64)
		case "maxLength":
			text, is := v.(string)
			ok = !is || utf8.RuneCountInString(text) <= int(rule.(float64))
		case "maxItems":
			items, is := v.([]any)
			ok = !is || len(items) <= int(rule.(float64))
		case "pattern":
			text, is := v.(string)
			ok = !is || regexp.MustCompile(rule.(string)).MatchString(text)
		case "anyOf":
			var errs []error
			for _, r := range list(rule) {
				errs = append(errs, s.check(r.(map[string]any), v, at))
			}
			if !slices.Contains(errs, nil) {
				return errors.Join(errs...)
			}
			return nil
		case "required", "properties", "items", "additionalProperties": // below
		case "$schema", "$defs", "title", "description", "contentEncoding": // annotations only
		default:
			return fmt.Errorf("%s: the check does not know the keyword %q", at, keyword)
		}
		if !ok {
			return fmt.Errorf("%s: %.100v against %s %v", at, v, keyword, rule)
		}
	}
	return s.checkParts(rules, v, at)
}

func (s schema) checkParts(rules map[string]any, v any, at string) error {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if err := s.check(rules["items"].(map[string]any), item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, name := range list(rules["required"]) {
			if _, ok := v[name.(string)]; !ok {
				return fmt.Errorf("%s: no %s", at, name)
			}
		}
		if rules["additionalProperties"] == true {
			return nil // any value is valid
		}
		properties := rules["properties"].(map[string]any)
		for name, part := range v {
			rule, ok := properties[name].(map[string]any)
			if !ok {
				return fmt.Errorf("%s: %s is not stated", at, name)
			}
			if err := s.check(rule, part, at+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// list returns the values of a keyword that may have one value or several.
func list(rule any) []any {
	if l, ok := rule.([]any); ok {
		return l
	}
	return []any{rule}
}

func isType(v any, name string) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	case []any:
		return name == "array"
	}
	return name == "object"
}
