package config

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const exampleFile = "../../config.example.toml"

func example(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// uncomment turns "# key = value" and "# [[table]]" into what they say.
func uncomment(text string) string {
	return regexp.MustCompile(`(?m)^# ([a-z_]+ = |"[^"]+" = |\[)`).ReplaceAllString(text, "$1")
}

// The example loads as it stands, and uncommented has no fault but that it then
// gives both of what exclude each other.
func TestExample(t *testing.T) {
	load(t, example(t))
	_, err := parse("config.toml", []byte(uncomment(example(t))), 0o600, nowForTests())
	problems, ok := errors.AsType[*Problems](err)
	if !ok {
		t.Fatalf("parse of the uncommented example = %v, want *Problems", err)
	}
	var got []string
	for _, p := range problems.List {
		got = append(got, p.Fault)
	}
	want := []string{`account "prod": region and endpoint are both given`, `slack "ops": token and webhook are both given`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// The example has every key of the schema, commented out or not.
func TestExampleHasEveryKey(t *testing.T) {
	doc := scan(exampleFile, []byte(uncomment(example(t))))
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		for f := range fields(typ) {
			at := join(path, f.Tag.Get("toml"))
			if isTables(f.Type) {
				walk(at+"[0]", f.Type.Elem())
				continue
			}
			if _, ok := doc.lines[at]; !ok {
				t.Errorf("%s is missing", at)
			} else if f.Type.Kind() == reflect.Map {
				walk(firstIn(t, doc, at), f.Type.Elem())
			} else if s := tableOf(f.Type); s != nil {
				walk(at, s)
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
}

// firstIn returns the path of the first table in a map.
func firstIn(t *testing.T, doc *document, path string) string {
	t.Helper()
	first := ""
	for at, line := range doc.lines {
		if parentOf(at) == path && (first == "" || line < doc.lines[first]) {
			first = at
		}
	}
	if first == "" {
		t.Fatalf("%s is empty", path)
	}
	return first
}

// The defaults that the example shows are the defaults. Keys without one show
// what they may hold.
func TestExampleShowsDefaults(t *testing.T) {
	shown := Default()
	doc := scan(exampleFile, []byte(example(t)))
	if !doc.decode(shown) {
		t.Fatal(doc.err())
	}
	if shown.Database != Default().Database || shown.PageURL != Default().PageURL {
		t.Errorf("database is %q, page_url %q, the defaults %q, %q", shown.Database, shown.PageURL, Default().Database, Default().PageURL)
	}
	sample := " name region account documents token channel url secret cert key "
	same := func(table string, got, want any) {
		g, w := reflect.ValueOf(got), reflect.ValueOf(want)
		for f := range fields(g.Type()) {
			key := f.Tag.Get("toml")
			a, b := g.FieldByIndex(f.Index), w.FieldByIndex(f.Index)
			if strings.Contains(sample, " "+key+" ") || a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
				continue
			}
			if !reflect.DeepEqual(a.Interface(), b.Interface()) {
				t.Errorf("%s.%s is %v, the default %v", table, key, a, b)
			}
		}
	}
	same("account", shown.Accounts[0], defaultAccount())
	same("watch", shown.Watches[0], defaultWatch())
	same("slack", shown.Slacks[0], defaultSlack())

	// What stands as a comment alone.
	all := Default()
	if doc := scan(exampleFile, []byte(uncomment(example(t)))); !doc.decode(all) {
		t.Fatal(doc.err())
	}
	same("webhook", all.Webhooks[0], defaultWebhook())
	same("web", *all.Web, defaultWeb())
}
