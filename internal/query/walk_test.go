package query

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
)

// notCovered has the alterations that Verify does not find: of a column, of a table's rows that
// are removed, and of rows that are added. docs/audit-log.md has the same table.
func notCovered() []uncovered {
	return []uncovered{
		{"`accounts.refused_key`, `accounts.refused_until`, `accounts.refused_reason`, `accounts.paused_until`",
			"Progress: a pause of at most an hour; a later end is ignored"},
		{"`archive.created_at`",
			"Information; the first record of each log has its own time"},
		{"`checkpoints.at`, `checkpoints: row removed`",
			"A checkpoint is evidence where it was sent to; no record says that it was sent, or when"},
		{"`counters.words`",
			"An erasure removes words: a higher counter only leaves a gap in the ids"},
		{"`cycles.responded_at`",
			"Progress of a running cycle"},
		{"`diffs.added`, `diffs.removed`",
			"Of an erased content: the lines can no longer be counted"},
		{"`diffs.algorithm`",
			"A difference of another algorithm cannot be computed; `verify` says how many it skipped"},
		{"`documents.name`, `documents.state`",
			"Of a document that COC listed and did not serve: no record has its name, or that it was deleted"},
		{"`documents.newest`",
			"No record says which version COC called the newest: it is a version that is listed"},
		{"`documents.checked_at`, `versions.checked_at`",
			"Progress: every poll sets it. Each version that must be compared with COC again has one"},
		{"`documents.fingerprint`",
			"Progress: another value causes a request, unless it is that of the next row of the list"},
		{"`documents.lines_version`",
			"Progress: a document with another value is searched without the line index"},
		{"`memberships.missing_at`",
			"Progress: it delays a deletion, which is a record"},
		{"`versions.failures`, `versions.failed_cycle`, `versions.failed_since`, `versions.error`, `versions.retry_at`",
			"Progress of a version that could not be fetched; a version that is recorded as unavailable has its first error there"},
		{"`watches.first_listed_at`, `watches.summarized_at`, `watches.failure_at`, `watches.failure_whole`",
			"Progress: what was sent about the watch"},
		{"`watches.schedule`, `watches.timezone`, `watches.interval`, `watches.scheduled_at`",
			"Of the configuration: the start of `run` sets them"},
		{"`watches.short_since`, `watches.short_listed`, `watches.short_total`",
			"Progress: the next list sets them; the record of each cycle has both numbers"},
		{"`messages.notifier`, `messages.kind`, `messages.account_id`, `messages.document_id`, `messages.parent_id`, `messages.body`, `messages.text`, `messages.plain`, `messages.attempts`, `messages.created_at`, `messages.first_at`, `messages.next_at`, `messages.sent_at`, `messages.channel`, `messages.ts`, `messages.error`, `messages.closed`, `messages: row added`",
			"The outbox has no records"},
		{"`deliveries.id`, `deliveries.notifier`, `deliveries.change_id`, `deliveries.cycle_id`, `deliveries.state`, `deliveries.due_at`, `deliveries.message_id`, `deliveries.routed`, `deliveries: row added`, `deliveries: row removed`",
			"The outbox has no records. The state of a delivery must be that of its message"},
		{"`notices.kind`, `notices.watch`, `notices.at`, `notices.title`, `notices.lines`, `notices: row added`",
			"The outbox has no records"},
		{"`holds.notifier`, `holds.reason`, `holds.since`, `holds.until`, `holds: row added`, `holds: row removed`",
			"The outbox has no records; `status` shows each hold"},
		{"`pauses.notifier`, `pauses.reason`, `pauses.until`, `pauses: row added`, `pauses: row removed`",
			"The outbox has no records; `status` shows each pause"},
		{"`trigrams: row added`, `trigrams_config.v`, `trigrams_config: row added`, `trigrams_data.id`, `trigrams_data.block`, `trigrams_data: row added`, `trigrams_data: row removed`, `trigrams_idx.segid`, `trigrams_idx.term`, `trigrams_idx.pgno`, `trigrams_idx: row added`, `trigrams_idx: row removed`",
			"The line index does not contain the text: `--deep` searches it for some lines of each block. More in the index makes a search slower, and does not alter its result"},
		{"`wal.since`, `wal: row removed`",
			"Progress of the write-ahead log"},
		{"`goose_db_version.id`, `goose_db_version.tstamp`",
			"Of the migrations: the versions themselves are compared"},
		{"`sqlite_sequence.name`, `sqlite_sequence.seq`, `sqlite_sequence.rowid`, `sqlite_sequence: row added`, `sqlite_sequence: row removed`",
			"SQLite's own counters of the outbox"},
	}
}

