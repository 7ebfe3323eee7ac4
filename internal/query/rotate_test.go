package query

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"cocsync/internal/audit"
	"cocsync/internal/db"
)

// keyFile returns the public key in the key file of an archive.
func keyFile(t *testing.T, path string) audit.PublicKey {
	t.Helper()
	k, err := audit.ReadKey(path + ".key")
	must(t, err)
	return k.Public()
}

// verifyWith verifies an archive with keys.
func verifyWith(t *testing.T, path string, keys []audit.PublicKey, external ...External) (Verdict, string) {
	t.Helper()
	a, err := Open(t.Context(), path)
	must(t, err)
	defer a.Close()
	v, err := a.Verify(t.Context(), Verification{Keys: keys, External: external}, nil)
	must(t, err)
	return v, strings.Join(v.Faults, "\n")
}

// A key is replaced by another: both keys sign the change, and the old one counts only up to it.
func TestRotatedKey(t *testing.T) {
	path, external := logged(t)
	old, err := audit.ReadKey(path + ".key")
	must(t, err)
	opened(t, path, func(d *db.DB) {
		must(t, d.RotateKey(t.Context(), "root@here", on(8)))
		must(t, d.Commit(t.Context(), version(7)))
	})
	if old.Public().Equal(keyFile(t, path)) {
		t.Fatal("the key file has the old key")
	}
	opened(t, path, func(d *db.DB) { must(t, d.Commit(t.Context(), version(8))) })
	for what, keys := range map[string][]audit.PublicKey{"no key": nil, "the new key": {keyFile(t, path)},
		"the old key": {old.Public()}, "both": {old.Public(), keyFile(t, path)}} {
		if v, faults := verifyWith(t, path, keys, external); faults != "" || len(v.External) != 1 ||
			v.Logs[0].Key != keyFile(t, path).Fingerprint() {
			t.Errorf("with %s Verify finds\n%s\nand %+v", what, faults, v)
		}
	}
	// What the old key signs later does not count.
	late := externals(t, path)[0]
	late.Note, err = old.Sign(audit.Checkpoint{Origin: late.Origin, Size: late.Size, Root: late.Root})
	must(t, err)
	if _, faults := verifyWith(t, path, nil, late); !strings.Contains(faults, "it is not signed by this key") {
		t.Errorf("with a later checkpoint of the old key Verify finds %q", faults)
	}
	d, err := db.OpenReader(t.Context(), path)
	must(t, err)
	a := archive(d)
	keys, err := a.Keys(t.Context())
	must(t, err)
	if len(keys) != 2 || keys[0] != old.Public().Verifier(late.Origin) || keys[1] != keyFile(t, path).Verifier(late.Origin) {
		t.Errorf("Keys = %q", keys)
	}
	if p, err := a.Prove(t.Context(), "key:1"); err != nil || !strings.Contains(string(p.Record), "new_key") {
		t.Errorf("Prove of the change = %q, %v", p.Record, err)
	}
	must(t, d.Close())
	for what, sql := range map[string]string{
		"the evidence is removed": `DELETE FROM checkpoints`,
		"the old key is lost":     `UPDATE key_changes SET lost = 1`,
		"another old key":         `UPDATE key_changes SET old_key = randomblob(32)`,
	} {
		other := copyOf(t, path)
		tamper(t, other, sql)
		if _, faults := verifyWith(t, other, nil); !strings.Contains(faults, "not both keys signed the change") &&
			!strings.Contains(faults, "the change of the key of account prod") {
			t.Errorf("%s: Verify finds %q", what, faults)
		}
	}
}

