package history

import (
	"context"
	"errors"
	"fmt"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// Prove proves that a change is in the log, under the newest signed checkpoint. The
// error is coc.ErrNotFound for a change that there is not.
func (h *History) Prove(ctx context.Context, change int64) (p audit.Proof, err error) {
	record, leaf, err := h.DB.RecordOf(ctx, change)
	if err != nil {
		return p, err
	}
	if !leaf.SameHash(&record) {
		return p, hint.Wrap(fmt.Errorf("change %d is not what was logged", change), "`cocsync verify` says what else is wrong")
	}
	g, err := h.DB.Generation(ctx)
	if err != nil {
		return p, err
	}
	signed, err := h.DB.Checkpoints(ctx)
	if err != nil {
		return p, err
	}
	if len(signed) == 0 || signed[len(signed)-1].Size <= leaf.Index {
		return p, hint.Wrap(notHere("nothing that holds the change is signed yet"), "each cycle signs what it added: run `cocsync sync`")
	}
	newest := signed[len(signed)-1]
	var leaves audit.Leaves
	err = h.DB.EachLeaf(ctx, func(l db.Leaf) error {
		if int64(len(leaves)) < newest.Size {
			leaves = append(leaves, l.Hash)
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	if int64(len(leaves)) < newest.Size || leaf.Index >= newest.Size {
		return p, hint.Wrap(errors.New("leaves of the log are missing"), "`cocsync verify` says which")
	}
	p = audit.Proof{Record: record.Encode(), Index: leaf.Index, Public: g.Public, Checkpoint: newest.Note}
	p.Hashes, err = leaves.ProveRecord(newest.Size, leaf.Index)
	if err == nil {
		_, _, err = p.Check()
	}
	return p, err
}
