package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/hint"
	"cocsync/migrations"
)

// Object is a row of sqlite_schema: a table, an index, a view or a trigger, with the SQL
// that creates it.
type Object struct{ Type, Name, Table, SQL string }

// readObjects reads the schema, about ninety rows in any archive.
func readObjects(ctx context.Context, q preparer) ([]Object, error) {
	r := reader{ctx: ctx, on: &session{on: q}}
	defer r.on.close()
	return collect[Object](r, `SELECT coalesce(type, ''), coalesce(name, ''), coalesce(tbl_name, ''), coalesce(sql, '') FROM sqlite_schema`)
}

// key identifies the object.
func (o Object) key() string { return o.Type + " " + strconv.Quote(o.Name) }

// foreign describes an object that cocsync's schema does not have.
func (o Object) foreign() string {
	return fmt.Sprintf("%s on %q does not belong to cocsync", o.key(), o.Table)
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
	missing := map[string]Object{} // of the expected schema
	for _, o := range expectedSchema() {
		missing[o.key()] = o
	}
	for _, o := range has {
		expected, ok := missing[o.key()]
		delete(missing, o.key())
		switch {
		case ok && expected != o:
			faults = append(faults, o.key()+" differs from cocsync's definition")
		case !ok && !slices.Contains(allowedObjects(), o):
			faults = append(faults, o.foreign())
		}
	}
	for key := range missing {
		faults = append(faults, key+" is missing")
	}
	slices.Sort(faults)
	return faults
}

// SchemaFaults returns the differences from the expected schema, one line each.
func (d *DB) SchemaFaults(ctx context.Context) (_ []string, err error) {
	defer wrap(&err, "schema")
	has, err := readObjects(ctx, d.pool)
	return schemaFaults(has), err
}

// checkObjects returns ErrAltered with the names of the objects if the schema differs from
// the expected one: triggers and views could drop, alter or forge data.
func checkObjects(ctx context.Context, q preparer) error {
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
func checkOldObjects(ctx context.Context, q preparer) error {
	has, err := readObjects(ctx, q)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, o := range append(expectedSchema(), allowedObjects()...) {
		known[o.key()] = true
	}
	var faults []string
	for _, o := range has {
		virtual := strings.HasPrefix(strings.ToUpper(strings.TrimSpace(o.SQL)), "CREATE VIRTUAL")
		if !known[o.key()] || virtual && o.Name != "trigrams" {
			faults = append(faults, o.foreign())
		}
	}
	slices.Sort(faults)
	return schemaError(faults)
}

// checkSchemaOnce checks the schema if its version has changed since the last check. The
// connection reloads the schema, with its triggers, only when this number changes.
func (t *tx) checkSchemaOnce() {
	cookie, _ := get[int64](t, `SELECT schema_version FROM pragma_schema_version`)
	if t.err == nil && (t.s.cookie == nil || *t.s.cookie != cookie) {
		if t.fail(checkObjects(t.ctx, t.raw)); t.err == nil {
			t.s.cookie = &cookie
		}
	}
}

// dataVersion is a number that is another one after another connection has written the database:
// https://www.sqlite.org/pragma.html#pragma_data_version.
const dataVersion = `SELECT data_version FROM pragma_data_version`

func (s *store) dataVersion(ctx context.Context) (version int64, err error) {
	err = s.write.QueryRowContext(ctx, dataVersion).Scan(&version)
	return version, explain(err)
}
