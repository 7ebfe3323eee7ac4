package db

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"sync"

	"cocsync/internal/coc"
)

// reader is the pool of readers. Each query is prepared once: some run for every document
// of a first sync.
type reader struct {
	*sql.DB
	tx    *sql.Tx // of a snapshot; nil: each query sees what is there when it runs
	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

// Snapshot calls do with the database as it is now: later commits are not in it. It is
// for several queries whose results must be consistent.
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
	// Without the lock: this waits for a connection, and no one whose context ends must
	// wait for that.
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

// readAll reads all rows that a query returned with an error.
func readAll[T any](ctx context.Context, rows *sql.Rows, err error, scan func(scanner) (T, error)) (all []T, _ error) {
	for v, err := range eachRow(ctx, rows, err, scan) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// stream reads the rows of a query one by one with scan; an error is the last. It keeps
// one of the few connections until it ends: nothing may be queried meanwhile.
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
		defer rows.Close() // what it returns, Err has returned
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

// byKey reads rows of a key and a value; of several with the same key the last counts.
func byKey[T any](ctx context.Context, r *reader, scan func(scanner) (coc.Key, T, error), query string, args ...any) (map[coc.Key]T, error) {
	values := map[coc.Key]T{}
	_, err := collect(ctx, r, func(row scanner) (struct{}, error) {
		key, value, err := scan(row)
		values[key] = value
		return struct{}{}, err
	}, query, args...)
	return values, err
}

// only is what a query for one thing found; coc.ErrNotFound for nothing.
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

// ignore returns err unless it is the one that does not matter here.
func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
