package config

import (
	"encoding"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"cocsync/internal/text"
)

// The keys of the file are the toml tags of Config and what it holds; these
// functions read them.

// fieldOf returns the type of a table's field by its key. Case counts. A map has
// every key.
func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	if t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	for f := range fields(t) {
		if f.Tag.Get("toml") == key {
			return f.Type, true
		}
	}
	return nil, false
}

// keysOf returns the keys of a struct.
func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range fields(t) {
		keys = append(keys, f.Tag.Get("toml"))
	}
	return keys
}

// fields yields the fields of a struct that have a key.
func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.Tag.Get("toml") != "" && !yield(f) {
				return
			}
		}
	}
}

// tableOf returns the struct or map of a field that is a table, else nil. A
// Secret is a struct in Go and a text in the file.
func tableOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map {
		return t
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	return t
}

// isTables reports whether a field is an array of tables.
func isTables(t reflect.Type) bool { return t.Kind() == reflect.Slice && tableOf(t.Elem()) != nil }

// join adds a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keyPath is a key of a map as a path has it: in quotes where it is no plain
// word, as in the file, so that no two keys make one path.
func keyPath(key string) string {
	special := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}
	if key != "" && !strings.ContainsFunc(key, special) {
		return key
	}
	return strconv.Quote(key)
}

// parentOf takes the last key or place in a list off a path.
func parentOf(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// plainPath is a path for people, without the places in lists.
func plainPath(path string) string {
	return text.Truncate(regexp.MustCompile(`\[\d+\]`).ReplaceAllString(path, ""), maxQuoted)
}
