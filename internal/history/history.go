// Package history answers questions about the archive: which document or version
// a reference names, what was newest on a day, what came before. It reads only,
// and needs neither the network nor the daemon.
package history

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// History asks an open archive.
type History struct {
	DB    *db.DB
	Now   func() time.Time
	Local *time.Location // where a bare date begins and ends
	// At is the time of which versions are asked for: latest, ~1 and v3 are what they
	// were then. Zero is now.
	At time.Time
	// Tell, if there is one, hears what is to be known beside an answer.
	Tell func(string)
}

// Version is a revision of a document that a reference named.
type Version struct {
	Document db.Document
	db.Revision
	// Note says how far the answer can be trusted, "" when fully.
	Note string
}

// Label is how the version is written: v3, or v3#2 for a rewritten one.
func (v Version) Label() string { return label(v.Revision) }

func label(r db.Revision) string { return r.Name() }

// Versions returns every version of a document that COC ever listed, oldest
// first, the revisions of each in order of sighting. Those whose content is not
// here stand among them, with Number 0.
func (h *History) Versions(ctx context.Context, doc db.Document) ([]db.Revision, error) {
	all, err := h.DB.Revisions(ctx, doc.Key)
	if err != nil {
		return nil, err
	}
	order(all)
	return all, nil
}

// order sorts revisions of a document as Versions returns them.
func order(all []db.Revision) {
	listed := make([]coc.Listed, len(all))
	for i, r := range all {
		listed[i] = r.Listed()
	}
	coc.SortListed(listed)
	place := make(map[string]int, len(all))
	for i, l := range listed {
		place[l.Label] = i
	}
	slices.SortFunc(all, func(a, b db.Revision) int {
		if a.Label != b.Label {
			return place[a.Label] - place[b.Label]
		}
		return a.Number - b.Number
	})
}

// sortByName sorts documents as listings have them.
func sortByName(docs []db.Document) {
	slices.SortFunc(docs, byName)
}

func byName(a, b db.Document) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.DocumentID, b.DocumentID))
}
