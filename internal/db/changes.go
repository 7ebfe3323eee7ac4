package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
)

// Filter selects changes. The zero value selects all.
type Filter struct {
	Key      coc.Key
	Document coc.Key
	Account  string
	Since    time.Time // inclusive
	Until    time.Time // exclusive
	Seen     bool      // Since and Until apply to SeenAt, not to At
	By       string    // author, as COC names them
	Risk     string    // the document's risk level as of now, in any case
	Kinds    []coc.Kind
	// Task and Path are patterns; one item must match both. * matches any text. A path
	// also matches paths below it, and a task without @ matches all its versions.
	Task, Path string
	Limit      int // 0: no limit
	// After is the last change of the previous page; zero for the first page.
	After       coc.Place
	OldestFirst bool // with Limit, the oldest

	partial bool // only changes with differences that are not stored
}

// Change returns one change. The error is coc.ErrNotFound if it does not exist.
func (a *Archive) Change(ctx context.Context, key coc.Key) (_ coc.Change, err error) {
	defer wrap(&err, "change %d", key.ID)
	for c, err := range a.Changes(ctx, Filter{Key: key}) {
		return c, err
	}
	return coc.Change{}, coc.ErrNotFound
}

// FindChange returns the keys of the changes with a number in an account, or in all accounts
// if account is "".
func (a *Archive) FindChange(ctx context.Context, account string, id int64) (_ []coc.Key, err error) {
	defer wrap(&err, "change %d", id)
	return collect(ctx, a.read, scanKey, `
		SELECT c.account_id, c.id FROM accounts a JOIN changes c ON c.account_id = a.id
		WHERE (?1 = '' OR a.name = ?1) AND c.id = ?2 ORDER BY a.name`, account, id)
}

// changeRows are changes as scanChange reads them.
const changeRows = `
	SELECT c.account_id, c.id, (SELECT count(*) FROM accounts) > 1, c.kind, a.name, d.id, d.document_id, d.name,
		coalesce(vt.label, v.label, ''), coalesce(rt.number, 0), (SELECT count(*) FROM revisions n WHERE n.account_id = vt.account_id AND n.version_id = vt.id),
		coalesce(vf.label, ''), coalesce(rf.number, 0), (SELECT count(*) FROM revisions n WHERE n.account_id = vf.account_id AND n.version_id = vf.id),
		coalesce(rt.made_at, v.made_at), c.seen_at, c.at, coalesce(rt.author, ''),
		coalesce(s.modifier, ''), coalesce(s.risk_level, ''), c.backfill, c.late,
		coalesce(x.algorithm, 0), coalesce(x.class, ''), coalesce(x.added, 0), coalesce(x.removed, 0), coalesce(x.omitted, 0),
		coalesce(x.cut, 0), coalesce(x.skipped, '[]'), coalesce(x.formatting, '[]'), coalesce(x.summary, ''), coalesce(x.reason, '')
	FROM changes c
	JOIN documents d ON d.account_id = c.account_id AND d.id = c.document_id
	JOIN accounts a ON a.id = d.account_id
	LEFT JOIN document_states s ON s.account_id = d.account_id AND s.id = ` + newestState + `
	LEFT JOIN revisions rt ON rt.account_id = c.account_id AND rt.id = c.to_revision
	LEFT JOIN versions vt ON vt.account_id = rt.account_id AND vt.id = rt.version_id
	LEFT JOIN revisions rf ON rf.account_id = c.account_id AND rf.id = c.from_revision
	LEFT JOIN versions vf ON vf.account_id = rf.account_id AND vf.id = rf.version_id
	LEFT JOIN versions v ON v.account_id = c.account_id AND v.id = c.version_id
	LEFT JOIN diffs x ON x.account_id = c.account_id AND x.change_id = c.id`

