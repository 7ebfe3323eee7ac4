package db

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

	want := []Erasure{{Content: key(2), Account: "prod", Hash: hash, Size: len(leaked),
		Places: []Place{{"DM1", "job DM1", "v2"}}, Changes: 2, Sent: 2, Waiting: 1}}
	if got, err := d.Erasures(t.Context(), hash, d.Keyed(hash)); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("Erasures = %+v, %v, want %+v", got, err, want)
	}
	// The remaining messages are about another document or v1.
	for _, id := range []int64{ids[0], ids[3]} {
		if _, err := d.write.Exec(`UPDATE messages SET body = x'5b5d', text = '' WHERE id = ?`, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := eraseContent(t.Context(), d, string(leaked), "a password", day.AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Rewrite(t.Context()), d.EmptyWAL(t.Context())); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(d.Path()), "*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v, want the database with its other files", files, err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, trace := range map[string][]byte{"text": []byte(secret), "SHA-256": hash[:], "SHA-256 in hexadecimal": []byte(hash.String()),
			"SHA-256 in base64": []byte(base64.StdEncoding.EncodeToString(hash[:]))} {
			if bytes.Contains(file, trace) {
				t.Errorf("%s contains the %s", filepath.Base(name), what)
			}
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
	got, err := d.Erasures(t.Context(), hash, d.Keyed(hash))
	if len(got) != 1 || got[0].Hash == hash || got[0].Hash == d.Keyed(hash) {
		t.Fatalf("Erasures = %+v, %v", got, err)
	}
	e := &want[0]
	e.ErasedAt, e.Person, e.Reason, e.Waiting, e.Hash, e.Size = day.AddDate(0, 0, 1), "a person", "a password", 0, got[0].Hash, 256
	if err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("Erasures = %+v, %v, want %+v", got, err, want)
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

// eraseContent erases a text from the account prod.
func eraseContent(ctx context.Context, d *DB, content, reason string, now time.Time) error {
	hash := coc.Content{Bytes: []byte(content)}.Hash()
	list, err := d.Erasures(ctx, hash, d.Keyed(hash))
	if err != nil || len(list) != 1 {
		return errors.Join(err, coc.ErrNotFound)
	}
	if err := d.RequestErasure(ctx, nil, list[0].Content, "a person", reason, now); err != nil {
		return err
	}
	request, err := d.ErasureRequest(ctx, list[0].Content)
	if err != nil {
		return err
	}
	if err := d.Erase(ctx, request, coc.NewNotice{}, now); err != nil {
		return err
	}
	return d.RemoveErasureRequests(ctx, []coc.Key{list[0].Content})
}

// A message that was composed with a content before its erasure is not stored after it.
func TestMessageComposedBeforeAnErasure(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a: secret\n"))
	due, err := d.Due(t.Context(), "ops", day.Add(releaseAfter), nil, 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("Due = %v, %v, want one", due, err)
	}
	m := coc.Message{Notifier: "ops", Kind: coc.MessageRoot, Document: due[0].Change.Document, Body: []byte(`"secret"`), Text: "secret"}
	batch := coc.Batch{Drafts: []*coc.Draft{{Message: m, Claims: []int64{due[0].ID}}}}
	if err := eraseContent(t.Context(), d, "a: secret\n", "a test", day); err != nil {
		t.Fatal(err)
	}
	if ids, err := d.Freeze(t.Context(), batch, day); err == nil {
		t.Errorf("Freeze = %v: the message with the erased content is stored", ids)
	}
	again, err := d.Due(t.Context(), "ops", day.Add(releaseAfter), nil, 10)
	if err != nil || len(again) != 1 || again[0].Change.Key != due[0].Change.Key {
		t.Errorf("Due = %v, %v, want the change again", again, err)
	}
}

// A request that was not made with the key is not done.
func TestForgedErasureRequest(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a: secret\n"))
	if err := d.RequestErasure(t.Context(), nil, key(1), "a person", "a test", day); err != nil {
		t.Fatal(err)
	}
	if err := d.RequestErasure(t.Context(), nil, key(1), "another", "a test", day); !errors.Is(err, ErrAskedToErase) {
		t.Errorf("the second request = %v, want ErrAskedToErase", err)
	}
	for _, sql := range []string{
		`UPDATE erasure_requests SET person = 'another'`,
		`UPDATE erasure_requests SET reason = 'another', person = 'a person'`,
		`UPDATE erasure_requests SET at = at + 1, reason = 'a test'`,
	} {
		alter(t, d.path, sql)
		request, err := d.ErasureRequest(t.Context(), key(1))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Erase(t.Context(), request, coc.NewNotice{}, day); !errors.Is(err, errNotAuthentic) {
			t.Errorf("after %s: Erase = %v, want %v", sql, err, errNotAuthentic)
		}
	}
	if c, err := d.Content(t.Context(), 1, coc.Content{Bytes: []byte("a: secret\n")}.Hash()); err != nil || string(c.Bytes) != "a: secret\n" {
		t.Errorf("Content = %q, %v, want that it is there", c.Bytes, err)
	}
}

// A reader of contents said that one is damaged after the erasure of another one in its pack.
func TestReaderDuringAnErasure(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a: 1\n"), next("DM1", 2, "a: secret\n"), next("DM1", 3, "a: 3\n"))
	u := d.Unpacker()
	read := func(text string) {
		t.Helper()
		c, err := u.Content(t.Context(), 1, coc.Content{Bytes: []byte(text)}.Hash())
		if err != nil || string(c.Bytes) != text {
			t.Errorf("Content = %q, %v, want %q", c.Bytes, err, text)
		}
	}
	read("a: 1\n")
	if err := eraseContent(t.Context(), d, "a: secret\n", "a test", day); err != nil {
		t.Fatal(err)
	}
	read("a: 3\n")
	if _, err := u.Content(t.Context(), 1, coc.Content{Bytes: []byte("a: secret\n")}.Hash()); !errors.Is(err, coc.ErrErased) {
		t.Errorf("Content of the erased one = %v, want %v", err, coc.ErrErased)
	}
}

// The erasure of a content whose row names the bytes of another one removed those, left its own, and
// succeeded.
func TestEraseDamagedContent(t *testing.T) {
	d, _ := open(t)
	commit(t, d, step("DM1", "a: secret\n"), next("DM1", 2, "a: public\n"))
	alter(t, d.path, `UPDATE contents SET start = 10 - start`) // each has the bytes of the other
	hash := coc.Content{Bytes: []byte("a: secret\n")}.Hash()
	if err := eraseContent(t.Context(), d, "a: secret\n", "a test", day); !errors.Is(err, ErrAltered) {
		t.Errorf("Erase = %v, want %v", err, ErrAltered)
	}
	// A cycle records such errors permanently.
	if _, err := d.Content(t.Context(), 1, hash); !errors.Is(err, ErrAltered) || strings.Contains(err.Error(), hash.String()[:8]) {
		t.Errorf("Content = %v, want an error without the SHA-256", err)
	}
	alter(t, d.path, `UPDATE contents SET start = 10 - start`)
	for _, text := range []string{"a: secret\n", "a: public\n"} {
		c, err := d.Content(t.Context(), 1, coc.Content{Bytes: []byte(text)}.Hash())
		if err != nil || string(c.Bytes) != text {
			t.Errorf("Content = %q, %v, want %q", c.Bytes, err, text)
		}
	}
}

// Requests that were not made with the key are refused together, a request that someone marked as done
// is done, and one for the same content does not hinder a real one.
func TestManyForgedErasureRequests(t *testing.T) {
	d, _ := open(t)
	for i := range 20 {
		commit(t, d, step(fmt.Sprint("DM", i), fmt.Sprintf("a: secret %d\n", i)))
	}
	alter(t, d.path, `INSERT INTO erasure_requests SELECT account_id, id, 9e15, 'root@host', 'a test', randomblob(32), 'requested', '' FROM contents`)
	if err := d.RequestErasure(t.Context(), nil, key(7), "a person", "a test", day); err != nil {
		t.Fatal(err)
	}
	alter(t, d.path, `UPDATE erasure_requests SET state = 'erased'`)
	due, refused, err := d.DueErasures(t.Context())
	if err != nil || refused != 19 || len(due) != 1 || due[0].Content != key(7) || due[0].Erased {
		t.Errorf("DueErasures = %+v, %d, %v, want that of content 7, and 19 that are refused", due, refused, err)
	}
	if due, refused, err := d.DueErasures(t.Context()); err != nil || refused != 0 || len(due) != 1 {
		t.Errorf("the second DueErasures = %+v, %d, %v, want that of content 7", due, refused, err)
	}
	list, all, err := d.ErasureRequests(t.Context(), 3)
	if err != nil || all != 20 || len(list) != 3 || list[0].Content != key(7) || list[1].Err != errNotAuthentic.Error() {
		t.Errorf("ErasureRequests = %+v, %d, %v, want 3 of 20, the one that has not failed first", list, all, err)
	}
	// Long values are not read as a whole.
	alter(t, d.path, `UPDATE erasure_requests SET person = hex(zeroblob(1000000)), reason = person, error = person, code = zeroblob(1000000)`)
	q, err := d.ErasureRequest(t.Context(), key(1))
	if n := len(q.Person) + len(q.Reason) + len(q.Err) + len(q.Code); err != nil || n > 3*maxReason+100 {
		t.Errorf("ErasureRequest has %d bytes, %v", n, err)
	}
	if err := d.RequestErasure(t.Context(), nil, key(1), "a person", strings.Repeat("ü", maxReason+1), day); err == nil {
		t.Error("a reason that is not read as a whole can be requested")
	}
	if err := d.RequestErasure(t.Context(), nil, key(1), "a person", strings.Repeat("ü", maxReason), day); err != nil {
		t.Error(err)
	}
	if due, _, err := d.DueErasures(t.Context()); err != nil || !slices.ContainsFunc(due, func(q ErasureRequest) bool { return q.Content == key(1) }) {
		t.Errorf("DueErasures = %v, %v, want that of the longest reason", due, err)
	}
}
