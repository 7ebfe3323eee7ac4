//go:build unix

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cocsync/internal/hint"
)

// A secret's file that others can write was accepted: they could replace the secret.
// One that they can read is no error, because a container mounts it with such a mode.
func TestSecretFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a secret")
	if err := os.WriteFile(path, []byte("s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{
		0o600: true, 0o400: true, 0o440: true, 0o444: true, 0o644: true, 0o711: true,
		0o620: false, 0o602: false, 0o660: false, 0o666: false, 0o622: false,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		got, err := (Secret{"file:" + path}).Value()
		if ok != (err == nil) || ok != (got == "s") {
			t.Errorf("Value() of a file of mode %o = %q, %v", mode, got, err)
		}
		if want := "chmod 600 '" + path + "'"; err != nil && !strings.Contains(hint.Of(err), want) {
			t.Errorf("the hint for mode %o is %q, want %s", mode, hint.Of(err), want)
		}
		fix, readable := ReadableByOthers(path)
		if want := mode&0o044 != 0; readable != want || readable != (fix == "chmod 600 '"+path+"'") {
			t.Errorf("ReadableByOthers of mode %o = %q, %v, want %v", mode, fix, readable, want)
		}
	}
	if fix, ok := ReadableByOthers(path + "none"); ok || fix != "" {
		t.Errorf("ReadableByOthers of no file = %q, %v", fix, ok)
	}
	if err := GuardedFile(path + "none"); err != nil {
		t.Errorf("GuardedFile of no file = %v", err)
	}
}

// Keys that others can write are an error. Keys, secrets and an archive that others
// can read are warnings with the command that changes the mode.
func TestFileModes(t *testing.T) {
	path := write(t, `[web]
key = "tls.key"
cert = "tls.crt"
token = "file:web"
`+minimal+`
[[webhook]]
name = "bus"
url = "https://example.com"
secret = "file:hook"
`)
	dir := filepath.Dir(path)
	files := map[string]os.FileMode{"tls.key": 0o644, "tls.crt": 0o644, "web": 0o444, "hook": 0o640, "cocsync.db": 0o644,
		"cocsync.db.key": 0o604}
	for name, mode := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(testKey(24)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	notes := fmt.Sprint(cfg.Warnings())
	for name := range files {
		want := fmt.Sprintf("others can read %s/%s\n  hint: run `chmod 600 %[1]s/%[2]s`", dir, name)
		if got := strings.Contains(notes, want); got != (name != "tls.crt") {
			t.Errorf("warning of %s: %v, in\n%s", name, got, notes)
		}
	}
	for _, name := range []string{"tls.key", "cocsync.db.key", "hook"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o620); err != nil {
			t.Fatal(err)
		}
		if problems := fmt.Sprint(cfg.CheckSecrets()); strings.Count(problems, "others can write "+dir+"/"+name) != 1 {
			t.Errorf("CheckSecrets with %s of mode 620:\n%s", name, problems)
		}
	}
}
