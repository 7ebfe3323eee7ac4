package db

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"
)

// tx is a write transaction. Its statements are prepared once for the life of
// the DB: parsing SQL would cost more than running it.
type tx struct {
	ctx   context.Context
	sql   *sql.Tx
	d     *DB
	edge  *edgeTx
	bound map[string]*sql.Stmt // the statements of d as they are used in it
}

// update runs f in one transaction.
func (d *DB) update(ctx context.Context, f func(tx) error) (err error) {
	if d.write == nil {
		return errors.New("the archive is open for reading only")
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	if err := d.prepare(ctx); err != nil {
		return explain(err)
	}
	empty, err := walEmpty(ctx, d.write)
	if err != nil {
		return explain(err)
	}
	t, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	w := tx{ctx, t, d, &edgeTx{}, map[string]*sql.Stmt{}}
	if err = w.whole(f, empty); err != nil {
		return explain(errors.Join(err, ignore(t.Rollback(), sql.ErrTxDone)))
	}
	if err := t.Commit(); err != nil {
		return explain(err)
	}
	d.checkpointLater()
	return nil
}

// whole runs f and adds what each transaction records. empty says that the write-ahead
// log was empty before it.
func (t tx) whole(f func(tx) error, empty bool) error {
	if err := t.checkSchemaOnce(); err != nil {
		return err
	}
	before, err := t.changes(empty)
	if err != nil {
		return err
	}
	if err := f(t); err != nil {
		return err
	}
	if err := t.saveEdge(); err != nil {
		return err
	}
	after, err := t.changes(empty)
	if err != nil || after == before {
		return err
	}
	return t.noteFirstCommit(time.Now())
}

// prepare makes the statements that the transaction before this one missed. Those that
// are to last must be made outside of one, because there is only one connection.
func (d *DB) prepare(ctx context.Context) error {
	for _, q := range d.wanted {
		s, err := d.write.PrepareContext(ctx, q)
		if err != nil {
			return err
		}
		d.stmts[q] = s
	}
	d.wanted = nil
	return nil
}

// stmt returns the statement of a query; nil where it can't be prepared, which whoever
// runs it will be told.
func (t tx) stmt(query string) *sql.Stmt {
	if s := t.bound[query]; s != nil {
		return s
	}
	if s := t.d.stmts[query]; s != nil {
		t.bound[query] = t.sql.StmtContext(t.ctx, s)
		return t.bound[query]
	}
	if !slices.Contains(t.d.wanted, query) {
		t.d.wanted = append(t.d.wanted, query)
	}
	s, err := t.sql.PrepareContext(t.ctx, query) // until the transaction ends
	if err != nil {
		return nil
	}
	t.bound[query] = s
	return s
}

func (t tx) run(query string, args []any) (sql.Result, error) {
	if s := t.stmt(query); s != nil {
		return s.ExecContext(t.ctx, args...)
	}
	return t.sql.ExecContext(t.ctx, query, args...)
}

func (t tx) exec(query string, args ...any) error {
	_, err := t.run(query, args)
	return err
}

// insert runs an INSERT and returns the new row's id.
func (t tx) insert(query string, args ...any) (int64, error) {
	res, err := t.run(query, args)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// insertNew runs an INSERT that does nothing when the row is there, and reports
// whether it added one.
func (t tx) insertNew(query string, args ...any) (id int64, added bool, err error) {
	res, err := t.run(query, args)
	if err != nil {
		return 0, false, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return 0, false, err
	}
	id, err = res.LastInsertId()
	return id, true, err
}

func (t tx) row(query string, args ...any) scanner {
	rows, err := t.rows(query, args...)
	return queryOne(t.ctx, rows, err)
}

func (t tx) rows(query string, args ...any) (*sql.Rows, error) {
	if s := t.stmt(query); s != nil {
		return s.QueryContext(t.ctx, args...)
	}
	return t.sql.QueryContext(t.ctx, query, args...)
}

// reader is the pool of readers. Each query is prepared once: the hot ones run
// for every document of a first sync.
type reader struct {
	*sql.DB
	tx    *sql.Tx // of a snapshot; nil: each query sees what is there when it runs
	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

// Snapshot calls do with the archive as it stands: what is written meanwhile is not in
// it. It is for questions of several queries whose answers must fit together.
func (d *DB) Snapshot(ctx context.Context, do func(*DB) error) (err error) {
	tx, err := d.read.BeginTx(ctx, nil) // a reader's connection writes nothing
	if err != nil {
		return explain(err)
	}
	r := &reader{DB: d.read.DB, tx: tx}
	defer func() {
		err = errors.Join(err, r.closeStatements(), ignore(tx.Rollback(), sql.ErrTxDone))
	}()
	return do(&DB{name: d.name, path: d.path, read: r, packs: d.packs})
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

// query runs a query of many rows.
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

// collect reads all rows of a query with scan.
func collect[T any](ctx context.Context, r *reader, scan func(scanner) (T, error), query string, args ...any) (_ []T, err error) {
	rows, err := r.query(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, rowError(ctx, rows, err)
		}
		all = append(all, v)
	}
	return all, explain(rows.Err())
}

// scanner is one row, of *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// ignore returns err unless it is the one that does not matter here.
func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
