package notify

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"cocsync/internal/coc"
)

// mortal is an outbox and a transport for a process that is killed: from then on it reaches
// neither.
type mortal struct {
	Outbox
	*anarchy
	died chan struct{} // closed when it is killed

	mu    sync.Mutex
	point string // where it is killed, "" for nowhere
	left  int    // how often it passes there before
	dead  bool
}

var errDead = errors.New("the process is dead")

// death draws where the next process is killed, and after how many passes.
func (a *anarchy) death() (point string, left int) {
	points := []string{"before call", "after call", "before attempted", "after attempted",
		"before contents", "after due", "before freeze", "after freeze", "before quiet", "after quiet"}
	i := a.rng.IntN(len(points))
	return points[i], 1 + a.rng.IntN([]int{40, 40, 40, 40, 25, 10, 4, 4, 6, 4, 4}[i])
}

// at passes a point, and reports whether the process is alive there.
func (m *mortal) at(point string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if point != m.point || m.dead {
		return !m.dead
	}
	if m.left--; m.left == 0 {
		m.dead = true
		close(m.died)
	}
	return !m.dead
}

func (m *mortal) isDead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// do calls f, unless the process was killed; only a living process gets its result.
func (m *mortal) do(what string, f func() error) error {
	if !m.at("before " + what) {
		return errDead
	}
	if err := f(); m.at("after " + what) {
		return err
	}
	return errDead
}

func (m *mortal) RoundTrip(r *http.Request) (res *http.Response, err error) {
	if err = m.do("call", func() error { res, err = m.anarchy.RoundTrip(r); return err }); err != nil {
		return nil, err
	}
	return res, nil
}

func (m *mortal) Due(ctx context.Context, notifier string, now time.Time, kinds []coc.Kind, limit int) (list []coc.Delivery, err error) {
	err = m.do("due", func() error { list, err = m.Outbox.Due(ctx, notifier, now, kinds, limit); return err })
	return list, err
}

func (m *mortal) Freeze(ctx context.Context, b coc.Batch, now time.Time) (ids []int64, err error) {
	err = m.do("freeze", func() error { ids, err = m.Outbox.Freeze(ctx, b, now); return err })
	return ids, err
}

func (m *mortal) Next(ctx context.Context, notifier string, now time.Time) (msg coc.Message, ok bool, wake time.Time, err error) {
	err = m.do("next", func() error { msg, ok, wake, err = m.Outbox.Next(ctx, notifier, now); return err })
	return msg, ok, wake, err
}

func (m *mortal) RecordAttempt(ctx context.Context, msg coc.Message) error {
	return m.do("attempted", func() error {
		err := m.Outbox.RecordAttempt(ctx, msg)
		if err == nil {
			m.record(subject{msg.Notifier, msg.Kind == coc.MessageFile, idIn(msg.Text)}, msg.State)
		}
		return err
	})
}

func (m *mortal) Held(ctx context.Context, notifier string) (reason string, until time.Time, err error) {
	err = m.do("held", func() error { reason, until, err = m.Outbox.Held(ctx, notifier); return err })
	return reason, until, err
}

func (m *mortal) Hold(ctx context.Context, notifier, reason string, until time.Time) error {
	return m.do("hold", func() error { return m.Outbox.Hold(ctx, notifier, reason, until) })
}

func (m *mortal) Pause(ctx context.Context, notifier string, why coc.PauseReason, until time.Time) error {
	return m.do("quiet", func() error { return m.Outbox.Pause(ctx, notifier, why, until) })
}

func (m *mortal) PausedUntil(ctx context.Context, notifier string) (until time.Time, err error) {
	err = m.do("asked", func() error { until, err = m.Outbox.PausedUntil(ctx, notifier); return err })
	return until, err
}

func (m *mortal) Retrying(ctx context.Context, notifier string) (list []coc.Message, err error) {
	err = m.do("tried", func() error { list, err = m.Outbox.Retrying(ctx, notifier); return err })
	return list, err
}

func (m *mortal) Thread(ctx context.Context, notifier string, document coc.Key, channel string, since time.Time) (id int64, err error) {
	err = m.do("thread", func() error { id, err = m.Outbox.Thread(ctx, notifier, document, channel, since); return err })
	return id, err
}

func (m *mortal) Contents(ctx context.Context, change coc.Key) (old, now []byte, err error) {
	err = m.do("contents", func() error { old, now, err = m.Outbox.Contents(ctx, change); return err })
	return old, now, err
}
