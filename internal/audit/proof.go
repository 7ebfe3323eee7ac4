package audit

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that a record is in a log: the record, its index, the hashes of its
// inclusion proof, and the signed checkpoint with the root. It needs no database. Its
// file is a https://c2sp.org/tlog-proof with the record as extra data, followed by its openings.
type Proof struct {
	Record     []byte
	Openings   []Opening // of the commitments in the record
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
	extra := slices.Clone(p.Record)
	for _, o := range p.Openings {
		r := NewRecord(typeOpening, "commitment", Commit(o.Salt, o.SHA256), "salt", o.Salt, "sha256", o.SHA256)
		extra = append(extra, r.Encode()...)
	}
	head := fmt.Sprintf("%s\nextra %s\nindex %d\n", inclusionHead, base64.StdEncoding.EncodeToString(extra), p.Index)
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
	encoded, ok := strings.CutPrefix(lines[0], "extra ")
	extra, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil {
		return p, errors.New("line 2 is not the record: extra, and the record in base64")
	}
	if err := p.parseExtra(extra); err != nil {
		return p, err
	}
	index, ok := strings.CutPrefix(lines[1], "index ")
	if p.Index, err = parseSize(index); !ok || err != nil {
		return p, fmt.Errorf("line 3: %q is not an index", lines[1])
	}
	p.Hashes, err = parseHashes(lines[2:], 4)
	p.Checkpoint = rest
	return p, err
}

// parseExtra parses a record and its openings.
func (p *Proof) parseExtra(extra []byte) error {
	_, rest, err := parseRecord(extra)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	p.Record = extra[:len(extra)-len(rest)]
	for len(rest) > 0 {
		var r Record
		if r, rest, err = parseRecord(rest); err != nil {
			return fmt.Errorf("opening: %w", err)
		}
		salt, err1 := hex.DecodeString(r.Get("salt"))
		hash, err2 := hex.DecodeString(r.Get("sha256"))
		o := Opening{salt, hash}
		if r.Type != typeOpening || err1 != nil || err2 != nil || r.Get("commitment") != hex.EncodeToString(o.Commitment()) {
			return errors.New("the opening of a content does not match its commitment")
		}
		p.Openings = append(p.Openings, o)
	}
	return nil
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
		return nil, nil, fmt.Errorf("a proof starts with %q", first)
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
	for _, o := range p.Openings {
		commitment := hex.EncodeToString(o.Commitment())
		if !slices.ContainsFunc(r.Fields, func(f Field) bool { return strings.HasSuffix(f.Name, "commitment") && f.Value == commitment }) {
			return r, c, errors.New("it has the opening of a content to which its record does not commit")
		}
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
