package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// Every event is a leaf of the log, written in the transaction that writes the event.
// What a record holds of a row is in records.go, for those who write and for those who
// verify.

// edgeTx is the right edge of the log within a transaction. It is loaded for the first
// leaf and saved with the transaction.
type edgeTx struct {
	audit.Edge
	loaded bool
}

// leaf adds the leaf of a record that a row makes.
func (t tx) leaf(typ string, ref int64, r audit.Record) error {
	if err := t.loadEdge(); err != nil {
		return err
	}
	r.Type = typ
	hash := audit.LeafHash(r.Encode())
	if err := t.exec(`INSERT INTO leaves (id, type, ref, hash) VALUES (?, ?, ?, ?)`, t.edge.Size, typ, ref, hash[:]); err != nil {
		return fmt.Errorf("log a %s: %w", typ, err)
	}
	t.edge.Add(hash)
	return nil
}

func (t tx) loadEdge() error {
	if t.edge.loaded {
		return nil
	}
	var size int64
	var peaks []byte
	err := t.row(`SELECT size, peaks FROM edge`).Scan(&size, &peaks)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	if err != nil {
		return err
	}
	if t.edge.Edge, err = audit.UnmarshalEdge(size, peaks); err != nil {
		err = damaged("the head of the log: %w", err)
	}
	t.edge.loaded = err == nil
	return err
}

func (t tx) saveEdge() error {
	if !t.edge.loaded {
		return nil
	}
	return t.exec(`
		INSERT INTO edge (id, size, peaks) VALUES (1, ?1, ?2)
		ON CONFLICT (id) DO UPDATE SET size = ?1, peaks = ?2 WHERE size <> ?1`, t.edge.Size, t.edge.Marshal())
}

// beginLog makes the first generation of the log, and its key, where there is none, and
// takes in what the archive holds already. It reads the key where there is one.
func (d *DB) beginLog(ctx context.Context) (err error) {
	defer wrap(&err, "log of the archive")
	var origin, public string
	err = d.read.row(ctx, `SELECT origin, public_key FROM generations ORDER BY id DESC LIMIT 1`).Scan(&origin, &public)
	if err == nil {
		d.key, err = readKey(d.keyPath, public)
		return err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return explain(err)
	}
	return d.newGeneration(ctx, audit.Checkpoint{})
}

