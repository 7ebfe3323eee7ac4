package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/hint"
	"cocsync/internal/witness"
)

// Rotating replaces the key that signs the logs. The new key is in a file next to the key file until
// the transaction is stored, so that a crash leaves the key that signed last.

// successor is the path of the new key until it replaces the key file.
func (s *store) successor() string { return s.keyPath + ".next" }

// finishRotation replaces the key file by the new key, if a process was killed after it had signed
// with it. public is the key of the archive. The old key, if it is there, must have signed the change:
// else anyone who can write the folder and the database could replace it.
func (l *Log) finishRotation(ctx context.Context, public audit.PublicKey) error {
	next, err := audit.ReadKey(l.successor())
	if err != nil || !next.Public().Equal(public) {
		return nil // it was not used: the next rotation removes it
	}
	old, err := audit.ReadKey(l.keyPath)
	if ignore(err, os.ErrNotExist) != nil {
		return err
	}
	if old != nil && !old.Public().Equal(public) {
		stored, err := collect[storedLog](l.reading(ctx, "logs"), storedLogs)
		if err != nil {
			return err
		}
		for i := range stored {
			if err := l.signedChange(ctx, &stored[i], old.Public(), public); err != nil {
				return alteredError{hint.Wrap(fmt.Errorf("the archive has the key %s, and the key %s did not sign that: %w",
					l.successor(), l.keyPath, err), changedAdvice)}
			}
		}
	}
	return l.replaceKey()
}

// signedChange returns an error unless the newest record of a log is that of a change to the key next,
// or of a log that started with it, and the key old signed it.
func (l *Log) signedChange(ctx context.Context, s *storedLog, old, next audit.PublicKey) error {
	c, err := audit.Open(s.Note, old)
	if err != nil {
		return err
	}
	newest, err := first[struct {
		Type string
		Ref  int64
	}](l.reading(ctx, "newest record"), `SELECT type, ref FROM leaves WHERE account_id = ? AND log_id = ? AND id = ?`,
		s.Account, s.ID, c.Size-1)
	if err != nil {
		return err
	}
	field := map[string]string{audit.TypeKey: "new_key", audit.TypeStart: "public_key"}[newest.Type]
	if field == "" {
		return errors.New("its newest record is not of a change of the key")
	}
	records, err := l.Records(ctx, s.Account, newest.Type, []int64{newest.Ref})
	if err != nil {
		return err
	}
	edge, err := audit.ReadEdge(c.Size-1, l.StoredHashes(ctx, s.Account, s.ID))
	if err != nil {
		return err
	}
	r := records[newest.Ref]
	if edge.Add(audit.LeafHash(r.Encode())); edge.Root() != c.Root || r.Get(field) != fmt.Sprintf("%x", []byte(next)) {
		return errors.New("its newest record is not of a change to that key")
	}
	return nil
}

func (s *store) replaceKey() error {
	if err := os.Rename(s.successor(), s.keyPath); err != nil {
		return fmt.Errorf("replace the key file: %w", err)
	}
	return witness.SyncFolder(filepath.Dir(s.keyPath))
}

// RotateKey replaces the key that signs the logs. Each log gets a record, which both keys sign.
// Without the key, because it is lost, the new key alone signs it: the archive must have been
// verified, and the logs must end where the head file says.
func (l *Log) RotateKey(ctx context.Context, person string, now time.Time) error {
	old := l.key
	if old == nil && !l.exact {
		return alteredError{hint.Wrap(errors.New("the logs do not end where the head file says, and the key that signed them is missing"),
			"put the key back, or restore a backup")}
	}
	next, err := audit.NewKey()
	if old != nil {
		next, err = old.Successor()
	}
	if err != nil {
		return err
	}
	if err := os.Remove(l.successor()); ignore(err, os.ErrNotExist) != nil {
		return err
	}
	if err := next.Write(l.successor()); err != nil {
		return fmt.Errorf("new key: %w", err)
	}
	if err := takeOwner(l.successor(), l.path); err != nil {
		return err
	}
	if err := l.rotate(ctx, old, next, person, now); err != nil {
		return err
	}
	if err := l.replaceKey(); err != nil {
		return err
	}
	l.head.SetKey(next)
	return l.head.Flush()
}

// rotate adds the records of a new key, and signs with it.
func (l *Log) rotate(ctx context.Context, old, next *audit.Key, person string, now time.Time) (err error) {
	before := l.opened
	stored, err := collect[storedLog](l.reading(ctx, "logs"), storedLogs)
	if err != nil {
		return err
	}
	l.writing.Lock()
	l.key = next
	l.writing.Unlock()
	defer func() {
		l.writing.Lock()
		defer l.writing.Unlock()
		if err != nil {
			l.key = old
		} else {
			l.opened = next.Public()
		}
	}()
	return l.update(ctx, "change the key", func(t *tx) {
		if old != nil {
			t.also = []*audit.Key{old}
		}
		for i := range stored {
			s := &stored[i]
			if t.logOf(s.Account); s.PublicKey == nil { // it started without the key: see openLogs
				after, err := s.end()
				t.fail(err)
				t.startLog(s.Account, s.Name, &after, now)
				continue
			}
			key := t.add(s.Account, "key_changes", "at, person, old_key, new_key, lost", now, person, []byte(before),
				[]byte(next.Public()), old == nil)
			t.leaf(key, audit.NewRecord(audit.TypeKey, "account", s.Name, "at", now, "person", person,
				"old_key", []byte(before), "new_key", []byte(next.Public()), "lost", old == nil))
		}
		t.exec(`UPDATE archive SET public_key = ?, erasure_key = ?`, []byte(next.Public()), next.ErasureID())
		t.exec(`UPDATE messages SET code = NULL WHERE code IS NOT NULL`) // pending messages are composed again
	})
}

// KeyChange is a change of the key that signs a log.
type KeyChange struct {
	Account, Log int64
	Index        int64 // of its record
	At           time.Time
	Old, New     audit.PublicKey
	Lost         bool   // only the new key signed it
	Note         []byte // the checkpoint that ends with its record
}

// keyChanges are the changes of keys. CROSS JOIN keeps SQLite from starting with the leaves, of
// which there are many.
const keyChanges = `
	SELECT k.account_id, l.log_id, l.id, k.at, k.old_key, k.new_key, k.lost, c.note
	FROM key_changes k CROSS JOIN leaves l ON l.account_id = k.account_id AND l.type = '` + audit.TypeKey + `' AND l.ref = k.id
	LEFT JOIN checkpoints c ON c.account_id = l.account_id AND c.log_id = l.log_id AND c.size = l.id + 1
	ORDER BY k.account_id, l.log_id, l.id`

// KeyChanges returns the changes of keys of all logs, in their order.
func (l *Log) KeyChanges(ctx context.Context) ([]KeyChange, error) {
	return collect[KeyChange](l.reading(ctx, "keys"), keyChanges)
}