// uncovered are alterations that are not found for one reason.
type uncovered struct{ what, why string }

// Verify finds an alteration of every column, a row less and a row more in every table, or
// docs/audit-log.md says that it does not. A new column fails here until it is one or the other.
func TestEveryColumn(t *testing.T) {
	w := &walk{master: everything(t)}
	missed := map[string]string{} // an example
	var mu sync.Mutex
	var group sync.WaitGroup
	all := w.alterations(t)
	next := make(chan alteration)
	for range runtime.GOMAXPROCS(0) {
		dir := t.TempDir()
		group.Go(func() {
			for a := range next {
				found, statement, err := w.try(t.Context(), filepath.Join(dir, "copy.db"), a)
				mu.Lock()
				switch {
				case err != nil:
					t.Errorf("%s: %s: %v", a.what, statement, err)
				case len(found) == 0:
					missed[a.what] = statement
				}
				mu.Unlock()
			}
		})
	}
	for _, a := range all {
		next <- a
	}
	close(next)
	group.Wait()
	listed := map[string]bool{}
	for _, u := range notCovered() {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(u.what, -1) {
			listed[name[1]] = true
			if _, ok := missed[name[1]]; !ok {
				t.Errorf("%s is found, or does not exist, and is listed as not covered", name[1])
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(missed)) {
		if !listed[what] {
			t.Errorf("not found: %s: %s", what, missed[what])
		}
	}
	t.Logf("%d alterations", len(all))
}

// docs/audit-log.md lists what is not covered.
func TestNotCoveredIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/audit-log.md")
	must(t, err)
	_, section, _ := strings.Cut(string(b), "\n## Not covered\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, got, _ := strings.Cut(section, "\n|---|---|\n")
	want := ""
	for _, u := range notCovered() {
		want += "| " + u.what + " | " + u.why + " |\n"
	}
	if got != want {
		t.Errorf("docs/audit-log.md: the table of what is not covered is\n%s\nwant\n%s", got, want)
	}
}

// everything extends logged so that each table has rows.
func everything(t *testing.T) string {
	t.Helper()
	path, _ := logged(t)
	d, err := db.Open(t.Context(), path)
	must(t, err)
	ctx := t.Context()
	_, err = d.Account(ctx, "test", "https://test.example", false)
	must(t, err)
	schedules := []coc.Schedule{{Watch: "all", Account: "prod", Endpoint: "https://coc.example", Spec: "@every 5m", Timezone: "UTC", Interval: 5 * time.Minute},
		{Watch: "other", Account: "test", Endpoint: "https://test.example", Spec: "@every 5m", Timezone: "UTC", Interval: 5 * time.Minute}}
	must(t, d.Configure(ctx, schedules, on(7)))
	begin := func(watch, account string, n int) coc.Cycle {
		c := coc.Cycle{Watch: watch, Account: account, Trigger: coc.TriggerSchedule, StartedAt: on(n)}
		c.Key, err = d.Begin(ctx, c)
		must(t, err)
		return c
	}
	end := func(c coc.Cycle, how coc.Outcome, notices ...coc.NewNotice) {
		c.EndedAt, c.Outcome, c.Complete, c.Requests, c.Listed, c.Total = c.StartedAt.Add(time.Minute), how, how == coc.CycleGood, 3, 2, 2
		if how == coc.CycleFailed {
			c.Failures = []coc.Failure{{DocumentID: "DM2", Name: "job", Err: "HTTP 500"}}
		}
		must(t, d.End(ctx, c, notices))
	}
	c := begin("all", "prod", 8)
	must(t, d.Follow(ctx, coc.NewMembers{Account: "prod", Watch: "all", At: on(8), ListComplete: true, Rows: []coc.Row{{DocumentID: "DM2", Name: "restart"}}}))
	for i := range texts() {
		must(t, d.Commit(ctx, restart(i, c.Key)))
	}
	end(c, coc.CycleGood)
	end(begin("all", "prod", 12), coc.CycleFailed, coc.NewNotice{Notice: coc.Notice{Kind: coc.NoticeFailure, Watch: "all", At: on(12), Title: "failed", Lines: []string{"why"}},
		Notify: []string{"ops"}, Whole: true})
	c = begin("other", "test", 8)
	twin := restart(0, c.Key)
	twin.Account, twin.DocumentID = "test", "DM3"
	must(t, d.Commit(ctx, twin, coc.Step{Account: "test", DocumentID: "DM4", SeenAt: on(8), Name: "listed", Cycle: c.Key}))
	end(c, coc.CycleGood)
	must(t, d.Refused(ctx, "prod", "a key", "a reason", on(9)))
	must(t, d.Paused(ctx, "prod", on(9)))
	must(t, d.Shortfall(ctx, "all", coc.Shortfall{Since: on(9), Listed: 1, Total: 2}))
	must(t, d.Missing(ctx, "prod", "all", []string{"DM2"}, on(9)))
	must(t, d.Hold(ctx, "ops", "channel_not_found", on(9)))
	must(t, d.Pause(ctx, "ops", coc.PauseRateLimit, on(9)))
	post(t, d)
	_, err = d.Heads(ctx, []string{"prod", "test"}, on(13))
	must(t, err)
	must(t, d.Close())
	// The 256th block is indexed together with all before it.
	tamper(t, path, `UPDATE blocks SET id = id + 255 - (SELECT max(id) FROM blocks)`)
	d, err = db.Open(ctx, path)
	must(t, err)
	last := restart(len(texts()), coc.Key{})
	must(t, d.Commit(ctx, last))
	c = begin("all", "prod", 14)
	must(t, d.Responded(ctx, c.Key, on(14)))
	must(t, d.Close())
	return path
}

// texts are versions of a job whose differences have items of all kinds.
func texts() []string {
	return []string{
		"steps:\n- name: restart\n  task: hwc:runbook:scripts@1.0.0\n  inputs:\n    timeout: 30\n    user: root\n",
		"steps:\n- name: reboot\n  task: hwc:runbook:scripts@1.0.0\n  inputs:\n    timeout: 30\n    user: root\n",
		"steps:\n- name: reboot\n  task: hwc:runbook:others@2.0.0\n  # a comment\n  inputs:\n    timeout: 60\n    user: root\n",
	}
}

// restart returns step i of a job. The last one has no text: the job is deleted, restored, and
// has a version that does not parse after one that was not available.
func restart(i int, cycle coc.Key) coc.Step {
	name, risk, description := "restart", []string{"LOW", "HIGH"}[min(i, 1)], "old"
	day := on(8 + i)
	label := fmt.Sprintf("v%d", i+1)
	print := coc.Hash{byte(i)}
	s := coc.Step{Account: "prod", DocumentID: "DM2", SeenAt: day, Name: name, Newest: label, State: coc.DocPresent, Cycle: cycle, Fingerprint: &print,
		Evidence: coc.Evidence{RequestID: "request", Date: day},
		Meta:     &coc.Meta{Name: &name, RiskLevel: &risk, Description: &description, Creator: &name, Modifier: &name, ProjectID: &name, CreatedAt: day, UpdatedAt: day, Extra: `{"x":1}`}}
	version := func(label, text string) coc.VersionStep {
		return coc.VersionStep{Listed: coc.Listed{Label: label, UUID: "uuid", MadeAt: day}, State: coc.Archived, Recorded: true, Checked: true,
			Revision: &coc.NewRevision{Number: 1, UUID: "uuid", Author: "somebody", Content: coc.Content{Bytes: []byte(text)}, Evidence: s.Evidence, PreviousCheckedAt: day}}
	}
	change := coc.NewChange{Kind: coc.KindVersion, To: coc.RevisionRef{Label: label, Number: 1}, At: day, Notify: []string{"ops", "team"}}
	if i == 0 {
		change.Kind, change.Difference = coc.KindNew, diff.Compare(nil, diff.Read([]byte(texts()[0])))
		s.Changes = []coc.NewChange{change}
	} else {
		now := "broken: [\n"
		if i < len(texts()) {
			now = texts()[i]
		}
		change.From = coc.RevisionRef{Label: fmt.Sprintf("v%d", i), Number: 1}
		change.Difference = diff.Compare(diff.Read([]byte(texts()[i-1])), diff.Read([]byte(now)))
	}
	switch {
	case i == 1:
		meta := coc.NewChange{Kind: coc.KindMetadata, At: day, Difference: coc.Difference{Summary: "risk_level LOW → HIGH",
			Items: []coc.Item{{Op: "changed", Path: "risk_level", Old: "LOW", New: "HIGH"}}}}
		s.Changes = []coc.NewChange{meta, change}
	case i == 2:
		s.Changes = []coc.NewChange{change}
	case i == len(texts()):
		label = "v5"
		s.Newest, change.To.Label, change.Skipped = label, label, []string{"v4"}
		lost := coc.VersionStep{Listed: coc.Listed{Label: "v4"}, State: coc.Unavailable, Err: "HTTP 400", Reason: "400", Failures: 3, FailedCycle: 1, FailedSince: day, RetryAt: day}
		first := coc.VersionStep{Listed: coc.Listed{Label: "v1", MadeAt: on(8)}, State: coc.Archived, Recorded: true, Withdrawn: true}
		s.Versions = []coc.VersionStep{first, lost, version(label, "broken: [\n")}
		s.Changes = []coc.NewChange{
			{Kind: coc.KindDeleted, At: day, Difference: coc.Difference{Summary: "deleted at COC; the archive keeps every version"}},
			{Kind: coc.KindRestored, At: day, Difference: coc.Difference{Summary: "available again"}},
			{Kind: coc.KindWithdrawn, At: day, Label: "v1", Difference: coc.Difference{Summary: "v1 is no longer listed by COC; the archive keeps it"}}, change}
	}
	if i < len(texts()) {
		s.Versions = []coc.VersionStep{version(label, texts()[i])}
	}
	return s
}

// post adds messages: one that was sent with a reply, and one that failed.
func post(t *testing.T, d *db.DB) {
	t.Helper()
	due, err := d.Due(t.Context(), "ops", on(40), nil, 10)
	must(t, err)
	document := due[0].Change.Document
	root := &coc.Draft{Message: coc.Message{Notifier: "ops", Kind: coc.MessageRoot, Document: document, Body: []byte(`{"a":1}`), Text: "a"}, Claims: []int64{due[0].ID}}
	reply := &coc.Draft{Message: coc.Message{Notifier: "ops", Kind: coc.MessageReply, Document: document, Body: []byte(`{"b":1}`), Text: "b"}, ReplyTo: root, Claims: []int64{due[1].ID}}
	ids, err := d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{root, reply}, Drop: []int64{due[2].ID}}, on(12))
	must(t, err)
	for i, id := range ids {
		m := []*coc.Draft{root, reply}[i].Message
		m.ID, m.State, m.Attempts, m.FirstAt, m.NextAt, m.SentAt, m.Channel, m.TS = id, coc.Sent, 1, on(12), on(12), on(12), "C1", "1.2"
		must(t, d.RecordAttempt(t.Context(), m))
	}
}

