// Package history answers questions about the archive: which document or version
// a reference names, what was newest on a day, what came before. It reads only,
// and needs neither the network nor the daemon.
package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// History asks an open archive.
type History struct {
	DB    *db.DB
	Now   func() time.Time
	Local *time.Location // where a bare date begins and ends
}

// Version is a revision of a document that a reference named.
type Version struct {
	Document db.Document
	db.Revision
	// Note says how far the answer can be trusted, "" when fully.
	Note string
}

// Label is how the version is written: v3, or v3#2 for a rewritten one.
func (v Version) Label() string { return coc.RevisionLabel(v.Revision.Label, v.Number) }

// Versions returns the archived versions of a document, oldest first, the
// revisions of each in order of sighting; and those whose content is not here.
func (h *History) Versions(ctx context.Context, doc db.Document) (archived, lacking []db.Revision, err error) {
	all, err := h.DB.Revisions(ctx, doc.Key)
	if err != nil {
		return nil, nil, err
	}
	var listed []coc.Listed
	for _, r := range all {
		if r.Number == 0 {
			lacking = append(lacking, r)
			continue
		}
		archived = append(archived, r)
		listed = append(listed, r.Listed())
	}
	coc.SortListed(listed)
	place := map[string]int{}
	for i, l := range listed {
		place[l.Label] = i
	}
	slices.SortFunc(archived, func(a, b db.Revision) int {
		if a.Label != b.Label {
			return place[a.Label] - place[b.Label]
		}
		return a.Number - b.Number
	})
	return archived, lacking, nil
}

// Document returns the one document that a name, an id, a unique beginning of an
// id, or any of these after "account/" stands for.
func (h *History) Document(ctx context.Context, ref string) (db.Document, error) {
	all, err := h.DB.Documents(ctx, "")
	if err != nil {
		return db.Document{}, err
	}
	for _, match := range []func(db.Document) bool{
		func(d db.Document) bool { return d.DocumentID == ref },
		func(d db.Document) bool { return d.Name == ref },
		func(d db.Document) bool { return ref != "" && strings.HasPrefix(d.DocumentID, ref) },
		func(d db.Document) bool {
			rest, ok := strings.CutPrefix(ref, d.Account+"/")
			return ok && (d.DocumentID == rest || d.Name == rest)
		},
	} {
		var found []db.Document
		for _, d := range all {
			if match(d) {
				found = append(found, d)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return db.Document{}, hint.Wrap(fmt.Errorf("%q names %d documents", ref, len(found)), "say which: "+candidates(found))
		}
	}
	return db.Document{}, hint.Wrap(fmt.Errorf("no document %q in the archive: %w", ref, coc.ErrNotFound), advice(ref, all))
}

// candidates lists documents so that one can be chosen.
func candidates(list []db.Document) string {
	var names []string
	for i, d := range list {
		if i == 10 {
			names = append(names, fmt.Sprintf("… and %d more", len(list)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s/%s (%s)", d.Account, d.DocumentID, d.Name))
	}
	return strings.Join(names, ", ")
}

func advice(ref string, all []db.Document) string {
	if len(all) == 0 {
		return "the archive is empty: run `cocsync sync` first"
	}
	names := make([]string, 0, 2*len(all))
	for _, d := range all {
		names = append(names, d.Name, d.DocumentID)
	}
	if near := Nearest(ref, names); len(near) > 0 {
		return "did you mean " + strings.Join(near, ", ") + "? `cocsync list` shows all"
	}
	return "`cocsync list` shows all documents"
}

// errOutside: the archive cannot say what was then.
var errOutside = errors.New("not known")
