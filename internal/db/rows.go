package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// scanner is one row of a result. A destination may be of several columns: see expand.
type scanner interface {
	Scan(dest ...any) error
	Columns() ([]string, error) // names
}

// scanRow is the current row of a result.
type scanRow struct {
	ctx context.Context
	*sql.Rows
}

func (r scanRow) Scan(dest ...any) error {
	if err := r.Rows.Scan(expand(dest)...); err != nil {
		return rowError(r.ctx, r.Rows, err)
	}
	return nil
}

// onlyRow is the only row of a query. Unlike *sql.Row it distinguishes an invalid row from a
// failed query.
type onlyRow struct {
	ctx  context.Context
	rows *sql.Rows
	err  error // of the query
}

func (r onlyRow) Columns() ([]string, error) {
	if r.err != nil {
		return nil, r.err
	}
	return r.rows.Columns()
}

// Scan scans the row. The error is sql.ErrNoRows if the query returned no row.
func (r onlyRow) Scan(dest ...any) (err error) {
	if r.err != nil {
		return r.err
	}
	defer func() { err = errors.Join(err, r.rows.Close()) }()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return explain(err)
		}
		return sql.ErrNoRows
	}
	return scanRow{r.ctx, r.rows}.Scan(dest...)
}

// scan scans a row into a value that expand knows or database/sql supports.
func scan[T any](row scanner) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}

// first returns the first row of a query, or the zero value if there is no row.
func first[T any](ctx context.Context, s *session, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	v, err := scan(s.row(ctx, query, args...))
	return v, ignore(err, sql.ErrNoRows)
}

// find returns the first row of a query. The error is coc.ErrNotFound if there is no row.
func find[T any](ctx context.Context, s *session, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	v, err := scan(s.row(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = coc.ErrNotFound
	}
	return v, err
}

// collect returns all rows of a query.
func collect[T any](ctx context.Context, s *session, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.query(ctx, query, args...)
	return readAll(ctx, rows, err, scan)
}

// readAll returns all rows of a query's result.
func readAll[T any](ctx context.Context, rows *sql.Rows, err error, scan func(scanner) (T, error)) (all []T, _ error) {
	for v, err := range eachRow(ctx, rows, err, scan) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// byKey returns the rows of a query by a key. The last value of a key is kept.
func byKey[K comparable, T any](ctx context.Context, s *session, scan func(scanner) (K, T, error), query string, args ...any) (map[K]T, error) {
	values := map[K]T{}
	_, err := collect(ctx, s, func(row scanner) (struct{}, error) {
		key, value, err := scan(row)
		values[key] = value
		return struct{}{}, err
	}, query, args...)
	return values, err
}

// scanPair scans a row of a key and a value.
func scanPair[K, T any](row scanner) (key K, value T, err error) {
	err = row.Scan(&key, &value)
	return key, value, err
}

// each calls do with each row of a query.
func each[T any](ctx context.Context, s *session, scan func(scanner) (T, error), do func(T) error, query string, args ...any) error {
	for v, err := range stream(ctx, s, scan, query, args...) {
		if err == nil {
			err = do(v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stream reads the rows of a query one by one. An error is the last element. It keeps one of
// the few connections until it ends: the caller must not run other queries.
func stream[T any](ctx context.Context, s *session, scan func(scanner) (T, error), query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		rows, err := s.query(ctx, query, args...)
		eachRow(ctx, rows, err, scan)(yield)
	}
}

func eachRow[T any](ctx context.Context, rows *sql.Rows, err error, scan func(scanner) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err != nil {
			yield(none, err)
			return
		}
		defer rows.Close() // its error is the one of rows.Err
		for rows.Next() {
			if v, err := scan(scanRow{ctx, rows}); !yield(v, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, explain(err))
		}
	}
}

// pages reads rows page by page, so that other queries may run at the same time. next returns
// the page after a row, or the first page after the zero row. A page of fewer than size rows
// is the last. An error names what is read.
func pages[T any](what string, size int, next func(last T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last T
		for {
			page, err := next(last)
			if err != nil {
				wrap(&err, "%s", what)
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

// columns is a value of several columns.
type columns interface{ columns() []any }

// expand returns the destinations of the columns of values.
func expand(dest []any) []any {
	list := make([]any, 0, len(dest))
	for _, d := range dest {
		switch d := d.(type) {
		case *time.Time:
			list = append(list, (*timeColumn)(d))
		case *coc.Hash:
			list = append(list, (*hashColumn)(d))
		case *audit.Hash:
			list = append(list, (*hashColumn)(d))
		case *coc.Key:
			list = append(list, &d.Account, &d.ID)
		case *coc.Evidence:
			list = append(list, &d.RequestID, (*timeColumn)(&d.Date))
		case *coc.Span:
			list = append(list, &d.From, &d.To)
		case *coc.Meta:
			list = append(list, &d.Name, &d.Description, &d.RiskLevel, &d.Creator, &d.Modifier, &d.ProjectID,
				(*timeColumn)(&d.CreatedAt), (*timeColumn)(&d.UpdatedAt), &d.Extra)
		case columns:
			list = append(list, expand(d.columns())...)
		default:
			list = append(list, d)
		}
	}
	return list
}

// metaColumns are the columns of a coc.Meta in the table document_states s.
const metaColumns = `s.name, s.description, s.risk_level, s.creator, s.modifier, s.enterprise_project_id,
	s.created_at, s.updated_at, coalesce(s.extra, '')`

// bind returns the column values of arguments. The zero time is null.
func bind(args []any) []any {
	list := make([]any, 0, len(args))
	for _, a := range args {
		switch a := a.(type) {
		case time.Time:
			list = append(list, orNull(a.UnixMilli(), a.IsZero()))
		case bool:
			list = append(list, bit(a)) // an integer in all engines
		case coc.Hash:
			list = append(list, a[:])
		case coc.Key:
			list = append(list, a.Account, a.ID)
		case coc.Evidence:
			list = append(list, a.RequestID, orNull(a.Date.UnixMilli(), a.Date.IsZero()))
		case coc.Span:
			list = append(list, a.From, a.To)
		case *coc.Meta:
			list = append(list, a.Name, a.Description, a.RiskLevel, a.Creator, a.Modifier, a.ProjectID,
				orNull(a.CreatedAt.UnixMilli(), a.CreatedAt.IsZero()), orNull(a.UpdatedAt.UnixMilli(), a.UpdatedAt.IsZero()), a.Extra)
		default:
			list = append(list, a)
		}
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

// bit returns the column value of a boolean.
func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}

// hashColumn scans a SHA-256; null is the zero hash.
type hashColumn [32]byte

// Scan implements sql.Scanner.
func (h *hashColumn) Scan(value any) error {
	switch b := value.(type) {
	case nil:
		*h = hashColumn{}
		return nil
	case []byte:
		if len(b) == copy(h[:], b) && len(b) == len(h) {
			return nil
		}
		return fmt.Errorf("a hash of %d bytes, not %d", len(b), len(h))
	}
	return fmt.Errorf("a hash of type %T", value)
}

// timeColumn scans Unix milliseconds; null is the zero time.
type timeColumn time.Time

// Scan implements sql.Scanner.
func (c *timeColumn) Scan(value any) error {
	switch ms := value.(type) {
	case nil:
		*c = timeColumn{}
		return nil
	case int64:
		*c = timeColumn(time.UnixMilli(ms).UTC())
		return nil
	}
	return fmt.Errorf("a time of type %T", value)
}

// ignore returns err, or nil if it is the ignored error.
func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
