package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
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
	for _, bad := range []string{"", "state", "State\n", "state\nname 3:ab\n", "state\nname 03:abc\n", "state\nname 3:abc",
		"state\nname:abc\n",
		"state\nname -1:\n", "state\nNAME 1:a\n", "state\nname 1:ab\n", "state\n\n", "state\nname 99999999999999999999:a\n"} {
		if r, err := ParseRecord([]byte(bad)); err == nil {
			t.Errorf("ParseRecord(%q) = %+v, want an error", bad, r)
		}
	}
}

// memory is the stored hashes of a tree.
type memory []Hash

func (m memory) ReadHashes(indexes []int64) ([]Hash, error) {
	list := make([]Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(m)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		list[i] = m[index]
	}
	return list, nil
}

// The edge has the same roots and stored hashes as the whole tree, also when it is read
// back, and each leaf and each earlier tree can be proved in each tree.
func TestEdgeAndProofs(t *testing.T) {
	e := &Edge{}
	var stored memory
	for n := range int64(70) {
		record := fmt.Appendf(nil, "record %d", n)
		want, err := tlog.StoredHashes(n, record, stored)
		if err != nil {
			t.Fatal(err)
		}
		got := e.Add(LeafHash(record))
		if !slices.Equal(got, want) {
			t.Fatalf("Add(%d) = %v, want %v", n, got, want)
		}
		stored = append(stored, got...)
		root, err := tlog.TreeHash(n+1, stored)
		if err != nil || e.Root() != root {
			t.Fatalf("root of %d leaves = %v, want %v, %v", n+1, e.Root(), root, err)
		}
		if e, err = ReadEdge(e.Size, stored); err != nil || e.Root() != root {
			t.Fatalf("ReadEdge(%d): %v", n+1, err)
		}
	}
	for _, size := range []int64{-1, 71, 200} {
		if _, err := ReadEdge(size, stored); err == nil {
			t.Errorf("ReadEdge(%d) = nil", size)
		}
	}
	if (&Edge{}).Root() != tlog.Hash(sha256.Sum256(nil)) {
		t.Error("the root of the empty tree is not the hash of the empty string")
	}
}

// logOf returns a key, the signed checkpoints of a log after each of some records, and its
// stored hashes.
func logOf(t testing.TB, origin string, n int) (*Key, [][]byte, memory, [][]byte) {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	e, notes, stored, records := &Edge{}, [][]byte(nil), memory(nil), [][]byte(nil)
	for i := range n + 1 {
		signed, err := key.Sign(Checkpoint{origin, e.Size, e.Root()})
		if err != nil {
			t.Fatal(err)
		}
		r := NewRecord(TypeChange, "change", i)
		notes, records = append(notes, signed), append(records, r.Encode())
		stored = append(stored, e.Add(LeafHash(r.Encode()))...)
	}
	return key, notes, stored, records
}

func proof(t testing.TB) (Proof, *Key) {
	t.Helper()
	key, notes, stored, records := logOf(t, "cocsync/test", 5)
	p := Proof{Record: records[3], Index: 3, Checkpoint: notes[5]}
	var err error
	if p.Hashes, err = tlog.ProveRecord(5, 3, stored); err != nil {
		t.Fatal(err)
	}
	return p, key
}

// A proof needs only the key, and no part of it can be changed.
func TestProof(t *testing.T) {
	p, key := proof(t)
	if _, c, err := p.Check(key.Public()); err != nil || c.Size != 5 {
		t.Fatalf("Check = %+v, %v", c, err)
	}
	text := p.Encode()
	back, err := ParseProof(text)
	if err != nil || !bytes.Equal(back.Encode(), text) {
		t.Fatalf("ParseProof = %+v, %v", back, err)
	}
	other, otherKey := proof(t)
	for name, change := range map[string]func(*Proof){
		"record":     func(p *Proof) { p.Record = append(bytes.Clone(p.Record), "x 1:y\n"...) },
		"no record":  func(p *Proof) { p.Record = []byte("junk") },
		"index":      func(p *Proof) { p.Index++ },
		"far index":  func(p *Proof) { p.Index = 9 },
		"hash":       func(p *Proof) { p.Hashes = slices.Clone(p.Hashes); p.Hashes[0][3] ^= 1 },
		"one fewer":  func(p *Proof) { p.Hashes = p.Hashes[1:] },
		"checkpoint": func(p *Proof) { p.Checkpoint = other.Checkpoint },
		"size":       func(p *Proof) { p.Checkpoint = bytes.Replace(p.Checkpoint, []byte("\n5\n"), []byte("\n6\n"), 1) },
		"origin":     func(p *Proof) { p.Checkpoint = bytes.ReplaceAll(p.Checkpoint, []byte("/test"), []byte("/tesu")) },
		"signature":  func(p *Proof) { p.Checkpoint = p.Checkpoint[:len(p.Checkpoint)-20] },
	} {
		bad := p
		change(&bad)
		if _, _, err := bad.Check(key.Public()); err == nil {
			t.Errorf("a proof with another %s passes", name)
		}
	}
	if _, _, err := p.Check(otherKey.Public()); !errors.Is(err, ErrSignature) {
		t.Errorf("Check with another key = %v, want ErrSignature", err)
	}
}