// walk alters copies of an archive.
type walk struct {
	master string
	once   sync.Once
	bytes  []byte
}

// alteration is a statement, and what it alters; the first one that no unique key refuses.
type alteration struct {
	what string
	sql  []string
}

// try returns what Verify finds in a copy after an alteration, and the statement. An archive
// that cannot be opened is found, too.
func (w *walk) try(ctx context.Context, path string, a alteration) (found []string, statement string, err error) {
	for _, statement = range a.sql {
		if found, err = w.run(ctx, path, statement); err == nil || !strings.Contains(err.Error(), "UNIQUE constraint failed") {
			break
		}
	}
	return found, statement, err
}

func (w *walk) run(ctx context.Context, path, statements string) (found []string, err error) {
	w.once.Do(func() { w.bytes, err = os.ReadFile(w.master) })
	if err == nil {
		err = os.WriteFile(path, w.bytes, 0o600)
	}
	c, err2 := sql.Open("sqlite", "file:"+path+"?_pragma=foreign_keys(0)&_pragma=ignore_check_constraints(1)&_pragma=journal_mode(delete)")
	if err = errors.Join(err, err2); err != nil {
		return nil, err
	}
	c.SetMaxOpenConns(1)
	_, err = c.ExecContext(ctx, statements)
	if err = errors.Join(err, c.Close()); err != nil {
		return nil, err
	}
	d, err := db.OpenReader(ctx, path)
	if err != nil {
		return []string{err.Error()}, nil
	}
	defer d.Close()
	v, err := archive(d).Verify(ctx, Verification{Deep: true}, nil)
	if err != nil {
		return []string{err.Error()}, nil
	}
	return v.Faults, nil
}

