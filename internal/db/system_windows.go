package db

import "syscall"

// mayRead leaves it to the system to say so when the file is opened.
func mayRead(string) error { return nil }

// mayWrite leaves it to the system to say so when the file is written.
func mayWrite(string) error { return nil }

// links is how many names a file has. Closing the handle releases no lock: on Windows
// SQLite's locks belong to its own handle.
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

// holderFile is where the process that has the lock says who it is. On Windows no
// other process can read a locked file, so it is next to the lock.
func holderFile(lock string) string { return lock + ".txt" }

// syncFolder does nothing: Windows syncs no folders.
func syncFolder(string) error { return nil }
