package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// ExportFolder writes what was newest at an instant, or is now for the zero one, into
// an empty folder, which it makes if it is not there: a file for each document, named
// as it is called now. It returns how many. A document that can't be written is told at
// the end, and the others go on; those that were not there then are left out.
func (h *History) ExportFolder(ctx context.Context, folder string, at time.Time) (n int, err error) {
	root, err := emptyFolder(folder)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	docs, err := h.DB.Documents(ctx)
	if err != nil {
		return 0, err
	}
	var failed []error
	var files fileNames
	u := h.DB.Unpacker()
	for _, doc := range docs {
		all, err := h.Versions(ctx, doc)
		if err != nil {
			return n, err
		}
		v, ok, err := h.standing(ctx, doc, all, at)
		if err != nil {
			return n, err
		}
		if !ok {
			continue
		}
		content, err := u.Content(ctx, v.Hash)
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		name := files.of(doc.Account, doc.Name, doc.DocumentID)
		if err != nil {
			err = contentError(err, v.Revision, doc)
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

// emptyFolder opens a folder that holds nothing. Nothing that is written into it gets
// out of it, whatever a document is called.
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