// checkLog refuses an archive whose leaves do not make its head, or not the one that was
// signed last: nothing must be written behind what somebody altered.
func (d *DB) checkLog(ctx context.Context) error {
	signed, err := d.Checkpoints(ctx)
	if err != nil {
		return err
	}
	stored, err := d.Edge(ctx)
	if err != nil {
		return err
	}
	var e audit.Edge
	wrong := ""
	err = d.EachLeaf(ctx, func(l Leaf) error {
		e.Add(l.Hash)
		for len(signed) > 0 && signed[0].Size <= e.Size {
			c, err := audit.Peek(signed[0].Note)
			if err != nil || c.Size != e.Size || c.Root != e.Root() {
				wrong = fmt.Sprintf("its first %d records are not those that were signed", signed[0].Size)
			}
			signed = signed[1:]
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(signed) > 0:
		wrong = fmt.Sprintf("%d records were signed, and there are %d", signed[len(signed)-1].Size, e.Size)
	case wrong == "" && (e.Size != stored.Size || e.Root() != stored.Root()):
		wrong = "its records do not make its head"
	}
	if wrong != "" {
		return alteredError{hint.Wrap(errors.New("its log was altered: "+wrong),
			"`cocsync verify` names what; nothing is written to such an archive without --force")}
	}
	return nil
}

// readKey reads the private key of the log; nil when it is not there, so that the log
// goes on without signatures.
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

// newGeneration begins the log anew, with a new key, and takes in all that is there.
// old is the head of the log before it; the zero Checkpoint is for none.
func (d *DB) newGeneration(ctx context.Context, old audit.Checkpoint) error {
	origin, err := newOrigin()
	if err != nil {
		return err
	}
	private, key, err := audit.NewKey(origin)
	if err != nil {
		return err
	}
	if err := audit.WriteKey(d.keyPath, private, key); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	d.key = key
	return d.update(ctx, func(t tx) error {
		for _, q := range []string{`DELETE FROM leaves`, `DELETE FROM edge`, `DELETE FROM checkpoints`} {
			if err := t.exec(q); err != nil {
				return err
			}
		}
		g := generation{origin: origin, public: key.Public(), at: time.Now(), old: old}
		var oldOrigin, oldSize, oldRoot any
		if old.Origin != "" {
			oldOrigin, oldSize, oldRoot = old.Origin, old.Size, old.Root[:]
		}
		id, err := t.insert(`INSERT INTO generations (origin, public_key, at, old_origin, old_size, old_root) VALUES (?, ?, ?, ?, ?, ?)`,
			origin, key.Public(), g.at.UnixMilli(), oldOrigin, oldSize, oldRoot)
		if err != nil {
			return err
		}
		if err := t.leaf(audit.TypeStart, id, g.record()); err != nil {
			return err
		}
		return t.adopt(id)
	})
}

// adopt makes the leaves of all events that the archive holds, earlier beginnings of the
// log first: of each sort in the order in which they were recorded.
func (t tx) adopt(generation int64) error {
	earlier := source{audit.TypeStart, fmt.Sprintf("%s WHERE id < %d", generationQuery, generation), "g.id", scanGeneration}
	for _, s := range append([]source{earlier}, sources()...) {
		list, err := t.events(s)
		if err != nil {
			return err
		}
		for _, it := range list {
			if err := t.leaf(s.typ, it.ref, it.record); err != nil {
				return err
			}
		}
	}
	return nil
}

// event is a row that makes a leaf.
type event struct {
	ref    int64
	record audit.Record
}

// events returns all rows of a source.
func (t tx) events(s source) (list []event, err error) {
	rows, err := t.rows(s.query + ` ORDER BY ` + s.order)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e event
		if e.ref, e.record, err = s.scan(rows); err != nil {
			return nil, rowError(t.ctx, rows, err)
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// Head returns the newest tree head, signed if it was not yet; the zero Head while the
// log has no key. told says that it leaves the machine and is to be kept.
func (d *DB) Head(ctx context.Context, told bool, now time.Time) (h coc.Head, err error) {
	defer wrap(&err, "checkpoint")
	if d.key == nil {
		return h, nil
	}
	err = d.update(ctx, func(t tx) error {
		h, err = t.checkpoint(told, now)
		return err
	})
	return h, err
}

// checkpoint signs the tree head, unless the newest checkpoint is of it, and drops the
// one before it if nobody has it.
func (t tx) checkpoint(told bool, now time.Time) (h coc.Head, err error) {
	if t.d.key == nil {
		return h, nil
	}
	if err := t.loadEdge(); err != nil {
		return h, err
	}
	c := audit.Checkpoint{Size: t.edge.Size, Root: t.edge.Root()}
	if err := t.row(`SELECT origin FROM generations ORDER BY id DESC LIMIT 1`).Scan(&c.Origin); err != nil {
		return h, err
	}
	h = coc.Head{Origin: c.Origin, Size: c.Size, Root: c.Root, KeyID: t.d.key.ID()}
	err = t.row(`UPDATE checkpoints SET published = max(published, ?2) WHERE size = ?1 RETURNING note`, c.Size, told).Scan(&h.Note)
	if !errors.Is(err, sql.ErrNoRows) {
		return h, err
	}
	if h.Note, err = t.d.key.Sign(c); err != nil {
		return h, err
	}
	if err := t.exec(`DELETE FROM checkpoints WHERE NOT published`); err != nil {
		return h, err
	}
	return h, t.exec(`INSERT INTO checkpoints (size, at, note, published) VALUES (?, ?, ?, ?)`, c.Size, now.UnixMilli(), h.Note, told)
}

// cover records that cycles of the watch ran up to the one that just ended: by itself
// where it was not good or late, that is, others were due before it and did not run; else
// together with those of the last hour, once it is over.
func (t tx) cover(cycle int64) error {
	var watch, outcome string
	var partial, late bool
	var ended, first, last, began sql.NullInt64
	err := t.row(`SELECT watch, outcome, partial, missed > 0, ended_at FROM cycles WHERE id = ?`, cycle).Scan(&watch, &outcome, &partial, &late, &ended)
	if err != nil || partial { // of some documents: it says nothing of the watch
		return ignore(err, sql.ErrNoRows)
	}
	err = t.row(`
		SELECT min(id), max(id), min(started_at) FROM cycles
		WHERE watch = ?1 AND id < ?2 AND outcome <> 'running' AND NOT partial
			AND id > coalesce((SELECT max(last_cycle) FROM coverages WHERE watch = ?1), 0)`, watch, cycle).Scan(&first, &last, &began)
	if err != nil {
		return err
	}
	if outcome == string(coc.Good) && !late {
		// The first of its hour waits, and those that follow it.
		if !first.Valid || instant(ended).Sub(instant(began)) < time.Hour {
			return nil
		}
		return t.putCoverage(watch, first.Int64, cycle)
	}
	if first.Valid {
		if err := t.putCoverage(watch, first.Int64, last.Int64); err != nil {
			return err
		}
	}
	return t.putCoverage(watch, cycle, cycle)
}

func (t tx) putCoverage(watch string, first, last int64) error {
	id, err := t.insert(`INSERT INTO coverages (watch, first_cycle, last_cycle) VALUES (?, ?, ?)`, watch, first, last)
	if err != nil {
		return err
	}
	ref, record, err := scanCoverage(t.row(coverageQuery+` WHERE g.id = ? GROUP BY g.id`, id))
	if err != nil {
		return err
	}
	return t.leaf(audit.TypeCoverage, ref, record)
}
