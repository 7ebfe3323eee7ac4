package db

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// sendNext records the next message of ops as sent.
func sendNext(t *testing.T, d *DB, at time.Time) coc.Message {
	t.Helper()
	m, ok, _, err := d.Next(t.Context(), "ops", at)
	if err != nil || !ok {
		t.Fatalf("Next = %v, %v", ok, err)
	}
	m.State, m.SentAt, m.Channel, m.TS = coc.Sent, at, "C1", fmt.Sprint("1.", m.ID)
	if err := d.RecordAttempt(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// frozen archives so many documents and freezes one message about all.
func frozen(t *testing.T, d *DB, n int) {
	t.Helper()
	for i := range n {
		commit(t, d, step(fmt.Sprint("DM", i), "a\n"))
	}
	due, err := d.Due(t.Context(), "ops", day.Add(releaseAfter), nil, n+1)
	if err != nil || len(due) != n {
		t.Fatalf("Due = %d, %v, want %d", len(due), err, n)
	}
	m := &coc.Draft{Message: coc.Message{Notifier: "ops", Kind: coc.MessageDigest, Body: []byte("{}"), Text: "t"}}
	for _, x := range due {
		m.Claims = append(m.Claims, x.ID)
	}
	if _, err := d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{m}}, day); err != nil {
		t.Fatal(err)
	}
}

// deliveryRecords returns the records of deliveries without the time at which they were recorded.
func deliveryRecords(t *testing.T, d *DB) (list []string) {
	t.Helper()
	for id := int64(1); ; id++ {
		r, _, leaf, err := d.RecordOf(t.Context(), audit.TypeDelivery, key(id))
		if err != nil {
			return list
		}
		if leaf.Hashes[0] != audit.LeafHash(r.Encode()) {
			t.Errorf("delivery record %d does not have the hash of its leaf: %q", id, r.Encode())
		}
		list = append(list, r.Get("account")+" "+r.Get("unattested")+" "+r.Get("sent"))
	}
}

// What was sent is recorded within an hour.
func TestDeliveriesAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := open(t)
		frozen(t, d, 2)
		m := sendNext(t, d, day)
		if got := deliveryRecords(t, d); got != nil {
			t.Errorf("the records at once are %q, want none", got)
		}
		time.Sleep(RecordEvery) // in fake time
		synctest.Wait()
		at := day.UnixMilli()
		want := fmt.Sprintf(`prod  [{"change":1,"notifier":"ops","channel":"C1","ts":%q,"sent_at":%d},{"change":2,"notifier":"ops","channel":"C1","ts":%q,"sent_at":%d}]`,
			m.TS, at, m.TS, at)
		if got := deliveryRecords(t, d); len(got) != 1 || got[0] != want {
			t.Errorf("the records after an hour are %q, want %q", got, want)
		}
	})
}

// What was sent is recorded when the archive is closed, at most 100 deliveries together.
func TestDeliveriesAreRecordedAtTheEnd(t *testing.T) {
	d, _ := open(t)
	path := d.Path()
	frozen(t, d, maxDelivered+1)
	sendNext(t, d, day)
	if got := deliveryRecords(t, d); len(got) != 1 || strings.Count(got[0], "change") != maxDelivered {
		t.Errorf("%d records at once, want one of %d deliveries", len(got), maxDelivered)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := deliveryRecords(t, d); len(got) != 2 || !strings.HasPrefix(got[1], `prod  [{"change":101,`) ||
		strings.Count(got[1], "change") != 1 {
		t.Errorf("the records of the next process are %q, want a second one of change 101", got)
	}
}

// A delivery that its process did not record is recorded by the next one as unattested. One that
// only the database says was sent is not.
func TestUnattestedDeliveries(t *testing.T) {
	for _, forged := range []bool{false, true} {
		d, _ := open(t)
		path := d.Path()
		frozen(t, d, 1)
		var want []string
		if forged {
			alter(t, path, `UPDATE messages SET state = 'sent', sent_at = 1, channel = 'C9', ts = '9'`, `UPDATE deliveries SET state = 'sent'`)
		} else {
			m := sendNext(t, d, day)
			d.sent = map[int64][]delivered{} // as if the process was killed
			want = []string{fmt.Sprintf(`prod 1 [{"change":1,"notifier":"ops","channel":"C1","ts":%q,"sent_at":%d}]`, m.TS, day.UnixMilli())}
			d.recording = nil
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if got := deliveryRecords(t, d); !slices.Equal(got, want) {
			t.Errorf("forged %v: the records are %q, want %q", forged, got, want)
		}
	}
}
