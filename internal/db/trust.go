package db

import (
	"context"
	"fmt"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/hint"
	"cocsync/internal/witness"
)

// Trust is a decision of a person to continue the logs without their head file.
type Trust struct {
	Person, Reason string
	Checkpoint     *string // that the logs were compared with; nil for none
	At             time.Time
	// Verify verifies the whole archive, which no other process of cocsync can write. Nothing is
	// written before it, and nothing after an error, or if another program writes the archive
	// meanwhile. Nil if the caller has verified it.
	Verify func(context.Context, *DB) error
}

// trustLogs verifies the archive, records the decision in each log, and then writes a new head file.
// The logs must end in signed checkpoints.
func (l *Log) trustLogs(ctx context.Context, archive string) error {
	if l.key == nil {
		return hint.Wrap(fmt.Errorf("the key %s is missing", l.keyPath), "put it back: without the key the head file is not needed")
	}
	version, err := l.dataVersion(ctx)
	if err == nil && l.trust.Verify != nil {
		err = l.trust.Verify(ctx, newDB(l.store))
	}
	if err != nil {
		return err
	}
	err = l.openLogs(ctx, &witness.Heads{Archive: archive}, func(t *tx) error {
		if now, ok := get[int64](t, dataVersion); ok && now != version {
			return changedWhileOpen("it was written while it was verified")
		}
		return nil
	})
	if err != nil && l.head != nil {
		l.head.Abandon() // a head file would replace the decision
	}
	return err
}

// trustLogs records the decision in each log.
func (t *tx) trustLogs() {
	trust := t.s.trust
	if trust == nil {
		return
	}
	for account, a := range t.s.logs {
		key := t.add(account, "trusts", "at, person, reason, checkpoint", trust.At, trust.Person, trust.Reason, trust.Checkpoint)
		t.leaf(key, audit.NewRecord(audit.TypeTrust, "account", a.account, "at", trust.At, "person", trust.Person,
			"reason", trust.Reason, "checkpoint", trust.Checkpoint))
	}
}
