package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/hint"
	"cocsync/migrations"
)

// Object is a row of sqlite_schema: a table, an index, a view or a trigger, with the SQL
// that creates it.
type Object struct{ Type, Name, Table, SQL string }

// objectQuery selects the rows of readObjects, about ninety in any archive.
const objectQuery = `SELECT coalesce(type, ''), coalesce(name, ''), coalesce(tbl_name, ''), coalesce(sql, '') FROM sqlite_schema`

// querier is a handle, a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readObjects(ctx context.Context, q querier) (list []Object, err error) {
	rows, err := q.QueryContext(ctx, objectQuery)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var o Object
		if err := rows.Scan(&o.Type, &o.Name, &o.Table, &o.SQL); err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, rows.Err()
}

// objectLine is the prefix of each object in migrations.Schema.
const objectLine = "-- object "

// expectedSchema returns the objects that the migrations create.
func expectedSchema() (list []Object) {
	for _, text := range strings.Split("\n"+migrations.Schema, "\n"+objectLine)[1:] {
		head, sql, _ := strings.Cut(text, "\n")
		words := strings.Fields(head)
		list = append(list, Object{words[0], words[1], words[2], strings.TrimSuffix(strings.TrimSuffix(sql, "\n"), ";")})
	}
	return list
}

// allowedObjects returns objects that an archive may contain. ANALYZE creates the first two,
// Litestream the others: https://github.com/benbjohnson/litestream/blob/v0.5.6/db.go
func allowedObjects() []Object {
	return []Object{
		{"table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"},
		{"table", "sqlite_stat4", "sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"},
		{"table", "_litestream_seq", "_litestream_seq", "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)"},
		{"table", "_litestream_lock", "_litestream_lock", "CREATE TABLE _litestream_lock (id INTEGER)"},
	}
}

// schemaFaults returns the differences from the expected schema, sorted.
func schemaFaults(has []Object) (faults []string) {
	missing := map[Object]bool{}
	names := map[string]bool{}
	for _, o := range expectedSchema() {
		missing[o] = true
		names[o.Type+" "+o.Name] = true
	}
	extra := map[Object]bool{}
	for _, o := range allowedObjects() {
		extra[o] = true
	}
	for _, o := range has {
		switch {
		case missing[o]:
			delete(missing, o)
		case extra[o]:
			delete(extra, o)
		case names[o.Type+" "+o.Name]:
			faults = append(faults, fmt.Sprintf("%s %q differs from cocsync's definition", o.Type, o.Name))
		default:
			faults = append(faults, fmt.Sprintf("%s %q on %q does not belong to cocsync", o.Type, o.Name, o.Table))
		}
	}
	for o := range missing {
		if !slices.ContainsFunc(has, func(h Object) bool { return h.Type == o.Type && h.Name == o.Name }) {
			faults = append(faults, fmt.Sprintf("%s %q is missing", o.Type, o.Name))
		}
	}
	slices.Sort(faults)
	return faults
}

// SchemaFaults returns the differences from the expected schema, one line each.
func (d *DB) SchemaFaults(ctx context.Context) (_ []string, err error) {
	defer wrap(&err, "schema")
	has, err := collect(ctx, d.read, func(row scanner) (o Object, err error) {
		err = row.Scan(&o.Type, &o.Name, &o.Table, &o.SQL)
		return o, err
	}, objectQuery)
	return schemaFaults(has), err
}

// CheckSchema returns ErrAltered with the names of the objects if the schema differs from
// the expected one: triggers and views could drop, alter or forge data.
func (d *DB) CheckSchema(ctx context.Context) (err error) {
	db := d.read.DB
	if d.write != nil {
		db = d.write
	}
	return explain(checkObjects(ctx, db))
}

func checkObjects(ctx context.Context, q querier) error {
	has, err := readObjects(ctx, q)
	if err != nil {
		return err
	}
	return schemaError(schemaFaults(has))
}

// shownFaults is the maximum number of faults in an error.
const shownFaults = 5

func schemaError(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	text := strings.Join(faults[:min(len(faults), shownFaults)], "; ")
	if more := len(faults) - shownFaults; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return alteredError{hint.Wrap(errors.New("its schema was altered: "+text), alteredAdvice)}
}

// alteredAdvice is the hint for an altered archive.
const alteredAdvice = "keep a copy of the file as evidence, then restore a backup that verifies"

// checkOldObjects returns an error for objects that no version of the schema has: a
// migration would run their triggers. The complete schema is checked after the migration.
func checkOldObjects(ctx context.Context, q querier) error {
	has, err := readObjects(ctx, q)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, o := range append(expectedSchema(), allowedObjects()...) {
		known[o.Type+" "+o.Name] = true
	}
	var faults []string
	for _, o := range has {
		virtual := strings.HasPrefix(strings.ToUpper(strings.TrimSpace(o.SQL)), "CREATE VIRTUAL")
		if !known[o.Type+" "+o.Name] || virtual && o.Name != "trigrams" {
			faults = append(faults, fmt.Sprintf("%s %q on %q does not belong to cocsync", o.Type, o.Name, o.Table))
		}
	}
	slices.Sort(faults)
	return schemaError(faults)
}

// checkSchema is CheckSchema within the transaction.
func (t tx) checkSchema() error { return checkObjects(t.ctx, t.sql) }

// checkSchemaOnce checks the schema if its version has changed since the last check. The
// connection reloads the schema, with its triggers, only when this number changes.
func (t tx) checkSchemaOnce() error {
	var cookie int64
	if err := t.row(`SELECT schema_version FROM pragma_schema_version`).Scan(&cookie); err != nil {
		return err
	}
	if t.s.cookie != nil && *t.s.cookie == cookie {
		return nil
	}
	if err := t.checkSchema(); err != nil {
		return err
	}
	t.s.cookie = &cookie
	return nil
}

// sortObjects sorts objects as in migrations.Schema.
func sortObjects(list []Object) {
	slices.SortFunc(list, func(a, b Object) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
}
