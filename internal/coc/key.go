package coc

import "cmp"

// Key identifies a row of an account in the archive: each account counts its documents,
// versions and changes from 1. The zero Key is none.
type Key struct{ Account, ID int64 }

// IsZero reports whether the key is none.
func (k Key) IsZero() bool { return k == Key{} }

// Compare orders keys by account, then by id.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Account, other.Account), cmp.Compare(k.ID, other.ID))
}
