package db

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"cocsync/internal/coc"
)

// tx is a write transaction. Statements are prepared once per open database: parsing SQL
// takes longer than running it.
type tx struct {
	ctx      context.Context
	sql      *sql.Tx
	s        *store
	edge     *edgeTx
	counters map[int64]*counters
	words    map[word]int64       // ids of words used in this transaction
	bound    map[string]*sql.Stmt // the statements of s, bound to the transaction
}

// word is a text in the table words.
type word struct {
	account int64
	text    string
}

// update runs f in one transaction.
func (s *store) update(ctx context.Context, f func(tx) error) (err error) {
	if s.write == nil {
		return errors.New("the archive is open for reading only")
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.prepare(ctx); err != nil {
		return explain(err)
	}
	empty, err := walEmpty(ctx, s.write)
	if err != nil {
		return explain(err)
	}
	t, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	w := tx{ctx, t, s, &edgeTx{}, map[int64]*counters{}, map[word]int64{}, map[string]*sql.Stmt{}}
	if err = w.run(f, empty); err != nil {
		return explain(errors.Join(err, ignore(t.Rollback(), sql.ErrTxDone)))
	}
	if err := t.Commit(); err != nil {
		return explain(err)
	}
	s.checkpointLater()
	return nil
}

// run runs f and saves counters and the edge of the log. empty means that the write-ahead
// log was empty before the transaction.
func (t tx) run(f func(tx) error, empty bool) error {
	if err := t.checkSchemaOnce(); err != nil {
		return err
	}
	before, err := t.rowsChanged(empty)
	if err != nil {
		return err
	}
	if err := f(t); err != nil {
		return err
	}
	if err := t.saveCounters(); err != nil {
		return err
	}
	if err := t.saveEdge(); err != nil {
		return err
	}
	after, err := t.rowsChanged(empty)
	if err != nil || after == before {
		return err
	}
	return t.noteFirstCommit(time.Now())
}

// counters are the newest ids of an account's rows, including those of this transaction.
type counters struct {
	documents, states, versions, revisions, contents, packs, changes, cycles, unavailable, coverages, words int64

	contentBytes int64
}

func (c *counters) fields() []any {
	return []any{&c.documents, &c.states, &c.versions, &c.revisions, &c.contents, &c.packs, &c.changes, &c.cycles,
		&c.unavailable, &c.coverages, &c.words, &c.contentBytes}
}

// count returns the counters of an account.
func (t tx) count(account int64) (*counters, error) {
	if c := t.counters[account]; c != nil {
		return c, nil
	}
	c := new(counters)
	err := t.row(`
		SELECT documents, document_states, versions, revisions, contents, packs, changes, cycles,
			unavailable_versions, coverages, words, content_bytes
		FROM counters WHERE account_id = ?`, account).Scan(c.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, damaged("account %d has no counters", account)
	}
	t.counters[account] = c
	return c, err
}

// next increments a counter of an account and returns the key for a new row.
func (t tx) next(account int64, counter func(*counters) *int64) (coc.Key, error) {
	c, err := t.count(account)
	if err != nil {
		return coc.Key{}, err
	}
	n := counter(c)
	*n++
	return coc.Key{Account: account, ID: *n}, nil
}

func (t tx) saveCounters() error {
	for account, c := range t.counters {
		err := t.exec(`
			UPDATE counters SET documents = ?, document_states = ?, versions = ?, revisions = ?, contents = ?, packs = ?,
				changes = ?, cycles = ?, unavailable_versions = ?, coverages = ?, words = ?, content_bytes = ?
			WHERE account_id = ?`, append(c.fields(), account)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare prepares the statements that the previous transaction was missing. Statements that
// outlive a transaction must be prepared outside of it, because there is only one connection.
func (s *store) prepare(ctx context.Context) error {
	for _, q := range s.wanted {
		stmt, err := s.write.PrepareContext(ctx, q)
		if err != nil {
			return err
		}
		s.stmts[q] = stmt
	}
	s.wanted = nil
	return nil
}

// stmt returns the statement of a query. It returns nil if the query cannot be prepared;
// running the query reports the error.
func (t tx) stmt(query string) *sql.Stmt {
	if s := t.bound[query]; s != nil {
		return s
	}
	if s := t.s.stmts[query]; s != nil {
		t.bound[query] = t.sql.StmtContext(t.ctx, s)
		return t.bound[query]
	}
	if !slices.Contains(t.s.wanted, query) {
		t.s.wanted = append(t.s.wanted, query)
	}
	s, err := t.sql.PrepareContext(t.ctx, query) // until the transaction ends
	if err != nil {
		return nil
	}
	t.bound[query] = s
	return s
}

// exec runs a statement.
func (t tx) exec(query string, args ...any) error {
	_, err := t.affect(query, args...)
	return err
}

// affect runs a statement and returns the number of affected rows.
func (t tx) affect(query string, args ...any) (rows int64, err error) {
	var res sql.Result
	if s := t.stmt(query); s != nil {
		res, err = s.ExecContext(t.ctx, args...)
	} else {
		res, err = t.sql.ExecContext(t.ctx, query, args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// insert runs an INSERT … RETURNING id.
func (t tx) insert(query string, args ...any) (id int64, err error) {
	err = t.row(query, args...).Scan(&id)
	return id, err
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

// list reads all rows of a query with scan.
func list[T any](t tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := t.rows(query, args...)
	return readAll(t.ctx, rows, err, scan)
}
