package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cocsync/internal/hint"
)

// fileID returns the ID of a file as in JOURNAL_STREAM.
func fileID(t *testing.T, f *os.File) string {
	t.Helper()
	var stat syscall.Stat_t
	must(t, syscall.Fstat(int(f.Fd()), &stat))
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// Only output to the journal has its format.
func TestToJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	defer f.Close()
	t.Setenv("JOURNAL_STREAM", "1:2")
	if toJournal(f) {
		t.Error("a file is taken for the journal")
	}
	t.Setenv("JOURNAL_STREAM", fileID(t, f))
	if !toJournal(f) || toJournal(&strings.Builder{}) {
		t.Error("the journal is not detected")
	}
}

// A fatal error has the priority of an error in the journal.
func TestFaultsInTheJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	report(faults(f), hint.Wrap(errors.New("broken"), "fix it"))
	t.Setenv("JOURNAL_STREAM", fileID(t, f))
	report(faults(f), hint.Wrap(errors.New("broken"), "fix it"))
	const want = "cocsync: broken\ncocsync: hint: fix it\n<3>cocsync: broken\n<3>cocsync: hint: fix it\n"
	if got, err := os.ReadFile(path); string(got) != want || err != nil {
		t.Errorf("it says %q, %v, want %q", got, err, want)
	}
}
