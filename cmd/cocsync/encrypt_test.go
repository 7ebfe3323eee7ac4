package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An encrypted backup is opened by the stock age tool, and restored with the private key.
func TestEncryptedBackup(t *testing.T) {
	dir := t.TempDir()
	build := exec.Command(tool(t, "go"), "build", "-o", dir+string(filepath.Separator), "filippo.io/age/cmd/age",
		"filippo.io/age/cmd/age-keygen")
	build.Dir = filepath.Join("..", "..", "tools", "age")
	if out, err := build.CombinedOutput(); err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("build the age tool: %v\n%s", err, out)
	} else if err != nil {
		t.Skipf("the age tool cannot be built: %v", err)
	}
	key, archive := filepath.Join(dir, "key.txt"), fixture(t)
	must(t, exec.Command(filepath.Join(dir, "age-keygen"), "-o", key).Run())
	recipient, err := exec.Command(filepath.Join(dir, "age-keygen"), "-y", key).Output()
	must(t, err)
	sshKey := filepath.Join(dir, "id_ed25519")
	recipients := []string{strings.TrimSpace(string(recipient))}
	if _, err := exec.LookPath("ssh-keygen"); err == nil {
		must(t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", sshKey).Run())
		public, err := os.ReadFile(sshKey + ".pub")
		must(t, err)
		recipients = append(recipients, strings.TrimSpace(string(public)))
	}
	cocsync := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), args, strings.NewReader(""), &out, &out)
		return out.String(), err
	}
	file := filepath.Join(dir, "backup.db.age")
	args := []string{"--db", archive, "backup", file, "--verify-restore", "--identity", key}
	for _, r := range recipients {
		args = append(args, "--encrypt-to", r)
	}
	if out, err := cocsync(args...); err != nil || !strings.Contains(out, "verified, and encrypted, restored as a test") {
		t.Fatalf("backup: %v\n%s", err, out)
	}
	plain := filepath.Join(dir, "plain.db")
	must(t, exec.Command(filepath.Join(dir, "age"), "-d", "-i", key, "-o", plain, file).Run())
	if out, err := cocsync("--db", plain, "verify"); err != nil {
		t.Errorf("the decrypted file: %v\n%s", err, out)
	}
	for i, identity := range []string{key, sshKey}[:len(recipients)] {
		to := filepath.Join(t.TempDir(), "restored.db")
		if out, err := cocsync("--db", to, "restore", file, "--identity", identity); err != nil {
			t.Errorf("restore with key %d: %v\n%s", i, err, out)
		}
		if out, err := cocsync("--db", to, "verify"); err != nil {
			t.Errorf("restored with key %d: %v\n%s", i, err, out)
		}
	}
	// What cannot be decrypted, or was cut, leaves nothing.
	other := filepath.Join(dir, "other.txt")
	must(t, exec.Command(filepath.Join(dir, "age-keygen"), "-o", other).Run())
	content, err := os.ReadFile(file)
	must(t, err)
	cut := filepath.Join(dir, "cut.db.age")
	must(t, os.WriteFile(cut, content[:len(content)-100], 0o600))
	for _, tt := range []struct{ file, identity, want string }{
		{file, "", "is encrypted"},
		{file, other, "did not match any"},
		{file, archive, "neither a file of age-keygen nor an SSH key"},
		{cut, key, "decrypt"},
	} {
		to := filepath.Join(t.TempDir(), "restored.db")
		args := []string{"--db", to, "restore", tt.file}
		if tt.identity != "" {
			args = append(args, "--identity", tt.identity)
		}
		out, err := cocsync(args...)
		if err == nil || !strings.Contains(out+err.Error(), tt.want) {
			t.Errorf("%v: %v\n%s, want %q", args, err, out, tt.want)
		}
		if left, _ := filepath.Glob(to + "*"); len(left) > 0 && !strings.HasSuffix(left[0], ".lock") {
			t.Errorf("%v left %q", args, left)
		}
	}
	if _, err := cocsync("--db", archive, "backup", filepath.Join(dir, "x"), "--encrypt-to", "age1wrong"); err == nil {
		t.Error("a wrong recipient was accepted")
	}
}
