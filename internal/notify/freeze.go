package notify

import (
	"context"
	"time"

	"cocsync/internal/coc"
)

// freeze stores what is due as messages, at most limit deliveries. It reports whether it
// did anything, and the end of the quiet hours that hold changes back; else zero.
func (w *worker) freeze(ctx context.Context, limit int) (did bool, quiet time.Time, _ error) {
	b := w.batch(w.n)
	if w.n.traits().structured {
		limit = min(limit, maxSingles)
	}
	var kinds []coc.Kind
	if quiet = w.n.Quiet.until(b.now); !quiet.IsZero() {
		kinds = append([]coc.Kind{}, w.n.Quiet.Except...)
	}
	due, err := w.Outbox.Due(ctx, w.n.Name, b.now, kinds, limit)
	if err != nil {
		return false, quiet, err
	}
	if len(due) > 0 {
		if b.write.head, err = w.Outbox.Head(ctx, true, b.now); err != nil {
			return false, quiet, err
		}
	}
	var stored coc.Batch
	for _, d := range due {
		if d.Notice != nil {
			b.notices = append(b.notices, d)
			continue
		}
		wanted, mention, aim := w.decide(ctx, &d)
		if aim != nil {
			stored.Aims = append(stored.Aims, *aim)
		}
		if wanted {
			b.changes = append(b.changes, alert{d, mention})
		} else {
			stored.Drop = append(stored.Drop, d.ID)
		}
	}
	if err := w.n.Channel.compose(ctx, b); err != nil {
		return false, quiet, err
	}
	if stored.Drafts = b.drafts; len(b.drafts) > 0 || len(stored.Drop) > 0 {
		_, err = w.Outbox.Freeze(ctx, stored, b.now)
		return true, quiet, err
	}
	if quiet.IsZero() {
		return false, quiet, nil
	}
	return false, quiet, w.recordQuiet(ctx, b.now, quiet)
}

// recordQuiet records, once for each quiet hours, that changes are held back.
func (w *worker) recordQuiet(ctx context.Context, now, until time.Time) error {
	if w.quietUntil.Equal(until) {
		return nil
	}
	held, err := w.Outbox.Due(ctx, w.n.Name, now, nil, 1)
	if err != nil || len(held) == 0 {
		return err
	}
	w.log().Info("quiet hours", "notifier", w.n.Name, "until", until)
	w.quietUntil = until
	return w.Outbox.Pause(ctx, w.n.Name, coc.PauseQuietHours, until)
}