// A process that is killed while it replaces the key leaves the key that signed last.
func TestKilledWhileTheKeyIsReplaced(t *testing.T) {
	path, _ := logged(t)
	file := func(end string) []byte {
		b, err := os.ReadFile(path + end)
		must(t, err)
		return b
	}
	oldKey, oldHead, oldFile := file(".key"), file(".head"), file("")
	opened(t, path, func(d *db.DB) { must(t, d.RotateKey(t.Context(), "root@here", on(8))) })
	newKey, newFile := file(".key"), file("")
	for what, state := range map[string]struct{ key, next, head, file []byte }{
		"before the transaction":   {oldKey, newKey, oldHead, oldFile},
		"before the key file":      {oldKey, newKey, oldHead, newFile},
		"before the head file":     {newKey, nil, oldHead, newFile},
		"before it closed the key": {newKey, newKey, oldHead, newFile},
	} {
		for end, b := range map[string][]byte{".key": state.key, ".key.next": state.next, ".head": state.head, "": state.file} {
			must(t, os.WriteFile(path+end, b, 0o600))
			if b == nil {
				must(t, os.Remove(path+end))
			}
		}
		opened(t, path, func(d *db.DB) { must(t, d.Commit(t.Context(), version(7))) })
		if _, faults := verifyWith(t, path, []audit.PublicKey{keyFile(t, path)}); faults != "" {
			t.Errorf("killed %s: Verify finds\n%s", what, faults)
		}
		// The head file of the old key is not accepted once the new key signed more.
		if must(t, os.WriteFile(path+".head", oldHead, 0o600)); what != "before the transaction" {
			if d, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrAltered) {
				t.Errorf("killed %s: Open with the head file of the old key = %v, %v", what, d, err)
			}
		}
	}
}

// A lost key is replaced by one that the old key does not sign: verify has a note with both.
func TestLostKey(t *testing.T) {
	path, _ := logged(t)
	old := keyFile(t, path)
	must(t, os.Remove(path+".key"))
	opened(t, path, func(d *db.DB) {
		_, err := d.Account(t.Context(), "test", "https://coc.example", false)
		must(t, err)
		must(t, d.Commit(t.Context(), version(7)))
	})
	head, err := os.ReadFile(path + ".head")
	must(t, err)
	opened(t, path, func(d *db.DB) { must(t, d.Commit(t.Context(), version(8))) })
	newest, err := os.ReadFile(path + ".head")
	must(t, err)
	must(t, os.WriteFile(path+".head", head, 0o600))
	opened(t, path, func(d *db.DB) {
		if err := d.RotateKey(t.Context(), "root@here", on(9)); !errors.Is(err, db.ErrAltered) {
			t.Errorf("RotateKey of logs that do not end where the head file says = %v", err)
		}
	})
	must(t, os.WriteFile(path+".head", newest, 0o600))
	opened(t, path, func(d *db.DB) { must(t, d.RotateKey(t.Context(), "root@here", on(9))) })
	opened(t, path, func(d *db.DB) { must(t, d.Commit(t.Context(), version(9))) })
	v, faults := verifyWith(t, path, nil)
	if notes := strings.Join(v.Notes, "\n"); faults != "" || !strings.Contains(notes, old.Fingerprint()) ||
		!strings.Contains(notes, keyFile(t, path).Fingerprint()) {
		t.Errorf("Verify finds\n%s\nwith the notes\n%s", faults, notes)
	}
	if _, faults := verifyWith(t, path, []audit.PublicKey{keyFile(t, path)}); faults != "" {
		t.Errorf("with the new key Verify finds\n%s", faults)
	}
	if _, faults := verifyWith(t, path, []audit.PublicKey{old}); !strings.Contains(faults,
		"it is signed by the key "+keyFile(t, path).Fingerprint()) {
		t.Errorf("with the old key Verify finds %q", faults)
	}
}

// Fault: anyone who could write the folder and the database could replace the key by another one,
// which did not have to be signed by the first.
func TestPlantedKey(t *testing.T) {
	path, _ := logged(t)
	before, err := os.ReadFile(path + ".key")
	must(t, err)
	planted, err := audit.NewKey()
	must(t, err)
	must(t, planted.Write(path+".key.next"))
	head := externals(t, path)[0]
	both, err := planted.Sign(audit.Checkpoint{Origin: head.Origin, Size: head.Size, Root: head.Root})
	must(t, err)
	both = append(append([]byte{}, head.Note...), both[bytes.LastIndex(both, []byte("\n\n"))+2:]...)
	for _, sql := range []string{
		fmt.Sprintf(`UPDATE archive SET public_key = x'%x'`, []byte(planted.Public())),
		fmt.Sprintf(`UPDATE logs SET note = x'%x'`, both),
	} {
		tamper(t, path, sql)
		_, err = db.Open(t.Context(), path)
		if !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), "did not sign that") {
			t.Errorf("%.20s: Open = %v, want an ErrAltered", sql, err)
		}
	}
	if after, err := os.ReadFile(path + ".key"); err != nil || string(after) != string(before) {
		t.Errorf("the key was replaced: %v", err)
	}
}