func scanChange(row scanner) (c coc.Change, err error) {
	var several bool
	var to, from string
	var toNumber, toAll, fromNumber, fromAll int
	var skipped, formatting string
	err = row.Scan(&c.Key.Account, &c.Key.ID, &several, &c.Kind, &c.Account, &c.Document.ID, &c.DocumentID, &c.Name,
		&to, &toNumber, &toAll, &from, &fromNumber, &fromAll, at(&c.MadeAt), at(&c.SeenAt), at(&c.At), &c.By,
		&c.Modifier, &c.RiskLevel, &c.Backfill, &c.Late,
		&c.Algorithm, &c.Class, &c.Added, &c.Removed, &c.Omitted, &c.Cut, &skipped, &formatting, &c.Summary, &c.Reason)
	if err != nil {
		return c, err
	}
	if err := unmarshalDifference(&c.Difference, skipped, formatting); err != nil {
		return c, alteredError{fmt.Errorf("the difference of change %d: %w", c.Key.ID, err)}
	}
	c.Document.Account = c.Key.Account
	c.Ref = coc.ChangeRef(c.Account, c.Key.ID, several)
	c.Version, c.Previous = coc.RevisionLabel(to, toNumber, toAll), coc.RevisionLabel(from, fromNumber, fromAll)
	return c, nil
}

// changesPage is the number of changes per query.
const changesPage = 500

// Changes returns the changes that match the filter, newest first by default. It reads pages,
// so other queries may run at the same time. It may or may not return changes that are added
// while it runs.
func (a *Archive) Changes(ctx context.Context, f Filter) iter.Seq2[coc.Change, error] {
	return func(yield func(coc.Change, error) bool) {
		found := 0
		for c, err := range a.eachChange(ctx, f) {
			if err != nil {
				wrap(&err, "changes")
				yield(coc.Change{}, err)
				return
			}
			if !f.matches(c.Items) {
				continue
			}
			if found++; !yield(c, nil) || found == f.Limit {
				return
			}
		}
	}
}

