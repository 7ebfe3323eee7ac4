package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
)

// Revision is a version label with one of its revisions; Number is 0 for a
// version whose content is not here.
type Revision struct {
	Key         int64 // 0 with Number 0
	Label       string
	Number      int
	Revisions   int // of its version
	UUID        string
	State       coc.VersionState
	Err         string // why it is unavailable
	Hash        coc.Hash
	Size        int
	Form        coc.Form
	Erased      bool
	ErasedAt    time.Time
	ErasedWhy   string
	MadeAt      time.Time
	SeenAt      time.Time
	CheckedAt   time.Time // when the version was last held against COC's
	WithdrawnAt time.Time
	Author      string
	Evidence    coc.Evidence
	// PreviousCheckedAt says of a rewritten one when the bytes before it were
	// last seen to stand.
	PreviousCheckedAt time.Time
}

// Name is how the revision is written, v3 or v3#2.
func (r Revision) Name() string { return coc.RevisionLabel(r.Label, r.Number, r.Revisions) }

// Listed is the revision's version, for ordering.
func (r Revision) Listed() coc.Listed { return coc.Listed{Label: r.Label, MadeAt: r.MadeAt} }

// Revisions returns all revisions of all versions of a document, in no order.
func (d *DB) Revisions(ctx context.Context, document int64) (_ []Revision, err error) {
	defer wrap(&err, "versions")
	return d.revisions(ctx, `v.document_id = ?`, document)
}

// Labelled returns the revisions of one version of a document, in no order; none for a
// label that it has no version of.
func (d *DB) Labelled(ctx context.Context, document int64, label string) (_ []Revision, err error) {
	defer wrap(&err, "version %q", label)
	return d.revisions(ctx, `v.document_id = ? AND v.label = ?`, document, label)
}

func (d *DB) revisions(ctx context.Context, where string, args ...any) ([]Revision, error) {
	return collect(ctx, d.read, scanRevision, `
		SELECT coalesce(r.id, 0), v.label, coalesce(r.number, 0), (SELECT count(*) FROM revisions WHERE version_id = v.id), coalesce(r.version_uuid, v.version_uuid), v.state, v.error,
			c.sha256, coalesce(c.size, 0), coalesce(c.form, 0), c.erased_at, coalesce(c.erased_reason, ''),
			coalesce(r.made_at, v.made_at), coalesce(r.seen_at, v.listed_at), v.checked_at, v.withdrawn_at,
			coalesce(r.author, ''), coalesce(r.request_id, ''), r.answered_at, r.previous_checked_at
		FROM versions v
		LEFT JOIN revisions r ON r.version_id = v.id
		LEFT JOIN contents c ON c.id = r.content_id
		WHERE `+where, args...)
}

func scanRevision(row scanner) (r Revision, err error) {
	var erased, made, seen, checked, withdrawn, answered, previous sql.NullInt64
	err = row.Scan(&r.Key, &r.Label, &r.Number, &r.Revisions, &r.UUID, &r.State, &r.Err, (*hashColumn)(&r.Hash), &r.Size, &r.Form, &erased, &r.ErasedWhy,
		&made, &seen, &checked, &withdrawn, &r.Author, &r.Evidence.RequestID, &answered, &previous)
	r.Erased, r.ErasedAt = erased.Valid, instant(erased)
	r.MadeAt, r.SeenAt, r.CheckedAt, r.WithdrawnAt = instant(made), instant(seen), instant(checked), instant(withdrawn)
	r.Evidence.Date, r.PreviousCheckedAt = instant(answered), instant(previous)
	return r, err
}

// Predecessors returns of each revision of the document that a change led to the
// key of the one that it was compared with; 0 where that was nothing.
func (d *DB) Predecessors(ctx context.Context, document int64) (_ map[int64]int64, err error) {
	defer wrap(&err, "predecessors of versions")
	type pair struct{ from, to int64 }
	list, err := collect(ctx, d.read, func(row scanner) (p pair, err error) {
		err = row.Scan(&p.to, &p.from)
		return p, err
	}, `
		SELECT to_revision, coalesce(from_revision, 0) FROM changes
		WHERE document_id = ? AND to_revision IS NOT NULL ORDER BY id`, document)
	from := make(map[int64]int64, len(list))
	for _, p := range list {
		from[p.to] = p.from
	}
	return from, err
}

// Filter narrows a listing of changes. The zero value takes everything.
type Filter struct {
	ID       int64
	Document int64
	Among    []int64   // documents, if not nil
	Since    time.Time // inclusive
	Until    time.Time // exclusive
	Seen     bool      // Since and Until go by when cocsync saw it, not by At
	By       string    // author, as COC names them
	Risk     string    // the document's risk level as of now, whatever its case
	Kinds    []coc.Kind
	// Task and Path are patterns that one item must fit, both of them; * stands for
	// anything. A path stands for what lies below it, too, and a task without @ for
	// every version of it.
	Task, Path string
	Limit      int // 0: no limit
	// Behind, if it is not zero, is where the list goes on: behind that change.
	Behind coc.Place

	partial bool // only those of which not all differences are stored
}

