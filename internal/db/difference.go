package db

import (
	"encoding/json"
	"fmt"

	"cocsync/internal/coc"
)

// insertDifference stores the difference of a change.
func (t tx) insertDifference(change int64, d *coc.Difference) error {
	skipped, formatting, err := marshalDifference(d)
	if err != nil {
		return err
	}
	err = t.exec(`
		INSERT INTO diffs (change_id, algorithm, class, added, removed, omitted, cut, skipped, formatting, summary, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		change, d.Algorithm, string(d.Class), d.Added, d.Removed, d.Omitted, d.Cut, skipped, formatting, d.Summary, d.Reason)
	if err != nil {
		return err
	}
	for i := range d.Items {
		it := &d.Items[i]
		err := t.exec(`
			INSERT INTO items (change_id, seq, op, path, step, task, old, new, old_from, old_to, new_from, new_to)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			change, i, it.Op, it.Path, it.Step, it.Task, it.Old, it.New, it.OldLines.From, it.OldLines.To, it.NewLines.From, it.NewLines.To)
		if err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	return nil
}

// eraseDifference removes what a stored difference says of its contents.
func (t tx) eraseDifference(change int64) error {
	if err := t.exec(`DELETE FROM items WHERE change_id = ?`, change); err != nil {
		return err
	}
	d := coc.ErasedDifference(0, nil)
	return t.exec(`UPDATE diffs SET class = ?, omitted = 0, cut = 0, formatting = '[]', summary = ?, reason = '' WHERE change_id = ?`,
		string(d.Class), d.Summary, change)
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
