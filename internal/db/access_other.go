//go:build !unix

package db

// mayRead leaves it to the system to say so when the file is opened.
func mayRead(string) error { return nil }

// mayWrite holds every folder to be writable; where one is not, SQLite says so.
func mayWrite(string) bool { return true }
