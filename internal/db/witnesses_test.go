package db

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/witness"
)

// Witnesses get the newest signed heads, after the head file has them. They get none while the head
// file cannot be written, or the key is missing.
func TestSubmissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Account(t.Context(), "prod", "https://coc.example", false); err != nil {
		t.Fatal(err)
	}
	heads := func(d *DB) []witness.Submission {
		t.Helper()
		list, err := d.Submissions(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	list := heads(d)
	if len(list) != 1 {
		t.Fatalf("Submissions = %+v, want one", list)
	}
	if c, err := audit.Open(list[0].Note, d.PublicKey()); err != nil || c != list[0].Head || list[0].Name != "prod" {
		t.Errorf("the head is %+v of %q, signed %+v, %v", list[0].Head, list[0].Name, c, err)
	}
	file, err := os.ReadFile(HeadFile(path))
	if err != nil || !bytes.Contains(file, []byte(list[0].Head.Root.String())) {
		t.Errorf("the head file does not have the head: %s, %v", file, err)
	}
	if err := os.Mkdir(HeadFile(path)+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	block := filepath.Join(HeadFile(path)+".new", "x")
	if err := os.WriteFile(block, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Account(t.Context(), "test", "https://coc.example", false); err != nil {
		t.Fatal(err)
	}
	if list := heads(d); len(list) > 0 {
		t.Errorf("without a head file: %+v", list)
	}
	if err := os.RemoveAll(HeadFile(path) + ".new"); err != nil {
		t.Fatal(err)
	}
	if list := heads(d); len(list) != 2 {
		t.Errorf("with a head file again: %+v, want two", list)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(KeyFile(path), KeyFile(path)+".away"); err != nil {
		t.Fatal(err)
	}
	if d, err = Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if list := heads(d); len(list) > 0 {
		t.Errorf("without the key: %+v", list)
	}
}

// The state of a witness that is no longer configured is removed.
func TestConfigureWitnesses(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Account(t.Context(), "prod", "https://coc.example", false); err != nil {
		t.Fatal(err)
	}
	key, err := audit.ParseWitnessKey("witness.example.com/w1+1893279e+BJkuhQT3Fe0ipHhvWhlmOqybDOTPv7buEPyXVg1x/nQT")
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.Submissions(t.Context(), key.String())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := witness.Progress{Size: 3, TriedAt: at, Failure: witness.Unknown, Error: "HTTP 404", Since: at}
	a := witness.Attempt{Witness: witness.Witness{URL: "https://w.example", Key: key}, Submission: list[0]}
	a.Progress = want
	for range 2 { // the second replaces the first
		if err := d.Attempted(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		configured []string
		want       int
	}{{[]string{key.String(), "another"}, 1}, {nil, 0}} {
		if err := d.ConfigureWitnesses(t.Context(), tt.configured); err != nil {
			t.Fatal(err)
		}
		logs, err := d.WitnessLogs(t.Context())
		if err != nil || len(logs) != tt.want {
			t.Errorf("with %q: %+v, %v, want %d", tt.configured, logs, err, tt.want)
		}
		if len(logs) > 0 && (logs[0].Progress != want || logs[0].Witness != key.String() || logs[0].Cosigned != 0) {
			t.Errorf("the state is %+v, want %+v", logs[0], want)
		}
	}
}
