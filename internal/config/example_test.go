package config

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
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

// uncomment removes the # before "# key = value" and "# [[table]]".
func uncomment(text string) string {
	return regexp.MustCompile(`(?m)^# ([a-z_]+ = |"[^"]+" = |\[)`).ReplaceAllString(text, "$1")
}

// The example loads as it is. Uncommented it has only the problem that keys which
// exclude each other are both given.
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
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// The example has every key of the schema, commented out or not.
func TestExampleHasEveryKey(t *testing.T) {
	var all map[string]any
	if err := toml.Unmarshal([]byte(uncomment(example(t))), &all); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, typ reflect.Type, table map[string]any)
	walk = func(path string, typ reflect.Type, table map[string]any) {
		for _, f := range fields(typ) {
			at := strings.TrimPrefix(path+"."+f.Tag.Get("toml"), ".")
			switch v := table[f.Tag.Get("toml")].(type) {
			case nil:
				t.Errorf("%s is missing", at)
			case []any:
				if isTables(f.Type) {
					walk(at, f.Type.Elem(), v[0].(map[string]any))
				}
			case map[string]any:
				if f.Type.Kind() != reflect.Map {
					walk(at, f.Type.Elem(), v)
				}
				for key, value := range v {
					if f.Type.Kind() == reflect.Map {
						walk(join(at, key), f.Type.Elem(), value.(map[string]any))
					}
				}
			}
		}
	}
	walk("", reflect.TypeFor[Config](), all)
}

// The example shows the defaults. Keys without a default show a possible value.
func TestExampleShowsDefaults(t *testing.T) {
	shown := Default()
	if doc := newDocument(exampleFile, []byte(example(t))); !doc.decode(shown) {
		t.Fatal(doc.err())
	}
	if shown.Database != Default().Database || shown.PageURL != Default().PageURL {
		t.Errorf("database is %q, page_url %q, the defaults %q, %q", shown.Database, shown.PageURL, Default().Database, Default().PageURL)
	}
	sample := " name region account documents token channel url secret cert key "
	same := func(table string, got, want any) {
		g, w := reflect.ValueOf(got), reflect.ValueOf(want)
		for _, f := range fields(g.Type()) {
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

	// Tables that are only comments.
	all := Default()
	if doc := newDocument(exampleFile, []byte(uncomment(example(t)))); !doc.decode(all) {
		t.Fatal(doc.err())
	}
	same("webhook", all.Webhooks[0], defaultWebhook())
	same("web", *all.Web, defaultWeb())
}
