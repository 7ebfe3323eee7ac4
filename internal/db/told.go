package db

import (
	"context"
	"database/sql"
	"time"

	"cocsync/internal/coc"
)

// Told is how a change was told to one notifier, or is going to be.
type Told struct {
	Notifier string
	State    string    // of its delivery: waiting, claimed, sent, failed or dropped
	DueAt    time.Time // when it falls or fell due
	Message  *coc.Message
}

// Told returns how a change was told, by notifier. A message brings all but its body.
func (d *DB) Told(ctx context.Context, change int64) (_ []Told, err error) {
	defer wrap(&err, "messages of change %d", change)
	return collect(ctx, d.read, func(row scanner) (t Told, err error) {
		var id, plain, attempts, due, sent sql.NullInt64
		var kind, state, channel, ts, failure, text sql.NullString
		err = row.Scan(&t.Notifier, &t.State, &due, &id, &kind, &plain, &state, &attempts, &sent, &channel, &ts, &failure, &text)
		t.DueAt = instant(due)
		if id.Valid {
			t.Message = &coc.Message{
				ID: id.Int64, Notifier: t.Notifier, Kind: coc.MessageKind(kind.String), Plain: plain.Int64 == 1, State: coc.MessageState(state.String),
				Attempts: int(attempts.Int64), SentAt: instant(sent), Channel: channel.String, TS: ts.String, Err: failure.String, Text: text.String,
			}
		}
		return t, err
	}, `
		SELECT y.notifier, y.state, y.due_at, m.id, m.kind, m.plain, m.state, m.attempts, m.sent_at, m.channel, m.ts, m.error, m.text
		FROM deliveries y LEFT JOIN messages m ON m.id = y.message_id
		WHERE y.change_id = ? ORDER BY y.notifier`, change)
}

// Neighbours returns the changes of a document on either side of one, in the order of
// time; 0 where there is none.
func (d *DB) Neighbours(ctx context.Context, document int64, at coc.Place) (before, after int64, err error) {
	defer wrap(&err, "changes beside %d", at.ID)
	one := func(query string) (id int64, err error) {
		err = d.read.row(ctx, query, document, at.At.UnixMilli(), at.ID).Scan(&id)
		return id, explain(ignore(err, sql.ErrNoRows))
	}
	if before, err = one(`SELECT id FROM changes WHERE document_id = ?1 AND (at, id) < (?2, ?3) ORDER BY at DESC, id DESC LIMIT 1`); err != nil {
		return 0, 0, err
	}
	after, err = one(`SELECT id FROM changes WHERE document_id = ?1 AND (at, id) > (?2, ?3) ORDER BY at, id LIMIT 1`)
	return before, after, err
}
