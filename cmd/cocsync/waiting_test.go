package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// stuckWriter blocks writes until it is released, like a pager that shows its first page.
type stuckWriter struct {
	reached, release chan struct{}
	once             sync.Once
}

func (w *stuckWriter) Write(b []byte) (int, error) {
	w.once.Do(func() { close(w.reached) })
	<-w.release
	return len(b), nil
}

// While the output of a command was blocked, the write-ahead log was not copied to the
// database and grew. Now no command keeps a transaction open while it writes output, so the
// log is copied when the writing process ends.
func TestBlockedOutputKeepsNoTransaction(t *testing.T) {
	path := manyDocuments(t)
	for i, line := range []string{"log -p", "log", "log --oneline", "grep r", "list", "report", "blame job-1", "verify",
		"export git", "export jsonl", "export csv", "list -o json"} {
		t.Run(line, func(t *testing.T) {
			out := &stuckWriter{reached: make(chan struct{}), release: make(chan struct{})}
			done := make(chan error)
			go func() {
				done <- run(t.Context(), append([]string{"--db", path}, strings.Fields(line)...), nil, out, new(bytes.Buffer))
			}()
			select {
			case <-out.reached:
			case err := <-done:
				t.Fatalf("it ended without output: %v", err)
			}
			d, err := db.Open(t.Context(), path)
			must(t, err)
			must(t, d.Commit(t.Context(), plainStep(fmt.Sprintf("extra-%d", i), 1)))
			must(t, d.Close())
			r, err := db.OpenReader(t.Context(), path)
			must(t, err)
			w, err := r.WAL(t.Context())
			must(t, err)
			must(t, r.Close())
			if w.Pending > 0 {
				t.Errorf("%d bytes of the write-ahead log are not copied", w.Pending)
			}
			close(out.release)
			must(t, <-done)
		})
	}
}

// manyDocuments creates an archive for which most commands write more than a pipe's buffer.
func manyDocuments(t *testing.T) string {
	t.Helper()
	d, path := newArchive(t)
	for i := range 40 {
		must(t, d.Commit(t.Context(), plainStep(fmt.Sprintf("job-%d", i), 3)))
	}
	must(t, d.Close())
	return path
}

// plainStep returns a document with versions of 2 KB each.
func plainStep(name string, versions int) coc.Step {
	s := coc.Step{Account: "prod", DocumentID: name, SeenAt: first, Name: name, State: coc.DocPresent, Meta: &coc.Meta{Name: &name}}
	for n := range versions {
		label := fmt.Sprintf("v%d", n+1)
		text := fmt.Sprintf("name: %s\nz: '%s'\n", name, strings.Repeat(fmt.Sprintf("r%d ", n), 500))
		s.Newest = label
		s.Versions = append(s.Versions, coc.VersionStep{Listed: coc.Listed{Label: label, MadeAt: dayOf(n)},
			State: coc.Archived, Recorded: true, Checked: true,
			Revision: &coc.NewRevision{Number: 1, Content: coc.Content{Bytes: []byte(text)}}})
		c := coc.NewChange{Kind: coc.KindVersion, To: coc.RevisionRef{Label: label, Number: 1}, At: dayOf(n)}
		if n > 0 {
			c.From = coc.RevisionRef{Label: fmt.Sprintf("v%d", n), Number: 1}
		}
		s.Changes = append(s.Changes, c)
	}
	return s
}
