package db

import (
	"cmp"
	"context"
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
	ID       int64   // in any account
	To       coc.Key // the revision that it added
	Document coc.Key
	Account  string
	Since    time.Time // inclusive
	Until    time.Time // exclusive
	Seen     bool      // Since and Until apply to SeenAt, not to At
	Either   bool      // Since and Until, which are not zero, apply to SeenAt or to At
	By       string    // author, as COC names them
	Risk     string    // the document's risk level as of now, in any case
	Kinds    []coc.Kind
	Backfill Backfill
	// Task and Path are patterns; one item must match both. * matches any text. A path
	// also matches paths below it, and a task without @ matches all its versions.
	Task, Path string
	Limit      int // 0: no limit
	// After is the last change of the previous page; zero for the first page.
	After       coc.Place
	OldestFirst bool // with Limit, the oldest
	NoItems     bool // returns changes without their items

	partial bool // only changes with differences that are not stored
}

// Backfill says how a filter selects by Change.Backfill.
type Backfill int

const (
	WithBackfill Backfill = iota
	NoBackfill
	OnlyBackfill
)

// Change returns one change. The error is coc.ErrNotFound if it does not exist.
func (a *Archive) Change(ctx context.Context, key coc.Key) (coc.Change, error) {
	for c, err := range a.Changes(ctx, Filter{Key: key}) {
		return c, err
	}
	return coc.Change{}, fmt.Errorf("change %d: %w", key.ID, coc.ErrNotFound)
}

// compared joins the revisions, versions and contents that a change c compares.
const compared = `
	LEFT JOIN revisions rf ON rf.account_id = c.account_id AND rf.id = c.from_revision
	LEFT JOIN versions vf ON vf.account_id = rf.account_id AND vf.id = rf.version_id
	LEFT JOIN contents tf ON tf.account_id = rf.account_id AND tf.id = rf.content_id
	LEFT JOIN revisions rt ON rt.account_id = c.account_id AND rt.id = c.to_revision
	LEFT JOIN versions vt ON vt.account_id = rt.account_id AND vt.id = rt.version_id
	LEFT JOIN contents tt ON tt.account_id = rt.account_id AND tt.id = rt.content_id
	LEFT JOIN versions v ON v.account_id = c.account_id AND v.id = c.version_id`

// changeRef is how a change c of an account a is written.
const changeRef = `CASE WHEN (SELECT count(*) FROM accounts) > 1 THEN a.name || '/' ELSE '' END || c.id`

// revisionName returns the expression for the name of a revision of a version with a label, v3
// or v3#2, as coc.RevisionLabel.
func revisionName(label, r string) string {
	return strings.ReplaceAll(label+` || CASE WHEN r.number > 1 OR EXISTS (SELECT 1 FROM revisions n
		WHERE n.account_id = r.account_id AND n.version_id = r.version_id AND n.number > 1) THEN '#' || r.number ELSE '' END`, "r.", r+".")
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
			if err == nil && !f.matches(c.Items) {
				continue
			}
			if found++; !yield(c, err) || found == f.Limit {
				return
			}
		}
	}
}

// eachChange returns the changes that may match the filter.
func (a *Archive) eachChange(ctx context.Context, f Filter) iter.Seq2[coc.Change, error] {
	r := a.reading(ctx, "changes")
	from, args, err := selectChanges(r, f)
	// Select the page before joining other tables.
	at := `c.at`
	if f.ID != 0 || !f.Key.IsZero() {
		at = `+c.at` // SQLite looks up the id instead of reading all changes in order
	}
	after, order := `<`, `ORDER BY `+at+` DESC, c.account_id DESC, c.id DESC`
	if f.OldestFirst {
		after, order = `>`, `ORDER BY `+at+`, c.account_id, c.id`
	} else if f.After == (coc.Place{}) {
		f.After = coc.Place{At: time.UnixMilli(math.MaxInt64), Key: coc.Key{Account: math.MaxInt64, ID: math.MaxInt64}}
	}
	size := changesPage
	if f.Limit > 0 {
		size = min(size, f.Limit)
	}
	if f.searches() { // a page may have changes that do not match
		size = min(changesPage, 4*size)
	}
	return pages(size, func(last coc.Change) (page []coc.Change, _ error) {
		place := last.Place()
		if last.Key.IsZero() {
			place = f.After
		}
		if err == nil {
			page, err = changesIn(r, f, from+` AND (`+at+`, c.account_id, c.id) `+after+` (?, ?, ?) `+order+` LIMIT ?`, order,
				append(slices.Clone(args), place.At.UnixMilli(), place.Key, size)...)
		}
		return page, err
	})
}

