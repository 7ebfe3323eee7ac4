package query

import (
	"context"
	"errors"
	"fmt"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// signHint says how to sign what is not signed yet.
const signHint = "each cycle signs what it added: run `cocsync sync`"

// Checkpoint returns the newest signed checkpoint.
func (a *Archive) Checkpoint(ctx context.Context) (note []byte, err error) {
	newest, err := a.newestCheckpoint(ctx)
	if err == nil && newest.Note == nil {
		err = hint.Wrap(unavailable("nothing is signed yet"), signHint)
	}
	return newest.Note, err
}

// newestCheckpoint returns the newest signed checkpoint, zero for none.
func (a *Archive) newestCheckpoint(ctx context.Context) (newest db.Signed, err error) {
	signed, err := a.db.Checkpoints(ctx)
	if len(signed) > 0 {
		newest = signed[len(signed)-1]
	}
	return newest, err
}

// Prove proves that a change is in the log of the newest signed checkpoint. The error is
// coc.ErrNotFound for an unknown change.
func (a *Archive) Prove(ctx context.Context, ref string) (p audit.Proof, err error) {
	c, err := a.Change(ctx, ref)
	if err != nil {
		return p, err
	}
	record, leaf, err := a.db.RecordOf(ctx, c.Key)
	if err != nil {
		return p, err
	}
	if !leaf.SameHash(record) {
		return p, hint.Wrap(fmt.Errorf("change %s is not what was logged", ref), "`cocsync verify` says what else is wrong")
	}
	g, err := a.db.Generation(ctx)
	if err != nil {
		return p, err
	}
	newest, err := a.newestCheckpoint(ctx)
	if err != nil {
		return p, err
	}
	if newest.Size <= leaf.Index {
		return p, hint.Wrap(unavailable("no signed checkpoint includes the change yet"), signHint)
	}
	var leaves audit.Leaves
	for l, err := range a.db.Leaves(ctx) {
		if err != nil {
			return p, err
		}
		if int64(len(leaves)) < newest.Size {
			leaves = append(leaves, l.Hash)
		}
	}
	if int64(len(leaves)) < newest.Size {
		return p, hint.Wrap(errors.New("leaves of the log are missing"), "`cocsync verify` says which")
	}
	p = audit.Proof{Record: record.Encode(), Index: leaf.Index, Public: g.Public, Checkpoint: newest.Note}
	p.Hashes, err = leaves.ProveRecord(newest.Size, leaf.Index)
	if err == nil {
		_, _, err = p.Check()
	}
	return p, err
}

// Proved is what a proof proves.
type Proved struct {
	Origin string            `json:"origin"`
	KeyID  string            `json:"key_id"`
	Index  int64             `json:"index"` // of the record in the log, from 0
	Size   int64             `json:"size"`  // records that were signed
	Root   string            `json:"root"`
	Type   string            `json:"type"`
	Record map[string]string `json:"record"`
}

// NewProved returns what a proof that was checked proves.
func NewProved(p audit.Proof, r audit.Record, c audit.Checkpoint) Proved {
	out := Proved{Origin: c.Origin, KeyID: audit.KeyID(p.Public), Index: p.Index, Size: c.Size, Root: c.Root.String(), Type: r.Type, Record: map[string]string{}}
	for _, f := range r.Fields {
		out.Record[f.Name] = f.Value
	}
	return out
}