// eachChange returns the changes that may match the filter.
func (a *Archive) eachChange(ctx context.Context, f Filter) iter.Seq2[coc.Change, error] {
	return func(yield func(coc.Change, error) bool) {
		from, args, err := a.selectChanges(ctx, f)
		// Select the page before joining other tables.
		after, order := `<`, `ORDER BY c.at DESC, c.account_id DESC, c.id DESC`
		if f.OldestFirst {
			after, order = `>`, `ORDER BY c.at, c.account_id, c.id`
		}
		query := changeRows + ` WHERE (c.id, c.account_id) IN (
			SELECT c.id, c.account_id ` + from + ` AND (c.at, c.account_id, c.id) ` + after + ` (?, ?, ?) ` + order + ` LIMIT ?) ` + order
		size := changesPage
		if f.Limit > 0 && !f.searches() {
			size = min(size, f.Limit)
		}
		last := f.After
		if last == (coc.Place{}) && !f.OldestFirst {
			last = coc.Place{At: time.UnixMilli(math.MaxInt64), Key: coc.Key{Account: math.MaxInt64, ID: math.MaxInt64}}
		}
		for {
			var page []coc.Change
			if err == nil {
				page, err = collect(ctx, a.read, scanChange, query, append(slices.Clone(args), last.At.UnixMilli(), last.Key.Account, last.Key.ID, size)...)
			}
			for i := range page {
				if err == nil {
					page[i].Items, err = a.items(ctx, page[i].Key)
				}
			}
			if err != nil {
				yield(coc.Change{}, err)
				return
			}
			for _, c := range page {
				if last = c.Place(); !yield(c, nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
		}
	}
}

// fewHits is the maximum number of matching changes that are sorted. With more matches it is
// faster to read all changes, newest first, until enough are found.
const fewHits = 20_000

// selectChanges returns the FROM and WHERE of the changes c that may match the filter.
func (a *Archive) selectChanges(ctx context.Context, f Filter) (string, []any, error) {
	where, args := f.where()
	var few *condition
	least := fewHits + 1
	for _, cond := range f.conditions() {
		var n int
		err := a.read.row(ctx, `SELECT count(*) FROM (SELECT 1 FROM (`+cond.list+`) h LIMIT ?) n`, append(slices.Clone(cond.listArgs), least)...).Scan(&n)
		if err != nil {
			return "", nil, explain(err)
		}
		if n < least {
			least, few = n, &cond
		}
		where += ` AND ` + cond.exists
		args = append(args, cond.args...)
	}
	if few == nil {
		return `FROM changes c WHERE ` + where, args, nil
	}
	// CROSS JOIN keeps SQLite from starting with changes.
	return `FROM (SELECT DISTINCT account_id, id FROM (` + few.list + `) h) h CROSS JOIN changes c WHERE c.account_id = h.account_id AND c.id = h.id AND ` + where,
		slices.Concat(few.listArgs, args), nil
}

func (f Filter) where() (string, []any) {
	conds, args := []string{"1 = 1"}, []any{}
	add := func(on bool, cond string, arg ...any) {
		if on {
			conds, args = append(conds, cond), append(args, arg...)
		}
	}
	column := "c.at"
	if f.Seen {
		column = "c.seen_at"
	}
	add(!f.Key.IsZero(), "c.account_id = ? AND c.id = ?", f.Key.Account, f.Key.ID)
	add(!f.Document.IsZero(), "c.account_id = ? AND c.document_id = ?", f.Document.Account, f.Document.ID)
	add(f.Account != "", "c.account_id = (SELECT id FROM accounts WHERE name = ?)", f.Account)
	add(!f.Since.IsZero(), column+" >= ?", f.Since.UnixMilli())
	add(!f.Until.IsZero(), column+" < ?", f.Until.UnixMilli())
	add(f.Risk != "", `EXISTS (SELECT 1 FROM document_states s WHERE s.account_id = c.account_id AND upper(s.risk_level) = upper(?)
		AND s.id = (SELECT max(n.id) FROM document_states n WHERE n.account_id = c.account_id AND n.document_id = c.document_id))`, f.Risk)
	if len(f.Kinds) > 0 {
		kinds := make([]any, len(f.Kinds))
		for i, k := range f.Kinds {
			kinds[i] = string(k)
		}
		add(true, "c.kind IN ("+placeholders(len(kinds))+")", kinds...)
	}
	return strings.Join(conds, " AND "), args
}

// placeholders returns n placeholders, separated by commas.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// Recorded returns the newest changes of a document in the order of recording, newest first.
// For the zero Key it returns those of all documents without backfill, merged across accounts
// by SeenAt.
func (a *Archive) Recorded(ctx context.Context, document coc.Key, limit int) (list []coc.Change, err error) {
	defer wrap(&err, "newest changes")
	accounts, where := []int64{document.Account}, `document_id = ?`
	if document.IsZero() {
		where = `backfill = 0 AND 0 = ?`
		if accounts, err = collect(ctx, a.read, scanID, `SELECT id FROM accounts ORDER BY id`); err != nil {
			return nil, err
		}
	}
	queues := make([][]coc.Place, len(accounts)) // with SeenAt as the time
	for i, account := range accounts {
		queues[i], err = collect(ctx, a.read, func(row scanner) (p coc.Place, err error) {
			err = row.Scan(at(&p.At), &p.Key.Account, &p.Key.ID)
			return p, err
		}, `SELECT seen_at, account_id, id FROM changes WHERE account_id = ? AND `+where+` ORDER BY id DESC LIMIT ?`, account, document.ID, limit)
		if err != nil {
			return nil, err
		}
	}
	for len(list) < limit {
		newest := -1
		for i, q := range queues {
			if len(q) > 0 && (newest < 0 || q[0].At.After(queues[newest][0].At)) {
				newest = i
			}
		}
		if newest < 0 {
			break
		}
		c, err := a.Change(ctx, queues[newest][0].Key)
		if err != nil {
			return nil, err
		}
		list, queues[newest] = append(list, c), queues[newest][1:]
	}
	return list, nil
}

// ChangeTo returns the change that added a revision of a document; zero for none.
func (a *Archive) ChangeTo(ctx context.Context, document, revision coc.Key) (key coc.Key, err error) {
	defer wrap(&err, "change of a version")
	key, err = scanKey(a.read.row(ctx, `
		SELECT account_id, id FROM changes WHERE account_id = ? AND document_id = ? AND to_revision = ? ORDER BY id LIMIT 1`,
		document.Account, document.ID, revision.ID))
	return key, explain(ignore(err, sql.ErrNoRows))
}

// Neighbours returns the previous and the next change of a document in the order of time;
// zero for none.
func (a *Archive) Neighbours(ctx context.Context, document coc.Key, p coc.Place) (before, after coc.Key, err error) {
	defer wrap(&err, "changes next to %d", p.Key.ID)
	one := func(query string) (key coc.Key, err error) {
		key, err = scanKey(a.read.row(ctx, query, document.Account, document.ID, p.At.UnixMilli(), p.Key.ID))
		return key, explain(ignore(err, sql.ErrNoRows))
	}
	if before, err = one(`SELECT account_id, id FROM changes WHERE account_id = ?1 AND document_id = ?2 AND (at, id) < (?3, ?4) ORDER BY at DESC, id DESC LIMIT 1`); err != nil {
		return before, after, err
	}
	after, err = one(`SELECT account_id, id FROM changes WHERE account_id = ?1 AND document_id = ?2 AND (at, id) > (?3, ?4) ORDER BY at, id LIMIT 1`)
	return before, after, err
}

// ChangeTimes returns the times of changes since a time in order, of one document or of all.
// They include backfill.
func (a *Archive) ChangeTimes(ctx context.Context, document coc.Key, since time.Time) iter.Seq2[time.Time, error] {
	where, args := `at >= ?`, []any{since.UnixMilli()}
	if !document.IsZero() {
		where, args = where+` AND account_id = ? AND document_id = ?`, append(args, document.Account, document.ID)
	}
	return stream(ctx, a.read, func(row scanner) (t time.Time, err error) {
		err = row.Scan(at(&t))
		return t, err
	}, `SELECT at FROM changes WHERE `+where+` ORDER BY at`, args...)
}

// LastChange returns the time of a document's last change; zero if it never changed.
func (a *Archive) LastChange(ctx context.Context, document coc.Key) (when time.Time, err error) {
	defer wrap(&err, "last change of a document")
	err = a.read.row(ctx, `SELECT max(at) FROM changes WHERE account_id = ? AND document_id = ?`, document.Account, document.ID).Scan(at(&when))
	return when, explain(err)
}

// NewestChanges returns the number of the newest change of each account.
func (a *Archive) NewestChanges(ctx context.Context) (_ map[int64]int64, err error) {
	defer wrap(&err, "newest changes")
	newest := map[int64]int64{}
	_, err = collect(ctx, a.read, func(row scanner) (struct{}, error) {
		key, err := scanKey(row)
		newest[key.Account] = key.ID
		return struct{}{}, err
	}, `SELECT account_id, changes FROM counters`)
	return newest, err
}

// KindsAfter counts the changes of an account with higher numbers by kind, without backfill,
// and returns the number of the last change.
func (a *Archive) KindsAfter(ctx context.Context, account, after int64) (kinds map[coc.Kind]int, last int64, err error) {
	defer wrap(&err, "count changes")
	kinds, last = map[coc.Kind]int{}, after
	_, err = collect(ctx, a.read, func(row scanner) (struct{}, error) {
		var kind coc.Kind
		var n int
		var newest int64
		err := row.Scan(&kind, &n, &newest)
		kinds[kind], last = n, max(last, newest)
		return struct{}{}, err
	}, `SELECT kind, sum(1 - backfill), max(id) FROM changes WHERE account_id = ? AND id > ? GROUP BY kind`, account, after)
	return kinds, last, err
}

// FollowedChanges counts the documents that these watches follow now, and the changes seen in
// [since, until) of documents while they were followed. Documents of several watches count
// once. Backfill and deleted documents do not count.
func (a *Archive) FollowedChanges(ctx context.Context, watches []string, since, until time.Time) (documents, changes int, err error) {
	defer wrap(&err, "count documents and changes")
	if len(watches) == 0 {
		return 0, 0, nil
	}
	var args []any
	for _, w := range watches {
		args = append(args, w)
	}
	args = append(args, since.UnixMilli(), until.UnixMilli())
	err = a.read.row(ctx, `
		WITH m AS (SELECT account_id, document_id, since, until FROM memberships WHERE watch IN (`+placeholders(len(watches))+`))
		SELECT
			(SELECT count(*) FROM (SELECT DISTINCT m.account_id, m.document_id FROM m WHERE m.until IS NULL) f
			 JOIN documents d ON d.account_id = f.account_id AND d.id = f.document_id WHERE d.state <> 'deleted'),
			(SELECT count(*) FROM changes c
			 WHERE c.seen_at >= ? AND c.seen_at < ? AND c.backfill = 0 AND EXISTS (SELECT 1 FROM m
				WHERE m.account_id = c.account_id AND m.document_id = c.document_id
					AND m.since <= c.seen_at AND coalesce(m.until, c.seen_at) >= c.seen_at))`, args...).Scan(&documents, &changes)
	return documents, changes, explain(err)
}

// Contents returns the two contents that a change compares. old is nil for a first version;
// both are nil for a change without versions. The error is coc.ErrErased if one was erased.
func (a *Archive) Contents(ctx context.Context, change coc.Key) (old, now []byte, err error) {
	defer wrap(&err, "contents of change %d", change.ID)
	var from, to coc.Hash // zero for none
	err = a.read.row(ctx, `
		SELECT cf.sha256, ct.sha256 FROM changes c
		LEFT JOIN revisions rf ON rf.account_id = c.account_id AND rf.id = c.from_revision
		LEFT JOIN contents cf ON cf.account_id = rf.account_id AND cf.id = rf.content_id
		LEFT JOIN revisions rt ON rt.account_id = c.account_id AND rt.id = c.to_revision
		LEFT JOIN contents ct ON ct.account_id = rt.account_id AND ct.id = rt.content_id
		WHERE c.account_id = ? AND c.id = ?`, change.Account, change.ID).Scan((*hashColumn)(&from), (*hashColumn)(&to))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, coc.ErrNotFound
	}
	if err != nil {
		return nil, nil, explain(err)
	}
	u := a.Unpacker()
	load := func(hash coc.Hash) ([]byte, error) {
		if hash == (coc.Hash{}) {
			return nil, nil
		}
		c, err := u.Content(ctx, change.Account, hash)
		return c.Bytes, err
	}
	if old, err = load(from); err != nil {
		return nil, nil, err
	}
	now, err = load(to)
	return old, now, err
}

// Crossed returns the changes that refer to a revision, a state or a version of another
// document.
func (a *Archive) Crossed(ctx context.Context) (_ []coc.Key, err error) {
	defer wrap(&err, "changes")
	return collect(ctx, a.read, scanKey, `
		SELECT c.account_id, c.id FROM changes c
		LEFT JOIN revisions rf ON rf.account_id = c.account_id AND rf.id = c.from_revision
		LEFT JOIN versions vf ON vf.account_id = rf.account_id AND vf.id = rf.version_id
		LEFT JOIN revisions rt ON rt.account_id = c.account_id AND rt.id = c.to_revision
		LEFT JOIN versions vt ON vt.account_id = rt.account_id AND vt.id = rt.version_id
		LEFT JOIN versions v ON v.account_id = c.account_id AND v.id = c.version_id
		LEFT JOIN document_states sf ON sf.account_id = c.account_id AND sf.id = c.from_state
		LEFT JOIN document_states st ON st.account_id = c.account_id AND st.id = c.to_state
		WHERE vf.document_id <> c.document_id OR vt.document_id <> c.document_id OR v.document_id <> c.document_id
			OR sf.document_id <> c.document_id OR st.document_id <> c.document_id`)
}
