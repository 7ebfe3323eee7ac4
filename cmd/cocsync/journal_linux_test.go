package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fileID is how JOURNAL_STREAM names a file.
func fileID(t *testing.T, f *os.File) string {
	t.Helper()
	var stat syscall.Stat_t
	must(t, syscall.Fstat(int(f.Fd()), &stat))
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// Only what goes to the journal is written for it.
func TestToJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	defer f.Close()
	t.Setenv("JOURNAL_STREAM", "1:2")
	if toJournal(f) {
		t.Error("a file is held to be the journal")
	}
	t.Setenv("JOURNAL_STREAM", fileID(t, f))
	if !toJournal(f) || toJournal(&strings.Builder{}) {
		t.Error("the journal is not known")
	}
}
