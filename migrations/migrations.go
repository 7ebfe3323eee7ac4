// Package migrations holds the archive's schema as numbered SQL files. They
// run one way only, and a file that was released never changes.
package migrations

import "embed"

// Files are the migrations, NNNN_name.sql.
//
//go:embed *.sql
var Files embed.FS
