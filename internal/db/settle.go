package db

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"

	"cocsync/internal/hint"
)

// settleTimeout bounds the time to read the heads after a commit that failed.
const settleTimeout = 30 * time.Second

// end commits a transaction.
func (s *store) end(raw *sql.Tx) error {
	if s.commit != nil {
		return s.commit(raw)
	}
	return raw.Commit()
}

// settle decides whether a commit that returned an error was stored: the disk or the end of the
// context may have failed it after it was durable. It returns nil if it was, and otherwise the
// error. Heads that are neither those before nor those after the commit were altered. If the
// heads cannot be read, nothing more is written: what this process knows of the archive may be
// wrong. The caller holds s.writing.
func (s *store) settle(t *tx, failed error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), settleTimeout)
	defer cancel()
	after, before := 0, 0
	for account, l := range t.logs {
		found, err := collect[storedLog](reader{ctx: ctx, on: s.known}, storedLogs+` AND l.account_id = ?`, account)
		known := s.logs[account]
		switch {
		case err != nil:
			s.failed = hint.Wrap(fmt.Errorf("%w; whether it was stored is unknown: %w", failed, err), "restart cocsync")
			return s.failed
		case len(found) == 0 && known == nil:
			before++
		case len(found) == 1 && found[0].is(l):
			after++
		case len(found) == 1 && (found[0].is(known) || known == nil && found[0].ID < l.id):
			before++
		}
	}
	switch len(t.logs) {
	case before: // also a transaction without records
		if len(t.logs) == 0 && t.stored != nil {
			if stored, err := t.stored(reader{ctx: ctx, on: s.known}); err == nil && stored {
				return nil
			}
		}
		return failed
	case after:
		return nil
	}
	err := changedWhileOpen("the heads of the logs are neither those before nor those after a commit that failed: " + failed.Error())
	if s.head != nil {
		s.stop(err)
	}
	return err
}

// checkFile returns ErrAltered if the database is not the file that was opened: what this
// process writes would be lost with that one.
func (t *tx) checkFile() {
	if t.s.head == nil {
		return
	}
	if found, err := os.Stat(t.s.path); err == nil && os.SameFile(found, t.s.file) {
		return
	}
	t.fail(changedWhileOpen("the file was removed or replaced"))
}