// Change returns one change; coc.ErrNotFound when there is none of that id.
func (d *DB) Change(ctx context.Context, id int64) (coc.Change, error) {
	c, err := only(d.Changes(ctx, Filter{ID: id}))
	wrap(&err, "change %d", id)
	return c, err
}

// Changes returns the changes that pass the filter, newest first.
func (d *DB) Changes(ctx context.Context, f Filter) (list []coc.Change, err error) {
	err = d.EachChange(ctx, f, func(c coc.Change) (bool, error) {
		list = append(list, c)
		return true, nil
	})
	return list, err
}

// changeRows are changes as scanChange reads them.
const changeRows = `
	SELECT c.id, c.kind, a.name, d.id, d.document_id, d.name,
		coalesce(vt.label, v.label, ''), coalesce(rt.number, 0), (SELECT count(*) FROM revisions WHERE version_id = vt.id),
		coalesce(vf.label, ''), coalesce(rf.number, 0), (SELECT count(*) FROM revisions WHERE version_id = vf.id),
		coalesce(rt.made_at, v.made_at), c.seen_at, c.at, coalesce(rt.author, ''),
		coalesce(s.modifier, ''), coalesce(s.risk_level, ''), c.backfill, c.late,
		coalesce(x.algorithm, 0), coalesce(x.class, ''), coalesce(x.added, 0), coalesce(x.removed, 0), coalesce(x.omitted, 0),
		coalesce(x.cut, 0), coalesce(x.skipped, '[]'), coalesce(x.formatting, '[]'), coalesce(x.summary, ''), coalesce(x.reason, '')
	FROM changes c
	JOIN documents d ON d.id = c.document_id
	JOIN accounts a ON a.id = d.account_id
	LEFT JOIN document_states s ON s.id = (SELECT max(id) FROM document_states WHERE document_id = d.id)
	LEFT JOIN revisions rt ON rt.id = c.to_revision LEFT JOIN versions vt ON vt.id = rt.version_id
	LEFT JOIN revisions rf ON rf.id = c.from_revision LEFT JOIN versions vf ON vf.id = rf.version_id
	LEFT JOIN versions v ON v.id = c.version_id
	LEFT JOIN diffs x ON x.change_id = c.id`

// changesPage is how many changes are read at once.
const changesPage = 500

// EachChange calls do with the changes that pass the filter, newest first, until it
// returns false. It reads them page by page: a change that comes meanwhile may be
// among them or not.
func (d *DB) EachChange(ctx context.Context, f Filter, do func(coc.Change) (more bool, err error)) (err error) {
	defer wrap(&err, "changes")
	where, args := f.where()
	query := changeRows + `
		WHERE ` + where + ` AND (c.at, c.id) < (?, ?) ORDER BY c.at DESC, c.id DESC LIMIT ?`
	size := changesPage
	if f.Limit > 0 && !f.searches() {
		size = min(size, f.Limit)
	}
	at, id := int64(math.MaxInt64), int64(math.MaxInt64)
	if f.Behind != (coc.Place{}) {
		at, id = f.Behind.At.UnixMilli(), f.Behind.ID
	}
	for found := 0; ; {
		page, err := collect(ctx, d.read, scanChange, query, append(slices.Clone(args), at, id, size)...)
		if err != nil {
			return err
		}
		for _, c := range page {
			if c.Items, err = d.items(ctx, c.ID); err != nil {
				return err
			}
			if !f.found(c.Items) {
				continue
			}
			found++
			if more, err := do(c); err != nil || !more || found == f.Limit {
				return err
			}
		}
		if len(page) < size {
			return nil
		}
		last := page[len(page)-1]
		at, id = last.At.UnixMilli(), last.ID
	}
}

func (f Filter) where() (string, []any) {
	conds, args := []string{"1"}, []any{}
	add := func(on bool, cond string, arg ...any) {
		if on {
			conds, args = append(conds, cond), append(args, arg...)
		}
	}
	column := "c.at"
	if f.Seen {
		column = "c.seen_at"
	}
	add(f.ID != 0, "c.id = ?", f.ID)
	add(f.Document != 0, "c.document_id = ?", f.Document)
	if f.Among != nil {
		keys, _ := json.Marshal(f.Among) // numbers: this can't fail
		add(true, "c.document_id IN (SELECT value FROM json_each(?))", string(keys))
	}
	add(!f.Since.IsZero(), column+" >= ?", f.Since.UnixMilli())
	add(!f.Until.IsZero(), column+" < ?", f.Until.UnixMilli())
	add(f.By != "", "rt.author = ?", f.By)
	add(f.Risk != "", "s.risk_level = ? COLLATE NOCASE", f.Risk)
	if len(f.Kinds) > 0 {
		marks := strings.TrimSuffix(strings.Repeat("?,", len(f.Kinds)), ",")
		kinds := make([]any, len(f.Kinds))
		for i, k := range f.Kinds {
			kinds[i] = string(k)
		}
		add(true, "c.kind IN ("+marks+")", kinds...)
	}
	if f.searches() {
		cond, arg := f.narrow()
		add(true, cond, arg...)
	}
	add(f.partial, `(x.class IN ('unreadable', 'erased') OR x.omitted > 0 OR x.cut = 1 OR x.skipped <> '[]')`)
	return strings.Join(conds, " AND "), args
}

