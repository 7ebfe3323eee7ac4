package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"cocsync/internal/text"
)

// terminal opens a pseudo-terminal with that many columns. The function returns the text
// written to tty; call it after closing tty.
func terminal(t *testing.T, columns uint16) (tty *os.File, read func() string) {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI needs a pseudo-terminal:", err)
		}
		t.Skip("no pseudo-terminal:", err)
	}
	t.Cleanup(func() { ptmx.Close() })
	must(t, unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(ptmx.Fd()), unix.TIOCGPTN)
	must(t, err)
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	must(t, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	all := make(chan string)
	go func() {
		var b bytes.Buffer
		_, _ = io.Copy(&b, ptmx) // ends with EIO when the last tty is closed
		all <- strings.ReplaceAll(b.String(), "\r\n", "\n")
	}()
	return tty, func() string {
		must(t, tty.Close())
		return <-all
	}
}

// onTerminal runs the program with its output on a terminal.
func onTerminal(t *testing.T, columns uint16, archive string, args ...string) string {
	t.Helper()
	tty, read := terminal(t, columns)
	var stderr bytes.Buffer
	if err := run(t.Context(), append([]string{"--db", archive}, args...), strings.NewReader(""), tty, &stderr); err != nil {
		t.Errorf("%q = %v", args, err)
	}
	return read()
}

// On a terminal, even one without a known width, control characters of a content are made
// visible; in a pipe the content is exact.
func TestContentOnATerminalAndInAPipe(t *testing.T) {
	archive := fixture(t)
	t.Setenv("PAGER", "cat")
	t.Setenv("TERM", "xterm")
	for _, columns := range []uint16{80, 0} {
		want := "a: ^[]0;owned^G^M\nb: <U+202E>1\tx"
		if got := onTerminal(t, columns, archive, "show", "DM-evil", "--color", "never"); strings.ReplaceAll(got, "       ",
			"\t") != want && got != want {
			t.Errorf("show on a terminal of %d columns = %q, want %q", columns, got, want)
		}
		for _, args := range [][]string{{"diff", "DM-evil"}, {"log", "DM-evil", "-p"}, {"list"},
			{"show", "DM-evil", "--meta"}, {"notify", "list"}, {"status"}, {"list", "-o", "json"}} {
			got := onTerminal(t, columns, archive, append(args, "--color", "never")...)
			if i := strings.IndexFunc(got, func(r rune) bool { return text.Hidden(r) && r != '\n' && r != '\t' }); i >= 0 {
				t.Errorf("%q on a terminal of %d columns writes %q", args, columns, got[i:])
			}
		}
	}
	if got, _, _ := ask(t, archive, "show", "DM-evil"); got != "a: \x1b]0;owned\x07\r\nb: \u202e1\tx" {
		t.Errorf("show in a pipe = %q, want the bytes", got)
	}
	if got, _, _ := ask(t, archive, "diff", "DM-evil"); !strings.Contains(got, "+a: \x1b]0;owned\x07\r\n+b: \u202e1\tx\n\\ No newline") {
		t.Errorf("diff in a pipe = %q, want the bytes", got)
	}
}

func TestColorModes(t *testing.T) {
	archive := fixture(t)
	t.Setenv("PAGER", "cat")
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	args := []string{"diff", "DM-restart@v1..v2"}
	if got := onTerminal(t, 80, archive, args...); !strings.Contains(got,
		"\x1b[31m-    inputs: {service: ECS, timeout: \x1b[0m\x1b[7;31m30\x1b[0m") {
		t.Errorf("diff on a terminal = %q, want colors", got)
	}
	if got, _, _ := ask(t, archive, args...); strings.Contains(got, "\x1b") {
		t.Errorf("diff in a pipe = %q, want no colors", got)
	}
	if got, _, _ := ask(t, archive, append(args, "--color", "always")...); !strings.Contains(got, "\x1b[31m") {
		t.Errorf("diff --color always in a pipe = %q, want colors", got)
	}
	t.Setenv("NO_COLOR", "1")
	if got := onTerminal(t, 80, archive, args...); strings.Contains(got, "\x1b") {
		t.Errorf("diff on a terminal with NO_COLOR = %q, want no colors", got)
	}
}

func TestListIsCutToTheTerminal(t *testing.T) {
	archive := fixture(t)
	t.Setenv("PAGER", "cat")
	t.Setenv("NO_COLOR", "1")
	got := onTerminal(t, 90, archive, "list")
	if !strings.Contains(got, "…") {
		t.Errorf("list on 90 columns cut nothing:\n%s", got)
	}
	for line := range strings.Lines(got) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 90 {
			t.Errorf("list on 90 columns wrote %d: %q", n, line)
		}
	}
}

// On a terminal the text goes to the pager, except for JSON, a missing pager and an empty
// $PAGER. A pager that ends early is not a failure.
func TestPager(t *testing.T) {
	archive := fixture(t)
	t.Setenv("NO_COLOR", "1")
	pager := filepath.Join(t.TempDir(), "pager")
	must(t, os.WriteFile(pager, []byte("#!/bin/sh\nsed 's/^/> /'\n"), 0o700))
	interpreter := filepath.Join(t.TempDir(), "pager")
	must(t, os.WriteFile(interpreter, []byte("#!/no/such/shell\n"), 0o700))
	for _, tt := range []struct {
		pager string
		args  []string
		want  string
	}{
		{pager, []string{"show", "old-job"}, "> old: 1\n"},
		{pager, []string{"list", "--name", "x", "-o", "json"}, "[]\n"},
		{"", []string{"show", "old-job"}, "old: 1\n"},
		{"/no/such/pager -X", []string{"show", "old-job"}, "old: 1\n"},
		{"true", []string{"show", "old-job"}, ""},
		// As in git, a value with special characters is run by the shell.
		{"sed 's/^/> > /'", []string{"show", "old-job"}, "> > old: 1\n"},
		{"cat | tr a-z A-Z", []string{"show", "old-job"}, "OLD: 1\n"},
		{"X=+ sh -c 'sed s/^/$X/'", []string{"show", "old-job"}, "+old: 1\n"},
		// If the pager cannot be run, the text is written without it.
		{"cat | no-such-pager", []string{"show", "old-job"}, "old: 1\n"},
		{"/ '-R'", []string{"show", "old-job"}, "old: 1\n"},
		{interpreter, []string{"show", "old-job"}, "old: 1\n"},
	} {
		t.Setenv("PAGER", tt.pager)
		if got := onTerminal(t, 80, archive, tt.args...); got != tt.want {
			t.Errorf("PAGER=%q %q = %q, want %q", tt.pager, tt.args, got, tt.want)
		}
	}
	tool(t, "less")
	t.Setenv("TERM", "xterm")
	t.Setenv("PAGER", "less")
	t.Setenv("LESS", "")
	if got := onTerminal(t, 80, archive, "show", "old-job"); !strings.Contains(got, "old: 1") {
		t.Errorf("PAGER=less = %q, want the text, and an end", got)
	}
}
