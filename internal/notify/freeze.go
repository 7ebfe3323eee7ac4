package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cocsync/internal/coc"
)

const (
	// maxDue bounds what is frozen at once, and so a digest.
	maxDue = 5_000
	// stale is the age from which deliveries that wait become a digest however
	// few they are: after an outage of a day nobody wants yesterday in pieces.
	stale = 24 * time.Hour
)

// draft is a message in the making.
type draft struct {
	msgs   []coc.Message
	claims [][]int64
}

// freeze turns what is due into stored messages. It reports whether anything was.
func (l *lane) freeze(ctx context.Context) (bool, error) {
	now := l.now()
	due, err := l.Outbox.Due(ctx, l.n.Name, now, maxDue)
	if err != nil || len(due) == 0 {
		return false, err
	}
	var drop, ids []int64
	var changes []*coc.Change
	for _, d := range due {
		switch {
		case d.Notice != nil:
		case d.Change == nil || !l.n.wants(d.Change.Kind):
			drop = append(drop, d.ID)
		default:
			changes, ids = append(changes, d.Change), append(ids, d.ID)
		}
	}
	digest := len(changes) > l.n.digestOver() ||
		len(changes) > 1 && now.Sub(due[0].DueAt) >= stale
	var out draft
	for _, d := range due {
		switch {
		case d.Notice != nil:
			blocks, text := l.write.notice(d.Notice)
			err = out.add(l.n.Name, coc.MessageNotice, 0, blocks, text, d.ID)
		case digest || d.Change == nil || !l.n.wants(d.Change.Kind):
		default:
			err = l.single(ctx, &out, d)
		}
		if err != nil {
			return false, err
		}
	}
	if digest {
		blocks, text := l.write.digest(changes)
		if err := out.add(l.n.Name, coc.MessageDigest, 0, blocks, text, ids...); err != nil {
			return false, err
		}
	}
	_, err = l.Outbox.Freeze(ctx, out.msgs, out.claims, drop, now)
	return true, err
}

// single drafts the message of one change.
func (l *lane) single(ctx context.Context, out *draft, d coc.Delivery) error {
	var pair contents
	if l.n.full() {
		var err error
		pair.old, pair.now, err = l.Outbox.Contents(ctx, d.Change.ID)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, coc.ErrErased):
			pair = contents{why: "One of the two contents was erased from the archive."}
		case err != nil:
			// That it changed is told in any case.
			l.log().Warn("contents not shown", "notifier", l.n.Name, "change", d.Change.ID, "err", err)
			pair = contents{why: "The archive could not give the contents; the log of cocsync says why."}
		}
	}
	blocks, text := l.write.change(d.Change, pair)
	return out.add(l.n.Name, coc.MessageRoot, d.Change.Document, blocks, text, d.ID)
}

func (d *draft) add(notifier string, kind coc.MessageKind, document int64, blocks []block, text string, claims ...int64) error {
	body, err := json.Marshal(blocks)
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	d.msgs = append(d.msgs, coc.Message{Notifier: notifier, Kind: kind, Document: document,
		Body: body, Text: text, State: coc.Waiting})
	d.claims = append(d.claims, claims)
	return nil
}
