//go:build !unix

package config

import "io/fs"

// private holds every file to be private: on Windows lists of access say who may read
// it, a mode does not, and what lies in somebody's folder is theirs by default.
func private(fs.FileMode) bool { return true }

// writableByOthers holds no file to be writable by others, as private does.
func writableByOthers(fs.FileMode) bool { return false }

// readableByOthers holds no file to be readable by others, as private does.
func readableByOthers(fs.FileMode) bool { return false }
