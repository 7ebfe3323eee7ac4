package main

import (
	"encoding"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"cocsync/internal/config"
)

// docsMinimal is a configuration with one of each table and nothing more in it than
// must be, so that the rest is at its default.
const docsMinimal = `
account = [{ name = "a", region = "cn-north-4" }]
watch = [{ name = "w", account = "a", select = { all = true } }]
slack = [{ name = "s", token = "env:T", channel = "C0123456789" }]
webhook = [{ name = "h", url = "https://h.example", secret = "env:S" }]
route = [{ mention = ["U0123456789"] }]
web = {}
people = { "li" = { name = "Li" } }
`

// docs/configuration.md has words about every key that the program knows and about no
// other, under the heading of its table, and the defaults that it names are the
// defaults.
func TestDocsConfiguration(t *testing.T) {
	documented := documentedKeys(t)
	path := filepath.Join(t.TempDir(), "config.toml")
	must(t, os.WriteFile(path, []byte(docsMinimal), 0o600))
	cfg, err := config.Load(path)
	must(t, err)
	known := map[string]reflect.Value{}
	collectKeys(known, "", reflect.ValueOf(*cfg))
	for key, value := range known {
		said, ok := documented[key]
		switch {
		case !ok:
			t.Errorf("there are no words about %s", key)
		case strings.HasPrefix(said, "`"):
			// Load makes paths whole.
			want := strings.ReplaceAll(jsonOf(t, value), filepath.Dir(path)+"/", "")
			if got := strings.Trim(said, "`"); got != want && strings.TrimSuffix(got, ".0") != want {
				t.Errorf("the default of %s is %s, and %s is said", key, want, got)
			}
		case !strings.HasPrefix(said, "required") && said != "none":
			t.Errorf("the default of %s is neither `a value`, none nor required: %q", key, said)
		case said == "none" && !value.IsZero() && key != "watch.select":
			t.Errorf("the default of %s is %v, and none is said", key, value)
		}
	}
	for key := range documented {
		if _, ok := known[key]; !ok {
			t.Errorf("there is no key %s", key)
		}
	}
}

// documentedKeys returns the default that is said of each key, by table.key.
func documentedKeys(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	must(t, err)
	heading := regexp.MustCompile("^##+ (?:`([^`]*)`)?")
	row := regexp.MustCompile("^\\| `([a-z_]+)` \\| [^|]+ \\| ([^|]+) \\| [^|]+ \\|$")
	keys, table := map[string]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if m := heading.FindStringSubmatch(line); m != nil {
			table = strings.Trim(m[1], "[]")
			if strings.HasPrefix(line, "### ") {
				table = "watch." + table // the one table within a table
			}
		}
		if strings.HasPrefix(line, "| `") {
			m := row.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("this row has not four columns: %s", line)
				continue
			}
			keys[strings.TrimPrefix(table+"."+m[1], ".")] = strings.TrimSpace(m[2])
		}
	}
	return keys
}

// collectKeys takes in the keys of a table and of those within it. Tables that stand
// by themselves in the file, at the top, are no keys.
func collectKeys(known map[string]reflect.Value, table string, v reflect.Value) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		name := f.Tag.Get("toml")
		if name == "" {
			continue
		}
		key, value := strings.TrimPrefix(table+"."+name, "."), v.FieldByIndex(f.Index)
		inner := value
		switch {
		case value.Kind() == reflect.Slice && value.Len() > 0 && value.Index(0).Kind() == reflect.Struct:
			inner = value.Index(0)
		case value.Kind() == reflect.Map:
			inner = value.MapIndex(value.MapKeys()[0])
		case value.Kind() == reflect.Pointer:
			inner = value.Elem()
		}
		_, text := reflect.New(inner.Type()).Interface().(encoding.TextUnmarshaler)
		if table != "" || inner.Kind() != reflect.Struct || text {
			known[key] = value
		}
		if inner.Kind() == reflect.Struct && !text {
			if key == "watch.select" {
				inner = reflect.Zero(inner.Type()) // all = true is not its default
			}
			collectKeys(known, key, inner)
		}
	}
}

// jsonOf writes a value as TOML has it, where JSON has it so, too.
func jsonOf(t *testing.T, v reflect.Value) string {
	t.Helper()
	if v.Kind() == reflect.Slice && v.IsNil() {
		return "[]"
	}
	b, err := json.Marshal(v.Interface())
	must(t, err)
	return strings.ReplaceAll(string(b), `","`, `", "`)
}
