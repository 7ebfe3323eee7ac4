package db

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// insertDifference stores the difference of a change.
func (t tx) insertDifference(change coc.Key, d *coc.Difference) error {
	skipped, formatting, err := marshalDifference(d)
	if err != nil {
		return err
	}
	err = t.exec(`
		INSERT INTO diffs (account_id, change_id, algorithm, class, added, removed, omitted, cut, skipped, formatting, summary, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		change.Account, change.ID, d.Algorithm, string(d.Class), d.Added, d.Removed, d.Omitted, bit(d.Cut), skipped, formatting, d.Summary, d.Reason)
	if err != nil {
		return err
	}
	for i := range d.Items {
		it := &d.Items[i]
		err := t.exec(`
			INSERT INTO items (account_id, change_id, seq, op, path, step, task, old, new, old_from, old_to, new_from, new_to)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			change.Account, change.ID, i, it.Op, it.Path, it.Step, it.Task, it.Old, it.New, it.OldLines.From, it.OldLines.To, it.NewLines.From, it.NewLines.To)
		if err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	return nil
}

// eraseDifference removes what a stored difference says about its contents.
func (t tx) eraseDifference(change coc.Key) error {
	if err := t.exec(`DELETE FROM items WHERE account_id = ? AND change_id = ?`, change.Account, change.ID); err != nil {
		return err
	}
	d := coc.ErasedDifference(0, nil)
	return t.exec(`
		UPDATE diffs SET class = ?, omitted = 0, cut = 0, formatting = '[]', summary = ?, reason = '' WHERE account_id = ? AND change_id = ?`,
		string(d.Class), d.Summary, change.Account, change.ID)
}

// marshalDifference returns the columns of a difference that are JSON.
func marshalDifference(d *coc.Difference) (skipped, formatting string, err error) {
	skipped, formatting = "[]", "[]"
	if len(d.Skipped) > 0 {
		text, err := json.Marshal(d.Skipped)
		if err != nil {
			return "", "", err
		}
		skipped = string(text)
	}
	if len(d.Formatting) > 0 {
		text, err := json.Marshal(d.Formatting)
		if err != nil {
			return "", "", err
		}
		formatting = string(text)
	}
	return skipped, formatting, nil
}

func unmarshalDifference(d *coc.Difference, skipped, formatting string) error {
	if skipped != "[]" {
		if err := json.Unmarshal([]byte(skipped), &d.Skipped); err != nil {
			return err
		}
	}
	if formatting == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(formatting), &d.Formatting)
}

func (a *Archive) items(ctx context.Context, change coc.Key) ([]coc.Item, error) {
	return collect(ctx, a.read, func(row scanner) (it coc.Item, err error) {
		err = row.Scan(&it.Op, &it.Path, &it.Step, &it.Task, &it.Old, &it.New,
			&it.OldLines.From, &it.OldLines.To, &it.NewLines.From, &it.NewLines.To)
		return it, err
	}, `
		SELECT op, path, step, task, old, new, old_from, old_to, new_from, new_to
		FROM items WHERE account_id = ? AND change_id = ? ORDER BY seq`, change.Account, change.ID)
}

// searches reports whether the filter has a condition on items.
func (f Filter) searches() bool { return f.Task != "" || f.Path != "" }

// narrow is the condition that a change has items (i) which may match. matches decides.
func (f Filter) narrow() (string, []any) {
	const items = `EXISTS (SELECT 1 FROM items i WHERE i.account_id = c.account_id AND i.change_id = c.id AND `
	return items + `(i.path LIKE ? ESCAPE '\' OR i.op = 'renamed')) AND ` +
			items + `(i.task LIKE ? ESCAPE '\' OR i.path LIKE '%.%' AND i.old LIKE ? ESCAPE '\'))`,
		[]any{like(f.Path), like(f.Task), like(f.Task)}
}

// like turns a pattern in which only * is special into one of LIKE that matches any
// continuation too.
func like(pattern string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`).Replace(pattern) + "%"
}

// matches reports whether one of the items matches the filter: it is at the filter's path
// and in a step that has or had the filter's task. The item of a task that was replaced
// has the previous task in Old.
func (f Filter) matches(items []coc.Item) bool {
	if !f.searches() {
		return true
	}
	had := map[string]string{}
	for _, it := range items {
		if f.Task != "" && isTask(it) && it.Old != "" {
			had[it.Step] = it.Old
		}
	}
	return slices.ContainsFunc(items, func(it coc.Item) bool {
		inPath := f.Path == "" || coc.PathFits(f.Path, it.Path) || it.Op == diff.Renamed && coc.PathFits(f.Path, oldPath(it))
		inTask := f.Task == "" || taskFits(f.Task, it.Task) || it.Step != "" && taskFits(f.Task, had[it.Step])
		return inPath && inTask
	})
}

// oldPath is the former path of something that was renamed.
func oldPath(it coc.Item) string {
	for _, around := range [][2]string{{"[", "]"}, {`["`, `"]`}, {".", ""}} {
		if up, ok := strings.CutSuffix(it.Path, around[0]+it.New+around[1]); ok {
			return up + around[0] + it.Old + around[1]
		}
	}
	return it.Path
}

// taskFits is coc.TaskFits for an item that has a task.
func taskFits(pattern, task string) bool { return task != "" && coc.TaskFits(pattern, task) }

// isTask reports whether an item is about what its step runs. A parameter of the step may
// be named task, too.
func isTask(it coc.Item) bool {
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

// Unsearched returns how many changes a filter by task or path skips without having seen
// all of their differences, because their structure could not be read or is not stored
// completely, and the newest of them, at most limit.
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
	}
	return newest, n, nil
}
