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

// docsMinimal is a configuration with one of each table and only the required keys, so that
// all other keys have their defaults.
const docsMinimal = `
account = [{ name = "a", region = "cn-north-4" }]
watch = [{ name = "w", account = "a", select = { all = true } }]
slack = [{ name = "s", token = "env:T", channel = "C0123456789" }]
webhook = [{ name = "h", url = "https://h.example", secret = "env:S" }]
route = [{ mention = ["U0123456789"] }]
witness = [{ url = "https://w.example", key = "witness.example.com/w1+1893279e+BJkuhQT3Fe0ipHhvWhlmOqybDOTPv7buEPyXVg1x/nQT" }]
web = {}
people = { "li" = { name = "Li" } }
`

// docs/configuration.md describes exactly the keys of the program, under the heading of
// their table, with the right defaults.
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
			t.Errorf("%s is not documented", key)
		case strings.HasPrefix(said, "`"):
			// Load makes paths absolute.
			want := strings.ReplaceAll(jsonOf(t, value), filepath.Dir(path)+"/", "")
			if got := strings.Trim(said, "`"); got != want && strings.TrimSuffix(got, ".0") != want {
				t.Errorf("the default of %s is %s, documented as %s", key, want, got)
			}
		case !strings.HasPrefix(said, "required") && said != "none":
			t.Errorf("the default of %s is neither `a value`, none nor required: %q", key, said)
		case said == "none" && !value.IsZero() && key != "watch.select":
			t.Errorf("the default of %s is %v, documented as none", key, value)
		}
	}
	for key := range documented {
		if _, ok := known[key]; !ok {
			t.Errorf("%s is documented, but not a key", key)
		}
	}
}

// documentedKeys returns the documented default of each key, by table.key.
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
				table = "watch." + table // the only nested table
			}
		}
		if strings.HasPrefix(line, "| `") {
			m := row.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("this row does not have four columns: %s", line)
				continue
			}
			keys[strings.TrimPrefix(table+"."+m[1], ".")] = strings.TrimSpace(m[2])
		}
	}
	return keys
}

// collectKeys adds the keys of a table and of its nested tables. Top-level tables are not
// keys.
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

// jsonOf formats a value that is written the same way in TOML and JSON.
func jsonOf(t *testing.T, v reflect.Value) string {
	t.Helper()
	if v.Kind() == reflect.Slice && v.IsNil() {
		return "[]"
	}
	b, err := json.Marshal(v.Interface())
	must(t, err)
	return strings.ReplaceAll(string(b), `","`, `", "`)
}
