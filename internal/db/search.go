package db

import (
	"context"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// searches reports whether the filter asks for an item.
func (f Filter) searches() bool { return f.Task != "" || f.Path != "" }

// narrow is the condition that a change has items (i) which may fit. found has the
// last word.
func (f Filter) narrow() (string, []any) {
	return `EXISTS (SELECT 1 FROM items i WHERE i.change_id = c.id AND (i.path GLOB ? OR i.op = 'renamed'))
			AND EXISTS (SELECT 1 FROM items i WHERE i.change_id = c.id AND (i.task GLOB ? OR i.path GLOB '*.*' AND i.old GLOB ?))`,
		[]any{glob(f.Path), glob(f.Task), glob(f.Task)}
}

// glob turns a pattern in which only * is special into one of SQLite's GLOB that
// takes whatever follows too; paths hold square brackets.
func glob(pattern string) string {
	return strings.NewReplacer("[", "[[]", "?", "[?]").Replace(pattern) + "*"
}

// found reports whether one of the items fits the filter: it is at the filter's path
// and in a step that has or had the filter's task. The item of a task that was
// replaced holds the one before in Old.
func (f Filter) found(items []coc.Item) bool {
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
		at := f.Path == "" || coc.PathFits(f.Path, it.Path) || it.Op == diff.Renamed && coc.PathFits(f.Path, oldPath(it))
		runs := f.Task == "" || fitsTask(f.Task, it.Task) || it.Step != "" && fitsTask(f.Task, had[it.Step])
		return at && runs
	})
}

// oldPath is where something that was renamed stood.
func oldPath(it coc.Item) string {
	for _, around := range [][2]string{{"[", "]"}, {`["`, `"]`}, {".", ""}} {
		if up, ok := strings.CutSuffix(it.Path, around[0]+it.New+around[1]); ok {
			return up + around[0] + it.Old + around[1]
		}
	}
	return it.Path
}

// fitsTask is coc.TaskFits of an item that has a task.
func fitsTask(pattern, task string) bool { return task != "" && coc.TaskFits(pattern, task) }

// isTask reports whether an item is about what its step runs. A parameter of the
// step may happen to be called task, too.
func isTask(it coc.Item) bool {
	if it.Task == "" {
		return false
	}
	for _, g := range diff.Outline([]coc.Item{{Path: it.Path, Step: it.Step}}) {
		for _, field := range g.Fields {
			return field.Name == "task" || field.Name == "action"
		}
	}
	return false
}

// Unsearched returns the ids, newest first, of the changes that a filter by task
// or path passes over without having seen all of their differences: their
// structure could not be read, or not all of it is stored.
func (d *DB) Unsearched(ctx context.Context, f Filter) ([]int64, error) {
	if !f.searches() {
		return nil, nil
	}
	all := f
	all.Task, all.Path, all.Limit, all.partial = "", "", 0, true
	list, err := d.Changes(ctx, all)
	var ids []int64
	for _, c := range list {
		if !f.found(c.Items) {
			ids = append(ids, c.ID)
		}
	}
	return ids, err
}
