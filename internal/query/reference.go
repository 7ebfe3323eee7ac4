package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Version returns the version of a document that a reference names: v3, v3#2, latest or
// "", ~1, a date or an RFC 3339 time. It fails if that version is unknown or its content
// is not archived; it never returns another one instead.
func (a *Archive) Version(ctx context.Context, doc Document, ref string) (Version, error) {
	v, err := a.version(ctx, doc, ref)
	if err != nil {
		return v, fmt.Errorf("version %q of %s: %w", cmp.Or(ref, latest), text.Visible(doc.Name), err)
	}
	v.Document = doc
	return v, nil
}

// latest is the reference of the newest version, as is "".
const latest = "latest"

func (a *Archive) version(ctx context.Context, doc Document, ref string) (Version, error) {
	all, err := a.revisions(ctx, doc.key)
	if err != nil {
		return Version{}, err
	}
	newest := string(doc.Version)
	at, dated, wrong := a.parseReference(ref)
	// A label of COC's has precedence over every other meaning.
	labelled := slices.ContainsFunc(all, func(r db.Revision) bool { return r.Label == ref })
	if !a.At.IsZero() {
		atThen, err := a.versionAt(ctx, doc, all, a.At)
		if err != nil || cmp.Or(ref, latest) == latest {
			return atThen, err
		}
		if dated && !labelled {
			return Version{}, hint.Wrap(ambiguous("it is a time, but --at gives another time"), "omit one of them")
		}
		newest = atThen.Label
		if all, err = restrictTo(all, ref, a.At); err != nil {
			return Version{}, err
		}
	}
	switch {
	case labelled:
		return labelledIn(all, ref, 0)
	case wrong != nil:
		return Version{}, wrong
	case dated:
		return a.versionAt(ctx, doc, all, at)
	case cmp.Or(ref, latest) == latest:
		v, err := labelledIn(all, newest, 0)
		if doc.State == coc.DocDeleted {
			v.Note = "COC no longer has this document: this is the last version that was seen"
		}
		return v, err
	case strings.HasPrefix(ref, "~"):
		return goBack(all, newest, ref)
	}
	label, number, err := splitRevision(ref)
	if err != nil {
		return Version{}, err
	}
	return labelledIn(all, label, number)
}

// restrictTo returns the revisions that existed at a time. It returns an error if ref names
// one that did not exist yet.
func restrictTo(all []db.Revision, ref string, at time.Time) ([]db.Revision, error) {
	later := func(r db.Revision) bool { return validFrom(r).After(at) }
	// For a label, its first revision.
	i := slices.IndexFunc(all, func(r db.Revision) bool { return r.Label == ref || r.Name() == ref })
	if i >= 0 && later(all[i]) {
		return nil, coc.NotFound("it did not exist yet at %s: it is from %s", stamp(at), stamp(validFrom(all[i])))
	}
	return slices.DeleteFunc(all, later), nil
}

// splitRevision splits v3#2 into v3 and 2. The label may contain a # itself.
func splitRevision(ref string) (label string, number int, err error) {
	i := strings.LastIndex(ref, "#")
	if i < 0 {
		return ref, 0, nil
	}
	if number, err = strconv.Atoi(ref[i+1:]); err != nil || number < 1 {
		return "", 0, hint.Wrap(ambiguous("%q is not a valid revision", ref), "a revision is written v3#2: version v3, its second content")
	}
	return ref[:i], number, nil
}

// labelledIn finds the revision of a label with a number, or its newest for 0.
func labelledIn(all []db.Revision, label string, number int) (Version, error) {
	for _, r := range slices.Backward(all) {
		if r.Label == label && (number == 0 || r.Number == number) {
			return archived(r)
		}
	}
	return Version{}, hint.Wrap(coc.NotFound("not found"), suggest(all, label, number))
}

// suggest says which version may be meant by a label, and optionally a number, that was
// not found; else which versions exist.
func suggest(all []db.Revision, typed string, number int) string {
	contents, similar := 0, ""
	for _, r := range all {
		switch {
		case r.Label == typed:
			contents = max(contents, r.Number)
		case plainLabel(r.Label) == plainLabel(typed):
			similar = text.Visible(r.Label)
		}
	}
	switch {
	case contents == 1:
		return fmt.Sprintf("%s was never rewritten: its only content is %[1]s#1, or just %[1]s", text.Visible(typed))
	case contents > 1:
		return fmt.Sprintf("%s has %d contents, the newest is %[1]s#%[2]d", text.Visible(typed), contents)
	case similar != "" && number > 0:
		return fmt.Sprintf("did you mean %s#%d?", similar, number)
	case similar != "":
		return "did you mean " + similar + "?"
	}
	return existing(all)
}

