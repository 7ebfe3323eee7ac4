package history

import (
	"context"

	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// former finds the one document that was once called so, and tells what it is called
// now.
func (h *History) former(ctx context.Context, name string) (_ db.Document, ok bool, err error) {
	keys, err := h.DB.OnceNamed(ctx, name)
	if err != nil || len(keys) == 0 {
		return db.Document{}, false, err
	}
	var docs []db.Document
	for _, key := range keys {
		doc, err := h.DB.ByKey(ctx, key)
		if err != nil {
			return db.Document{}, false, err
		}
		docs = append(docs, doc)
	}
	if len(docs) > 1 {
		return db.Document{}, false, hint.Wrap(unclear("%q was the name of %d documents", name, len(docs)), "say which: "+candidates(docs))
	}
	if h.Tell != nil {
		h.Tell(shown(name) + " is called " + shown(docs[0].Name) + " now")
	}
	return docs[0], true, nil
}
