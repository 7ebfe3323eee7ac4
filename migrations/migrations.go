// Package migrations holds the archive's schema as numbered SQL files. They
// run one way only, and a file that was released never changes.
package migrations

import "embed"

// Files are the migrations, NNNN_name.sql.
//
//go:embed [0-9]*.sql
var Files embed.FS

// Schema is what all migrations together make: each object of sqlite_schema after a line
// "-- object TYPE NAME TABLE". It is generated: go test ./internal/db -run Schema -update.
//
//go:embed schema.sql
var Schema string