// plainLabel is the same text for all ways to write a label: 3, V3, v03 and v3.
func plainLabel(label string) string {
	return strings.TrimLeft(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(label)), "v"), "0")
}

// archived returns a version, or an error if its content is not archived.
func archived(r db.Revision) (Version, error) {
	if r.Number == 0 {
		return Version{}, hint.Wrap(unavailable("the content of %s is not in the archive: %s", text.Visible(r.Label), reason(r.State, r.Err)),
			"the next cycle, or `cocsync sync`, requests it again while COC lists it; `cocsync show --meta` lists what is archived")
	}
	return Version{Revision: newRevision(r)}, nil
}

// existing says which versions exist.
func existing(all []db.Revision) string {
	if len(all) == 0 {
		return "no version of it is archived yet: run `cocsync sync`"
	}
	first, last := text.Visible(all[0].Label), text.Visible(all[len(all)-1].Name())
	versions := "the archive has " + first
	if last != first {
		versions += " to " + last
	}
	return versions + "; also latest, ~1, a date such as 2026-06-01, or v3#2 for a rewritten version"
}

// goBack goes back from the newest version by the number in ref, to the newest revision.
func goBack(all []db.Revision, newest, ref string) (Version, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(ref, "~"))
	if err != nil || n < 0 {
		return Version{}, hint.Wrap(ambiguous("%q is not a valid reference", ref), "~1 is the version before the newest")
	}
	var labels []string
	for _, r := range all {
		labels = append(labels, r.Label)
	}
	labels = slices.Compact(labels)
	// Versions after the newest may be withdrawn ones.
	i := slices.Index(labels, newest)
	if i < n {
		return Version{}, hint.Wrap(coc.NotFound("there are only %d before the newest", max(i, 0)), existing(all))
	}
	return labelledIn(all, labels[i-n], 0)
}

// previous returns the version that v is compared with by default: the one that its change
// compares it with, or without a change the previous revision; nil for no version. The note
// names versions between the two that are missing.
func (a *Archive) previous(ctx context.Context, v Version) (*Version, error) {
	all, from, i, err := a.predecessors(ctx, v)
	if err != nil || i < 0 {
		return nil, err
	}
	i, missing := previousIn(all, from, i)
	if i < 0 {
		return nil, nil
	}
	var notes []string
	for _, m := range missing {
		notes = append(notes, notArchived(m, ", between the two,"))
	}
	return &Version{Document: v.Document, Revision: newRevision(all[i]), Note: strings.Join(notes, "; ")}, nil
}

// predecessors returns all revisions of the document of v, which revision each was compared
// with, and the index of v.
func (a *Archive) predecessors(ctx context.Context, v Version) (all []db.Revision, from map[coc.Key]coc.Key, at int, err error) {
	if all, err = a.revisions(ctx, v.Document.key); err != nil {
		return nil, nil, -1, err
	}
	from, err = a.db.Predecessors(ctx, v.Document.key)
	return all, from, slices.IndexFunc(all, func(r db.Revision) bool { return r.Key == v.db.Key }), err
}

// previousIn returns the index of the revision that all[i] was compared with, or without a
// change the previous one; -1 for none. from has the compared revisions by key. It also
// returns the missing versions between the two.
func previousIn(all []db.Revision, from map[coc.Key]coc.Key, i int) (_ int, missing []db.Revision) {
	key, recorded := from[all[i].Key]
	if recorded && key.IsZero() {
		return -1, nil
	}
	for j := i - 1; j >= 0; j-- {
		r := all[j]
		if r.Number > 0 && (!recorded || r.Key == key) {
			return j, missing
		}
		if r.Number == 0 {
			missing = append(missing, r)
		}
	}
	// A recorded one may come later in the order: a revision of v3 with a higher number.
	return slices.IndexFunc(all, func(r db.Revision) bool { return recorded && r.Key == key && r.Key != all[i].Key }), nil
}

// notArchived says why a version is not in the archive. where follows its label.
func notArchived(r db.Revision, where string) string {
	return fmt.Sprintf("%s%s is not in the archive: %s", text.Visible(r.Label), where, reason(r.State, r.Err))
}
