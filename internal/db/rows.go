package db

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// reader runs queries in a context. Its errors name what they read.
type reader struct {
	ctx  context.Context
	on   *session
	what string // "" in a write transaction, which names its errors itself
}

// reading returns a reader of committed data, which a format names.
func (s *store) reading(ctx context.Context, format string, args ...any) reader {
	return reader{ctx, s.read, fmt.Sprintf(format, args...)}
}

// name adds what is read to an error.
func (r reader) name(err *error) {
	if r.what != "" {
		wrap(err, "%s", r.what)
	}
}

// scan scans the current row into the columns of values.
func (r reader) scan(rows *sql.Rows, dest []any) error {
	var list []any
	for _, d := range dest {
		if e, ok := d.(*fields); ok {
			names, err := rows.Columns()
			if err != nil {
				return err
			}
			list = e.dest(names)
			break
		}
		list = columns(list, reflect.ValueOf(d).Elem(), destination)
	}
	if err := rows.Scan(list...); err != nil {
		return rowError(r.ctx, rows, err)
	}
	return nil
}

// row is a query of one row.
type row struct {
	reader
	text string
	args []any
}

func (r reader) row(query string, args ...any) row { return row{r, query, args} }

// Scan runs the query and scans its row. The error is sql.ErrNoRows if it returns none.
func (r row) Scan(dest ...any) (err error) {
	defer r.name(&err)
	rows, err := r.on.query(r.ctx, r.text, r.args)
	if err != nil {
		return err
	}
	defer rows.Close() // its error is the one of rows.Err
	if !rows.Next() {
		return cmp.Or(explain(rows.Err()), sql.ErrNoRows)
	}
	return r.scan(rows, dest)
}

// first returns the first row of a query, or the zero value if there is no row.
func first[T any](r reader, query string, args ...any) (v T, err error) {
	err = r.row(query, args...).Scan(&v)
	return v, ignore(err, sql.ErrNoRows)
}

// find returns the first row of a query. The error is coc.ErrNotFound if there is no row.
func find[T any](r reader, query string, args ...any) (v T, err error) {
	if err = r.row(query, args...).Scan(&v); errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
		r.name(&err)
	}
	return v, err
}

// collect returns all rows of a query.
func collect[T any](r reader, query string, args ...any) (all []T, _ error) {
	for v, err := range stream[T](r, query, args...) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// byKey returns the rows of a query by their first columns. The last value of a key is kept.
func byKey[K comparable, T any](r reader, query string, args ...any) (map[K]T, error) {
	values := map[K]T{}
	for v, err := range stream[struct {
		Key   K
		Value T
	}](r, query, args...) {
		if err != nil {
			return values, err
		}
		values[v.Key] = v.Value
	}
	return values, nil
}

// stream reads the rows of a query one by one. An error is the last element. It keeps one of
// the few connections until it ends: the caller must not run other queries.
func stream[T any](r reader, query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := r.on.query(r.ctx, query, args)
		if err == nil {
			defer rows.Close() // its error is the one of rows.Err
			for rows.Next() {
				var v T
				if err = r.scan(rows, []any{&v}); err != nil {
					break
				}
				if !yield(v, nil) {
					return
				}
			}
			err = cmp.Or(err, explain(rows.Err()))
		}
		if r.name(&err); err != nil {
			yield(none, err)
		}
	}
}

// pages reads rows page by page, so that other queries may run at the same time. next returns
// the page after a row, or the first page after the zero row. A page of fewer than size rows
// is the last.
func pages[T any](size int, next func(last T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last T
		for {
			page, err := next(last)
			if err != nil {
				yield(last, err)
				return
			}
			for _, last = range page {
				if !yield(last, nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
		}
	}
}

// columns appends f of each column of a value: of a struct or an array those of its elements,
// in order. A pointer to a struct is no column.
func columns(list []any, v reflect.Value, f func(reflect.Value) any) []any {
	switch t := v.Type(); {
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]():
		for i := range v.NumField() { // v.Fields allocates
			list = columns(list, v.Field(i), f)
		}
	case t.Kind() == reflect.Array && t.Elem().Kind() != reflect.Uint8:
		for i := range v.Len() {
			list = columns(list, v.Index(i), f)
		}
	case t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct:
		list = append(list, f(v))
	}
	return list
}

// destination returns what scans a column. A slice is JSON.
func destination(v reflect.Value) any {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		return (*timeColumn)(p)
	case *coc.Hash:
		return (*hashColumn)(p)
	case *audit.Hash:
		return (*hashColumn)(p)
	case *[]byte:
		return p
	case *audit.PublicKey:
		return (*[]byte)(p)
	default:
		if v.Kind() == reflect.Slice {
			return jsonColumn{p}
		}
		return p
	}
}

// argument returns the value of a column. The zero time is null; a slice is JSON.
func argument(v reflect.Value) any {
	switch a := v.Interface().(type) {
	case time.Time:
		return orNull(a.UnixMilli(), a.IsZero())
	case coc.Hash:
		return a[:]
	case []byte:
		return a
	default:
		if v.Kind() == reflect.Slice {
			return jsonColumn{a}
		}
		return a
	}
}

// bind returns the values of the columns of arguments.
func bind(args []any) (list []any) {
	for _, a := range args {
		if a == nil {
			list = append(list, nil)
			continue
		}
		list = columns(list, reflect.ValueOf(a), argument)
	}
	return list
}

func orNull[T any](v T, null bool) any {
	if null {
		return nil
	}
	return v
}

// noneIsNull returns the column value of an id or a text; null for the zero value.
func noneIsNull[T comparable](v T) any { return orNull(v, v == *new(T)) }

// hashColumn scans a SHA-256; null is the zero hash.
type hashColumn [32]byte

// Scan implements sql.Scanner.
func (h *hashColumn) Scan(value any) error {
	b, ok := value.([]byte)
	if value != nil && (!ok || len(b) != len(h)) {
		return fmt.Errorf("a hash of %d bytes, not %d, of type %T", len(b), len(h), value)
	}
	*h = hashColumn{}
	copy(h[:], b)
	return nil
}

// jsonColumn is a slice as JSON; null is none.
type jsonColumn struct{ slice any }

// Scan implements sql.Scanner.
func (c jsonColumn) Scan(value any) error {
	switch text, ok := value.(string); {
	case value == nil || text == "[]":
		return nil
	case ok:
		return json.Unmarshal([]byte(text), c.slice)
	}
	return fmt.Errorf("a list of type %T", value)
}

// Value implements driver.Valuer.
func (c jsonColumn) Value() (driver.Value, error) {
	if reflect.ValueOf(c.slice).Len() == 0 {
		return "[]", nil // also for a nil slice
	}
	text, err := json.Marshal(c.slice)
	return string(text), err
}

// timeColumn scans Unix milliseconds; null is the zero time.
type timeColumn time.Time

// Scan implements sql.Scanner.
func (c *timeColumn) Scan(value any) error {
	ms, ok := value.(int64)
	if value != nil && !ok {
		return fmt.Errorf("a time of type %T", value)
	}
	*c = timeColumn{}
	if ok {
		*c = timeColumn(time.UnixMilli(ms).UTC())
	}
	return nil
}

// ignore returns err, or nil if it is the ignored error.
func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
