package db

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// Fault: someone who could write the database made cocsync send any text. A message that is not as
// it was frozen is not sent, and is composed again when it is retried.
func TestForgedMessageIsNotSent(t *testing.T) {
	for name, q := range map[string]string{
		"text":              `UPDATE messages SET text = 'all is well'`,
		"body":              `UPDATE messages SET body = x'7b7d20'`,
		"notifier":          `UPDATE messages SET notifier = 'other'`,
		"kind":              `UPDATE messages SET kind = 'notice'`,
		"document":          `UPDATE messages SET document_id = 1, account_id = 1`,
		"deliveries":        `UPDATE deliveries SET message_id = NULL WHERE change_id = 2`,
		"change":            `UPDATE deliveries SET change_id = 3 WHERE change_id = 2`,
		"a copy":            `UPDATE messages SET id = 7; UPDATE deliveries SET message_id = 7`,
		"the code":          `UPDATE messages SET code = x'00'`,
		"text and fallback": `UPDATE messages SET text = 'x', plain = 1`,
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := open(t)
			frozen(t, d, 2)
			commit(t, d, step("DM9", "a\n"))
			alter(t, d.Path(), `DELETE FROM deliveries WHERE change_id = 3`)
			alter(t, d.Path(), q)
			notifier := "ops"
			if name == "notifier" {
				notifier = "other"
			}
			// Fault: a failed one that could not be recorded was tried again without a pause.
			d.commit = failing
			if _, ok, _, err := d.Next(t.Context(), notifier, day); ok || err == nil || errors.Is(err, coc.ErrForged) {
				t.Errorf("Next without space on the disk = %v, %v, want another error than %v", ok, err, coc.ErrForged)
			}
			d.commit = nil
			m, ok, _, err := d.Next(t.Context(), notifier, day)
			if ok || !errors.Is(err, coc.ErrForged) {
				t.Fatalf("Next = message %d, %v, %v, want %v", m.ID, ok, err, coc.ErrForged)
			}
			list, err := d.Messages(t.Context(), false, 10)
			if err != nil || len(list) != 1 || list[0].State != coc.Failed || list[0].Err != coc.ErrForged.Error() {
				t.Errorf("Messages = %+v, %v, want a failed one", list, err)
			}
			if _, ok, _, err := d.Next(t.Context(), notifier, day); ok || err != nil {
				t.Errorf("Next after it = %v, %v, want none", ok, err)
			}
			if b, err := d.Backlogs(t.Context(), day); err != nil || backlogOf(b, notifier).Altered != 1 || backlogOf(b, notifier).Failed != 0 {
				t.Errorf("Backlogs = %+v, %v, want one altered message", b, err)
			}
			if _, err := d.Retry(t.Context(), "", 0, day); err != nil {
				t.Fatal(err)
			}
			if _, ok, _, err := d.Next(t.Context(), notifier, day); ok || err != nil {
				t.Errorf("Next after a retry = %v, %v, want none", ok, err)
			}
			if due, err := d.Due(t.Context(), "ops", day.Add(releaseAfter), nil, 10); err != nil || len(due) == 0 {
				t.Errorf("Due after a retry = %d, %v, want its deliveries", len(due), err)
			}
		})
	}
}

func backlogOf(list []Backlog, notifier string) Backlog {
	for _, b := range list {
		if b.Notifier == notifier {
			return b
		}
	}
	return Backlog{}
}

