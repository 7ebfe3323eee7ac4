//go:build unix

package main

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// With a named pipe as head file, sync blocked before the first cycle; with one as lock
// file, status and healthcheck blocked. None of them reported it.
func TestPipesNextToTheArchive(t *testing.T) {
	for end, commands := range map[string]map[string]string{ // with part of the output
		".head": {"status": "All is well.", "healthcheck": ""},
		".lock": {"status": "cocsync.db.lock is not a regular file", "healthcheck": ""},
	} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			w := newHealthWorld(t)
			good(w, 0)
			pipe := filepath.Join(w.dir, "cocsync.db"+end)
			_ = syscall.Unlink(pipe) // there is no head file yet
			must(t, syscall.Mkfifo(pipe, 0o600))
			for command, want := range commands {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := w.command("-c", w.config, command)
				defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
				if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
					t.Errorf("%s with a pipe for the file %s: %v (%v), and it says %q, want %q", command, end, err, ctx.Err(), out, want)
				}
			}
		})
	}
}
