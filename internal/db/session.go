package db

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// session prepares each query of a pool of connections or of a transaction once: parsing SQL
// takes longer than running it, and some queries run for every document.
type session struct {
	on    preparer
	stmts sync.Map // of *sql.Stmt by query
}

// txPreparer prepares the statements of a transaction. Those of earlier transactions are
// compiled already, which saves 4% of the CPU time of a first sync.
type txPreparer struct {
	*sql.Tx
	known *session // on the handle of the transaction's only connection
}

func (p txPreparer) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := p.known.stmts.Load(query); ok {
		return p.StmtContext(ctx, stmt.(*sql.Stmt)), nil
	}
	return p.Tx.PrepareContext(ctx, query)
}

// preparer is a handle, a connection or a transaction.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
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

// query runs a query with the columns of its arguments.
func (s *session) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	stmt, err := s.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, bind(args)...)
	return rows, explain(err)
}

// exec runs a statement with the columns of its arguments, and returns the number of affected
// rows.
func (s *session) exec(ctx context.Context, query string, args []any) (affected int64, err error) {
	stmt, err := s.stmt(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(ctx, bind(args)...)
	if err == nil {
		affected, err = res.RowsAffected()
	}
	return affected, explain(err)
}

// prepare prepares the statements of another session for later use. An error is returned when
// one of them is used.
func (s *session) prepare(ctx context.Context, used *session) {
	for query := range used.stmts.Range {
		_, _ = s.stmt(ctx, query.(string))
	}
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

// Ping runs a query on the write connection and on a read connection. It writes nothing. It
// blocks while a transaction runs, so that a caller can detect a hanging database.
func (d *DB) Ping(ctx context.Context) error {
	const what = "ping the archive"
	if d.write != nil && !d.rewriting.Load() {
		if err := d.update(ctx, what, func(*tx) {}); err != nil {
			return err
		}
	}
	_, err := first[int](d.reading(ctx, what), `SELECT 1`)
	return err
}
