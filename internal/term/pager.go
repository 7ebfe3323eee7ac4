package term

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

// Page shows the output of write in the pager on a terminal; elsewhere it writes it.
// write is called again if the pager cannot be run.
func (o Output) Page(write func(*Writer) error) error {
	cmd := o.pager()
	if cmd == nil {
		return o.Print(write)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("pager: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return o.Print(write)
	}
	// Ctrl-C is for the pager, which has the terminal. The program ends with it.
	signal.Ignore(os.Interrupt)
	defer signal.Reset(os.Interrupt)
	w := o.Writer(in)
	err = errors.Join(write(w), w.Flush(), in.Close())
	if errors.Is(err, syscall.EPIPE) {
		err = nil // the user closed the pager early
	}
	// The pager's status matters only if it means that there was no pager.
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); err == nil && (status == cannotRun || status == notFound) {
		return o.Print(write)
	}
	return err
}

// Exit statuses of a shell that ran no command.
const (
	cannotRun = 126
	notFound  = 127
)

// shellWords are characters with a meaning in a shell, except spaces.
const shellWords = "|&;<>()$`\\\"'*?[]{}#~=%!\n"

// pager returns the command of $PAGER, or less; nil if the output is not a terminal,
// PAGER is empty or the command is not found. As in git, a command that is more than
// plain words is run by the shell.
func (o Output) pager() *exec.Cmd {
	command, set := os.LookupEnv("PAGER")
	if !set {
		command = "less -FRX"
	}
	words := strings.Fields(command)
	if !IsTerminal(o.Out) || len(words) == 0 || os.Getenv("TERM") == "dumb" {
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
	cmd.Stdout, cmd.Stderr = o.Out, o.Err
	// As in git: PAGER=less shows colors and ends if everything fits.
	if os.Getenv("LESS") == "" {
		cmd.Env = append(os.Environ(), "LESS=FRX")
	}
	return cmd
}