// column is a column of a table.
type column struct {
	name, kind string
	notNull    bool
	pk         int
}

// table is a table with its rows, in the order of the key.
type table struct {
	name, sql string
	columns   []column
	rows      [][]any
	values    map[string][]any // other values of columns that refer to other tables
}

// alterations returns those of every column of every table.
func (w *walk) alterations(t *testing.T) (list []alteration) {
	t.Helper()
	c, err := sql.Open("sqlite", "file:"+w.master)
	must(t, err)
	defer c.Close()
	for _, name := range rowsOfQuery(t, c, `SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE type = 'table' ORDER BY name`) {
		if name[0] == "trigrams" { // an index, which cannot be read; its other tables have rows
			list = append(list, alteration{"trigrams: row removed", []string{`INSERT INTO trigrams (trigrams) VALUES ('delete-all')`}},
				alteration{"trigrams: row added", []string{`INSERT INTO trigrams (rowid, text) VALUES (9999, 'more text')`}})
			continue
		}
		tab := readTable(t, c, name[0].(string), name[1].(string))
		if len(tab.rows) == 0 {
			t.Errorf("%s has no rows", tab.name)
			continue
		}
		list = append(list, tab.updates()...)
		if tab.name == "documents" {
			list = append(list, alteration{"documents.newest", []string{`UPDATE documents SET newest = 'v2' WHERE document_id = 'DM1'`}})
		}
		for _, row := range tab.some(tab.columns[0]) {
			list = append(list, alteration{tab.name + ": row removed", []string{`DELETE FROM ` + tab.name + ` WHERE ` + tab.key(row)}})
		}
		list = append(list, alteration{tab.name + ": row added", []string{tab.insert()}})
	}
	return list
}

