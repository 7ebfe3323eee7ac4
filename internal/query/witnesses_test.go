package query

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/witness"
)

// testWitness is a witness that cosigns everything.
type testWitness struct {
	key     audit.WitnessKey
	private ed25519.PrivateKey
}

func newTestWitness(t *testing.T, name string) testWitness {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := append([]byte{4}, private.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(name+"\n"), public...))
	key, err := audit.ParseWitnessKey(fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(public)))
	must(t, err)
	return testWitness{key, private}
}

func (w testWitness) cosign(c audit.Checkpoint, at time.Time) audit.Cosignature {
	seconds := binary.BigEndian.AppendUint64(nil, uint64(at.Unix()))
	return append(seconds, ed25519.Sign(w.private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at.Unix(), c.Text()))...)
}

// cosignAll has a witness cosign the newest heads; the last one fails.
func (w testWitness) cosignAll(t *testing.T, d *db.DB, at time.Time) {
	t.Helper()
	list, err := d.Submissions(t.Context(), w.key.String())
	must(t, err)
	for i, l := range list {
		a := witness.Attempt{Witness: witness.Witness{URL: "https://witness.example", Key: w.key}, Submission: l,
			Cosignature: w.cosign(l.Head, at)}
		a.Progress = witness.Progress{Size: l.Head.Size, TriedAt: at}
		if i == len(list)-1 && i > 0 {
			a.Failure, a.Error, a.Since = witness.Unreachable, "no response", at
		}
		must(t, d.Attempted(t.Context(), a))
	}
}

// cosignedArchive is an archive with three changes, of which two have a head that a witness
// cosigned.
func cosignedArchive(t *testing.T) (path string, d *db.DB, w testWitness) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "archive.db")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	must(t, d.Commit(t.Context(), version(1)))
	must(t, d.Commit(t.Context(), version(2)))
	w = newTestWitness(t, "witness.example/w1")
	w.cosignAll(t, d, on(3))
	return path, d, w
}

// Notes and proofs have the cosignatures, and a proof has the newest cosigned checkpoint that covers
// its record.
func TestCosignaturesAreInNotesAndProofs(t *testing.T) {
	_, d, w := cosignedArchive(t)
	q := archive(d)
	notes, err := q.Notes(t.Context(), "")
	must(t, err)
	if _, err := audit.Cosigned(notes[0], w.key); err != nil {
		t.Errorf("the newest checkpoint: %v", err)
	}
	old := notes[0]
	head, err := audit.Peek(old)
	must(t, err)
	must(t, d.Commit(t.Context(), version(3)))
	for record, want := range map[string]bool{"1": true, "2": true, "3": false} {
		p, err := q.Prove(t.Context(), record)
		must(t, err)
		_, c, err := p.Check(d.PublicKey())
		must(t, err)
		_, err = audit.Cosigned(p.Checkpoint, w.key)
		if got := err == nil; got != want || got && c.Size != head.Size {
			t.Errorf("Prove(%s): cosigned %t (%v) with %d records, want %t with %d", record, got, err, c.Size, want, head.Size)
		}
		if parsed, err := audit.ParseProof(p.Encode()); err != nil || !bytes.Equal(parsed.Checkpoint, p.Checkpoint) {
			t.Errorf("Prove(%s) encodes %q, parsed as %q, %v", record, p.Checkpoint, parsed.Checkpoint, err)
		}
	}
	w.cosignAll(t, d, on(5))
	p, err := q.ProveConsistency(t.Context(), old, nil)
	must(t, err)
	parsed, err := audit.ParseConsistency(p.Encode())
	must(t, err)
	for _, note := range [][]byte{parsed.Old, parsed.New} {
		if _, err := audit.Cosigned(note, w.key); err != nil {
			t.Errorf("a consistency proof: %v in\n%s", err, note)
		}
	}
	list, err := q.LogList(t.Context(), "ops@example.com")
	must(t, err)
	keys, err := q.Keys(t.Context())
	must(t, err)
	if want := "logs/v0\n\nvkey " + keys[0] + "\nqpd 2880\ncontact ops@example.com\n"; list != want {
		t.Errorf("LogList = %q, want %q", list, want)
	}
}

// Verify says what a witness has cosigned, and names a cosignature that was altered.
func TestVerifyCosignatures(t *testing.T) {
	path, d, w := cosignedArchive(t)
	stranger, twin := newTestWitness(t, "other.example"), newTestWitness(t, "twin")
	verify := func(witnesses ...audit.WitnessKey) Verdict {
		t.Helper()
		v, err := archive(d).Verify(t.Context(), Verification{Witnesses: witnesses}, nil)
		must(t, err)
		return v
	}
	logs, err := d.Logs(t.Context())
	must(t, err)
	v := verify(w.key, stranger.key)
	want := []CosignedLog{{Text(logs[0].Origin), "witness.example/w1", logs[0].Size, Time{on(3)}}}
	if diff := cmp.Diff(want, v.Cosigned); diff != "" || !v.Good {
		t.Errorf("good: %t, faults %q, cosigned (-want +got):\n%s", v.Good, v.Faults, diff)
	}
	if !slices.ContainsFunc(v.Notes, func(s string) bool {
		return strings.HasSuffix(s,
			": the archive has no cosignature by other.example")
	}) {
		t.Errorf("notes %q do not say that there is no cosignature", v.Notes)
	}
	// Another witness of the same name is not the given one.
	forged := audit.WitnessKey{}
	if forged, err = audit.ParseWitnessKey(renamed(t, twin, w.key.Name())); err != nil {
		t.Fatal(err)
	}
	if v := verify(forged); v.Good || !strings.Contains(v.Faults[0], "is by another key than the given one") {
		t.Errorf("with another key of that name: faults %q", v.Faults)
	}
	tamper(t, path, `UPDATE cosignatures SET signature = CAST(substr(signature, 1, 70) || x'0102' AS BLOB)`)
	if v := verify(); v.Good || !strings.Contains(v.Faults[0], "does not match its key and the checkpoint") {
		t.Errorf("an altered cosignature: faults %q", v.Faults)
	}
	notes, err := archive(d).Notes(t.Context(), "")
	must(t, err)
	if bytes.Contains(notes[0], []byte("witness.example")) {
		t.Errorf("an altered cosignature is in the note %s", notes[0])
	}
}

// renamed returns the verifier key of a witness under another name.
func renamed(t *testing.T, w testWitness, name string) string {
	t.Helper()
	public := append([]byte{4}, w.private.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(name+"\n"), public...))
	return fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(public))
}
