package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// ErrAltered reports an archive that differs from what cocsync wrote: it was altered or is
// damaged.
var ErrAltered = coc.ErrAltered

// alteredError is an ErrAltered with a cause and a hint.
type alteredError struct{ error }

func (e alteredError) Is(target error) bool { return target == ErrAltered }
func (e alteredError) Unwrap() error        { return e.error }

// damaged returns an ErrAltered for data that cocsync never writes.
func damaged(format string, args ...any) error {
	return alteredError{hint.Wrap(fmt.Errorf("damaged: "+format, args...), damageAdvice)}
}

// damageAdvice is the hint for a damaged archive.
const damageAdvice = "keep a copy of the database file, then restore a backup"

// rowError returns the error for the current row of rows, which could not be scanned: a
// column has an invalid value.
func rowError(ctx context.Context, rows *sql.Rows, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, ErrAltered) {
		return err
	}
	return damaged("row %s: %w", nameRow(rows), err)
}

// namedColumns is the number of columns that identify a row in an error.
const namedColumns = 3

// nameRow identifies a row by its first columns, which contain ids and names.
func nameRow(rows *sql.Rows) string {
	columns, err := rows.Columns()
	if err != nil {
		return "of an unknown query"
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(any)
	}
	if err := rows.Scan(values...); err != nil {
		return "of an unknown query"
	}
	var parts []string
	for i := range min(len(columns), namedColumns) {
		text := fmt.Sprint(*values[i].(*any))
		if b, ok := (*values[i].(*any)).([]byte); ok {
			text = fmt.Sprintf("%.8x", b)
		}
		parts = append(parts, fmt.Sprintf("%s=%.80s", columns[i], text))
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
