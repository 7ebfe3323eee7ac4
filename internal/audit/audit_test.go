package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A parsed record equals the encoded one for any values, and no other text parses.
func TestRecord(t *testing.T) {
	var absent *string
	r := NewRecord(TypeState, "name", "a\nname 3:b\n\x00\xff", "empty", "", "left_out", NotEmpty(""), "absent", absent, "null", nil,
		"no", false, "yes", true, "never", time.Time{}, "sha256", []byte{0xab, 0x01})
	r.Add("n", -12)
	text := r.Encode()
	if want := "state\nname 13:a\nname 3:b\n\x00\xff\nempty 0:\nyes 1:1\nsha256 4:ab01\nn 3:-12\n"; string(text) != want {
		t.Errorf("Encode = %q, want %q", text, want)
	}
	back, err := ParseRecord(text)
	if err != nil || !bytes.Equal(back.Encode(), text) || back.Get("name") != r.Get("name") {
		t.Errorf("ParseRecord = %+v, %v", back, err)
	}
	for _, bad := range []string{"", "state", "State\n", "state\nname 3:ab\n", "state\nname 03:abc\n", "state\nname 3:abc", "state\nname:abc\n",
		"state\nname -1:\n", "state\nNAME 1:a\n", "state\nname 1:ab\n", "state\n\n", "state\nname 99999999999999999999:a\n"} {
		if r, err := ParseRecord([]byte(bad)); err == nil {
			t.Errorf("ParseRecord(%q) = %+v, want an error", bad, r)
		}
	}
}

// The edge has the same roots as the whole tree, also after Marshal, and each leaf can
// be proved in each tree.
func TestEdgeAndProofs(t *testing.T) {
	var e Edge
	var leaves Leaves
	for n := range int64(70) {
		h := LeafHash(fmt.Appendf(nil, "record %d", n))
		e.Add(h)
		leaves = append(leaves, h)
		want, err := tlog.TreeHash(n+1, leaves)
		if err != nil || e.Root() != want || rootOf(t, leaves, n+1) != want {
			t.Fatalf("root of %d leaves = %v, want %v, %v", n+1, e.Root(), want, err)
		}
		if e, err = UnmarshalEdge(e.Size, e.Marshal()); err != nil {
			t.Fatal(err)
		}
		for i := range n + 1 {
			p, err := leaves.ProveRecord(n+1, i)
			if err != nil || tlog.CheckRecord(p, n+1, want, i, leaves[i]) != nil {
				t.Fatalf("leaf %d of %d is not proved: %v", i, n+1, err)
			}
		}
	}
	for _, bad := range []struct {
		size int64
		n    int
	}{{-1, 0}, {1, 0}, {3, 32}, {2, 64}, {0, 1}} {
		if _, err := UnmarshalEdge(bad.size, make([]byte, bad.n)); err == nil {
			t.Errorf("UnmarshalEdge(%d, %d bytes) = nil", bad.size, bad.n)
		}
	}
}

// A proof needs nothing else, and no part of it can be changed.
func TestProof(t *testing.T) {
	p, key := proof(t)
	if _, c, err := p.Check(); err != nil || c.Size != 5 || KeyID(p.Public) != key.ID() {
		t.Fatalf("Check = %+v, %v", c, err)
	}
	text := p.Encode()
	back, err := ParseProof(text)
	if err != nil || !bytes.Equal(back.Encode(), text) {
		t.Fatalf("ParseProof = %+v, %v", back, err)
	}
	other, _ := proof(t)
	for name, change := range map[string]func(*Proof){
		"record":     func(p *Proof) { p.Record = append(bytes.Clone(p.Record), "x 1:y\n"...) },
		"no record":  func(p *Proof) { p.Record = []byte("junk") },
		"index":      func(p *Proof) { p.Index++ },
		"far index":  func(p *Proof) { p.Index = 9 },
		"hash":       func(p *Proof) { p.Hashes = append(tlog.RecordProof{}, p.Hashes...); p.Hashes[0][3] ^= 1 },
		"one fewer":  func(p *Proof) { p.Hashes = p.Hashes[1:] },
		"key":        func(p *Proof) { p.Public = other.Public },
		"checkpoint": func(p *Proof) { p.Checkpoint = other.Checkpoint },
		"size":       func(p *Proof) { p.Checkpoint = bytes.Replace(p.Checkpoint, []byte("\n5\n"), []byte("\n6\n"), 1) },
		"signature":  func(p *Proof) { p.Checkpoint = p.Checkpoint[:len(p.Checkpoint)-20] },
	} {
		bad := p
		change(&bad)
		if _, _, err := bad.Check(); err == nil {
			t.Errorf("a proof with another %s passes", name)
		}
	}
}

func proof(t testing.TB) (Proof, *Key) {
	t.Helper()
	key, err := NewKey("cocsync/test")
	if err != nil {
		t.Fatal(err)
	}
	var leaves Leaves
	var records [][]byte
	for n := range 5 {
		r := Record{Type: TypeChange}
		r.Add("change", n)
		records = append(records, r.Encode())
		leaves = append(leaves, LeafHash(records[n]))
	}
	p := Proof{Record: records[3], Index: 3, Public: key.Public}
	if p.Checkpoint, err = key.Sign(Checkpoint{Origin: "cocsync/test", Size: 5, Root: rootOf(t, leaves, 5)}); err != nil {
		t.Fatal(err)
	}
	if p.Hashes, err = leaves.ProveRecord(5, 3); err != nil {
		t.Fatal(err)
	}
	return p, key
}

// A key's file is readable only by its owner and never overwritten, and no error shows
// it.
func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.key")
	key, err := NewKey("cocsync/test")
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteKey(path, key); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if back, err := ReadKey(path); err != nil || back.ID() != key.ID() {
		t.Errorf("ReadKey = %v, %v", back, err)
	}
	if err := WriteKey(path, key); err == nil {
		t.Error("a key was written over")
	}
	secret := key.private[40:]
	for _, text := range []string{"", "junk\n", key.private + "\njunk\n", key.private[:len(key.private)-4] + "\n" + key.Public} {
		if _, err := ParseKey(strings.Split(text+"\n", "\n")[0], strings.Split(text+"\n", "\n")[1]); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("ParseKey(%q) = %v", text, err)
		}
	}
}

// Any input is rejected or encodes to itself.
func FuzzParse(f *testing.F) {
	p, _ := proof(f)
	f.Add(p.Encode())
	f.Add(p.Checkpoint)
	f.Add(p.Record)
	f.Add([]byte("cocsync proof v1\nindex 1\nkey x\nrecord \n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseProof(b); err == nil {
			if again, err := ParseProof(p.Encode()); err != nil || !bytes.Equal(again.Encode(), p.Encode()) {
				t.Errorf("a proof does not come back: %q", b)
			}
			_, _, _ = p.Check()
		}
		if r, err := ParseRecord(b); err == nil && !bytes.Equal(r.Encode(), b) {
			t.Errorf("two texts of one record: %q", b)
		}
		if c, err := ParseCheckpoint(string(b)); err == nil && !strings.HasPrefix(string(b), c.Text()) {
			t.Errorf("two texts of one checkpoint: %q", b)
		}
		_, _ = Peek(b)
	})
}

// rootOf returns the root of the first size leaves.
func rootOf(t testing.TB, leaves Leaves, size int64) Hash {
	t.Helper()
	root, err := tlog.TreeHash(size, leaves)
	if err != nil {
		t.Fatal(err)
	}
	return root
}
