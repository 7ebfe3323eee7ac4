package db

import (
	"context"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// Derived rows can be computed again. Package query recomputes differences and compares lines;
// the queries in this file find what that leaves.

// DerivedFaults finds the derived rows that contradict each other or recorded rows.
func (a *Archive) DerivedFaults(ctx context.Context, fault faultFunc) error {
	r := a.reading(ctx, "derived rows")
	if err := faultsOf(r, fault, derivedContradictions); err != nil {
		return err
	}
	for _, check := range []func(reader, faultFunc) error{itemFaults, skippedFaults, a.blockFaults} {
		if err := check(r, fault); err != nil {
			return err
		}
	}
	return nil
}

var derivedContradictions = []string{
	`SELECT 'change ' || x.id` + inAccount + ` || ' has no difference' FROM changes x
		WHERE NOT EXISTS (SELECT 1 FROM diffs d WHERE d.account_id = x.account_id AND d.change_id = x.id)`,
	`SELECT 'change ' || x.change_id` + inAccount + ` || ': whether its difference is complete is not what the difference says' FROM diffs x
		WHERE (x.partial = 1) <> (x.class IN ('unreadable', 'erased') OR x.omitted <> 0 OR x.cut = 1 OR x.skipped <> '[]')`,
	`SELECT 'change ' || x.change_id` + inAccount + ` || ': an item of its difference is missing' FROM (
			SELECT account_id, change_id, count(*) AS n, min(seq) AS first, max(seq) AS last FROM items GROUP BY account_id, change_id) x
		WHERE x.first <> 0 OR x.n <> x.last + 1`,
	`SELECT 'word ' || x.id` + inAccount + ` || ' belongs to no item' FROM words x WHERE ` + unused,
}

// itemFaults finds items whose former path or task is not that of their values.
func itemFaults(r reader, fault faultFunc) error {
	for it, err := range stream[struct {
		Change           int64
		Account          string
		Item             coc.Item
		OldPath, OldTask string
	}](r, `
		SELECT i.change_id, a.name, i.op, p.text, i.step, t.text, i.old, i.new, i.old_from, i.old_to, i.new_from, i.new_to,
			coalesce(op.text, ''), coalesce(ot.text, '')
		FROM diffs x JOIN items i ON i.account_id = x.account_id AND i.change_id = x.change_id JOIN accounts a ON a.id = i.account_id
		JOIN words p ON p.account_id = i.account_id AND p.id = i.path JOIN words t ON t.account_id = i.account_id AND t.id = i.task
		LEFT JOIN words op ON op.account_id = i.account_id AND op.id = i.old_path
		LEFT JOIN words ot ON ot.account_id = i.account_id AND ot.id = i.old_task
		WHERE x.algorithm IN (0, ?) ORDER BY i.change_id, i.account_id, i.seq`, diff.Algorithm) {
		if err != nil {
			return err
		}
		path, task := "", ""
		if it.Item.Op == diff.Renamed {
			path = oldPath(&it.Item)
		}
		if isTask(&it.Item) {
			task = it.Item.Old
		}
		if it.OldPath != path || it.OldTask != task {
			fault("change %d of account %s: the former path or task of an item is not that of its values", it.Change, it.Account)
		}
	}
	return nil
}

// skippedFaults finds differences whose versions between the two are not those that were
// listed before the change, of documents whose versions are ordered by number.
func skippedFaults(r reader, fault faultFunc) error {
	const number = `CAST(substr(?.label, 2) AS BIGINT)`
	of := func(v string) string { return strings.Replace(number, "?", v, 1) }
	between := map[coc.Key][]string{}
	for v, err := range stream[struct {
		Change coc.Key
		Label  string
	}](r, `
		SELECT c.account_id, c.id, v.label FROM changes c
		JOIN revisions rt ON rt.account_id = c.account_id AND rt.id = c.to_revision
		JOIN versions vt ON vt.account_id = rt.account_id AND vt.id = rt.version_id
		LEFT JOIN revisions rf ON rf.account_id = c.account_id AND rf.id = c.from_revision
		LEFT JOIN versions vf ON vf.account_id = rf.account_id AND vf.id = rf.version_id
		CROSS JOIN documents d CROSS JOIN versions v CROSS JOIN leaves lv CROSS JOIN leaves lc
		WHERE c.kind IN ('new', 'version') AND d.account_id = c.account_id AND d.id = c.document_id AND d.numbered = 1
			AND v.account_id = c.account_id AND v.document_id = c.document_id
			AND `+of("v")+` < `+of("vt")+` AND `+of("v")+` > coalesce(`+of("vf")+`, 0)
			AND lv.ref = `+firstListed("v")+` AND lv.type = 'versions' AND lv.account_id = v.account_id
			AND lc.ref = c.id AND lc.type = 'change' AND lc.account_id = c.account_id AND (lv.log_id, lv.id) < (lc.log_id, lc.id)
		ORDER BY c.account_id, c.id, `+of("v")) {
		if err != nil {
			return err
		}
		between[v.Change] = append(between[v.Change], v.Label)
	}
	for d, err := range stream[struct {
		Change  coc.Key
		Account string
		Skipped []string
	}](r, `
		SELECT x.account_id, x.change_id, a.name, x.skipped FROM diffs x JOIN accounts a ON a.id = x.account_id
		JOIN changes c ON c.account_id = x.account_id AND c.id = x.change_id
		JOIN documents d ON d.account_id = c.account_id AND d.id = c.document_id AND d.numbered = 1
		WHERE x.algorithm = ?`, diff.Algorithm) {
		if err != nil {
			return err
		}
		if !slices.Equal(d.Skipped, between[d.Change]) {
			fault("change %d of account %s: the versions between the two that it compares are not those that were listed",
				d.Change.ID, d.Account)
		}
	}
	return nil
}

// States returns the states that a metadata change compares; the zero state for none.
func (a *Archive) States(ctx context.Context, change coc.Key) (old, now coc.Meta, err error) {
	r := a.reading(ctx, "states of change %d", change.ID)
	state := func(column string) (m coc.Meta) {
		if err == nil {
			m, err = first[coc.Meta](r, `SELECT `+metaColumns+` FROM changes c
				LEFT JOIN document_states s ON s.account_id = c.account_id AND s.id = c.`+column+` WHERE c.account_id = ? AND c.id = ?`, change)
		}
		return m
	}
	return state("from_state"), state("to_state"), err
}
