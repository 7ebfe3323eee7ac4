package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// The keys of the file are the toml tags of Config and of the structs in it. The
// functions here read parsed TOML into them.

// table reads the keys of a table into a struct, a pointer to one, or a map.
func (d *document) table(to reflect.Value, path string, from map[string]any) {
	if to.Kind() == reflect.Pointer {
		if to.IsNil() {
			to.Set(newValue(to.Type().Elem()).Addr())
		}
		to = to.Elem()
	}
	isMap := to.Kind() == reflect.Map
	if isMap && to.IsNil() {
		to.Set(reflect.MakeMap(to.Type()))
	}
	for _, key := range slices.Sorted(maps.Keys(from)) {
		field, ok := fieldOf(to.Type(), key)
		switch {
		case !ok:
			d.unknown(path, to.Type(), key)
		case isMap:
			value := newValue(field.Type)
			if old := to.MapIndex(reflect.ValueOf(key)); old.IsValid() {
				value.Set(old)
			}
			if d.value(value, join(path, key), from[key]) {
				to.SetMapIndex(reflect.ValueOf(key), value)
			}
		default:
			d.value(to.FieldByIndex(field.Index), join(path, key), from[key])
		}
	}
}

// value reads one value. It reports a value of a wrong type and returns false.
func (d *document) value(to reflect.Value, path string, from any) bool {
	secret, isSecret := to.Addr().Interface().(*Secret)
	switch from := from.(type) {
	case map[string]any:
		if tableOf(to.Type()) != nil {
			d.table(to, path, from)
			return true
		}
		if n := d.arrays[path]; n > 0 && n == to.Len() { // [watch.select] is in the last [[watch]]
			return d.value(to.Index(n-1), element(path, n-1), from)
		}
	case []any:
		if to.Kind() == reflect.Slice {
			d.list(to, path, from)
			return true
		}
	case string:
		if isSecret {
			secret.ref = from
			return true
		}
	}
	v := reflect.ValueOf(from)
	if kind := to.Kind(); v.Kind() == kind || v.Kind() == reflect.Int64 && (kind == reflect.Int || kind == reflect.Float64) {
		to.Set(v.Convert(to.Type()))
		return true
	}
	d.spoil(path)
	words, example := formOf(to.Type(), path)
	d.add(d.lineOf(path), fmt.Sprintf("%s must be %s, not %s", plainPath(path), words, kindWords(v.Kind())), "write "+example)
	return false
}

// list reads the elements of a list. Each [[…]] adds one table to its list.
func (d *document) list(to reflect.Value, path string, from []any) {
	if !isTables(to.Type()) {
		to.Set(reflect.MakeSlice(to.Type(), 0, len(from)))
	}
	for _, v := range from {
		one := newValue(to.Type().Elem())
		if d.value(one, element(path, to.Len()), v) {
			to.Set(reflect.Append(to, one))
		}
	}
}

// newValue returns a value with its defaults.
func newValue(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	for _, table := range []any{defaultAccount(), defaultWatch(), defaultSlack(), defaultWebhook(), defaultWeb()} {
		if reflect.TypeOf(table) == t {
			v.Set(reflect.ValueOf(table))
		}
	}
	return v
}

// formOf returns how the value of a key is written in the file, with an example.
func formOf(t reflect.Type, path string) (words, example string) {
	switch {
	case isTables(t):
		return "a list of tables", "[[" + plainPath(path) + "]]"
	case tableOf(t) != nil:
		return "a table", "[" + plainPath(path) + "]"
	}
	key := path[strings.LastIndex(path, ".")+1:] + " = "
	if strings.HasSuffix(path, "]") {
		key = ""
	}
	form, ok := map[reflect.Kind][2]string{
		reflect.Slice:   {"a list in brackets", `["…"]`},
		reflect.Bool:    {"true or false", "true"},
		reflect.Int:     {"a whole number", "10"},
		reflect.Float64: {"a number", "5.0"},
	}[t.Kind()]
	if !ok {
		form = [2]string{"a text in quotes", `"…"`}
	}
	return form[0], key + form[1]
}

// kindWords names the type of a value in the file. Dates and times are structs.
func kindWords(k reflect.Kind) string {
	return map[reflect.Kind]string{
		reflect.String:  "a text",
		reflect.Bool:    "true or false",
		reflect.Int64:   "a whole number",
		reflect.Float64: "a fraction",
		reflect.Slice:   "a list",
		reflect.Map:     "a table",
		reflect.Struct:  "a date or time",
	}[k]
}

// unknown reports a key that its table does not have.
func (d *document) unknown(path string, table reflect.Type, key string) {
	var known []string
	for _, f := range fields(table) {
		known = append(known, f.Tag.Get("toml"))
	}
	problem, advice := "unknown key "+quote(key), hint.OneOf(key, known)
	near := hint.Nearest(key, known)
	if len(near) > 0 {
		d.spoil(join(path, near[0])) // the user means this key, so it is not missing
	}
	if path != "" {
		problem += " in " + plainPath(path)
		f, ok := fieldOf(reflect.TypeFor[Config](), key)
		switch {
		case ok && !isTables(f.Type) && tableOf(f.Type) == nil:
			advice = key + " belongs at the top of the file, before the first table"
		case table == reflect.TypeFor[Person]() && len(near) == 0:
			advice += "; a user with a dot is written in quotes: people.\"li.wei\""
			d.spoil(join(path, "name"))
		}
	}
	d.add(d.lineOf(join(path, key)), problem, advice)
}

// fieldOf returns a table's field by its key, of which the case counts. A map has
// every key.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	if t.Kind() == reflect.Map {
		return reflect.StructField{Type: t.Elem()}, true
	}
	list := fields(t)
	if i := slices.IndexFunc(list, func(f reflect.StructField) bool { return f.Tag.Get("toml") == key }); i >= 0 {
		return list[i], true
	}
	return reflect.StructField{}, false
}

// fields returns the fields of a struct that have a key, those of embedded structs
// included.
func fields(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("toml") == "" })
}

// tableOf returns the struct or map of a field that is a table, else nil. A
// Secret is a struct in Go and a text in the file.
func tableOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map || t.Kind() == reflect.Struct && t != reflect.TypeFor[Secret]() {
		return t
	}
	return nil
}

// isTables reports whether a field is an array of tables.
func isTables(t reflect.Type) bool { return t.Kind() == reflect.Slice && tableOf(t.Elem()) != nil }

// join adds a key to a path. As in the file, a key that is not a plain word is in
// quotes, so that no two keys have one path.
func join(path, key string) string {
	if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(key) {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// parentOf removes the last key or index from a path.
func parentOf(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// plainPath is a path for messages, without indexes.
func plainPath(path string) string {
	return text.Truncate(regexp.MustCompile(`\[\d+\]`).ReplaceAllString(path, ""), maxQuoted)
}
