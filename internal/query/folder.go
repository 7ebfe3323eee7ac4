package query

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// ExportFolder writes the newest versions, or those at a.At, into an empty folder, which it
// creates if it does not exist: a file for each document, with its present name. It returns
// their number. Documents that did not exist then are left out; those that cannot be written
// are reported at the end and do not stop the others.
func (a *Archive) ExportFolder(ctx context.Context, folder string) (n int, err error) {
	root, err := emptyFolder(folder)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	var failed []error
	var files fileNames
	u := a.db.Unpacker()
	for d, err := range a.db.ListDocuments(ctx, db.DocumentQuery{}) {
		if err != nil {
			return n, err
		}
		doc := newDocument(d.Document)
		all, err := a.revisions(ctx, doc.key)
		if err != nil {
			return n, err
		}
		v, ok, err := a.newestOf(ctx, doc, all, a.At)
		if err != nil {
			return n, err
		}
		if !ok {
			continue
		}
		content, err := u.Content(ctx, doc.key.Account, v.db.Hash)
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		name := files.of(doc.Account, doc.Name, doc.DocumentID)
		if err != nil {
			err = contentError(err, v.Version, doc.Name)
		} else {
			err = writeFile(root, name, content)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		n++
	}
	return n, errors.Join(failed...)
}

// emptyFolder opens an empty folder. No name of a document can write outside of it.
func emptyFolder(folder string) (*os.Root, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty", text.Visible(folder))
	}
	return os.OpenRoot(folder)
}

func writeFile(root *os.Root, name string, c coc.Content) (err error) {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(c.Bytes)
	return errors.Join(err, f.Close())
}
