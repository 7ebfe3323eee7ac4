package query

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Ten readers and a writer do not block each other: no query fails with a locked database, and all
// versions are complete.
func TestTenReadersDuringWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.db")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	defer d.Close()
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	must(t, d.Commit(t.Context(), version(1)))
	begun, done := make(chan struct{}), make(chan struct{})
	var readers sync.WaitGroup
	var first sync.WaitGroup
	first.Add(10)
	for range 10 {
		readers.Go(func() {
			<-begun
			for rounds := 0; ; rounds++ {
				if err := queryAll(t, path); err != nil {
					t.Error(err)
				}
				if rounds == 0 {
					first.Done()
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	close(begun)
	for n := 2; n <= 40; n++ {
		must(t, d.Commit(t.Context(), version(n)))
	}
	first.Wait() // each reader ran at least once during the writes
	close(done)
	readers.Wait()
}

// version returns version n of a document; each version has one more line.
func version(n int) coc.Step {
	name, label := "job", fmt.Sprintf("v%d", n)
	text := ""
	for i := range n {
		text += fmt.Sprintf("line %d\n", i+1)
	}
	s := coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: on(n), Name: name, Newest: label, State: coc.DocPresent,
		Meta: &coc.Meta{Name: &name},
		Versions: []coc.VersionStep{{Listed: coc.Listed{Label: label, MadeAt: on(n)}, State: coc.Archived, Recorded: true, Checked: true,
			Revision: &coc.NewRevision{Number: 1, Content: coc.Content{Bytes: []byte(text)}}}},
		Changes: []coc.NewChange{{Kind: coc.KindVersion, To: coc.RevisionRef{Label: label, Number: 1}, At: on(n)}}}
	if n > 1 {
		s.Changes[0].From = coc.RevisionRef{Label: fmt.Sprintf("v%d", n-1), Number: 1}
	}
	return s
}

// queryAll opens the archive as a separate process would and runs all kinds of queries.
func queryAll(t *testing.T, path string) (err error) {
	d, err := db.OpenReader(t.Context(), path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	h := archive(d)
	doc, err := h.Document(t.Context(), "job")
	if err != nil {
		return err
	}
	v, err := h.Version(t.Context(), doc, "")
	if err != nil {
		return err
	}
	lines, _, err := h.Blame(t.Context(), v, nil)
	if err != nil {
		return err
	}
	for i, l := range lines {
		if want := fmt.Sprintf("v%d", i+1); l.Version != want {
			return fmt.Errorf("blame says that line %d was added by %s, want %s", i+1, l.Version, want)
		}
	}
	found := 0
	_, err = h.Grep(t.Context(), Grep{Pattern: "line 1$"}, func(f Found) error {
		found += len(f.Lines)
		return nil
	})
	if err != nil {
		return err
	}
	if found != 1 {
		return fmt.Errorf("grep finds %d lines, want 1", found)
	}
	if _, err := Collect(h.Log(t.Context(), Log{Text: "line 1\n"})); err != nil {
		return err
	}
	_, err = Collect(h.List(t.Context(), List{At: "0s"}))
	return err
}
