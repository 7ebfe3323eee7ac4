package db

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// After Erase and Scrub the file contains only the hash, the size and the reason of the
// content. Other data does not change.
func TestErase(t *testing.T) {
	d, _ := open(t)
	const secret = "hunter2-correct-horse"
	leaked := []byte("a: 1\n" + "password: " + secret + "\n")
	commit(t, d, step("DM1", "a: 1\n"))
	second := next("DM1", 2, string(leaked))
	second.Changes[0].Difference = coc.Difference{Summary: "password " + secret + " added", Added: 1,
		Items: []coc.Item{{Op: "added", Path: "password", New: secret}}}
	third := next("DM1", 3, "a: 2\n")
	third.Changes[0].Difference = coc.Difference{Summary: "password removed",
		Items: []coc.Item{{Op: "removed", Path: "password", Old: secret}}}
	commit(t, d, second, third, step("DM2", "a: 1\nb: 2\n"))
	hash := coc.Content{Bytes: leaked}.Hash()
	if err := d.update(t.Context(), "index", (*tx).indexBlocks); err != nil {
		t.Fatal(err)
	}

	// One message that was sent, with a file below it; a pending one; one of another
	// document.
	due, err := d.Due(t.Context(), "ops", day.Add(releaseAfter), nil, 10)
	if err != nil || len(due) != 4 {
		t.Fatalf("Due = %d deliveries, %v, want 4", len(due), err)
	}
	var msgs []*coc.Draft
	for _, c := range due {
		m := coc.Message{Notifier: "ops", Kind: coc.MessageRoot, Document: c.Change.Document, Body: []byte(`"` + secret + `"`), Text: secret}
		msgs = append(msgs, &coc.Draft{Message: m, Claims: []int64{c.ID}})
	}
	file := coc.Message{Notifier: "ops", Kind: coc.MessageFile, Body: []byte(secret)}
	msgs = append(msgs, &coc.Draft{Message: file, ReplyTo: msgs[1]})
	ids, err := d.Freeze(t.Context(), coc.Batch{Drafts: msgs}, day)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{1, 4} {
		if err := d.RecordAttempt(t.Context(), coc.Message{ID: ids[i], Kind: msgs[i].Kind, State: coc.Sent, NextAt: day,
			SentAt: day}); err != nil {
			t.Fatal(err)
		}
	}

	want := Erasure{Hash: hash, Size: len(leaked), Places: []Place{{"prod", "DM1", "job DM1", "v2"}}, Changes: 2, Sent: 2, Waiting: 1}
	if got, err := d.Erasure(t.Context(), hash); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("Erasure = %+v, %v, want %+v", got, err, want)
	}
	// The remaining messages are about another document or v1.
	for _, id := range []int64{ids[0], ids[3]} {
		if _, err := d.write.Exec(`UPDATE messages SET body = x'5b5d', text = '' WHERE id = ?`, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Erase(t.Context(), hash, "a password", day.AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if err := d.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		if file, err := os.ReadFile(d.Path() + suffix); err == nil && bytes.Contains(file, []byte(secret)) {
			t.Errorf("the secret is in the file%s", suffix)
		}
	}
	if _, err := d.Content(t.Context(), 1, hash); !errors.Is(err, coc.ErrErased) {
		t.Errorf("Content = %v, want %v", err, coc.ErrErased)
	}
	for _, text := range []string{"a: 1\n", "a: 2\n", "a: 1\nb: 2\n"} {
		c, err := d.Content(t.Context(), 1, coc.Content{Bytes: []byte(text)}.Hash())
		if err != nil || string(c.Bytes) != text {
			t.Errorf("Content = %q, %v, want %q", c.Bytes, err, text)
		}
	}
	if offered, _ := holding(t, d, Need{Text: secret}, secret); offered != 1 { // DM1's block is open
		t.Errorf("Lines offers %d documents, want the one with rebuilt lines", offered)
	}
	if got, want := lineSet(t, d), "1: 1 2 a: a:\n2: 1 2 a: b:\n"; got != want {
		t.Errorf("the line sets are\n%swant\n%s", got, want)
	}
	changes, err := all(d.Changes(t.Context(), Filter{Document: key(1)}))
	if err != nil || len(changes) != 3 || changes[0].Summary != "content changed" || changes[1].Items != nil ||
		changes[1].Added != 1 || changes[2].Summary != "1 step" {
		t.Errorf("Changes = %+v, %v", changes, err)
	}
	// The pending delivery is due again; others did not change.
	due, err = d.Due(t.Context(), "ops", day.Add(releaseAfter), nil, 10)
	if err != nil || len(due) != 1 || due[0].Change.Version != "v3" {
		t.Errorf("Due = %+v, %v, want v3's", due, err)
	}
	got, err := d.Erasure(t.Context(), hash)
	if want.ErasedAt, want.Reason, want.Waiting = day.AddDate(0, 0, 1), "a password", 0; err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("Erasure = %+v, %v, want %+v", got, err, want)
	}

	// The content stays erased if COC serves it again.
	again := next("DM1", 4, string(leaked))
	again.Changes[0].Difference = second.Changes[0].Difference
	commit(t, d, again)
	changes, err = all(d.Changes(t.Context(), Filter{Document: key(1), Limit: 1}))
	if err != nil || len(changes) != 1 || len(changes[0].Items) > 0 || changes[0].Summary != "content changed" {
		t.Errorf("the change that contains it again is %+v, %v", changes, err)
	}
	if _, found := holding(t, d, Need{Text: secret}, secret); len(found) > 0 {
		t.Error("its lines are back")
	}
}

// Hashes finds a content by a prefix of its hash of any length.
func TestHashes(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"), step("DM2", "b\n"))
	hash := coc.Content{Bytes: []byte("a\n")}.Hash()
	for n := 1; n <= 64; n++ {
		list, err := d.Hashes(t.Context(), hash.String()[:n])
		if err != nil || len(list) == 0 || n > 8 && len(list) != 1 || list[0] != hash && list[len(list)-1] != hash {
			t.Errorf("Hashes(%s) = %v, %v", hash.String()[:n], list, err)
		}
	}
	if list, err := d.Hashes(t.Context(), "ffffffffffff"); err != nil || len(list) > 0 {
		t.Errorf("Hashes of none = %v, %v", list, err)
	}
}
