package db

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// insertDifference stores the difference of a change.
func (t *tx) insertDifference(change coc.Key, d *coc.Difference) {
	t.exec(insertInto("diffs",
		"account_id, change_id, algorithm, class, added, removed, omitted, cut, skipped, formatting, summary, reason, partial"),
		change, d.Algorithm, d.Class, d.Added, d.Removed, d.Omitted, d.Cut, d.Skipped, d.Formatting, d.Summary, d.Reason, !d.Complete())
	for i, it := range d.Items {
		path, task := t.word(change.Account, it.Path), t.word(change.Account, it.Task)
		var oldPathID, oldTaskID any
		if it.Op == diff.Renamed {
			oldPathID = t.word(change.Account, oldPath(&it))
		}
		if it.Old != "" && isTask(&it) {
			oldTaskID = t.word(change.Account, it.Old)
		}
		t.exec(insertInto("items",
			"account_id, change_id, seq, op, path, step, task, old_path, old_task, old, new, old_from, old_to, new_from, new_to"),
			change, i, it.Op, path, it.Step, task, oldPathID, oldTaskID, it.Old, it.New, it.OldLines, it.NewLines)
	}
}

// word returns the id of a path or a task and adds its row if it is new.
func (t *tx) word(account int64, text string) int64 {
	w := word{account, text}
	if t.words[w] == 0 {
		id, ok := get[int64](t, `SELECT id FROM words WHERE account_id = ? AND text = ?`, w)
		if !ok {
			id = t.add(account, "words", "text", text).ID
		}
		t.words[w] = id
	}
	return t.words[w]
}

func items(r reader, change coc.Key) ([]coc.Item, error) {
	return collect[coc.Item](r, `
		SELECT i.op, p.text, i.step, t.text, i.old, i.new, i.old_from, i.old_to, i.new_from, i.new_to
		FROM items i JOIN words p ON p.account_id = i.account_id AND p.id = i.path JOIN words t ON t.account_id = i.account_id AND t.id = i.task
		WHERE i.account_id = ? AND i.change_id = ? ORDER BY i.seq`, change)
}

// searches reports whether the filter has a condition on items.
func (f Filter) searches() bool { return f.Task != "" || f.Path != "" }

// condition is a condition of a filter on items or on the author, in two forms with the same
// arguments: a list of changes (account_id, id) that may match, with repeats, and an expression
// for a change c. matches then selects the changes that do match.
type condition struct {
	list, exists string
	args         []any
	rows         string // as many rows as list or more, found faster; "" for list
}

// itemOf selects changes with an item whose word in a column is w. CROSS JOIN prevents SQLite
// from starting with the words.
const itemOf = `EXISTS (SELECT 1 FROM items i CROSS JOIN words w
	WHERE i.account_id = c.account_id AND i.change_id = c.id AND w.account_id = i.account_id AND w.id = i.`

func (f Filter) conditions() (list []condition) {
	add := func(pattern, column string) {
		if pattern == "" {
			return
		}
		is, args := words(pattern)
		// CROSS JOIN keeps SQLite from starting with the items.
		const hits = `SELECT i.account_id, i.change_id AS id FROM accounts a CROSS JOIN words w CROSS JOIN items i
			WHERE w.account_id = a.id AND i.account_id = w.account_id AND w.id = i.`
		list = append(list, condition{
			hits + column + ` AND ` + is + ` UNION ALL ` + hits + `old_` + column + ` AND ` + is,
			`(` + itemOf + column + ` AND ` + is + `) OR ` + itemOf + `old_` + column + ` AND ` + is + `))`, slices.Concat(args, args), "",
		})
	}
	if f.partial {
		list = append(list, condition{
			list:   `SELECT account_id, change_id AS id FROM diffs WHERE partial = 1`,
			exists: `EXISTS (SELECT 1 FROM diffs x WHERE x.account_id = c.account_id AND x.change_id = c.id AND x.partial = 1)`,
		})
	}
	add(f.Path, "path")
	add(f.Task, "task")
	if f.By != "" {
		// The time of a change is one of the two, so that the index of changes finds it.
		list = append(list, condition{
			`SELECT h.account_id, h.id FROM revisions r CROSS JOIN versions v CROSS JOIN changes h WHERE r.author = ? AND v.account_id = r.account_id
				AND v.id = r.version_id AND h.account_id = v.account_id AND h.document_id = v.document_id
				AND h.at IN (r.made_at, r.seen_at) AND h.to_revision = r.id`,
			`EXISTS (SELECT 1 FROM revisions r WHERE r.account_id = c.account_id AND r.id = c.to_revision AND r.author = ?)`, []any{f.By},
			`SELECT 1 FROM revisions WHERE author = ?`,
		})
	}
	return list
}

