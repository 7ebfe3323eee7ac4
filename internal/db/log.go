package db

import (
	"context"
	"crypto/rand"
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

// leaf adds the leaf of a row's record.
func (t *tx) leaf(ref coc.Key, r audit.Record) {
	hash := audit.LeafHash(r.Encode())
	t.loadEdge()
	t.exec(insertInto("leaves", "id, type, account_id, ref, hash"), t.edge.Size, r.Type, ref, hash[:])
	t.edge.Add(hash)
}

// leafOf adds the leaf of a row, whose record it reads.
func (t *tx) leafOf(typ string, ref coc.Key) {
	r, err := recordOf(t.reader, typ, ref)
	t.fail(err)
	t.leaf(ref, *r)
}

func (t *tx) loadEdge() {
	if t.edge == nil {
		e, err := readEdge(t.reader)
		t.fail(err)
		t.edge = &e
	}
}

func readEdge(r reader) (audit.Edge, error) {
	e, err := first[struct {
		Size  int64
		Peaks []byte
	}](r, `SELECT size, peaks FROM edge`)
	if err != nil {
		return audit.Edge{}, err
	}
	edge, err := audit.UnmarshalEdge(e.Size, e.Peaks)
	if err != nil {
		err = damaged("the head of the log: %w", err)
	}
	return edge, err
}

func (t *tx) saveEdge() {
	if t.edge != nil {
		t.exec(`
			INSERT INTO edge (id, size, peaks) VALUES (1, ?1, ?2)
			ON CONFLICT (id) DO UPDATE SET size = excluded.size, peaks = excluded.peaks WHERE edge.size <> excluded.size`,
			t.edge.Size, t.edge.Marshal())
	}
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
	for leaf, err := range l.Leaves(ctx) {
		if err != nil {
			return err
		}
		e.Add(leaf.Hash)
		for ; len(signed) > 0 && signed[0].Size <= e.Size; signed = signed[1:] {
			c, err := audit.Peek(signed[0].Note)
			if err != nil || c.Size != e.Size || c.Root != e.Root() {
				wrong = fmt.Sprintf("its first %d records do not match their signature", signed[0].Size)
			}
		}
	}
	switch {
	case len(signed) > 0:
		wrong = fmt.Sprintf("%d records were signed, but it has only %d", signed[len(signed)-1].Size, e.Size)
	case wrong == "" && (e.Size != stored.Size || e.Root() != stored.Root()):
		wrong = "its records do not match its tree head"
	}
	if wrong != "" {
		return alteredError{hint.Wrap(errors.New("its log was altered: "+wrong),
			"`cocsync verify` lists the differences; keep the file as evidence and restore a backup that verifies")}
	}
	_, err = l.Head(ctx, false, time.Now()) // signs what a killed process left unsigned
	return err
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
	case k.Public != public:
		return nil, fmt.Errorf("%s is the key of another archive", path)
	}
	return k, nil
}

// newGeneration restarts the log with a new key and adds leaves for all existing rows. old
// is the head of the previous log, zero for none.
func (l *Log) newGeneration(ctx context.Context, old audit.Checkpoint) error {
	var name [8]byte
	rand.Read(name[:])
	origin := fmt.Sprintf("cocsync/%x", name)
	key, err := audit.NewKey(origin)
	if err != nil {
		return err
	}
	if err := audit.WriteKey(l.keyPath, key); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	l.key = key
	return l.update(ctx, "start the log", func(t *tx) {
		t.exec(`DELETE FROM leaves`)
		t.exec(`DELETE FROM edge`)
		t.exec(`DELETE FROM checkpoints`)
		var oldOrigin, oldSize, oldRoot any
		if old.Origin != "" {
			oldOrigin, oldSize, oldRoot = old.Origin, old.Size, old.Root[:]
		}
		id := t.insert("generations", "origin, public_key, at, old_origin, old_size, old_root",
			origin, key.Public, time.Now(), oldOrigin, oldSize, oldRoot)
		t.leafOf(audit.TypeStart, coc.Key{ID: id})
		t.adopt(id)
	})
}

