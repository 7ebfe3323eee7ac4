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

// Every event is a leaf of the log, written in the transaction of the event. records.go
// defines the records, for writing and for verification.

// edgeTx is the right edge of the log in a transaction. It is loaded before the first leaf
// and saved at the end.
type edgeTx struct {
	audit.Edge
	loaded bool
}

// leaf adds the leaf of a row's record.
func (t tx) leaf(typ string, ref coc.Key, r audit.Record) error {
	if err := t.loadEdge(); err != nil {
		return err
	}
	r.Type = typ
	hash := audit.LeafHash(r.Encode())
	if err := t.exec(`INSERT INTO leaves (id, type, account_id, ref, hash) VALUES (?, ?, ?, ?, ?)`, t.edge.Size, typ, ref.Account, ref.ID, hash[:]); err != nil {
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
		ON CONFLICT (id) DO UPDATE SET size = excluded.size, peaks = excluded.peaks WHERE edge.size <> excluded.size`, t.edge.Size, t.edge.Marshal())
}

// beginLog loads the key of the log. A new archive gets the first generation of its log and
// a key; leaves are added for existing rows.
func (l *Log) beginLog(ctx context.Context) (err error) {
	defer wrap(&err, "log of the archive")
	var origin, public string
	err = l.read.row(ctx, `SELECT origin, public_key FROM generations ORDER BY id DESC LIMIT 1`).Scan(&origin, &public)
	if err == nil {
		l.key, err = readKey(l.keyPath, public)
		return err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return explain(err)
	}
	return l.newGeneration(ctx, audit.Checkpoint{})
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
			"`cocsync verify` lists the differences; an altered archive is opened for writing only with --force")}
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
	private, key, err := audit.NewKey(origin)
	if err != nil {
		return err
	}
	if err := audit.WriteKey(l.keyPath, private, key); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	l.key = key
	return l.update(ctx, func(t tx) error {
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
		id, err := t.insert(`INSERT INTO generations (origin, public_key, at, old_origin, old_size, old_root) VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
			origin, key.Public(), g.at.UnixMilli(), oldOrigin, oldSize, oldRoot)
		if err != nil {
			return err
		}
		if err := t.leaf(audit.TypeStart, coc.Key{ID: id}, g.record()); err != nil {
			return err
		}
		return t.adopt(id)
	})
}

// adopt adds leaves for all existing events: first the starts of earlier generations, then
// each type in the order of recording.
func (t tx) adopt(generation int64) error {
	earlier := source{audit.TypeStart, fmt.Sprintf("%s WHERE g.id < %d", generationQuery, generation), "g", scanGeneration}
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

// event is a row that has a leaf.
type event struct {
	ref    coc.Key
	record audit.Record
}

// events returns all rows of a source in the order of recording.
func (t tx) events(s source) ([]event, error) {
	order := s.alias + `.id`
	switch s.typ {
	case audit.TypeStart:
	case audit.TypeErasure:
		order = `c.erased_at, c.account_id, ` + order
	default:
		order = s.alias + `.account_id, ` + order
	}
	return list(t, func(row scanner) (e event, err error) {
		e.ref, e.record, err = s.scan(row)
		return e, err
	}, s.query+` ORDER BY `+order)
}

// FirstOrigin returns the permanent name of the archive, the origin of its first log.
// Restored copies have the same name. It is "" if the archive has no log yet.
func (l *Log) FirstOrigin(ctx context.Context) (origin string, err error) {
	defer wrap(&err, "first log")
	err = l.read.row(ctx, `SELECT origin FROM generations ORDER BY id LIMIT 1`).Scan(&origin)
	return origin, explain(ignore(err, sql.ErrNoRows))
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
	err = t.row(`UPDATE checkpoints SET published = CASE ?2 WHEN 1 THEN 1 ELSE published END WHERE size = ?1 RETURNING note`, c.Size, bit(publish)).Scan(&h.Note)
	if !errors.Is(err, sql.ErrNoRows) {
		return h, err
	}
	if h.Note, err = t.s.key.Sign(c); err != nil {
		return h, err
	}
	if err := t.exec(`DELETE FROM checkpoints WHERE published = 0`); err != nil {
		return h, err
	}
	return h, t.exec(`INSERT INTO checkpoints (size, at, note, published) VALUES (?, ?, ?, ?)`, c.Size, now.UnixMilli(), h.Note, bit(publish))
}

// cover records coverage of the watch up to the cycle that just ended. A failed or late
// cycle gets its own row; late means that earlier cycles were due and did not run. Other
// cycles are combined into one row per hour.
func (t tx) cover(cycle coc.Key) error {
	var watch, outcome string
	var partial, late bool
	var ended, began time.Time
	err := t.row(`SELECT watch, outcome, partial, missed > 0, ended_at FROM cycles WHERE account_id = ? AND id = ?`, cycle.Account, cycle.ID).
		Scan(&watch, &outcome, &partial, &late, at(&ended))
	if err != nil || partial { // a partial cycle has no coverage of the watch
		return ignore(err, sql.ErrNoRows)
	}
	var first, last int64 // of the earlier ones that are not covered; 0 for none
	err = t.row(`
		SELECT coalesce(min(c.id), 0), coalesce(max(c.id), 0), min(c.started_at) FROM cycles c
		WHERE c.watch = ?1 AND c.account_id = ?2 AND c.id < ?3 AND c.outcome <> 'running' AND c.partial = 0
			AND c.id > coalesce((SELECT max(g.last_cycle) FROM coverages g WHERE g.account_id = ?2 AND g.watch = ?1), 0)`,
		watch, cycle.Account, cycle.ID).Scan(&first, &last, at(&began))
	if err != nil {
		return err
	}
	if outcome == string(coc.Good) && !late {
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
	key, err := t.next(account, func(c *counters) *int64 { return &c.coverages })
	if err != nil {
		return err
	}
	err = t.exec(`INSERT INTO coverages (account_id, id, watch, first_cycle, last_cycle) VALUES (?, ?, ?, ?, ?)`,
		key.Account, key.ID, watch, first, last)
	if err != nil {
		return err
	}
	ref, record, err := scanCoverage(t.row(coverageQuery+` WHERE g.account_id = ? AND g.id = ?`, key.Account, key.ID))
	if err != nil {
		return err
	}
	return t.leaf(audit.TypeCoverage, ref, record)
}