// words returns the condition that a word w, or a prefix of it that is a word, may match a
// pattern in which only * is special.
func words(pattern string) (cond string, args []any) {
	like := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`).Replace(pattern) + "%"
	cond, args = `w.text LIKE ? ESCAPE '\'`, []any{like}
	if prefix, _, _ := strings.Cut(pattern, "*"); prefix != "" {
		cond, args = `w.text >= ? AND w.text < ? AND `+cond, []any{prefix, prefix + string(utf8.MaxRune), like}
	}
	return cond, args
}

// matches reports whether an item matches the filter: it has the filter's path and is in a
// step that has or had the filter's task. The item of a replaced task has the previous task
// in Old.
func (f Filter) matches(items []coc.Item) bool {
	if !f.searches() {
		return true
	}
	had := map[string]string{}
	for _, it := range items {
		if f.Task != "" && isTask(&it) && it.Old != "" {
			had[it.Step] = it.Old
		}
	}
	return slices.ContainsFunc(items, func(it coc.Item) bool {
		inPath := f.Path == "" || coc.PathFits(f.Path, it.Path) || it.Op == diff.Renamed && coc.PathFits(f.Path, oldPath(&it))
		inTask := f.Task == "" || taskFits(f.Task, it.Task) || it.Step != "" && taskFits(f.Task, had[it.Step])
		return inPath && inTask
	})
}

// oldPath returns the previous path of a renamed item.
func oldPath(it *coc.Item) string {
	for _, around := range [][2]string{{"[", "]"}, {`["`, `"]`}, {".", ""}} {
		if up, ok := strings.CutSuffix(it.Path, around[0]+it.New+around[1]); ok {
			return up + around[0] + it.Old + around[1]
		}
	}
	return it.Path
}

// taskFits is coc.TaskFits for items with a task.
func taskFits(pattern, task string) bool { return task != "" && coc.TaskFits(pattern, task) }

// isTask reports whether an item is the task of its step. A parameter of the step may also be
// named task.
func isTask(it *coc.Item) bool {
	if it.Task == "" {
		return false
	}
	for _, g := range diff.Outline([]coc.Item{{Path: it.Path, Step: it.Step}}) {
		for _, field := range g.Fields {
			if field.Name == "task" || field.Name == "action" {
				return true
			}
		}
	}
	return false
}

// MaxUnsearched is the maximum count of Unsearched.
const MaxUnsearched = 1000

// Unsearched counts the changes that a filter by task or path cannot search completely,
// because their structure could not be parsed or is not stored completely. It returns the
// count, up to MaxUnsearched, and the newest of these changes, at most limit.
func (a *Archive) Unsearched(ctx context.Context, f Filter, limit int) (newest []string, n int, err error) {
	if !f.searches() {
		return nil, 0, nil
	}
	all := f
	all.Task, all.Path, all.Limit, all.partial = "", "", 0, true
	for c, err := range a.Changes(ctx, all) {
		if err != nil {
			return nil, 0, err
		}
		if f.matches(c.Items) {
			continue
		}
		if n++; n <= limit {
			newest = append(newest, c.Ref)
		}
		if n == MaxUnsearched {
			break
		}
	}
	return newest, n, nil
}
