//go:build !linux && !darwin && !freebsd

package db

// free is not implemented for this system.
func free(string) (bytes int64, ok bool) { return 0, false }
