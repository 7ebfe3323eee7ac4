package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// terminal reports whether the output is one. Its width may be unknown all the
// same.
func (a *app) terminal() bool {
	f, ok := a.out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (a *app) newPage(w io.Writer) *page {
	return &page{Writer: bufio.NewWriter(w), exact: !a.terminal(), color: a.colored(), width: a.width(), local: time.Local}
}

// print has write fill a page, and puts it out as it is.
func (a *app) print(write func(*page) error) error {
	p := a.newPage(a.out)
	return errors.Join(write(p), p.Flush())
}

// paged has write fill a page, and shows it in the pager on a terminal.
func (a *app) paged(write func(*page) error) error {
	cmd := a.pager()
	if cmd == nil {
		return a.print(write)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("pager: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return a.print(write)
	}
	// Ctrl-C is for the pager, which has the terminal. The program ends with it.
	signal.Ignore(os.Interrupt)
	defer signal.Reset(os.Interrupt)
	p := a.newPage(in)
	err = errors.Join(write(p), p.Flush(), in.Close())
	if errors.Is(err, syscall.EPIPE) {
		err = nil // the reader has seen enough
	}
	// How the pager ended is its own affair, unless there was none to end.
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); err == nil && (status == cannotRun || status == notFound) {
		return a.print(write)
	}
	return err
}

// The statuses by which a shell says that it ran no command.
const (
	cannotRun = 126
	notFound  = 127
)

// shellWords are what a shell gives a meaning to, but for spaces.
const shellWords = "|&;<>()$`\\\"'*?[]{}#~=%!\n"

// pager returns the command of $PAGER, or less; nil when the output is no
// terminal, none is wanted (PAGER is empty) or none is found. What is more than
// plain words is for the shell, as with git.
func (a *app) pager() *exec.Cmd {
	command, set := os.LookupEnv("PAGER")
	if !set {
		command = "less -FRX"
	}
	words := strings.Fields(command)
	if !a.terminal() || len(words) == 0 || os.Getenv("TERM") == "dumb" {
		return nil
	}
	if strings.ContainsAny(command, shellWords) {
		words = []string{"sh", "-c", command}
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		return nil
	}
	cmd := exec.Command(path, words[1:]...)
	cmd.Stdout, cmd.Stderr = a.out, a.err
	// As git does: PAGER=less shows colours and ends when all fits.
	if os.Getenv("LESS") == "" {
		cmd.Env = append(os.Environ(), "LESS=FRX")
	}
	return cmd
}
