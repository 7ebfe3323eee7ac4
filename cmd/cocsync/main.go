// Command cocsync archives the version history of Huawei Cloud COC custom jobs, reports
// changes, and runs queries offline.
//
// Each command has its own file; app.go has what they share.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

func main() {
	limitMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills the process
	os.Exit(report(errorWriter(os.Stderr), run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)))
}

// limitMemory configures the garbage collector, unless the environment does. The heap is
// small and most objects are short-lived: collecting less often saves more than 10% of the CPU
// time of a first sync and takes 20 MB more.
func limitMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(250)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// memoryLimit is the memory use above which the heap is collected more often. 10,000
// documents stay far below it. The longest list that fetch accepts, 64 MiB of names,
// takes under 150 MB with this limit and 200 MB without it.
const memoryLimit = 96 << 20

// run runs the program, so that tests can call it with buffers.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	return (&app{stdin: stdin, out: stdout, err: stderr, now: time.Now}).run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) error {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if isFlagError(err) {
		err = root.FlagErrorFunc()(root, err)
	}
	return errors.Join(err, a.close())
}

// Exit statuses. diff --exit-code has its own: 0 same, 1 different, 2 failure.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitAltered = 3 // the archive does not verify, or its head file is missing; another attempt does not fix that
	exitLost    = 4 // it verifies, and a restore lost records of a checkpoint
)

// exitError is an error with an exit status. If err is nil, nothing is printed.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage marks err as an error of the command line.
func usage(err error) error { return &exitError{exitUsage, err} }

// report prints an error and its hint, and returns the exit status. Only report prints
// errors.
func report(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	status := exitFailed
	var exit *exitError
	switch {
	case errors.Is(err, query.ErrAltered), errors.Is(err, db.ErrNoHead):
		status = exitAltered
	case errors.As(err, &exit):
		status = exit.status
	case errors.Is(err, query.ErrBadQuery):
		status = exitUsage
	}
	what := strings.TrimSpace(err.Error())
	if strings.HasSuffix(what, context.Canceled.Error()) {
		what = "interrupted"
	}
	if what != "" {
		for line := range strings.SplitSeq(what, "\n") {
			// A config fault includes its hint.
			fmt.Fprintln(w, "cocsync:", text.Visible(strings.TrimSpace(line)))
		}
	}
	if h := hint.Of(err); h != "" {
		for _, line := range strings.Split(h, "\n") {
			fmt.Fprintln(w, "cocsync: hint:", text.Visible(line))
		}
	}
	return status
}
