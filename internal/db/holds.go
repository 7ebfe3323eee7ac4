package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"cocsync/internal/coc"
)

// Held returns why the notifier's channel is on hold and until when. The reason is empty if it
// is not.
func (o *Outbox) Held(ctx context.Context, notifier string) (reason string, until time.Time, err error) {
	err = o.reading(ctx, "hold of %s", notifier).row(`SELECT reason, until FROM holds WHERE notifier = ?`, notifier).Scan(&reason, &until)
	return reason, until, ignore(err, sql.ErrNoRows)
}

// Hold puts the notifier's channel on hold until then; an empty reason ends it.
func (o *Outbox) Hold(ctx context.Context, notifier, reason string, until time.Time) error {
	what := fmt.Sprintf("hold %s", notifier)
	if reason == "" {
		return o.exec(ctx, what, `DELETE FROM holds WHERE notifier = ?`, notifier)
	}
	return o.exec(ctx, what, `
		INSERT INTO holds (notifier, reason, since, until) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (notifier) DO UPDATE SET reason = excluded.reason, until = excluded.until`,
		notifier, reason, time.Now(), until)
}

// Pause records that the notifier is paused until then.
func (o *Outbox) Pause(ctx context.Context, notifier string, reason coc.PauseReason, until time.Time) error {
	return o.exec(ctx, fmt.Sprintf("pause %s", notifier), `
		INSERT INTO pauses (notifier, reason, until) VALUES (?1, ?2, ?3)
		ON CONFLICT (notifier, reason) DO UPDATE SET until = excluded.until`, notifier, reason, until)
}

// PausedUntil returns the recorded end of the notifier's pause for Slack's rate limit; zero
// for none.
func (o *Outbox) PausedUntil(ctx context.Context, notifier string) (time.Time, error) {
	return first[time.Time](o.reading(ctx, "pause of %s", notifier),
		`SELECT until FROM pauses WHERE notifier = ? AND reason = 'rate'`, notifier)
}