// adopt adds leaves for all existing events: first the starts of earlier generations, then
// each type in the order of recording.
func (t *tx) adopt(generation int64) {
	for _, s := range sources() {
		order := ` ORDER BY 1, 2`
		switch s.typ {
		case audit.TypeStart:
			order = ` WHERE g.id < ` + strconv.FormatInt(generation, 10) + order
		case audit.TypeErasure:
			order = ` ORDER BY c.erased_at, 1, 2`
		}
		for _, e := range list[event](t, s.query+order) {
			t.leaf(e.ref, *e.record(s.typ))
		}
	}
}

// FirstOrigin returns the permanent name of the archive, the origin of its first log.
// Restored copies have the same name. It is "" if the archive has no log yet.
func (l *Log) FirstOrigin(ctx context.Context) (string, error) {
	return first[string](l.reading(ctx, "first log"), `SELECT origin FROM generations ORDER BY id LIMIT 1`)
}

// Head returns the newest tree head and signs it if necessary. It returns the zero Head if
// the log has no key. publish means that the head is sent elsewhere, so it is kept.
func (l *Log) Head(ctx context.Context, publish bool, now time.Time) (h coc.Head, err error) {
	if l.key != nil {
		err = l.update(ctx, "checkpoint", func(t *tx) { h = t.checkpoint(publish, now) })
	}
	return h, err
}

// checkpoint signs the tree head unless the newest checkpoint already covers it. It deletes
// earlier checkpoints that were not published.
func (t *tx) checkpoint(publish bool, now time.Time) (h coc.Head) {
	if t.s.key == nil {
		return h
	}
	t.loadEdge()
	c := audit.Checkpoint{Size: t.edge.Size, Root: t.edge.Root()}
	c.Origin, _ = get[string](t, `SELECT origin FROM generations ORDER BY id DESC LIMIT 1`)
	h = coc.Head{Origin: c.Origin, Size: c.Size, Root: c.Root, KeyID: t.s.key.ID()}
	note, ok := get[[]byte](t, `
		UPDATE checkpoints SET published = CASE ?2 WHEN 1 THEN 1 ELSE published END WHERE size = ?1 RETURNING note`, c.Size, publish)
	if !ok {
		var err error
		note, err = t.s.key.Sign(c)
		t.fail(err)
		t.exec(`DELETE FROM checkpoints WHERE published = 0`)
		t.exec(insertInto("checkpoints", "size, at, note, published"), c.Size, now, note, publish)
	}
	h.Note = note
	return h
}

// cover records coverage of the watch up to the cycle that just ended. A failed or late
// cycle gets its own row; late means that earlier cycles were due and did not run. Other
// cycles are combined into one row per hour.
func (t *tx) cover(cycle coc.Key) {
	c, ok := get[struct {
		Watch   string
		Outcome coc.Outcome
		Missed  int
		EndedAt time.Time
	}](t, `SELECT watch, outcome, missed, ended_at FROM cycles WHERE account_id = ? AND id = ? AND partial = 0`, cycle)
	if !ok { // a partial cycle has no coverage of the watch
		return
	}
	// The earlier ones that are not covered; zero for none.
	before, _ := get[struct {
		First, Last int64
		Began       time.Time
	}](t, `
		SELECT coalesce(min(c.id), 0), coalesce(max(c.id), 0), min(c.started_at) FROM cycles c
		WHERE c.watch = ?1 AND c.account_id = ?2 AND c.id < ?3 AND c.outcome <> 'running' AND c.partial = 0
			AND c.id > coalesce((SELECT max(g.last_cycle) FROM coverages g WHERE g.account_id = ?2 AND g.watch = ?1), 0)`,
		c.Watch, cycle)
	switch good := c.Outcome == coc.CycleGood && c.Missed == 0; {
	case good && before.First != 0 && c.EndedAt.Sub(before.Began) >= time.Hour:
		t.putCoverage(c.Watch, cycle.Account, before.First, cycle.ID)
	case !good && before.First != 0:
		t.putCoverage(c.Watch, cycle.Account, before.First, before.Last)
		fallthrough
	case !good:
		t.putCoverage(c.Watch, cycle.Account, cycle.ID, cycle.ID)
	}
	// Else the hour is not over: its cycles are recorded later.
}

func (t *tx) putCoverage(watch string, account, first, last int64) {
	t.leafOf(audit.TypeCoverage, t.add(account, "coverages", "watch, first_cycle, last_cycle", watch, first, last))
}