// changesIn returns the selected changes c, with their items unless the filter excludes them.
func changesIn(r reader, f Filter, from, order string, args ...any) ([]coc.Change, error) {
	page, err := collect[coc.Change](r, `
		SELECT c.account_id, c.id, `+changeRef+`, c.kind, a.name, c.account_id, coalesce(d.id, 0),
			coalesce(d.document_id, ''), coalesce(d.name, ''),
			`+revisionName("coalesce(vt.label, v.label, '')", "rt")+`, `+revisionName("coalesce(vf.label, '')", "rf")+`,
			coalesce(rt.made_at, v.made_at), c.seen_at, c.at, coalesce(rt.author, ''),
			coalesce(s.modifier, ''), coalesce(s.risk_level, ''), c.backfill, c.late,
			coalesce(x.algorithm, 0), coalesce(x.class, ''), coalesce(x.added, 0), coalesce(x.removed, 0), coalesce(x.summary, ''),
			coalesce(x.reason, ''), NULL, coalesce(x.omitted, 0), coalesce(x.cut, 0), x.formatting, x.skipped
		FROM changes c JOIN accounts a ON a.id = c.account_id
		LEFT JOIN documents d ON d.account_id = c.account_id AND d.id = c.document_id
		LEFT JOIN document_states s ON s.account_id = d.account_id AND s.id = `+newestState+compared+`
		LEFT JOIN diffs x ON x.account_id = c.account_id AND x.change_id = c.id
		WHERE (c.id, c.account_id) IN (SELECT c.id, c.account_id `+from+`) `+order, args...)
	for i := range page {
		if err == nil && page[i].Document.ID == 0 {
			err = damaged("change %d names a document that is missing", page[i].Key.ID)
		}
		if err == nil && !f.NoItems {
			page[i].Items, err = items(r, page[i].Key)
		}
	}
	return page, err
}

// fewHits is the maximum number of matching changes that are sorted. With more matches it is
// faster to read all changes, newest first, until enough are found.
const fewHits = 20_000

