package db

import (
	"io/fs"
	"syscall"
)

// mayRead returns nil: opening the file reports the error.
func mayRead(string) error { return nil }

// mayWrite returns nil: writing the file reports the error.
func mayWrite(string) error { return nil }

// noFollow is not available: a symbolic link is only found before the file is opened. Only
// administrators may create one.
const noFollow = 0

// linksOf returns 1: only a user who may write a file can make a hard link to it.
func linksOf(fs.FileInfo) int { return 1 }

// links returns the number of hard links of a file. Closing the handle releases no locks: on
// Windows SQLite's locks belong to its own handle.
func links(path string) (int, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	h, err := syscall.CreateFile(name, 0, syscall.FILE_SHARE_READ|syscall.FILE_SHARE_WRITE|syscall.FILE_SHARE_DELETE,
		nil, syscall.OPEN_EXISTING, syscall.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return 0, err
	}
	defer syscall.CloseHandle(h)
	var info syscall.ByHandleFileInformation
	err = syscall.GetFileInformationByHandle(h, &info)
	return int(info.NumberOfLinks), err
}

// takeOwner does nothing: files have no such owners.
func takeOwner(string, string) error { return nil }

// holderFile returns the file that describes the process with the lock. It is not the lock
// file, because on Windows other processes cannot read a locked file.
func holderFile(lock string) string { return lock + ".txt" }
