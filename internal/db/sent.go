package db

import (
	"cmp"
	"crypto/hmac"
	"maps"
	"slices"
	"strings"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// Deliveries of changes that were sent are counted in memory and recorded together, as good
// cycles are.

// maxDelivered is the number of deliveries in a record.
const maxDelivered = 100

// delivered is a delivery of a change as it was sent.
type delivered struct {
	ID int64 // of the delivery
	audit.Delivered
}

// countDeliveries counts the deliveries of a message that was sent.
func (t *tx) countDeliveries(m *coc.Message) {
	if t.s.logs == nil {
		return // the process that keeps the log records them
	}
	for _, d := range m.Deliveries {
		if d.Change.IsZero() {
			continue // notices belong to no account
		}
		account := d.Change.Account
		list, ok := t.sent[account]
		if !ok {
			list = t.s.sent[account]
		}
		list = append(slices.Clip(list), delivered{d.ID, audit.Delivered{Change: d.Change.ID, Notifier: m.Notifier,
			Channel: m.Channel, TS: m.TS, SentAt: m.SentAt}})
		if len(list) == maxDelivered {
			t.putDeliveries(account, list, false, time.Now())
			list = nil
		}
		t.sent[account] = list
	}
}

// putDeliveries adds a record of deliveries.
func (t *tx) putDeliveries(account int64, list []delivered, unattested bool, now time.Time) {
	l := t.logOf(account)
	if l == nil {
		return
	}
	key := t.add(account, "delivery_records", "at, unattested", now, unattested)
	for _, d := range list {
		t.exec(`UPDATE deliveries SET record_id = ? WHERE id = ?`, key.ID, d.ID)
	}
	t.leaf(key, deliveryRecord(l.account, now, unattested, list))
}

// deliveryRecord returns the record of deliveries.
func deliveryRecord(account string, at time.Time, unattested bool, list []delivered) audit.Record {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b delivered) int {
		return cmp.Or(cmp.Compare(a.Change, b.Change), strings.Compare(a.Notifier, b.Notifier))
	})
	lines := make([]audit.Delivered, len(list))
	for i, d := range list {
		lines[i] = d.Delivered
	}
	return audit.NewRecord(audit.TypeDelivery, "account", account, "at", at, "unattested", unattested, "sent", audit.EncodeDelivered(lines))
}

// deliveriesRecorded reads the records of deliveries.
func deliveriesRecorded(r reader, account int64, ids []int64) (list []event, err error) {
	in, args := idsIn(ids)
	rows, err := collect[struct {
		ID         int64
		Account    string
		At         time.Time
		Unattested bool
	}](r, `
		SELECT x.id, a.name, x.at, x.unattested FROM delivery_records x JOIN accounts a ON a.id = x.account_id
		WHERE x.account_id = ? AND x.id IN `+in, append([]any{account}, args...)...)
	for _, row := range rows {
		var sent []delivered
		if sent, err = deliveredOf(r, `d.account_id = ? AND d.record_id = ?`, account, row.ID); err != nil {
			return nil, err
		}
		list = append(list, event{row.ID, deliveryRecord(row.Account, row.At, row.Unattested, sent)})
	}
	return list, err
}

// deliveredOf returns the deliveries that a condition selects, as they were sent.
func deliveredOf(r reader, where string, args ...any) ([]delivered, error) {
	return collect[delivered](r, `
		SELECT d.id, coalesce(d.change_id, 0), d.notifier, coalesce(m.channel, ''), coalesce(m.ts, ''), m.sent_at
		FROM deliveries d LEFT JOIN messages m ON m.id = d.message_id WHERE `+where+` ORDER BY d.id`, args...)
}

// attestDeliveries records deliveries of earlier processes that are in no record. If there is a
// key, they must have been posted with it.
func (t *tx) attestDeliveries(now time.Time) {
	const unrecorded = `state = 'sent' AND record_id IS NULL AND account_id IS NOT NULL`
	for _, account := range list[int64](t, `SELECT DISTINCT account_id FROM deliveries WHERE `+unrecorded+` ORDER BY account_id`) {
		all, err := deliveredOf(t.reader, `d.account_id = ? AND d.`+strings.ReplaceAll(unrecorded, "AND ", "AND d."), account)
		t.fail(err)
		all = slices.DeleteFunc(all, func(d delivered) bool { return !t.posted(d.ID) })
		for part := range slices.Chunk(all, maxDelivered) {
			t.putDeliveries(account, part, true, now)
		}
	}
}

// posted reports whether the message of a delivery has the code of a posted one. Without a key
// that is unknown.
func (t *tx) posted(delivery int64) bool {
	if t.s.key == nil {
		return true
	}
	found, err := messages(t.reader, `WHERE m.id = (SELECT message_id FROM deliveries WHERE id = ?)`, delivery)
	t.fail(err)
	return len(found) == 1 && hmac.Equal(found[0].Code, t.s.postedCode(&found[0]))
}

// flushDeliveries records the deliveries that are counted in memory. Others that are sent
// according to their rows are unattested.
func (t *tx) flushDeliveries(now time.Time) {
	for _, account := range slices.Sorted(maps.Keys(t.s.sent)) {
		if len(t.s.sent[account]) > 0 {
			t.putDeliveries(account, t.s.sent[account], false, now)
			t.sent[account] = nil
		}
	}
	t.attestDeliveries(now)
}
