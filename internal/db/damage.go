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

// ErrAltered reports an archive that is not what cocsync wrote: somebody altered it, or
// it is damaged.
var ErrAltered = errors.New("the archive was altered or is damaged")

// alteredError is ErrAltered with what was found and what to do.
type alteredError struct{ error }

func (e alteredError) Is(target error) bool { return target == ErrAltered }
func (e alteredError) Unwrap() error        { return e.error }

// damaged returns an ErrAltered that says what cocsync never wrote.
func damaged(format string, args ...any) error {
	return alteredError{hint.Wrap(fmt.Errorf("damaged: "+format, args...), damageAdvice)}
}

// damageAdvice is what to do with a damaged archive.
const damageAdvice = "keep a copy of the database file, then restore a backup"

// rowError is the error of a row that rows stands at and that could not be read: it holds
// what no column of its type may hold.
func rowError(ctx context.Context, rows *sql.Rows, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, ErrAltered) {
		return err
	}
	return damaged("row %s: %w", nameRow(rows), err)
}

// namedColumns is how many columns name a row in an error.
const namedColumns = 3

// nameRow names a row by its first columns, which hold ids and names.
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

// oneRow is the only row of a query, as *sql.Row is. It can tell a row that cannot be
// read from a query that failed.
type oneRow struct {
	ctx  context.Context
	rows *sql.Rows
	err  error // of the query
}

func queryOne(ctx context.Context, rows *sql.Rows, err error) oneRow { return oneRow{ctx, rows, err} }

// Scan reads the row; the error is sql.ErrNoRows when there is none.
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

// hashColumn reads a column that holds a SHA-256; null is the zero hash.
type hashColumn [32]byte

// Scan is sql.Scanner's.
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

// timeColumn reads a column of Unix milliseconds; null is the zero time.
type timeColumn time.Time

// at has a column read into t.
func at(t *time.Time) *timeColumn { return (*timeColumn)(t) }

// Scan is sql.Scanner's.
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
