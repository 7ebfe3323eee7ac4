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

	"cocsync/internal/db"
)

// Verify finds an alteration of every column, a row less and a row more in every table, or
// docs/audit-log.md says that it does not. A new column fails here until it is one or the other.
func TestEveryColumn(t *testing.T) {
	if raceDetector {
		t.Skip("it takes many minutes; TestBlame verifies with the race detector, and this runs without it")
	}
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
		if tab.name == "erasure_requests" { // tab.insert adds one for an account that does not exist
			list = append(list, alteration{tab.name + ": row added", []string{`INSERT INTO erasure_requests
				SELECT account_id, id, 0, 'root@host', 'a test', x'00', 'requested', '' FROM contents WHERE id = 1 AND account_id = 1`}})
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
