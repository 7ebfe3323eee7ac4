package syncer

import (
	"context"
	"slices"
	"time"

	"cocsync/internal/coc"
)

const (
	oneDay = 24 * time.Hour
	// dayEarly is how much earlier than a day after the previous one a checkpoint may be sent: cron
	// and the checks of the daemon are not exact.
	dayEarly = 10 * time.Minute
)

// QueueCheckpoint queues the daily message with the signed heads of the logs: for the operators always, and
// for other notifiers if they were sent something since their last one. It may be called at any time, by
// several processes too.
func (s *Syncer) QueueCheckpoint(ctx context.Context) error {
	var always, active []string
	for _, name := range s.Checkpoints {
		if slices.Contains(s.Operators, name) {
			always = append(always, name)
		} else {
			active = append(active, name)
		}
	}
	if len(s.Checkpoints) == 0 {
		return nil
	}
	now := s.Now()
	n := coc.NewNotice{Notify: always, Notice: coc.Notice{Kind: coc.NoticeCheckpoint, At: now, Title: "Daily checkpoint", Lines: []string{}}}
	queued, err := s.Store.QueueCheckpoint(ctx, n, active, now.Add(dayEarly-oneDay), now)
	if queued {
		s.deliveriesDue()
	}
	return err
}