// A log is consistent with each of its earlier states, and with no other.
func TestConsistency(t *testing.T) {
	key, notes, stored, _ := logOf(t, "cocsync/test", 9)
	_, forked, _, _ := logOf(t, "cocsync/test", 9)
	for old := range notes {
		for now := range notes {
			p := Consistency{Old: notes[old], New: notes[now]}
			if old > 0 && old < now {
				var err error
				if p.Hashes, err = tlog.ProveTree(int64(now), int64(old), stored); err != nil {
					t.Fatal(err)
				}
			}
			text := p.Encode()
			back, err := ParseConsistency(text)
			if err != nil || !bytes.Equal(back.Encode(), text) {
				t.Fatalf("ParseConsistency(%q) = %+v, %v", text, back, err)
			}
			if _, _, err := back.Check(key.Public()); (err == nil) != (old <= now) {
				t.Errorf("Check of %d and %d = %v", old, now, err)
			}
			back.New = forked[now]
			if _, _, err := back.Check(key.Public()); err == nil {
				t.Errorf("a checkpoint of another key passes")
			}
		}
	}
	p := Consistency{Old: notes[3], New: notes[7], Hashes: []Hash{{}}}
	if _, _, err := p.Check(key.Public()); !errors.Is(err, errNotConsistent) {
		t.Errorf("Check of junk = %v, want %v", err, errNotConsistent)
	}
}

