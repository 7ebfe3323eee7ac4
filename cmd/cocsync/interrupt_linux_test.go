package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A costly pattern on one long line could not be stopped: grep searched for minutes after
// Ctrl-C. The limit is processor time, to be independent of the machine's load; the whole
// search takes over 200 s of it.
func TestInterruptStopsACostlySearch(t *testing.T) {
	path := longLine(t)
	program, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), program, "--db", path, "grep", `(?:.?){1000}\x00`)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var before time.Duration
	for before < time.Second { // opening takes far less, so it searches now
		select {
		case err := <-ended:
			t.Fatalf("grep ended without a signal: %v\n%s", err, &stderr)
		default:
		}
		before = processorTime(t, cmd.Process.Pid)
	}
	must(t, cmd.Process.Signal(os.Interrupt))
	err = <-ended
	spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() - before
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("grep = %v, want exit status 1 and the reason:\n%s", err, &stderr)
	}
	if spent > 500*time.Millisecond {
		t.Errorf("grep used %v of processor time after Ctrl-C, want at most 500ms", spent)
	}
	t.Logf("%v of processor time after Ctrl-C", spent)
}

// processorTime returns the processor time of a process, in steps of 10 ms.
func processorTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
	var ticks int
	for _, field := range fields[11:13] { // utime and stime: proc_pid_stat(5)
		n, err := strconv.Atoi(field)
		must(t, err)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// longLine creates an archive with one document that has one line of 4 MB.
func longLine(t testing.TB) string {
	t.Helper()
	d, path := newArchive(t)
	step := plainStep("long-line", 1)
	step.Versions[0].Revision.Content.Bytes = bytes.Repeat([]byte("a"), 4<<20)
	must(t, d.Commit(t.Context(), step))
	must(t, d.Close())
	return path
}