// rowsOfQuery returns the rows of a query.
func rowsOfQuery(t *testing.T, c *sql.DB, query string) (list [][]any) {
	t.Helper()
	rows, err := c.Query(query)
	must(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		row, dest := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			dest[i] = &row[i]
		}
		must(t, rows.Scan(dest...))
		list = append(list, row)
	}
	must(t, rows.Err())
	return list
}

func readTable(t *testing.T, c *sql.DB, name, create string) table {
	t.Helper()
	tab := table{name: name, sql: create, values: map[string][]any{}}
	var names []string
	for _, r := range rowsOfQuery(t, c, `SELECT name, type, "notnull", pk FROM pragma_table_info('`+name+`')`) {
		tab.columns = append(tab.columns, column{r[0].(string), r[1].(string), r[2].(int64) == 1, int(r[3].(int64))})
		names = append(names, r[0].(string))
	}
	if !slices.ContainsFunc(tab.columns, func(c column) bool { return c.pk > 0 }) {
		tab.columns = append(tab.columns, column{"rowid", "INTEGER", true, 1})
		names = append(names, "rowid")
	}
	tab.rows = rowsOfQuery(t, c, `SELECT `+strings.Join(names, ", ")+` FROM `+name+` ORDER BY 1`)
	for _, f := range rowsOfQuery(t, c, `SELECT "from", "table", coalesce("to", 'id') FROM pragma_foreign_key_list('`+name+`')`) {
		from := f[0].(string)
		if from == "account_id" && len(tab.values[from]) > 0 {
			continue
		}
		to := f[2].(string)
		if f[1] == "watches" {
			to = "name"
		}
		for _, v := range rowsOfQuery(t, c, `SELECT DISTINCT `+to+` FROM `+f[1].(string)) {
			tab.values[from] = append(tab.values[from], v[0])
		}
	}
	return tab
}

// some returns the first and the last row, and the first and the last with a value in a column.
func (t table) some(c column) (list [][]any) {
	i := slices.IndexFunc(t.columns, func(o column) bool { return o.name == c.name })
	add := func(rows [][]any) {
		if len(rows) > 0 {
			list = append(list, rows[0], rows[len(rows)-1])
		}
	}
	add(t.rows)
	add(slices.DeleteFunc(slices.Clone(t.rows), func(row []any) bool { return row[i] == nil }))
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(row []any) bool {
		key := t.key(row)
		defer func() { seen[key] = true }()
		return seen[key]
	})
}

// key returns the condition that selects a row.
func (t table) key(row []any) string {
	var list []string
	for i, c := range t.columns {
		if c.pk > 0 {
			list = append(list, c.name+" = "+literal(row[i]))
		}
	}
	return strings.Join(list, " AND ")
}

