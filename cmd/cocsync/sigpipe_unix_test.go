//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cocsync/internal/cocsim"
)

// readPipe opens a named pipe for reading, and returns its lines.
func readPipe(t *testing.T, path string, flags int) (*os.File, *bufio.Scanner) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDONLY|flags, 0)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f, bufio.NewScanner(f)
}

// scanTo reads lines until one contains a text.
func scanTo(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	t.Fatalf("no line contains %q: %v", text, lines.Err())
}

// SIGPIPE killed the daemon when the reader of its log ended, even if the parent ignored the
// signal. It continues, and logs again when there is a reader.
func TestDaemonContinuesWithoutLogReader(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "trap '' PIPE; "} {
		dir := t.TempDir()
		coc := cocsim.NewCOC(cocsim.COCOptions{})
		hits := &counting{Handler: coc}
		url, stop, err := cocsim.Listen(hits)
		must(t, err)
		t.Cleanup(stop)
		config, pipe := filepath.Join(dir, "config.toml"), filepath.Join(dir, "log")
		must(t, os.WriteFile(config, fmt.Appendf(nil,
			"[[account]]\nname = \"p\"\nendpoint = %q\naccess_key = \"ak\"\nsecret_key = \"sk\"\nrequests_per_second = 0\n"+
				"[[watch]]\nname = \"w\"\naccount = \"p\"\nschedule = \"@every 1s\"\nselect = { all = true }\n", url), 0o600))
		must(t, syscall.Mkfifo(pipe, 0o600))
		first, lines := readPipe(t, pipe, syscall.O_NONBLOCK) // otherwise opening blocks until there is a writer
		log, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		must(t, err)
		cmd := program(t, "-c", config, "run")
		cmd.Args = []string{"sh", "-c", before + `exec "$@"`, "sh", cmd.Path, "-c", config, "run"}
		cmd.Path, cmd.Stderr = tool(t, "sh"), log
		must(t, cmd.Start())
		must(t, log.Close())
		scanTo(t, lines, "cycle ended")
		must(t, first.Close())
		<-hits.after(3) // cycles whose log has no reader
		again, lines := readPipe(t, pipe, 0)
		scanTo(t, lines, "log lines lost")
		scanTo(t, lines, "cycle ended")
		must(t, cmd.Process.Signal(syscall.SIGTERM))
		scanTo(t, lines, "daemon stopped")
		if _, err := io.Copy(io.Discard, again); err != nil {
			t.Errorf("read the log: %v", err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%q: the daemon ended with %v", before, err)
		}
	}
}

// A short command ends silently when the reader of its output ends.
func TestShortCommandEndsWithItsReader(t *testing.T) {
	t.Parallel()
	cmd := program(t, "completion", "bash")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	read, write, err := os.Pipe()
	must(t, err)
	must(t, read.Close())
	cmd.Stdout = write
	err = cmd.Run()
	must(t, write.Close())
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGPIPE || stderr.Len() > 0 {
		t.Errorf("completion without a reader ends with %v and says %q, want SIGPIPE and nothing", err, &stderr)
	}
}
