// Command cocsync keeps the whole version history of Huawei Cloud COC custom
// jobs, tells what changed, and answers questions about it offline.
//
// One file a command; what they share is in app.go.
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

	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

func main() {
	limitMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills at once
	os.Exit(report(faults(os.Stderr), run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)))
}

// limitMemory sets the garbage collector, unless the environment does. The work is bursts
// of short-lived parsing over a small heap: collecting half as often saves a tenth of the
// CPU for ten megabytes.
func limitMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// memoryLimit is how much the heap takes before it is collected more often. 10,000
// documents stay far below it; the longest list that fetch accepts, 64 MiB of names,
// stays under 150 MB with it and takes 200 MB without.
const memoryLimit = 96 << 20

// run is the whole program, so that tests can run it with buffers.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	return (&app{stdin: stdin, out: stdout, err: stderr, now: time.Now}).run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) error {
	root := a.root(args...)
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

// Exit statuses. diff --exit-code has its own: 0 same, 1 different, 2 trouble.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitAltered = 3 // the archive does not verify, which no other try fixes
)

// exitError carries an exit status of its own; a nil error says nothing more.
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

// usage marks an error of the command line.
func usage(err error) error { return &exitError{exitUsage, err} }

// report alone prints errors: what went wrong and why, then how to fix it. It
// returns the exit status.
func report(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	status := exitFailed
	var exit *exitError
	switch {
	case errors.Is(err, query.ErrAltered):
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
			// A fault of the config brings its hint along.
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