func (t table) updates() (list []alteration) {
	for i, c := range t.columns {
		for _, row := range t.some(c) {
			set := func(v any) string {
				return `UPDATE ` + t.name + ` SET ` + c.name + ` = ` + literal(v) + ` WHERE ` + t.key(row)
			}
			if row[i] != nil && !c.notNull && c.pk == 0 {
				list = append(list, alteration{t.name + "." + c.name, []string{set(nil)}})
			}
			for _, v := range t.allowed(c, row[i]) {
				list = append(list, alteration{t.name + "." + c.name, []string{set(v)}})
			}
			a := alteration{what: t.name + "." + c.name}
			for _, v := range t.others(c, row[i]) {
				a.sql = append(a.sql, set(v))
			}
			if len(t.allowed(c, row[i])) == 0 {
				list = append(list, a)
			}
		}
	}
	return list
}

// others returns other values for a column, the most likely first.
func (t table) others(c column, was any) (list []any) {
	for _, v := range t.values[c.name] {
		if !equal(v, was) {
			list = append(list, v)
		}
	}
	list = append(list, another(c, was))
	if id, ok := was.(int64); ok && (c.pk > 0 || len(t.values[c.name]) > 0) {
		list = append(list, id+1000)
	}
	return list
}

// allowed returns the other values that a CHECK constraint lists for a column.
func (t table) allowed(c column, was any) (list []any) {
	found := regexp.MustCompile(`\b` + c.name + ` [^,()]*CHECK \(` + c.name + ` IN\s*\(([^)]*)\)`).FindStringSubmatch(t.sql)
	if found == nil {
		return nil
	}
	for v := range strings.SplitSeq(found[1], ",") {
		v = strings.TrimSpace(v)
		if text, ok := strings.CutPrefix(v, "'"); ok && strings.TrimSuffix(text, "'") != was {
			list = append(list, strings.TrimSuffix(text, "'"))
		} else if !ok && v != fmt.Sprint(was) {
			list = append(list, int64(v[0]-'0'))
		}
	}
	return list
}

func equal(a, b any) bool {
	x, ok := a.([]byte)
	y, also := b.([]byte)
	return ok && also && bytes.Equal(x, y) || !ok && !also && a == b
}

// another returns another value of the same type and form.
func another(c column, was any) any {
	switch v := was.(type) {
	case nil:
		switch c.kind {
		case "TEXT":
			return "x"
		case "BLOB":
			return []byte{0}
		}
		return int64(1)
	case int64:
		return v + 1
	case []byte:
		if len(v) == 0 {
			return []byte{0}
		}
		v = bytes.Clone(v)
		v[len(v)-1] ^= 1
		return v
	case string:
		switch {
		case c.name == "formatting" && v == "[]":
			return `[{"sort":"shifted","old_lines":null,"new_lines":null}]`
		case v == "[]":
			return `["v9"]`
		case strings.HasPrefix(v, "["):
			return "[]"
		case strings.HasPrefix(v, "{"):
			return "{}"
		}
		return v + "x"
	case time.Time:
		return v.Add(time.Hour)
	}
	return was
}

func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case time.Time: // of goose's table
		return v.UTC().Format("'2006-01-02 15:04:05'")
	}
	return fmt.Sprint(v)
}

// insert returns the statement that adds a copy of the last row with a new key.
func (t table) insert() string {
	key := slices.IndexFunc(t.columns, func(c column) bool {
		return c.pk > 0 && slices.Contains([]string{"id", "seq", "size", "rowid"}, c.name)
	})
	if key < 0 {
		key = slices.IndexFunc(t.columns, func(c column) bool { return c.pk > 0 })
	}
	unique := map[string]bool{} // columns of a unique key other than the account's
	for _, m := range regexp.MustCompile(`UNIQUE \(([^)]*)\)`).FindAllStringSubmatch(t.sql, -1) {
		names := strings.Split(m[1], ", ")
		unique[names[len(names)-1]] = true
	}
	for _, m := range regexp.MustCompile(`(\w+) TEXT NOT NULL UNIQUE`).FindAllStringSubmatch(t.sql, -1) {
		unique[m[1]] = true
	}
	var names, values []string
	last := t.rows[len(t.rows)-1]
	for i, c := range t.columns {
		v := last[i]
		switch {
		case i == key:
			v = another(c, v)
			for slices.ContainsFunc(t.rows, func(row []any) bool { return equal(row[i], v) }) {
				v = another(c, v)
			}
		case unique[c.name]:
			v = another(c, v)
		}
		names, values = append(names, c.name), append(values, literal(v))
	}
	return `INSERT INTO ` + t.name + ` (` + strings.Join(names, ", ") + `) VALUES (` + strings.Join(values, ", ") + `)`
}
