package config

import (
	"encoding"
	"reflect"
	"strings"
)

// The keys of the file are the toml tags of Config and what it holds; these
// functions read them.

// fieldOf returns the type of a struct's field by its key. Case counts.
func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	for f := range fields(t) {
		if f.Tag.Get("toml") == key {
			return f.Type, true
		}
	}
	return nil, false
}

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

// structOf returns the struct of a field that is a table, else nil. A Secret is
// a struct in Go and a text in the file.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	return t
}

// isTables reports whether a field is an array of tables.
func isTables(t reflect.Type) bool { return t.Kind() == reflect.Slice && structOf(t.Elem()) != nil }

// join adds a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// parentOf takes the last key or place in a list off a path.
func parentOf(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// plainPath is a path for people, without the places in lists.
func plainPath(path string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(path, "[") {
		if _, rest, ok := strings.Cut(part, "]"); ok {
			part = rest
		}
		b.WriteString(part)
	}
	return b.String()
}
