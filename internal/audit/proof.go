package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that a record is in a log: the record, its index, the hashes of its
// inclusion proof, and the signed checkpoint with the root. It needs no database.
type Proof struct {
	Record     []byte
	Index      int64
	Hashes     tlog.RecordProof
	Public     string // key
	Checkpoint []byte // signed
}

// proofHead is the first line of a proof file.
const proofHead = "cocsync proof v1"

// Encode writes the proof as text: a head, then a line for the index, the public key,
// the record and each hash in base64, an empty line, and the checkpoint.
func (p *Proof) Encode() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nindex %d\nkey %s\nrecord %s\n", proofHead, p.Index, p.Public, base64.StdEncoding.EncodeToString(p.Record))
	for _, h := range p.Hashes {
		fmt.Fprintf(&b, "hash %s\n", h)
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return []byte(b.String())
}

// maxProof bounds a proof file; a record has at most some kilobytes.
const maxProof = 4 << 20

// ParseProof parses what Encode writes.
func ParseProof(b []byte) (p Proof, err error) {
	if len(b) > maxProof {
		return p, errors.New("it is too large for a proof")
	}
	head, checkpoint, ok := strings.Cut(string(b), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 4 || lines[0] != proofHead {
		return p, fmt.Errorf("it is not a proof: a proof starts with %q", proofHead)
	}
	p.Checkpoint = []byte(checkpoint)
	index, _ := strings.CutPrefix(lines[1], "index ")
	if p.Index, err = strconv.ParseInt(index, 10, 64); err != nil || p.Index < 0 {
		return p, fmt.Errorf("line 2: %q is not an index", lines[1])
	}
	if p.Public, ok = strings.CutPrefix(lines[2], "key "); !ok {
		return p, errors.New("line 3 is not the key")
	}
	record, ok := strings.CutPrefix(lines[3], "record ")
	if p.Record, err = base64.StdEncoding.Strict().DecodeString(record); !ok || err != nil {
		return p, errors.New("line 4 is not the record")
	}
	for i, line := range lines[4:] {
		text, ok := strings.CutPrefix(line, "hash ")
		h, err := ParseRoot(text)
		if !ok || err != nil {
			return p, fmt.Errorf("line %d is not a hash", i+5)
		}
		p.Hashes = append(p.Hashes, h)
	}
	return p, nil
}

// Check verifies the proof, and returns its record and checkpoint. Whether the key is
// the archive's is for the caller to decide: the key is part of the proof.
func (p *Proof) Check() (r Record, c Checkpoint, err error) {
	if c, err = Open(p.Checkpoint, p.Public); err != nil {
		return r, c, fmt.Errorf("checkpoint: %w", err)
	}
	if r, err = ParseRecord(p.Record); err != nil {
		return r, c, fmt.Errorf("record: %w", err)
	}
	if p.Index >= c.Size {
		return r, c, fmt.Errorf("the record is number %d, and the log had %d", p.Index, c.Size)
	}
	if err := tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, LeafHash(p.Record)); err != nil {
		return r, c, errors.New("the record is not in the log of that root")
	}
	return r, c, nil
}
