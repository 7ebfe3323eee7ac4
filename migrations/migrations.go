// Package migrations has the archive's schema as numbered SQL files. They run in one
// direction, and a released file never changes.
package migrations

import "embed"

// Files are the migrations, NNNN_name.sql.
//
//go:embed [0-9]*.sql
var Files embed.FS

// Schema is the result of all migrations: each object of sqlite_schema after a line
// "-- object TYPE NAME TABLE". It is generated: go test ./internal/db -run Schema
// -update.
//
//go:embed schema.sql
var Schema string
