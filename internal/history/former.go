package history

import (
	"context"

	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// former finds the one document that was once called so, and tells what it is called
// now.
func (h *History) former(ctx context.Context, name string) (_ db.Document, ok bool, err error) {
	docs, err := h.DB.OnceNamed(ctx, name)
	if err != nil || len(docs) == 0 {
		return db.Document{}, false, err
	}
	if len(docs) > 1 {
		return db.Document{}, false, hint.Wrap(unclear("%q was the name of %d documents", name, len(docs)), "say which: "+candidates(docs))
	}
	if h.Tell != nil {
		h.Tell(text.Visible(name) + " is called " + text.Visible(docs[0].Name) + " now")
	}
	return docs[0], true, nil
}
