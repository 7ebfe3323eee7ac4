package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// Every event is a leaf of the log, written in the transaction of the event. records.go
// defines the records, for writing and for verification.

// edgeTx is the right edge of the log in a transaction. It is loaded before the first leaf
// and saved at the end.
type edgeTx struct {
	audit.Edge
	loaded bool
}

// leaf adds the leaf of a row's record.
func (t tx) leaf(ref coc.Key, r audit.Record) error {
	if err := t.loadEdge(); err != nil {
		return err
	}
	hash := audit.LeafHash(r.Encode())
	err := t.exec(`INSERT INTO leaves (id, type, account_id, ref, hash) VALUES (?, ?, ?, ?, ?)`, t.edge.Size, r.Type, ref, hash[:])
	if err != nil {
		return fmt.Errorf("log a %s: %w", r.Type, err)
	}
	t.edge.Add(hash)
	return nil
}

// leafOf adds the leaf of a row, whose record it reads.
func (t tx) leafOf(typ string, ref coc.Key) error {
	e, err := sourceOf(typ).of(t.ctx, t.on, ref)
	if err != nil {
		return err
	}
	return t.leaf(e.ref, e.record)
}

func (t tx) loadEdge() (err error) {
	if !t.edge.loaded {
		t.edge.Edge, err = readEdge(t.ctx, t.on)
		t.edge.loaded = err == nil
	}
	return err
}

func readEdge(ctx context.Context, s *session) (e audit.Edge, err error) {
	var size int64
	var peaks []byte
	if err := s.row(ctx, `SELECT size, peaks FROM edge`).Scan(&size, &peaks); err != nil {
		return e, ignore(err, sql.ErrNoRows)
	}
	if e, err = audit.UnmarshalEdge(size, peaks); err != nil {
		err = damaged("the head of the log: %w", err)
	}
	return e, err
}

func (t tx) saveEdge() error {
	if !t.edge.loaded {
		return nil
	}
	return t.exec(`
		INSERT INTO edge (id, size, peaks) VALUES (1, ?1, ?2)
		ON CONFLICT (id) DO UPDATE SET size = excluded.size, peaks = excluded.peaks WHERE edge.size <> excluded.size`, t.edge.Size, t.edge.Marshal())
}

// beginLog loads the key of the log. A new archive gets the first generation of its log and
// a key; leaves are added for existing rows.
func (l *Log) beginLog(ctx context.Context) (err error) {
	defer wrap(&err, "log of the archive")
	g, err := l.Generation(ctx)
	if errors.Is(err, coc.ErrNotFound) {
		return l.newGeneration(ctx, audit.Checkpoint{})
	}
	if err == nil {
		l.key, err = readKey(l.keyPath, g.Public)
	}
	return err
}