func scanChange(row scanner) (c coc.Change, err error) {
	var to, from string
	var toNumber, toAll, fromNumber, fromAll int
	var made, seen, at sql.NullInt64
	var skipped, formatting string
	err = row.Scan(&c.ID, &c.Kind, &c.Account, &c.Document, &c.DocumentID, &c.Name,
		&to, &toNumber, &toAll, &from, &fromNumber, &fromAll, &made, &seen, &at, &c.By,
		&c.Modifier, &c.RiskLevel, &c.Backfill, &c.Late,
		&c.Algorithm, &c.Class, &c.Added, &c.Removed, &c.Omitted, &c.Cut, &skipped, &formatting, &c.Summary, &c.Reason)
	if err != nil {
		return c, err
	}
	if err := unmarshalDifference(&c.Difference, skipped, formatting); err != nil {
		return c, alteredError{fmt.Errorf("the difference of change %d: %w", c.ID, err)}
	}
	c.Version, c.Previous = coc.RevisionLabel(to, toNumber, toAll), coc.RevisionLabel(from, fromNumber, fromAll)
	c.MadeAt, c.SeenAt, c.At = instant(made), instant(seen), instant(at)
	return c, err
}

func (d *DB) items(ctx context.Context, change int64) ([]coc.Item, error) {
	return collect(ctx, d.read, func(row scanner) (it coc.Item, err error) {
		err = row.Scan(&it.Op, &it.Path, &it.Step, &it.Task, &it.Old, &it.New,
			&it.OldLines.From, &it.OldLines.To, &it.NewLines.From, &it.NewLines.To)
		return it, err
	}, `SELECT op, path, step, task, old, new, old_from, old_to, new_from, new_to FROM items WHERE change_id = ? ORDER BY seq`, change)
}

// Watches returns the names of the watches that ever ran, with their account.
func (d *DB) Watches(ctx context.Context) (names []string, err error) {
	defer wrap(&err, "watches")
	return collect(ctx, d.read, func(row scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	}, `SELECT name FROM watches ORDER BY name`)
}

// Followers returns the watches that follow a document now, by name.
func (d *DB) Followers(ctx context.Context, document int64) (names []string, err error) {
	defer wrap(&err, "watches of a document")
	return collect(ctx, d.read, func(row scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	}, `SELECT DISTINCT watch FROM memberships WHERE document_id = ? AND until IS NULL ORDER BY watch`, document)
}

// Totals counts what the archive holds.
type Totals struct {
	Documents, Versions, Changes, Contents int
	ContentBytes, FileBytes                int64
}

// Totals counts what the archive holds.
func (d *DB) Totals(ctx context.Context) (t Totals, err error) {
	defer wrap(&err, "count the archive")
	err = d.read.row(ctx, `
		SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM versions)
				- (SELECT count(*) FROM versions WHERE state = 'pending') - (SELECT count(*) FROM versions WHERE state = 'unavailable'),
			(SELECT count(*) FROM changes), (SELECT count(*) FROM contents),
			(SELECT coalesce(sum(size), 0) FROM contents),
			(SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)`).
		Scan(&t.Documents, &t.Versions, &t.Changes, &t.Contents, &t.ContentBytes, &t.FileBytes)
	t.FileBytes += d.walBytes()
	return t, explain(err)
}

// PackedBytes returns how much of the file packed contents take.
func (d *DB) PackedBytes(ctx context.Context) (n int64, err error) {
	defer wrap(&err, "measure the archive")
	err = d.read.row(ctx, `SELECT coalesce(sum(length(frame)), 0) FROM packs`).Scan(&n)
	return n, explain(err)
}

// EachRecorded calls do with every change in the order in which they were recorded.
func (d *DB) EachRecorded(ctx context.Context, do func(coc.Change) error) (err error) {
	defer wrap(&err, "changes")
	for after := int64(0); ; {
		ids, err := collect(ctx, d.read, scanID, `SELECT id FROM changes WHERE id > ? ORDER BY id LIMIT ?`, after, changesPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			c, err := d.Change(ctx, id)
			if errors.Is(err, coc.ErrNotFound) {
				err = damaged("change %d names a document that is missing", id)
			}
			if err != nil {
				return err
			}
			if err := do(c); err != nil {
				return err
			}
			after = id
		}
	}
}
