package config

import (
	"fmt"
	"reflect"
	"slices"

	"cocsync/internal/hint"

	"github.com/pelletier/go-toml/v2/unstable"
)

// table is where keys stand: a path and the struct that they are fields of, or
// the map that they are keys of; nil when nobody knows it.
type table struct {
	path string
	typ  reflect.Type
}

// under returns the path of a key in the table.
func (t table) under(key string) string {
	if t.typ != nil && t.typ.Kind() == reflect.Map {
		key = keyPath(key)
	}
	return join(t.path, key)
}

// header reads [a.b] or [[a]].
func (d *document) header(e *unstable.Node) table {
	at := table{typ: reflect.TypeFor[Config]()}
	keys := e.Key()
	for keys.Next() {
		key := keys.Node()
		line := d.lineAt(int(key.Raw.Offset))
		field, ok := fieldOf(at.typ, string(key.Data))
		if !ok {
			d.unknown(line, at, string(key.Data))
			d.blankLine(int(key.Raw.Offset))
			return table{}
		}
		at.path = at.under(string(key.Data))
		switch {
		case isTables(field):
			if last := keys.IsLast(); last && e.Kind == unstable.ArrayTable {
				d.counts[at.path]++
			} else if last || d.counts[at.path] == 0 {
				return d.wrongHeader(key, at.path, at.path+" needs double brackets", "[["+at.path+"]]")
			}
			at = table{fmt.Sprintf("%s[%d]", at.path, d.counts[at.path]-1), field.Elem()}
		case tableOf(field) == nil:
			return d.wrongHeader(key, at.path, plainPath(at.path)+" is no table", string(key.Data)+" = …")
		case e.Kind == unstable.ArrayTable && keys.IsLast():
			return d.wrongHeader(key, at.path, plainPath(at.path)+" needs single brackets", "["+plainPath(at.path)+"]")
		default:
			at.typ = tableOf(field)
		}
		d.lines[at.path] = line
	}
	return at
}

// wrongHeader reports a header in wrong brackets and takes it out. The keys below it
// belong to nothing that could be checked.
func (d *document) wrongHeader(key *unstable.Node, path, fault, write string) table {
	d.spoil(path)
	d.add(d.lineAt(int(key.Raw.Offset)), fault, "write "+write)
	d.blankLine(int(key.Raw.Offset))
	return table{}
}

// keyValue looks at key = value in a table, and returns the key's path.
func (d *document) keyValue(in table, e *unstable.Node) string {
	keys := e.Key()
	for keys.Next() {
		key, name := keys.Node(), string(keys.Node().Data)
		line := d.lineAt(int(key.Raw.Offset))
		at := table{path: in.under(name)}
		if in.typ == nil {
			return at.path // the table was reported
		}
		field, ok := fieldOf(in.typ, name)
		if !ok {
			d.unknown(line, in, name)
			return at.path
		}
		d.lines[at.path] = line
		if keys.IsLast() {
			d.value(at.path, line, field, e.Value())
			return at.path
		}
		if at.typ = tableOf(field); at.typ == nil {
			d.add(line, fmt.Sprintf("%s is no table", plainPath(at.path)), "write "+name+" = …")
			return at.path
		}
		in = at
	}
	return in.path
}

// value looks at the type of a value and into it.
func (d *document) value(path string, line int, want reflect.Type, v *unstable.Node) {
	if v.Raw.Length > 0 {
		line = d.lineAt(int(v.Raw.Offset))
		d.lines[path] = line
	}
	f := formOf(want)
	if !slices.Contains(f.kinds, v.Kind) {
		d.add(line, fmt.Sprintf("%s must be %s, not %s", plainPath(path), f.words, kindWords(v.Kind)),
			"write "+f.example)
		return
	}
	children := v.Children()
	for i := 0; v.Kind == unstable.Array && children.Next(); i++ {
		d.value(fmt.Sprintf("%s[%d]", path, i), line, want.Elem(), children.Node())
	}
	for v.Kind == unstable.InlineTable && children.Next() {
		d.keyValue(table{path, tableOf(want)}, children.Node())
	}
}

// form is how a value is written in the file.
type form struct {
	kinds          []unstable.Kind
	words, example string
}

// formOf returns how a value of that type is written.
func formOf(t reflect.Type) form {
	switch {
	case tableOf(t) != nil:
		return form{[]unstable.Kind{unstable.InlineTable}, "a table in braces", "{ … }"}
	case t.Kind() == reflect.Slice:
		return form{[]unstable.Kind{unstable.Array}, "a list in brackets", `["…"]`}
	case t.Kind() == reflect.Bool:
		return form{[]unstable.Kind{unstable.Bool}, "true or false", "true"}
	case t.Kind() == reflect.Int:
		return form{[]unstable.Kind{unstable.Integer}, "a whole number", "10"}
	case t.Kind() == reflect.Float64:
		return form{[]unstable.Kind{unstable.Integer, unstable.Float}, "a number", "5.0"}
	}
	return form{[]unstable.Kind{unstable.String}, "a text in quotes", `"…"`}
}

// kindWords says what stands in the file instead.
func kindWords(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return "a text"
	case unstable.Bool:
		return "true or false"
	case unstable.Integer:
		return "a whole number"
	case unstable.Float:
		return "a fraction"
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "a table"
	}
	return "a date or time"
}

// unknown reports a key that its table, parent, does not have.
func (d *document) unknown(line int, parent table, name string) {
	known := keysOf(parent.typ)
	advice := hint.OneOf(name, known)
	near := hint.Nearest(name, known)
	if len(near) > 0 {
		d.spoil(join(parent.path, near[0])) // it is meant, so it isn't missing
	}
	if parent.path == "" {
		d.add(line, "unknown key "+quote(name), advice)
		return
	}
	if t, ok := fieldOf(reflect.TypeFor[Config](), name); ok && !isTables(t) && tableOf(t) == nil {
		advice = name + " stands at the top of the file, before the first table"
	}
	if parent.typ == reflect.TypeFor[Person]() && len(near) == 0 {
		advice += "; a user with a dot is written in quotes: people.\"li.wei\""
	}
	d.add(line, fmt.Sprintf("unknown key %s in %s", quote(name), plainPath(parent.path)), advice)
}
