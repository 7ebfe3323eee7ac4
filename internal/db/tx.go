package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"cocsync/internal/coc"
)

// tx is a write transaction.
type tx struct {
	ctx      context.Context
	raw      *sql.Tx
	on       *session
	s        *store
	edge     *edgeTx
	counters map[int64]*counters
	words    map[word]int64 // ids of words used in this transaction
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
	pending, err := walPending(ctx, s.write)
	if err != nil {
		return explain(err)
	}
	t, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	w := tx{ctx, t, &session{on: t}, s, &edgeTx{}, map[int64]*counters{}, map[word]int64{}}
	if err = w.run(f, pending == 0); err != nil {
		return errors.Join(err, explain(ignore(t.Rollback(), sql.ErrTxDone)))
	}
	if err := t.Commit(); err != nil { // closes the statements too
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
	for _, step := range []func() error{func() error { return f(t) }, t.saveCounters, t.saveEdge} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return err
	}
	after, err := t.rowsChanged(empty)
	if err != nil || after == before {
		return err
	}
	return t.noteFirstCommit(time.Now())
}

// A counter is a column of the table counters.
const (
	documentIDs = iota
	stateIDs
	versionIDs
	revisionIDs
	contentIDs
	packIDs
	changeIDs
	cycleIDs
	unavailableIDs
	coverageIDs
	wordIDs
	contentBytes
	numCounters
)

const counterColumns = "documents, document_states, versions, revisions, contents, packs, changes, cycles, " +
	"unavailable_versions, coverages, words, content_bytes"

// counters are the newest ids of an account's rows, including those of this transaction.
type counters [numCounters]int64

func (c *counters) columns() []any {
	list := make([]any, len(c))
	for i := range c {
		list[i] = &c[i]
	}
	return list
}

// count returns the counters of an account.
func (t tx) count(account int64) (*counters, error) {
	if c := t.counters[account]; c != nil {
		return c, nil
	}
	c := new(counters)
	err := t.row(`SELECT `+counterColumns+` FROM counters WHERE account_id = ?`, account).Scan(c)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, damaged("account %d has no counters", account)
	}
	t.counters[account] = c
	return c, err
}

func (t tx) saveCounters() error {
	for account, c := range t.counters {
		err := t.exec(`UPDATE counters SET (`+counterColumns+`) = (`+placeholders(numCounters)+`) WHERE account_id = ?`,
			append(c.columns(), account)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// next increments a counter of an account and returns the key for a new row.
func (t tx) next(account int64, counter int) (coc.Key, error) {
	c, err := t.count(account)
	if err != nil {
		return coc.Key{}, err
	}
	c[counter]++
	return coc.Key{Account: account, ID: c[counter]}, nil
}

// add inserts a row whose first two arguments are its key, from a counter of an account.
func (t tx) add(account int64, counter int, query string, args ...any) (coc.Key, error) {
	key, err := t.next(account, counter)
	if err != nil {
		return key, err
	}
	return key, t.exec(query, append([]any{key}, args...)...)
}

// placeholders returns n placeholders, separated by commas.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// exec runs a statement.
func (t tx) exec(query string, args ...any) error {
	_, err := t.affect(query, args...)
	return err
}

// affect runs a statement and returns the number of affected rows.
func (t tx) affect(query string, args ...any) (rows int64, err error) {
	stmt, err := t.on.stmt(t.ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(t.ctx, bind(args)...)
	if err != nil {
		return 0, explain(err)
	}
	return res.RowsAffected()
}

// insert runs an INSERT … RETURNING id.
func (t tx) insert(query string, args ...any) (id int64, err error) {
	err = t.row(query, args...).Scan(&id)
	return id, err
}

func (t tx) row(query string, args ...any) scanner { return t.on.row(t.ctx, query, args...) }

// list returns all rows of a query.
func list[T any](t tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	return collect(t.ctx, t.on, scan, query, args...)
}
