package db

import (
	"context"
	"iter"
	"slices"
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

// QueueCheckpoint adds a notice of the heads of the logs. It is sent to n.Notify and, if there is a
// key, to those of active that were sent something else after their last one. Left out is a notifier
// that has had one in (since, now] or has a pending one: a time after now was written with a wrong
// clock. It does nothing before the end of the first cycle. It reports whether it added the notice.
func (o *Outbox) QueueCheckpoint(ctx context.Context, n coc.NewNotice, active []string, since, now time.Time) (added bool, err error) {
	err = o.update(ctx, "add a notice", func(t *tx) {
		if _, ended := get[int](t, `SELECT 1 FROM cycles WHERE ended_at IS NOT NULL LIMIT 1`); !ended {
			return
		}
		if t.s.key != nil {
			n.Notify = slices.Concat(n.Notify, slices.DeleteFunc(slices.Clone(active), func(name string) bool { return !t.sentSince(name, now) }))
		}
		n.Notify = slices.DeleteFunc(slices.Clone(n.Notify), func(name string) bool {
			_, recent := get[int](t, `
				SELECT 1 FROM notices n JOIN deliveries d ON d.notice_id = n.id
				WHERE n.kind = ?1 AND d.notifier = ?2 AND (n.at > ?3 AND n.at <= ?4 OR d.state IN ('waiting', 'claimed')) LIMIT 1`,
				coc.NoticeCheckpoint, name, since.UnixMilli(), now.UnixMilli())
			return recent
		})
		if added = len(n.Notify) > 0; added {
			t.addNotice(n)
		}
	})
	return added && err == nil, err
}

// sentSince reports whether a notifier was sent something after its last notice of the heads.
func (t *tx) sentSince(notifier string, now time.Time) bool {
	_, sent := get[int](t, `
		SELECT 1 FROM deliveries d JOIN messages m ON m.id = d.message_id LEFT JOIN notices n ON n.id = d.notice_id
		WHERE d.notifier = ?1 AND d.state = 'sent' AND coalesce(n.kind, '') <> ?2 AND m.sent_at > (
			SELECT coalesce(max(l.at), 0) FROM notices l JOIN deliveries e ON e.notice_id = l.id
			WHERE l.kind = ?2 AND e.notifier = ?1 AND l.at <= ?3)
		ORDER BY d.id DESC LIMIT 1`, notifier, coc.NoticeCheckpoint, now.UnixMilli())
	return sent
}

// LastWeekly returns the time of the newest weekly notice; zero for none. It ignores notices
// after now, which were written with a wrong clock.
func (o *Outbox) LastWeekly(ctx context.Context, now time.Time) (time.Time, error) {
	return first[time.Time](o.reading(ctx, "newest weekly notice"),
		`SELECT max(at) FROM notices WHERE kind = ? AND at <= ?`, coc.NoticeWeekly, now.UnixMilli())
}
