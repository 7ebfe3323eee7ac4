package db

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"sync"

	"cocsync/internal/coc"
)

// reader is the pool of read connections. Each query is prepared once: some run for every
// document of an initial sync.
type reader struct {
	*sql.DB
	tx    *sql.Tx // the snapshot; nil: each query reads the current state
	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

// Snapshot calls do with a read-only snapshot of the database, for several queries whose
// results must be consistent.
func (d *DB) Snapshot(ctx context.Context, do func(*DB) error) (err error) {
	tx, err := d.read.BeginTx(ctx, nil) // a reader's connection writes nothing
	if err != nil {
		return explain(err)
	}
	r := &reader{DB: d.read.DB, tx: tx}
	defer func() {
		err = errors.Join(err, r.closeStatements(), ignore(tx.Rollback(), sql.ErrTxDone))
	}()
	return do(newDB(&store{name: d.name, path: d.path, read: r, packs: d.packs}))
}

func (r *reader) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	r.mu.Lock()
	s := r.stmts[query]
	r.mu.Unlock()
	if s != nil {
		return s, nil
	}
	prepare := r.DB.PrepareContext
	if r.tx != nil {
		prepare = r.tx.PrepareContext
	}
	// Without the lock: this may block until a connection is free, and must not block
	// callers whose context ends.
	s, err := prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.stmts[query]; other != nil {
		return other, s.Close()
	}
	if r.stmts == nil {
		r.stmts = map[string]*sql.Stmt{}
	}
	r.stmts[query] = s
	return s, nil
}

// query runs a query of several rows.
func (r *reader) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// row runs a query of one row.
func (r *reader) row(ctx context.Context, query string, args ...any) scanner {
	rows, err := r.query(ctx, query, args...)
	return queryOne(ctx, rows, err)
}

func (r *reader) close() error { return errors.Join(r.closeStatements(), r.DB.Close()) }

func (r *reader) closeStatements() error {
	var errs []error
	for _, s := range r.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// scanner is one row, of *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// collect reads all rows of a query with scan.
func collect[T any](ctx context.Context, r *reader, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := r.query(ctx, query, args...)
	return readAll(ctx, rows, err, scan)
}

// readAll reads all rows of a query's result.
func readAll[T any](ctx context.Context, rows *sql.Rows, err error, scan func(scanner) (T, error)) (all []T, _ error) {
	for v, err := range eachRow(ctx, rows, err, scan) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// stream reads the rows of a query one by one with scan. An error is the last element. It
// keeps one of the few connections until it ends: the caller must not run other queries.
func stream[T any](ctx context.Context, r *reader, scan func(scanner) (T, error), query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		rows, err := r.query(ctx, query, args...)
		for v, err := range eachRow(ctx, rows, err, scan) {
			if !yield(v, err) {
				return
			}
		}
	}
}

func eachRow[T any](ctx context.Context, rows *sql.Rows, err error, scan func(scanner) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err != nil {
			yield(none, explain(err))
			return
		}
		defer rows.Close() // its error is the one of rows.Err
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				yield(none, rowError(ctx, rows, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, explain(err))
		}
	}
}

// byKey reads rows of a key and a value. The last value of a key is kept.
func byKey[T any](ctx context.Context, r *reader, scan func(scanner) (coc.Key, T, error), query string, args ...any) (map[coc.Key]T, error) {
	values := map[coc.Key]T{}
	_, err := collect(ctx, r, func(row scanner) (struct{}, error) {
		key, value, err := scan(row)
		values[key] = value
		return struct{}{}, err
	}, query, args...)
	return values, err
}

// only returns the first result of a query. The error is coc.ErrNotFound if it is empty.
func only[T any](list []T, err error) (one T, _ error) {
	switch {
	case err != nil:
		return one, err
	case len(list) == 0:
		return one, coc.ErrNotFound
	}
	return list[0], nil
}

func scanKey(row scanner) (k coc.Key, err error) {
	err = row.Scan(&k.Account, &k.ID)
	return k, err
}

func scanID(row scanner) (id int64, err error) {
	err = row.Scan(&id)
	return id, err
}

func scanText(row scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

// ignore returns err, or nil if it is the ignored error.
func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
