package db

import (
	"context"
	"iter"
	"time"

	"cocsync/internal/coc"
)

const noticeRows = `SELECT id, kind, watch, at, title, lines FROM notices`

// Notices returns all notices, oldest first. It keeps a connection until it ends.
func (o *Outbox) Notices(ctx context.Context) iter.Seq2[coc.Notice, error] {
	return stream[coc.Notice](o.reading(ctx, "notices"), noticeRows+` ORDER BY at, id`)
}

// addNotice adds a notice with its deliveries, and records it in the row of its watch.
func (t *tx) addNotice(n coc.NewNotice) {
	switch n.Kind {
	case coc.NoticeInitialSync:
		t.exec(`UPDATE watches SET summarized_at = ? WHERE name = ?`, n.At, n.Watch)
	case coc.NoticeFailure:
		t.exec(`UPDATE watches SET failure_at = ?, failure_whole = ? WHERE name = ?`, n.At, n.Whole, n.Watch)
	case coc.NoticeRecovered:
		t.exec(`UPDATE watches SET failure_at = NULL, failure_whole = 0 WHERE name = ?`, n.Watch)
	}
	if len(n.Notify) == 0 {
		return
	}
	id := t.insert("notices", "kind, watch, at, title, lines", n.Kind, n.Watch, n.At, n.Title, n.Lines)
	for _, notifier := range n.Notify {
		t.insert("deliveries", "notifier, notice_id, state, due_at", notifier, id, coc.Waiting, n.At)
	}
}

// QueueNotice adds a notice outside of a cycle, unless one of its kind about its watch exists
// in (since, now]. It reports whether it added the notice.
func (o *Outbox) QueueNotice(ctx context.Context, n coc.NewNotice, since, now time.Time) (added bool, err error) {
	err = o.update(ctx, "add a notice", func(t *tx) {
		_, exists := get[int](t, `SELECT 1 FROM notices WHERE kind = ? AND watch = ? AND at > ? AND at <= ?`,
			n.Kind, n.Watch, since.UnixMilli(), now.UnixMilli())
		added = !exists
		if added {
			t.addNotice(n)
		}
	})
	return added && err == nil, err
}

// LastWeekly returns the time of the newest weekly notice; zero for none. It ignores notices
// after now, which were written with a wrong clock.
func (o *Outbox) LastWeekly(ctx context.Context, now time.Time) (time.Time, error) {
	return first[time.Time](o.reading(ctx, "newest weekly notice"),
		`SELECT max(at) FROM notices WHERE kind = ? AND at <= ?`, coc.NoticeWeekly, now.UnixMilli())
}
