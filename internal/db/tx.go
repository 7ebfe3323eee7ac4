package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// tx is a write transaction. It keeps its first error: later statements do nothing, and
// update rolls back and returns the error.
type tx struct {
	reader
	err      error
	changed  int64 // rows
	raw      *sql.Tx
	s        *store
	logs     map[int64]*accountLog // those that it extends, by account
	checked  bool                  // by checkLogs
	counters map[int64]*counters   // by account
	also     []*audit.Key          // also sign the heads
	words    map[word]int64        // ids of words used in this transaction
	// What is not recorded yet, if the transaction changes it.
	sent   map[int64][]delivered // by account
	cycles map[watchKey]summary
	// stored reports whether the transaction was stored, if it adds no record; nil if that is
	// not asked.
	stored func(reader) (bool, error)
	noted  *string // the error of the head file that it stores; nil for none
}

// word is a text in the table words.
type word struct {
	Account int64
	Text    string
}

// update runs f in one transaction. An error names what it is for.
func (s *store) update(ctx context.Context, what string, f func(*tx)) (err error) {
	defer wrap(&err, "%s", what)
	if s.write == nil {
		return errors.New("the archive is open for reading only")
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.failed != nil {
		return s.failed
	}
	pending, err := walPending(ctx, s.write)
	if err != nil {
		return explain(err)
	}
	raw, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	t := &tx{reader: reader{ctx: ctx, on: &session{on: txPreparer{raw, s.known}}}, raw: raw, s: s, counters: map[int64]*counters{},
		words: map[word]int64{}, logs: map[int64]*accountLog{}, sent: map[int64][]delivered{}, cycles: map[watchKey]summary{}}
	if t.run(f, pending == 0); t.err != nil {
		err := errors.Join(t.err, explain(ignore(raw.Rollback(), sql.ErrTxDone)))
		if errors.Is(err, ErrAltered) && s.head != nil {
			s.stop(err)
		}
		return err
	}
	if err := s.end(raw); err != nil { // closes the statements too
		if err := s.settle(t, explain(err)); err != nil {
			return err
		}
	}
	if t.noted != nil {
		s.headNoted = t.noted
	}
	s.known.prepare(ctx, t.on)
	s.committed(t)
	s.checkpointLater()
	return nil
}

// stop ends all writing, because of an archive that was altered. The caller holds s.writing.
func (s *store) stop(err error) {
	s.failed = err
	s.head.Abandon() // it has what this process signed
	if s.altered != nil {
		s.altered(err)
	}
}

// exec runs one statement in a transaction. An error names what it is for.
func (s *store) exec(ctx context.Context, what, query string, args ...any) error {
	return s.update(ctx, what, func(t *tx) { t.exec(query, args...) })
}

// run runs f, saves counters and signs the logs. empty means that the write-ahead
// log was empty before the transaction.
func (t *tx) run(f func(*tx), empty bool) {
	t.checkFile()
	if t.checkSchemaOnce(); t.err == nil {
		f(t)
	}
	t.saveCounters()
	t.signLogs()
	t.noteHeadError()
	if empty && t.changed > 0 {
		t.noteFirstCommit(time.Now())
	}
}

func (t *tx) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// naming returns a function that adds a text to an error since then, for defer.
func (t *tx) naming(format string, args ...any) func() {
	failed := t.err != nil
	return func() {
		if t.err != nil && !failed {
			t.err = fmt.Errorf(format+": %w", append(args, t.err)...)
		}
	}
}

// exec runs a statement and returns the number of affected rows.
func (t *tx) exec(query string, args ...any) (affected int64) {
	if t.err != nil {
		return 0
	}
	affected, err := t.on.exec(t.ctx, query, args)
	t.changed += affected
	t.fail(err)
	return affected
}

// get returns the first row of a query; ok is false if there is none.
func get[T any](t *tx, query string, args ...any) (v T, ok bool) {
	if t.err == nil {
		err := t.row(query, args...).Scan(&v)
		ok = err == nil
		t.fail(ignore(err, sql.ErrNoRows))
	}
	return v, ok
}

// list returns all rows of a query.
func list[T any](t *tx, query string, args ...any) (all []T) {
	if t.err == nil {
		var err error
		all, err = collect[T](t.reader, query, args...)
		t.fail(err)
	}
	return all
}

// counters are the newest ids of an account's rows, including those of this transaction.
type counters [21]int64

// counterColumns are the tables whose ids they are, and content_bytes.
const counterColumns = "documents, document_states, versions, revisions, contents, packs, changes, cycles, " +
	"unavailable_versions, coverages, endpoints, watch_starts, memberships, membership_ends, listings, erasures, trusts, " +
	"key_changes, delivery_records, words, content_bytes"

// count returns a counter of an account.
func (t *tx) count(account int64, column string) *int64 {
	if t.counters[account] == nil {
		c, ok := get[counters](t, `SELECT `+counterColumns+` FROM counters WHERE account_id = ?`, account)
		if !ok {
			t.fail(damaged("account %d has no counters", account))
		}
		t.counters[account] = &c
	}
	return &t.counters[account][slices.Index(strings.Split(counterColumns, ", "), column)]
}

func (t *tx) saveCounters() {
	for account, c := range t.counters {
		t.exec(`UPDATE counters SET (`+counterColumns+`) = (`+placeholders(len(c))+`) WHERE account_id = ?`, *c, account)
	}
}

// add adds a row to a table whose ids are counters of an account, and returns its key. The
// arguments are the values of the columns after the key.
func (t *tx) add(account int64, table, columns string, args ...any) coc.Key {
	newest := t.count(account, table)
	*newest++
	key := coc.Key{Account: account, ID: *newest}
	failed := t.err != nil
	if t.exec(insertInto(table, "account_id, id, "+columns), slices.Insert(args, 0, any(key))...); !failed && t.err != nil {
		t.explainAdd(table, key)
	}
	return key
}

// explainAdd replaces the error of a row that could not be added, if the table has one with its key.
// cocsync did not write that row: ids have no gaps, and a row and its counter are of one transaction.
func (t *tx) explainAdd(table string, key coc.Key) {
	var account string
	if t.row(`SELECT a.name FROM `+table+` x JOIN accounts a ON a.id = x.account_id WHERE x.account_id = ? AND x.id = ?`,
		key).Scan(&account) == nil {
		t.err = alteredError{hint.Wrap(fmt.Errorf("the table %s has the row %d of account %s, and cocsync has counted %d: "+
			"another program added the row, or lowered the counter", table, key.ID, text.Visible(account), key.ID-1), changedAdvice)}
	}
}

// insert adds a row to a table and returns its id.
func (t *tx) insert(table, columns string, args ...any) int64 {
	id, _ := get[int64](t, insertInto(table, columns)+` RETURNING id`, args...)
	t.changed++
	return id
}

// insertInto returns the statement that adds a row.
func insertInto(table, columns string) string {
	return `INSERT INTO ` + table + ` (` + columns + `) VALUES (` + placeholders(strings.Count(columns, ",")+1) + `)`
}

// placeholders returns n placeholders, separated by commas.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
