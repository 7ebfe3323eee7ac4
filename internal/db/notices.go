package db

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"cocsync/internal/coc"
)

const noticeRows = `SELECT id, kind, watch, at, title, lines FROM notices`

func scanNotice(row scanner) (n coc.Notice, err error) {
	var lines string
	if err := row.Scan(&n.ID, &n.Kind, &n.Watch, &n.At, &n.Title, &lines); err != nil {
		return n, err
	}
	if err := json.Unmarshal([]byte(lines), &n.Lines); err != nil {
		return n, damaged("the lines of notice %d: %w", n.ID, err)
	}
	return n, nil
}

func (o *Outbox) notice(ctx context.Context, id int64) (*coc.Notice, error) {
	n, err := scanNotice(o.read.row(ctx, noticeRows+` WHERE id = ?`, id))
	return &n, err
}

// Notices returns all notices, oldest first. It keeps a connection until it ends.
func (o *Outbox) Notices(ctx context.Context) iter.Seq2[coc.Notice, error] {
	return stream(ctx, o.read, scanNotice, noticeRows+` ORDER BY at, id`)
}

// addNotice adds a notice with its deliveries, and records it in the row of its watch.
func (t tx) addNotice(n coc.NewNotice) error {
	var err error
	switch n.Kind {
	case coc.NoticeInitialSync:
		err = t.exec(`UPDATE watches SET summarized_at = ? WHERE name = ?`, n.At, n.Watch)
	case coc.NoticeFailure:
		err = t.exec(`UPDATE watches SET failure_at = ?, failure_whole = ? WHERE name = ?`, n.At, n.Whole, n.Watch)
	case coc.NoticeRecovered:
		err = t.exec(`UPDATE watches SET failure_at = NULL, failure_whole = 0 WHERE name = ?`, n.Watch)
	}
	if err != nil || len(n.Notify) == 0 {
		return err
	}
	lines, err := json.Marshal(n.Lines)
	if err != nil {
		return err
	}
	id, err := t.insert(`INSERT INTO notices (kind, watch, at, title, lines) VALUES (?, ?, ?, ?, ?) RETURNING id`,
		n.Kind, n.Watch, n.At, n.Title, string(lines))
	if err != nil {
		return err
	}
	for _, notifier := range n.Notify {
		err := t.exec(`INSERT INTO deliveries (notifier, notice_id, state, due_at) VALUES (?, ?, 'waiting', ?)`, notifier, id, n.At)
		if err != nil {
			return err
		}
	}
	return nil
}

// QueueNotice adds a notice outside of a cycle, unless one of its kind about its watch exists
// in (since, now]. It reports whether it added the notice.
func (o *Outbox) QueueNotice(ctx context.Context, n coc.NewNotice, since, now time.Time) (added bool, err error) {
	defer wrap(&err, "add a notice")
	err = o.update(ctx, func(t tx) error {
		var exists bool
		err := t.row(`SELECT EXISTS (SELECT 1 FROM notices WHERE kind = ? AND watch = ? AND at > ? AND at <= ?)`,
			n.Kind, n.Watch, since.UnixMilli(), now.UnixMilli()).Scan(&exists)
		added = err == nil && !exists
		if !added {
			return err
		}
		return t.addNotice(n)
	})
	return added && err == nil, err
}

// LastWeekly returns the time of the newest weekly notice; zero for none. It ignores notices
// after now, which were written with a wrong clock.
func (o *Outbox) LastWeekly(ctx context.Context, now time.Time) (when time.Time, err error) {
	defer wrap(&err, "newest weekly notice")
	return first(ctx, o.read, scan[time.Time], `SELECT max(at) FROM notices WHERE kind = ? AND at <= ?`, coc.NoticeWeekly, now.UnixMilli())
}
