// Package verifier has the source of the program that verifies a bundle.
package verifier

import _ "embed"

// Source is the program: one file that needs only Go.
//
//go:embed verify/verifier.go
var Source []byte
