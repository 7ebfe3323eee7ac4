//go:build unix

package config

import (
	"path/filepath"
	"syscall"
	"testing"
)

// Opening a pipe waits for a writer forever: a secret is not read from one.
func TestSecretIsNotReadFromPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := (Secret{"file:" + pipe}).Value(); got != "" || err == nil {
		t.Errorf("Value() of a pipe = %q, %v, want an error", got, err)
	}
}