// selectChanges returns the FROM and WHERE of the changes c that may match the filter.
func selectChanges(r reader, f Filter) (string, []any, error) {
	where, args := f.where()
	var few *condition
	least := fewHits + 1
	for _, cond := range f.conditions() {
		n, err := first[int](r, `SELECT count(*) FROM (SELECT 1 FROM (`+cmp.Or(cond.rows, cond.list)+`) h LIMIT ?) n`,
			append(slices.Clone(cond.args), least)...)
		if err != nil {
			return "", nil, err
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
	return `FROM (SELECT DISTINCT account_id, id FROM (` + few.list +
			`) h) h CROSS JOIN changes c WHERE c.account_id = h.account_id AND c.id = h.id AND ` + where,
		slices.Concat(few.args, args), nil
}

// conditions of a query, all of which must be true, with their arguments.
type conditions struct {
	list []string
	args []any
}

// add adds a condition if it is on.
func (c *conditions) add(on bool, cond string, args ...any) {
	if on {
		c.list, c.args = append(c.list, cond), append(c.args, args...)
	}
}

// inList returns the list of an IN with its arguments.
func inList[T any](list []T) (in string, args []any) {
	for _, v := range list {
		args = append(args, v)
	}
	return "(" + placeholders(len(list)) + ")", args
}

func (c *conditions) where() (string, []any) {
	return strings.Join(append(c.list, "1 = 1"), " AND "), c.args
}

func (f Filter) where() (string, []any) {
	var c conditions
	column := "c.at"
	if f.Seen {
		column = "c.seen_at"
	}
	since, until := f.Since.UnixMilli(), f.Until.UnixMilli()
	c.add(!f.Key.IsZero(), "c.account_id = ? AND c.id = ?", f.Key)
	c.add(f.ID != 0, "c.id = ?", f.ID)
	c.add(!f.To.IsZero(), "c.account_id = ? AND c.to_revision = ?", f.To)
	c.add(!f.Document.IsZero(), "c.account_id = ? AND c.document_id = ?", f.Document)
	c.add(f.Account != "", "c.account_id = (SELECT id FROM accounts WHERE name = ?)", f.Account)
	c.add(f.Either, "(c.at >= ? AND c.at < ? OR c.seen_at >= ? AND c.seen_at < ?)", since, until, since, until)
	c.add(!f.Either && !f.Since.IsZero(), column+" >= ?", since)
	c.add(!f.Either && !f.Until.IsZero(), column+" < ?", until)
	c.add(f.Risk != "", `EXISTS (SELECT 1 FROM document_states s WHERE s.account_id = c.account_id AND upper(s.risk_level) = upper(?)
		AND s.id = (SELECT max(n.id) FROM document_states n WHERE n.account_id = c.account_id AND n.document_id = c.document_id))`, f.Risk)
	c.add(f.Backfill == NoBackfill, "c.backfill = 0")
	c.add(f.Backfill == OnlyBackfill, "c.backfill = 1")
	kinds, values := inList(f.Kinds)
	c.add(len(f.Kinds) > 0, "c.kind IN "+kinds, values...)
	// The condition of the index changes_rare.
	rare := []coc.Kind{coc.KindRewritten, coc.KindWithdrawn, coc.KindDeleted, coc.KindRestored}
	others := slices.ContainsFunc(f.Kinds, func(k coc.Kind) bool { return !slices.Contains(rare, k) })
	c.add(len(f.Kinds) > 0 && !others, "c.kind IN ('rewritten', 'withdrawn', 'deleted', 'restored')")
	return c.where()
}

// CountChanges counts the changes that match a filter without a condition on items or the
// author, and their documents.
func (a *Archive) CountChanges(ctx context.Context, f Filter) (changes, documents int, err error) {
	where, args := f.where()
	err = a.reading(ctx, "count changes").row(`
		SELECT coalesce(sum(g.n), 0), count(*) FROM (SELECT count(*) AS n FROM changes c WHERE `+where+`
			GROUP BY c.account_id, c.document_id) g`, args...).Scan(&changes, &documents)
	return changes, documents, err
}

// Neighbours returns the previous and the next change of a document in the order of time;
// zero for none.
func (a *Archive) Neighbours(ctx context.Context, document coc.Key, p coc.Place) (before, after coc.Key, err error) {
	r := a.reading(ctx, "changes next to %d", p.Key.ID)
	const ofDocument = `SELECT account_id, id FROM changes WHERE account_id = ? AND document_id = ? AND `
	args := []any{document, p.At.UnixMilli(), p.Key.ID}
	before, err = first[coc.Key](r, ofDocument+`(at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT 1`, args...)
	if err == nil {
		after, err = first[coc.Key](r, ofDocument+`(at, id) > (?, ?) ORDER BY at, id LIMIT 1`, args...)
	}
	return before, after, err
}

// ChangeTimes returns the times of changes since a time in order, of one document or of all.
// They include backfill.
func (a *Archive) ChangeTimes(ctx context.Context, document coc.Key, since time.Time) iter.Seq2[time.Time, error] {
	where, args := Filter{Document: document, Since: since}.where()
	return stream[time.Time](a.reading(ctx, "times of changes"), `SELECT c.at FROM changes c WHERE `+where+` ORDER BY c.at`, args...)
}

// NewestChanges returns the number of the newest change of each account.
func (a *Archive) NewestChanges(ctx context.Context) (map[int64]int64, error) {
	return byKey[int64, int64](a.reading(ctx, "newest changes"), `SELECT account_id, changes FROM counters`)
}

// KindsBetween counts the changes of an account with numbers in (after, last] by kind, without
// backfill.
func (a *Archive) KindsBetween(ctx context.Context, account, after, last int64) (map[coc.Kind]int, error) {
	return byKey[coc.Kind, int](a.reading(ctx, "count changes"), `
		SELECT kind, sum(1 - backfill) FROM changes WHERE account_id = ? AND id > ? AND id <= ? GROUP BY kind`, account, after, last)
}

// FollowedChanges counts the documents that these watches follow now, and the changes seen in
// [since, until) of documents while they were followed. Documents of several watches count
// once. Backfill and deleted documents do not count.
func (a *Archive) FollowedChanges(ctx context.Context, watches []string, since, until time.Time) (documents, changes int, err error) {
	if len(watches) == 0 {
		return 0, 0, nil
	}
	names, args := inList(watches)
	args = append(args, since.UnixMilli(), until.UnixMilli())
	err = a.reading(ctx, "count documents and changes").row(`
		WITH m AS (SELECT account_id, document_id, since, until FROM memberships WHERE watch IN `+names+`)
		SELECT
			(SELECT count(*) FROM (SELECT DISTINCT m.account_id, m.document_id FROM m WHERE m.until IS NULL) f
			 JOIN documents d ON d.account_id = f.account_id AND d.id = f.document_id WHERE d.state <> 'deleted'),
			(SELECT count(*) FROM changes c
			 WHERE c.seen_at >= ? AND c.seen_at < ? AND c.backfill = 0 AND EXISTS (SELECT 1 FROM m
				WHERE m.account_id = c.account_id AND m.document_id = c.document_id
					AND m.since <= c.seen_at AND coalesce(m.until, c.seen_at) >= c.seen_at))`, args...).Scan(&documents, &changes)
	return documents, changes, err
}

// Compared is what a change compares. Later observations never alter it.
type Compared struct {
	From, To     coc.Key  // the revisions; zero for none
	Old, New     coc.Hash // their contents
	OldErased    bool     // then the hash is the commitment
	NewErased    bool
	OldCheckedAt time.Time // when the old bytes were last compared with COC's; zero for never
	Label        string    // of To
	Number       int       // of To
	Evidence     coc.Evidence
}

// Compared returns what a change compares.
func (a *Archive) Compared(ctx context.Context, change coc.Key) (Compared, error) {
	return comparedBy(a.reading(ctx, "change %d", change.ID), change)
}

func comparedBy(r reader, change coc.Key) (Compared, error) {
	return find[Compared](r, `
		SELECT coalesce(rf.account_id, 0), coalesce(rf.id, 0), coalesce(rt.account_id, 0), coalesce(rt.id, 0), tf.hash, tt.hash,
			tf.id IS NOT NULL AND tf.pack_id IS NULL, tt.id IS NOT NULL AND tt.pack_id IS NULL,
			rt.previous_checked_at, coalesce(vt.label, ''), coalesce(rt.number, 0), coalesce(rt.request_id, ''), rt.answered_at
		FROM changes c `+compared+` WHERE c.account_id = ? AND c.id = ?`, change)
}

// Contents returns the two contents that a change compares. old is nil for a first version;
// both are nil for a change without versions. The error is coc.ErrErased if one was erased.
func (a *Archive) Contents(ctx context.Context, change coc.Key) (old, now []byte, err error) {
	defer wrap(&err, "contents of change %d", change.ID)
	c, err := a.Compared(ctx, change)
	var texts [2][]byte
	u := a.Unpacker()
	for i, hash := range []coc.Hash{c.Old, c.New} {
		if err == nil && hash != (coc.Hash{}) {
			var content coc.Content
			content, err = u.Content(ctx, change.Account, hash)
			texts[i] = content.Bytes
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return texts[0], texts[1], nil
}
