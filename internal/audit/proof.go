package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that a record is in a log: the record, its index, the hashes of its
// inclusion proof, and the signed checkpoint with the root. It needs no database. Its
// file is a https://c2sp.org/tlog-proof with the record as extra data.
type Proof struct {
	Record     []byte
	Index      int64
	Hashes     []Hash
	Checkpoint []byte // signed
}

// The first lines of proof files.
const (
	inclusionHead   = "c2sp.org/tlog-proof@v1"
	consistencyHead = "cocsync consistency proof v1"
)

// Encode writes the proof.
func (p *Proof) Encode() []byte {
	head := fmt.Sprintf("%s\nextra %s\nindex %d\n", inclusionHead, base64.StdEncoding.EncodeToString(p.Record), p.Index)
	return append([]byte(head+hashLines(p.Hashes)+"\n"), p.Checkpoint...)
}

func hashLines(hashes []Hash) string {
	var b strings.Builder
	for _, h := range hashes {
		b.WriteString(h.String() + "\n")
	}
	return b.String()
}

// maxProof bounds a proof file in bytes; a record has a few kilobytes.
const maxProof = 4 << 20

// ParseProof parses what Encode writes.
func ParseProof(b []byte) (p Proof, err error) {
	lines, rest, err := proofLines(b, inclusionHead, 2)
	if err != nil {
		return p, err
	}
	record, ok := strings.CutPrefix(lines[0], "extra ")
	if p.Record, err = base64.StdEncoding.Strict().DecodeString(record); !ok || err != nil {
		return p, errors.New("line 2 is not the record: extra, and the record in base64")
	}
	index, ok := strings.CutPrefix(lines[1], "index ")
	if p.Index, err = parseSize(index); !ok || err != nil {
		return p, fmt.Errorf("line 3: %q is not an index", lines[1])
	}
	p.Hashes, err = parseHashes(lines[2:], 4)
	p.Checkpoint = rest
	return p, err
}

// proofLines returns the lines after the first one, at least n, and what follows them.
func proofLines(b []byte, first string, n int) (lines []string, rest []byte, err error) {
	if len(b) > maxProof {
		return nil, nil, errors.New("it is too large for a proof")
	}
	text := strings.Trim(strings.Join(pastedLines(string(b)), "\n"), "\n") + "\n" // also from an e-mail
	head, tail, ok := strings.Cut(text, "\n\n")
	lines = strings.Split(head, "\n")
	switch {
	case !ok || lines[0] != first || len(lines) < 1+n:
		return nil, nil, fmt.Errorf("it is not a proof: a proof starts with %q", first)
	}
	return lines[1:], []byte(tail), nil
}

// parseHashes parses lines with a hash each; at is the number of the first one.
func parseHashes(lines []string, at int) (list []Hash, err error) {
	for i, line := range lines {
		h, err := ParseRoot(line)
		if err != nil {
			return nil, fmt.Errorf("line %d is not a hash", at+i)
		}
		list = append(list, h)
	}
	return list, nil
}

// Check verifies the proof with the key of the log, and returns its record and checkpoint.
func (p *Proof) Check(key PublicKey) (r Record, c Checkpoint, err error) {
	if c, err = Open(p.Checkpoint, key); err != nil {
		return r, c, fmt.Errorf("checkpoint: %w", err)
	}
	if r, err = ParseRecord(p.Record); err != nil {
		return r, c, fmt.Errorf("record: %w", err)
	}
	if p.Index >= c.Size {
		return r, c, fmt.Errorf("the record is number %d, and the log had %d", p.Index, c.Size)
	}
	if tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, LeafHash(p.Record)) != nil {
		return r, c, errors.New("the record is not in the log of that root")
	}
	return r, c, nil
}

// Consistency shows that a log at one checkpoint has all records that it had at an earlier
// one, unaltered and at the same indexes.
type Consistency struct {
	Old, New []byte // signed checkpoints
	Hashes   []Hash
}

// Encode writes the proof: a head, the hashes, and after empty lines the two checkpoints.
func (p *Consistency) Encode() []byte {
	return fmt.Appendf(nil, "%s\n%s\n%s\n%s", consistencyHead, hashLines(p.Hashes), p.Old, p.New)
}

// ParseConsistency parses what Encode writes.
func ParseConsistency(b []byte) (p Consistency, err error) {
	lines, rest, err := proofLines(b, consistencyHead, 0)
	if err != nil {
		return p, err
	}
	if p.Hashes, err = parseHashes(lines, 2); err != nil {
		return p, err
	}
	// A checkpoint has one empty line, so the second ends the old one.
	parts := strings.SplitN(string(rest), "\n\n", 3)
	if len(parts) != 3 {
		return p, errors.New("it must have two signed checkpoints, separated by an empty line")
	}
	p.Old, p.New = []byte(parts[0]+"\n\n"+parts[1]+"\n"), []byte(parts[2])
	return p, nil
}

// Check verifies the proof, and returns the two checkpoints. One of the keys must have signed each.
func (p *Consistency) Check(keys ...PublicKey) (old, now Checkpoint, err error) {
	if old, _, err = OpenAny(p.Old, keys); err != nil {
		return old, now, fmt.Errorf("old checkpoint: %w", err)
	}
	if now, _, err = OpenAny(p.New, keys); err != nil {
		return old, now, fmt.Errorf("new checkpoint: %w", err)
	}
	switch {
	case old.Origin != now.Origin:
		return old, now, fmt.Errorf("they are of two logs: %q and %q", old.Origin, now.Origin)
	case old.Size > now.Size:
		return old, now, fmt.Errorf("the old checkpoint has %d records, the new one only %d", old.Size, now.Size)
	case old.Size == 0 || old.Size == now.Size: // tlog proves nothing about these
		if len(p.Hashes) > 0 || old.Size == now.Size && old.Root != now.Root {
			return old, now, errNotConsistent
		}
		return old, now, nil
	}
	if tlog.CheckTree(p.Hashes, now.Size, now.Root, old.Size, old.Root) != nil {
		return old, now, errNotConsistent
	}
	return old, now, nil
}

var errNotConsistent = errors.New("the new log does not contain the old one")