// Progress of a message is not part of its code.
func TestRetriedMessageIsSent(t *testing.T) {
	d, _ := open(t)
	frozen(t, d, 1)
	m, _, _, err := d.Next(t.Context(), "ops", day)
	if err != nil {
		t.Fatal(err)
	}
	m.Attempts, m.Plain, m.NextAt, m.FirstAt, m.Err = 3, true, day, day, "invalid_blocks"
	if err := d.RecordAttempt(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m.State = coc.Failed
	if err := d.RecordAttempt(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	shared, err := OpenShared(t.Context(), d.Path()) // as `notify retry` does
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	if _, err := shared.Retry(t.Context(), "ops", m.ID, day); err != nil {
		t.Fatal(err)
	}
	if m := sendNext(t, d, day); m.Plain {
		t.Errorf("Next = %+v, want the body again", m)
	}
}

// Without the key messages are sent without a code. When the key is back, pending ones are
// composed again, and those without deliveries are not sent.
func TestMessagesWithoutTheKey(t *testing.T) {
	d, _ := open(t)
	path := d.Path()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	aside := KeyFile(path) + ".aside"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Rename(KeyFile(path), aside))
	d, err := Open(t.Context(), path)
	must(err)
	frozen(t, d, 1)
	if m, ok, _, err := d.Next(t.Context(), "ops", day); err != nil || !ok || m.Code != nil {
		t.Errorf("Next without the key = %+v, %v, %v, want a message without a code", m, ok, err)
	}
	alone := post(t, d, day, coc.Message{Kind: coc.MessageFile}, "")
	must(d.Close())
	must(os.Rename(aside, KeyFile(path)))
	d, err = Open(t.Context(), path)
	must(err)
	defer d.Close()
	if m, ok, _, err := d.Next(t.Context(), "ops", day); err != nil || ok {
		t.Errorf("Next with the key = %+v, %v, %v, want none", m, ok, err)
	}
	if due, err := d.Due(t.Context(), "ops", day.Add(releaseAfter), nil, 10); err != nil || len(due) != 1 {
		t.Errorf("Due = %d, %v, want the delivery again", len(due), err)
	}
	list, err := d.Messages(t.Context(), false, 10)
	if err != nil || len(list) != 1 || list[0].ID != alone || list[0].State != coc.Failed || list[0].Err != errNoCode.Error() {
		t.Errorf("Messages = %+v, %v, want the failed file", list, err)
	}
}

// A restored archive with a new key composes pending messages again.
func TestRestoredMessages(t *testing.T) {
	d, _ := open(t)
	frozen(t, d, 1)
	backup, path := filepath.Join(t.TempDir(), "backup.db"), filepath.Join(t.TempDir(), "restored.db")
	if err := d.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := restore(t, backup, path); err != nil {
		t.Fatal(err)
	}
	restored, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if m, ok, _, err := restored.Next(t.Context(), "ops", day); err != nil || ok {
		t.Errorf("Next = %+v, %v, %v, want none", m, ok, err)
	}
	if due, err := restored.Due(t.Context(), "ops", day.Add(releaseAfter), nil, 10); err != nil || len(due) != 1 {
		t.Errorf("Due = %d, %v, want the delivery again", len(due), err)
	}
}

// A file follows its message only to where cocsync posted that.
func TestForgedThreadIsNotUsed(t *testing.T) {
	for _, q := range []string{
		`UPDATE messages SET channel = 'C666' WHERE id = 1`,
		`UPDATE messages SET ts = '6.6' WHERE id = 1`,
		`UPDATE messages SET document_id = 2 WHERE id = 1`,
		`UPDATE messages SET code = NULL WHERE id = 1`,
	} {
		d, _ := open(t)
		commit(t, d, step("DM2", "a\n"))
		doc := document(t, d, "DM1")
		root := post(t, d, day, coc.Message{Kind: coc.MessageRoot, Document: doc}, "1.1")
		post(t, d, day.Add(time.Second), coc.Message{Kind: coc.MessageFile, Document: doc, Parent: root}, "")
		if m, ok, _, err := d.Next(t.Context(), "ops", day.Add(time.Minute)); err != nil || !ok || m.ThreadTS != "1.1" {
			t.Fatalf("Next = %+v, %v, %v, want it in the thread", m, ok, err)
		}
		alter(t, d.Path(), q)
		if m, ok, _, err := d.Next(t.Context(), "ops", day.Add(time.Minute)); err != nil || !ok || m.ThreadTS != "" || m.ThreadChannel != "" {
			t.Errorf("%s: Next = %+v, %v, %v, want it in no thread", q, m, ok, err)
		}
	}
}
