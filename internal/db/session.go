package db

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// session runs queries on a pool of connections or in a transaction. It prepares each query
// once: parsing SQL takes longer than running it, and some queries run for every document.
type session struct {
	on interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	stmts sync.Map // of *sql.Stmt by query
}

func (s *session) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if known, ok := s.stmts.Load(query); ok {
		return known.(*sql.Stmt), nil
	}
	// Without a lock: this may block until a connection is free, and must not block callers
	// whose context ends.
	stmt, err := s.on.PrepareContext(ctx, query)
	if err != nil {
		return nil, explain(err)
	}
	if other, ok := s.stmts.LoadOrStore(query, stmt); ok {
		return other.(*sql.Stmt), stmt.Close()
	}
	return stmt, nil
}

// query runs a query of several rows.
func (s *session) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, bind(args)...)
	return rows, explain(err)
}

// row runs a query of one row.
func (s *session) row(ctx context.Context, query string, args ...any) scanner {
	rows, err := s.query(ctx, query, args...)
	return onlyRow{ctx, rows, err}
}

func (s *session) close() error {
	var errs []error
	for _, stmt := range s.stmts.Range {
		errs = append(errs, stmt.(*sql.Stmt).Close())
	}
	return errors.Join(errs...)
}

// Snapshot calls do with a read-only snapshot of the database, for several queries whose
// results must be consistent.
func (d *DB) Snapshot(ctx context.Context, do func(*DB) error) (err error) {
	tx, err := d.pool.BeginTx(ctx, nil) // a reader's connection writes nothing
	if err != nil {
		return explain(err)
	}
	r := &session{on: tx}
	defer func() { err = errors.Join(err, r.close(), ignore(tx.Rollback(), sql.ErrTxDone)) }()
	return do(newDB(&store{name: d.name, path: d.path, pool: d.pool, read: r, packs: d.packs}))
}
