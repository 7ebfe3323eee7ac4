package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"cocsync/internal/hint"
)

// ErrAltered reports an archive that differs from what cocsync wrote: it was altered or is
// damaged.
var ErrAltered = errors.New("the archive was altered or is damaged")

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
		value := *values[i].(*any)
		if b, ok := value.([]byte); ok {
			value = fmt.Sprintf("%.8x", b)
		}
		parts = append(parts, fmt.Sprintf("%s=%.80v", columns[i], value))
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// oneRow is the only row of a query. Unlike *sql.Row it distinguishes an invalid row from a
// failed query.
type oneRow struct {
	ctx  context.Context
	rows *sql.Rows
	err  error // of the query
}

func queryOne(ctx context.Context, rows *sql.Rows, err error) oneRow { return oneRow{ctx, rows, err} }

// Scan scans the row. The error is sql.ErrNoRows if the query returned no row.
func (r oneRow) Scan(dest ...any) (err error) {
	if r.err != nil {
		return r.err
	}
	defer func() { err = errors.Join(err, r.rows.Close()) }()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return rowError(r.ctx, r.rows, err)
	}
	return nil
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

// at returns a destination that scans a column into t.
func at(t *time.Time) *timeColumn { return (*timeColumn)(t) }

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
