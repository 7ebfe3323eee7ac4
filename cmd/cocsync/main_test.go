package main

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// asProgram makes the test binary run as cocsync, so that tests can start and kill real
// processes.
const asProgram = "COCSYNC_TEST_AS_PROGRAM"

// asOf is the fixed time of that program's clock; without it the clock runs.
const asOf = "COCSYNC_TEST_NOW"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		if at, err := time.Parse(time.RFC3339, os.Getenv(asOf)); err == nil {
			a := &app{stdin: os.Stdin, out: os.Stdout, err: os.Stderr, now: func() time.Time { return at }}
			os.Exit(report(os.Stderr, a.run(context.Background(), os.Args[1:])))
		}
		if file := os.Getenv(clockFile); file != "" {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			context.AfterFunc(ctx, stop)
			a := &app{stdin: os.Stdin, out: os.Stdout, err: os.Stderr, now: func() time.Time { return time.Now().Add(clockOffset(file)) }}
			os.Exit(report(os.Stderr, a.run(ctx, os.Args[1:])))
		}
		if file := os.Getenv(peakFile); file != "" {
			limitMemory()
			status := report(os.Stderr, run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
			text, err := os.ReadFile("/proc/self/status")
			if err == nil {
				err = os.WriteFile(file, text, 0o600)
			}
			if err != nil {
				panic(err)
			}
			os.Exit(status)
		}
		main()
	}
	// Scripts mostly wait, for retries and for Slack's limit of one message per second, so
	// more of them run at once than there are processors.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"cocsync": main})
}

// clockFile names the file with the offset of that program's clock. It is read at each use
// of the clock, so the clock of a running process can be changed.
const clockFile = "COCSYNC_TEST_CLOCK"

func clockOffset(file string) time.Duration {
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		panic(err)
	}
	return d
}

// peakFile names the file to which that program copies /proc/self/status at its end. The
// peak reported by wait4 includes that of the parent process before exec.
const peakFile = "COCSYNC_TEST_PEAK"

// tool returns the path of a program that a test runs. If it is missing, the test is
// skipped; in CI it fails.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%s not found, and CI needs it: apt-get install %[1]s", name)
	}
	if err != nil {
		t.Skipf("%s not found", name)
	}
	return path
}

// program returns a command that runs cocsync in a separate process.
func program(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "NO_COLOR=1")
	return cmd
}
