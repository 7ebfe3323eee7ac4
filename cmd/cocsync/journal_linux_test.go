package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"testing"
)

// Errors have a priority in the journal, and only there.
func TestFaultsInTheJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	var stat syscall.Stat_t
	must(t, syscall.Fstat(int(f.Fd()), &stat))
	for _, stream := range []string{"", "1:2", "x", fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)} {
		cmd := program(t, "web", "--listen", "192.0.2.1:80")
		cmd.Env = append(cmd.Env, "JOURNAL_STREAM="+stream)
		cmd.Stderr = f
		if err := cmd.Run(); err == nil {
			t.Fatal("web listens on an address that is not loopback")
		}
	}
	got, err := os.ReadFile(path)
	must(t, err)
	prefixes := regexp.MustCompile(`(?m)^(<\d>)?cocsync: (hint: )?`).FindAllString(string(got), -1)
	plain := []string{"cocsync: ", "cocsync: hint: "}
	want := slices.Concat(plain, plain, plain, []string{"<3>cocsync: ", "<3>cocsync: hint: "})
	if !slices.Equal(prefixes, want) {
		t.Errorf("the lines start with %q, want %q", prefixes, want)
	}
}