// A key's file is readable only by its owner and never overwritten, and no error shows
// it.
func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.key")
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Write(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	back, err := ReadKey(path)
	if err != nil || !back.Public().Equal(key.Public()) || !bytes.Equal(back.Erased([]byte("a")), key.Erased([]byte("a"))) ||
		!bytes.Equal(back.Authenticate([]byte("a")), key.Authenticate([]byte("a"))) {
		t.Errorf("ReadKey = %v, %v", back, err)
	}
	if bytes.Equal(key.Erased([]byte("a")), key.Authenticate([]byte("a"))) {
		t.Error("two purposes have one key")
	}
	if err := key.Write(path); err == nil {
		t.Error("a key was overwritten")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	secret := strings.TrimPrefix(lines[1], "signing ")
	for _, bad := range []string{"", "junk\n", strings.Join(lines[:3], "\n"), strings.Replace(string(text), "erasure ", "erasure", 1),
		strings.Replace(string(text), "signing ", "signing A", 1), string(text) + "more\n", "PRIVATE+KEY+cocsync/a+01234567+" + secret + "\n"} {
		if _, err := parseKey(bad); err == nil || strings.Contains(err.Error(), secret[:20]) {
			t.Errorf("parseKey(%q) = %v", bad, err)
		}
	}
}

// A verifier key has the log's name, and comes back.
func TestVerifier(t *testing.T) {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	line := key.Public().Verifier("cocsync/a/prod")
	origin, public, err := ParseVerifier(" " + line + "\n")
	if err != nil || origin != "cocsync/a/prod" || !public.Equal(key.Public()) {
		t.Errorf("ParseVerifier(%q) = %q, %v, %v", line, origin, public, err)
	}
	if got := public.Fingerprint(); len(got) != 32 || got != key.Public().Fingerprint() {
		t.Errorf("Fingerprint = %q", got)
	}
	for _, bad := range []string{"", "cocsync/a/prod", line[:len(line)-1], strings.Replace(line, "/prod", "/test", 1), line + "\n" + line} {
		if _, _, err := ParseVerifier(bad); err == nil {
			t.Errorf("ParseVerifier(%q) = nil", bad)
		}
	}
}

// A note is found in what programs make of it, and one without signatures is recognised.
func TestPasted(t *testing.T) {
	key, notes, _, _ := logOf(t, "cocsync/0f3a/prod", 2)
	signed := string(notes[2])
	at := strings.LastIndex(signed, " ")
	for name, text := range map[string]string{
		"as it is":           signed,
		"CRLF":               strings.ReplaceAll(signed, "\n", "\r\n"),
		"indented":           "    " + strings.ReplaceAll(signed, "\n", "\n    "),
		"quoted":             "> " + strings.ReplaceAll(signed, "\n", "\n> "),
		"code fence":         "the head of today:\n```\n" + signed + "```\nregards",
		"code fence inline":  "```" + strings.TrimSuffix(signed, "\n") + "```",
		"no-break spaces":    strings.ReplaceAll(signed, " ", "\u00a0"),
		"zero-width spaces":  strings.ReplaceAll(signed, "/", "/\u200b"),
		"empty lines":        strings.ReplaceAll(signed, "\n\n", "\n\n\n"),
		"no empty line":      strings.ReplaceAll(signed, "\n\n", "\n"),
		"wrapped":            signed[:at+60] + "\n" + signed[at+60:],
		"wrapped at a space": signed[:at] + "\n" + signed[at+1:],
	} {
		list, err := ParsePasted(text + "\nand again:\n" + text)
		if err != nil || len(list) != 2 {
			t.Errorf("%s: ParsePasted(%q) = %+v, %v, want two", name, text, list, err)
			continue
		}
		for _, p := range list {
			if string(p.Note) != signed {
				t.Errorf("%s: ParsePasted(%q) = %q, want %q", name, text, p.Note, signed)
				continue
			}
			if c, err := Open(p.Note, key.Public()); err != nil || c != p.Checkpoint {
				t.Errorf("%s: Open = %v, %v", name, c, err)
			}
		}
	}
	body, _, _ := strings.Cut(signed, "\n\n")
	if p, err := ParsePasted(body); err != nil || len(p) != 1 || p[0].Note != nil || p[0].Size != 2 {
		t.Errorf("without signatures: ParsePasted = %+v, %v", p, err)
	}
	many := strings.Repeat("a\n1\nLGs8O6HuVe8fN1H2Dyelm/Wsw5sGLDPDnFZgvHSCzfE=\n\n", 5_000) // more than 64 KiB
	if list, err := ParsePasted(many); err != nil || len(list) != 5_000 {
		t.Errorf("ParsePasted of 5,000 checkpoints = %d, %v", len(list), err)
	}
	for _, bad := range []string{"", "hello", "a\nb\nc\n", strings.Repeat("a\n", maxPasted)} {
		if p, err := ParsePasted(bad); err == nil {
			t.Errorf("ParsePasted(%q) = %+v", bad[:min(20, len(bad))], p)
		}
	}
}

// Any input is rejected or encodes to itself.
func FuzzParse(f *testing.F) {
	p, key := proof(f)
	f.Add(p.Encode())
	f.Add(p.Checkpoint)
	f.Add(p.Record)
	f.Add([]byte(inclusionHead + "\nextra \nindex 1\n\n"))
	f.Add([]byte(consistencyHead + "\n\na\n\nb\n\nc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseProof(b); err == nil {
			if again, err := ParseProof(p.Encode()); err != nil || !bytes.Equal(again.Encode(), p.Encode()) {
				t.Errorf("a proof does not come back: %q", b)
			}
			_, _, _ = p.Check(key.Public())
		}
		if p, err := ParseConsistency(b); err == nil {
			if again, err := ParseConsistency(p.Encode()); err != nil || !bytes.Equal(again.Encode(), p.Encode()) {
				t.Errorf("a consistency proof does not come back: %q", b)
			}
		}
		if r, err := ParseRecord(b); err == nil && !bytes.Equal(r.Encode(), b) {
			t.Errorf("two texts of one record: %q", b)
		}
		if c, err := ParseCheckpoint(string(b)); err == nil && !strings.HasPrefix(string(b), c.Text()) {
			t.Errorf("two texts of one checkpoint: %q", b)
		}
		_, _ = Peek(b)
		list, _ := ParsePasted(string(b))
		for _, p := range list {
			if p.Note == nil {
				continue
			}
			if again, err := ParsePasted(string(p.Note)); err != nil || !bytes.Equal(again[0].Note, p.Note) {
				t.Errorf("a pasted note changes: %q", b)
			}
		}
	})
}

// Fault: a proof or a head of more leaves than package tlog can compute with was checked without
// an end, or panicked.
func TestHugeSizes(t *testing.T) {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{1<<60 + 1, 1<<62 + 1, math.MaxInt64} {
		note, err := key.Sign(Checkpoint{"cocsync/0f3a/prod", size, Hash{}})
		if err != nil {
			t.Fatal(err)
		}
		record := NewRecord(TypeWatch)
		p := Proof{Record: record.Encode(), Checkpoint: note, Hashes: make([]Hash, 62)}
		if _, _, err := p.Check(key.Public()); err == nil {
			t.Errorf("Check of a proof with %d leaves = nil", size)
		}
		c := Consistency{Old: note, New: note}
		if _, _, err := c.Check(key.Public()); err == nil {
			t.Errorf("Check of a consistency proof with %d leaves = nil", size)
		}
		if e := (&Edge{size, make([]Hash, bits.OnesCount64(uint64(size)))}); e.Valid() {
			t.Errorf("an edge of %d leaves is valid", size)
		}
		if _, err := ReadEdge(size, nil); err == nil {
			t.Errorf("ReadEdge(%d) = nil error", size)
		}
	}
}
