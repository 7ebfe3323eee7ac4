package db

import (
	"cmp"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// A pending message has a code, an HMAC over everything that determines what is sent to whom.
// Someone who can write only the database cannot make cocsync send another text. The code of a
// sent message is over where it was posted: replies follow it there.

// errNoCode is the error of a message that was frozen without the key and cannot be composed
// again.
var errNoCode = errors.New("it was composed while the key of the archive was missing, and cannot be composed again")

// frozenCode returns the code of a pending message. Which of the two texts is sent is not in it,
// nor are attempts: they change.
func (s *store) frozenCode(m *coc.Message) []byte {
	if s.key == nil {
		return nil
	}
	r := audit.NewRecord("message", "id", m.ID, "notifier", m.Notifier, "kind", m.Kind, "account", m.Document.Account,
		"document", m.Document.ID, "parent", m.Parent, "body", string(m.Body), "text", m.Text)
	for _, d := range m.Deliveries {
		r.Add("delivery", d.ID, "account", d.Change.Account, "change", d.Change.ID, "notice", d.Notice)
	}
	return s.key.Authenticate(r.Encode())
}

// postedCode returns the code of a sent message.
func (s *store) postedCode(m *coc.Message) []byte {
	if s.key == nil {
		return nil
	}
	r := audit.NewRecord("posted", "id", m.ID, "notifier", m.Notifier, "account", m.Document.Account, "document", m.Document.ID,
		"channel", m.Channel, "ts", m.TS)
	return s.key.Authenticate(r.Encode())
}

// putCode stores the code of a message that the transaction froze.
func (t *tx) putCode(id int64) {
	if t.s.key == nil || t.err != nil {
		return
	}
	list, err := messages(t.reader, `WHERE m.id = ?`, id)
	t.fail(err)
	for i := range list {
		t.exec(`UPDATE messages SET code = ? WHERE id = ?`, t.s.frozenCode(&list[i]), id)
	}
}

// authenticate checks the code of a message to post, and that of its thread: if only the thread
// does not match, the message is posted outside of it. A message that does not match has failed,
// and the error is coc.ErrForged.
func (o *Outbox) authenticate(ctx context.Context, m *coc.Message) error {
	if !hmac.Equal(m.Code, o.frozenCode(m)) {
		err := o.update(ctx, fmt.Sprintf("message %d", m.ID), func(t *tx) { t.refuse(m.ID, coc.ErrForged) })
		return cmp.Or(err, coc.ErrForged)
	}
	if m.ThreadTS == "" {
		return nil
	}
	roots, err := messages(o.reading(ctx, "thread of message %d", m.ID),
		`WHERE m.id = (SELECT coalesce(p.parent_id, p.id) FROM messages p WHERE p.id = ?)`, m.Parent)
	if err == nil && (len(roots) == 0 || roots[0].Notifier != m.Notifier || roots[0].Document != m.Document ||
		!hmac.Equal(roots[0].Code, o.postedCode(&roots[0]))) {
		m.ThreadChannel, m.ThreadTS = "", ""
	}
	return err
}

// refuse records that a message is not sent. Without a code it can be composed again when it is
// retried.
func (t *tx) refuse(id int64, why error) {
	t.exec(`UPDATE messages SET state = 'failed', error = ?, code = NULL WHERE id = ?`, why.Error(), id)
	t.exec(`UPDATE deliveries SET state = 'failed' WHERE message_id = ?`, id)
}

// recompose removes the pending messages of a notifier without a code, so that their deliveries are
// composed again. Those without deliveries, such as files, have failed.
func (o *Outbox) recompose(ctx context.Context, notifier string) error {
	const uncoded = `SELECT id FROM messages WHERE state = 'waiting' AND notifier = ? AND code IS NULL ORDER BY id`
	ids, err := collect[int64](o.reading(ctx, "messages without a code"), uncoded, notifier)
	if err != nil || len(ids) == 0 {
		return err
	}
	return o.update(ctx, "compose messages again", func(t *tx) {
		for _, id := range list[int64](t, uncoded, notifier) {
			t.recompose(id)
		}
	})
}

// recompose removes a message with all that follow it in its thread, if all are pending.
func (t *tx) recompose(id int64) {
	if _, exists := get[int](t, `SELECT 1 FROM messages WHERE id = ?`, id); !exists {
		return // removed with its parent
	}
	const family = `WITH RECURSIVE f (id) AS (SELECT ?1 UNION SELECT m.id FROM messages m JOIN f ON m.parent_id = f.id) `
	fixed, _ := get[bool](t, family+`SELECT NOT EXISTS (SELECT 1 FROM deliveries WHERE message_id = ?1)
		OR EXISTS (SELECT 1 FROM f JOIN messages m ON m.id = f.id WHERE m.state <> 'waiting')`, id)
	if fixed {
		t.refuse(id, errNoCode)
		return
	}
	for _, member := range list[int64](t, family+`SELECT id FROM f ORDER BY id DESC`, id) {
		t.exec(`UPDATE deliveries SET state = 'waiting', message_id = NULL WHERE message_id = ?`, member)
		t.exec(`DELETE FROM messages WHERE id = ?`, member)
	}
}