// checkLog returns an error if the leaves do not match the stored or the signed tree heads:
// nothing must be appended to an altered log.
func (l *Log) checkLog(ctx context.Context) error {
	signed, err := l.Checkpoints(ctx)
	if err != nil {
		return err
	}
	stored, err := l.Edge(ctx)
	if err != nil {
		return err
	}
	var e audit.Edge
	wrong := ""
	err = l.EachLeaf(ctx, func(l Leaf) error {
		e.Add(l.Hash)
		for len(signed) > 0 && signed[0].Size <= e.Size {
			c, err := audit.Peek(signed[0].Note)
			if err != nil || c.Size != e.Size || c.Root != e.Root() {
				wrong = fmt.Sprintf("its first %d records do not match their signature", signed[0].Size)
			}
			signed = signed[1:]
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(signed) > 0:
		wrong = fmt.Sprintf("%d records were signed, but it has only %d", signed[len(signed)-1].Size, e.Size)
	case wrong == "" && (e.Size != stored.Size || e.Root() != stored.Root()):
		wrong = "its records do not match its tree head"
	}
	if wrong != "" {
		return alteredError{hint.Wrap(errors.New("its log was altered: "+wrong),
			"`cocsync verify` lists the differences; keep the file as evidence and restore a backup that verifies")}
	}
	return nil
}

// readKey reads the private key of the log. It returns nil if the file is missing; the log
// then continues without signatures.
func readKey(path, public string) (*audit.Key, error) {
	k, err := audit.ReadKey(path)
	switch {
	case isMissing(err):
		return nil, nil
	case err != nil:
		return nil, err
	case k.Public() != public:
		return nil, fmt.Errorf("%s is the key of another archive", path)
	}
	return k, nil
}

// newGeneration restarts the log with a new key and adds leaves for all existing rows. old
// is the head of the previous log, zero for none.
func (l *Log) newGeneration(ctx context.Context, old audit.Checkpoint) error {
	origin, err := newOrigin()
	if err != nil {
		return err
	}
	key, err := audit.NewKey(origin)
	if err != nil {
		return err
	}
	if err := audit.WriteKey(l.keyPath, key); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	l.key = key
	return l.update(ctx, func(t tx) error {
		for _, q := range []string{`DELETE FROM leaves`, `DELETE FROM edge`, `DELETE FROM checkpoints`} {
			if err := t.exec(q); err != nil {
				return err
			}
		}
		var oldOrigin, oldSize, oldRoot any
		if old.Origin != "" {
			oldOrigin, oldSize, oldRoot = old.Origin, old.Size, old.Root[:]
		}
		id, err := t.insert(`INSERT INTO generations (origin, public_key, at, old_origin, old_size, old_root) VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
			origin, key.Public(), time.Now(), oldOrigin, oldSize, oldRoot)
		if err != nil {
			return err
		}
		if err := t.leafOf(audit.TypeStart, coc.Key{ID: id}); err != nil {
			return err
		}
		return t.adopt(id)
	})
}

// newOrigin returns a random name for a log.
func newOrigin() (string, error) {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return "cocsync/" + hex.EncodeToString(b), nil
}

// adopt adds leaves for all existing events: first the starts of earlier generations, then
// each type in the order of recording.
func (t tx) adopt(generation int64) error {
	for _, s := range sources() {
		order := ` ORDER BY 1, 2`
		switch s.typ {
		case audit.TypeStart:
			order = ` WHERE g.id < ` + strconv.FormatInt(generation, 10) + order
		case audit.TypeErasure:
			order = ` ORDER BY c.erased_at, 1, 2`
		}
		events, err := list(t, s.scan, s.query+order)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := t.leaf(e.ref, e.record); err != nil {
				return err
			}
		}
	}
	return nil
}

// FirstOrigin returns the permanent name of the archive, the origin of its first log.
// Restored copies have the same name. It is "" if the archive has no log yet.
func (l *Log) FirstOrigin(ctx context.Context) (origin string, err error) {
	defer wrap(&err, "first log")
	return first(ctx, l.read, scan[string], `SELECT origin FROM generations ORDER BY id LIMIT 1`)
}

// Head returns the newest tree head and signs it if necessary. It returns the zero Head if
// the log has no key. publish means that the head is sent elsewhere, so it is kept.
func (l *Log) Head(ctx context.Context, publish bool, now time.Time) (h coc.Head, err error) {
	defer wrap(&err, "checkpoint")
	if l.key == nil {
		return h, nil
	}
	err = l.update(ctx, func(t tx) error {
		h, err = t.checkpoint(publish, now)
		return err
	})
	return h, err
}

// checkpoint signs the tree head unless the newest checkpoint already covers it. It deletes
// earlier checkpoints that were not published.
func (t tx) checkpoint(publish bool, now time.Time) (h coc.Head, err error) {
	if t.s.key == nil {
		return h, nil
	}
	if err := t.loadEdge(); err != nil {
		return h, err
	}
	c := audit.Checkpoint{Size: t.edge.Size, Root: t.edge.Root()}
	if err := t.row(`SELECT origin FROM generations ORDER BY id DESC LIMIT 1`).Scan(&c.Origin); err != nil {
		return h, err
	}
	h = coc.Head{Origin: c.Origin, Size: c.Size, Root: c.Root, KeyID: t.s.key.ID()}
	err = t.row(`UPDATE checkpoints SET published = CASE ?2 WHEN 1 THEN 1 ELSE published END WHERE size = ?1 RETURNING note`, c.Size, publish).Scan(&h.Note)
	if !errors.Is(err, sql.ErrNoRows) {
		return h, err
	}
	if h.Note, err = t.s.key.Sign(c); err != nil {
		return h, err
	}
	if err := t.exec(`DELETE FROM checkpoints WHERE published = 0`); err != nil {
		return h, err
	}
	return h, t.exec(`INSERT INTO checkpoints (size, at, note, published) VALUES (?, ?, ?, ?)`, c.Size, now.UnixMilli(), h.Note, publish)
}

// cover records coverage of the watch up to the cycle that just ended. A failed or late
// cycle gets its own row; late means that earlier cycles were due and did not run. Other
// cycles are combined into one row per hour.
func (t tx) cover(cycle coc.Key) error {
	var watch, outcome string
	var partial, late bool
	var ended, began time.Time
	err := t.row(`SELECT watch, outcome, partial, missed > 0, ended_at FROM cycles WHERE account_id = ? AND id = ?`, cycle).
		Scan(&watch, &outcome, &partial, &late, &ended)
	if err != nil || partial { // a partial cycle has no coverage of the watch
		return ignore(err, sql.ErrNoRows)
	}
	var first, last int64 // of the earlier ones that are not covered; 0 for none
	err = t.row(`
		SELECT coalesce(min(c.id), 0), coalesce(max(c.id), 0), min(c.started_at) FROM cycles c
		WHERE c.watch = ?1 AND c.account_id = ?2 AND c.id < ?3 AND c.outcome <> 'running' AND c.partial = 0
			AND c.id > coalesce((SELECT max(g.last_cycle) FROM coverages g WHERE g.account_id = ?2 AND g.watch = ?1), 0)`,
		watch, cycle).Scan(&first, &last, &began)
	if err != nil {
		return err
	}
	if outcome == string(coc.CycleGood) && !late {
		// The hour is not over: its cycles are recorded later.
		if first == 0 || ended.Sub(began) < time.Hour {
			return nil
		}
		return t.putCoverage(watch, cycle.Account, first, cycle.ID)
	}
	if first != 0 {
		if err := t.putCoverage(watch, cycle.Account, first, last); err != nil {
			return err
		}
	}
	return t.putCoverage(watch, cycle.Account, cycle.ID, cycle.ID)
}

func (t tx) putCoverage(watch string, account, first, last int64) error {
	key, err := t.add(account, coverageIDs, `
		INSERT INTO coverages (account_id, id, watch, first_cycle, last_cycle) VALUES (?, ?, ?, ?, ?)`, watch, first, last)
	if err != nil {
		return err
	}
	return t.leafOf(audit.TypeCoverage, key)
}
