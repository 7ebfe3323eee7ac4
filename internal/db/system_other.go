//go:build !unix

package db

// mayRead leaves it to the system to say so when the file is opened.
func mayRead(string) error { return nil }

// mayWrite holds every folder to be writable; where one is not, SQLite says so.
func mayWrite(string) bool { return true }

// holderFile is where the process that has the lock says who it is. Windows lets nobody
// else read what is locked, so it stands beside the lock.
func holderFile(lock string) string { return lock + ".txt" }
