package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

const vectorOrigin = "cocsync/0123456789abcdef/prod"

// vectors is the log of the test vectors in docs/audit-log-vectors.md.
type vectors struct {
	key     *Key
	records [][]byte
	rows    [][]Hash // by leaf
	stored  []Hash
}

func newVectors() *vectors {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	v := &vectors{key: &Key{signing: ed25519.NewKeyFromSeed(seed)}}
	var e Edge
	for i := range 5 {
		r := NewRecord(TypeEndpoint, "account", "prod", "endpoint", "https://coc.example", "at", 1767225600000+i)
		v.records = append(v.records, r.Encode())
		v.rows = append(v.rows, e.Add(LeafHash(r.Encode())))
		v.stored = append(v.stored, v.rows[i]...)
	}
	return v
}

// ReadHashes implements tlog.HashReader.
func (v *vectors) ReadHashes(indexes []int64) (list []Hash, err error) {
	for _, i := range indexes {
		list = append(list, v.stored[i])
	}
	return list, nil
}

// note returns the signed checkpoint of a size.
func (v *vectors) note(t *testing.T, size int64) []byte {
	t.Helper()
	root, err := tlog.TreeHash(size, v)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := v.key.Sign(Checkpoint{vectorOrigin, size, root})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// The test vectors in the specification are those of this package.
func TestVectors(t *testing.T) {
	v := newVectors()
	page, err := os.ReadFile("../../docs/audit-log-vectors.md")
	if err != nil {
		t.Fatal(err)
	}
	var hashes strings.Builder
	for i, row := range v.rows {
		for level, h := range row {
			fmt.Fprintf(&hashes, "%d.%d %s\n", i, level, hex.EncodeToString(h[:]))
		}
	}
	proof := Proof{Record: v.records[2], Index: 2, Checkpoint: v.note(t, 5)}
	if proof.Hashes, err = tlog.ProveRecord(5, 2, v); err != nil {
		t.Fatal(err)
	}
	consistency := Consistency{Old: v.note(t, 3), New: v.note(t, 5)}
	if consistency.Hashes, err = tlog.ProveTree(5, 3, v); err != nil {
		t.Fatal(err)
	}
	if _, _, err := proof.Check(v.key.Public()); err != nil {
		t.Error(err)
	}
	if _, _, err := consistency.Check(v.key.Public()); err != nil {
		t.Error(err)
	}
	public := v.key.Public()
	salt, sum := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, sha256.Sum256([]byte("a: 1\n"))
	for name, want := range map[string]string{
		"record":      string(v.records[0]),
		"hashes":      hashes.String(),
		"key":         public.Verifier(vectorOrigin) + "\n" + public.Fingerprint() + "\n",
		"note":        string(v.note(t, 5)),
		"proof":       string(proof.Encode()),
		"consistency": string(consistency.Encode()),
		"commitment":  fmt.Sprintf("%x\n%x\n%x\n", salt, sum, Commit(salt, sum[:])),
	} {
		if block := "```text\n" + want + "```\n"; !strings.Contains(string(page), block) {
			t.Errorf("the %s in docs/audit-log-vectors.md is not\n%s", name, block)
		}
	}
}
