package history

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Version returns the version of the document that a reference names: v3, v3#2,
// latest (or ""), ~1, a date or an RFC 3339 instant. It fails when that version
// is not known or its content is not here, and never takes another instead.
func (h *History) Version(ctx context.Context, doc db.Document, ref string) (Version, error) {
	v, err := h.version(ctx, doc, ref)
	if err != nil {
		return v, fmt.Errorf("version %q of %s: %w", orLatest(ref), text.Visible(doc.Name), err)
	}
	v.Document = doc
	return v, nil
}

func orLatest(ref string) string {
	if ref == "" {
		return "latest"
	}
	return ref
}

func (h *History) version(ctx context.Context, doc db.Document, ref string) (Version, error) {
	if h.At.IsZero() {
		v, ok, err := h.labelled(ctx, doc, ref)
		if ok || err != nil {
			return v, err
		}
	}
	all, err := h.Versions(ctx, doc)
	if err != nil {
		return Version{}, err
	}
	newest := doc.Version
	if !h.At.IsZero() {
		standing, err := h.asOf(ctx, doc, all, h.At)
		if err != nil || orLatest(ref) == "latest" {
			return standing, err
		}
		if err := h.then(all, ref); err != nil {
			return Version{}, err
		}
		newest = standing.Revision.Label
		all = slices.DeleteFunc(all, func(r db.Revision) bool { return begins(r).After(h.At) })
	}
	// A label that COC made goes before every other reading.
	if slices.ContainsFunc(all, func(r db.Revision) bool { return r.Label == ref }) {
		return named(all, ref, 0)
	}
	if at, ok, err := h.instant(ref); err != nil {
		return Version{}, err
	} else if ok {
		return h.asOf(ctx, doc, all, at)
	}
	switch {
	case orLatest(ref) == "latest":
		return lastOf(doc, all)
	case strings.HasPrefix(ref, "~"):
		return back(all, newest, ref)
	}
	label, number, err := revision(ref)
	if err != nil {
		return Version{}, err
	}
	return named(all, label, number)
}

// labelled finds the version of a reference that is a label, or stands for the newest,
// without reading the others: most references are. ok is false where it is none.
func (h *History) labelled(ctx context.Context, doc db.Document, ref string) (v Version, ok bool, err error) {
	if ref != "" {
		revisions, err := h.revisions(ctx, doc, ref)
		if err != nil {
			return v, false, err
		}
		if len(revisions) > 0 {
			v, err = named(revisions, ref, 0)
			return v, true, err
		}
	}
	if orLatest(ref) != "latest" {
		return v, false, nil
	}
	revisions, err := h.revisions(ctx, doc, doc.Version)
	if err != nil || len(revisions) == 0 {
		return v, false, err
	}
	v, err = lastOf(doc, revisions)
	return v, true, err
}

// revisions are those of one version, in order of sighting.
func (h *History) revisions(ctx context.Context, doc db.Document, label string) ([]db.Revision, error) {
	list, err := h.DB.Labelled(ctx, doc.Key, label)
	slices.SortFunc(list, func(a, b db.Revision) int { return a.Number - b.Number })
	return list, err
}

// lastOf is the newest version of a document.
func lastOf(doc db.Document, all []db.Revision) (Version, error) {
	v, err := named(all, doc.Version, 0)
	if doc.State == coc.Deleted {
		v.Note = "COC no longer has this document: this is the last version that was seen"
	}
	return v, err
}

// then refuses a reference that makes no sense as of h.At.
func (h *History) then(all []db.Revision, ref string) error {
	if _, ok, _ := h.instant(ref); ok && !slices.ContainsFunc(all, func(r db.Revision) bool { return r.Label == ref }) {
		return hint.Wrap(unclear("it is a time, and another one is asked about"), "leave one of both out")
	}
	for _, r := range all {
		if (r.Label == ref || r.Name() == ref) && begins(r).After(h.At) {
			return coc.NotFound("it was not there yet at %s: it is from %s", stamp(h.At), stamp(begins(r)))
		}
		if r.Label == ref {
			return nil // its first revision was there
		}
	}
	return nil
}

// revision parts v3#2 into v3 and 2. The label may hold a # itself.
func revision(ref string) (label string, number int, err error) {
	i := strings.LastIndex(ref, "#")
	if i < 0 {
		return ref, 0, nil
	}
	label = ref[:i]
	number, err = strconv.Atoi(ref[i+1:])
	if err != nil || number < 1 {
		return "", 0, hint.Wrap(unclear("%q is no revision", ref), "a revision is written v3#2: version v3, its second content")
	}
	return label, number, nil
}

// named finds a label's revision of that number, or its newest for 0.
func named(all []db.Revision, label string, number int) (Version, error) {
	for _, r := range slices.Backward(all) {
		if r.Label == label && (number == 0 || r.Number == number) {
			return archived(r)
		}
	}
	return Version{}, hint.Wrap(coc.NotFound("there is none"), meant(all, label, number))
}

// meant says which version was meant by a label, or a label's revision, that there
// is not; where that can't be told, which versions there are.
func meant(all []db.Revision, typed string, number int) string {
	contents, like := 0, ""
	for _, r := range all {
		switch {
		case r.Label == typed:
			contents = max(contents, r.Number)
		case plainLabel(r.Label) == plainLabel(typed):
			like = text.Visible(r.Label)
		}
	}
	switch {
	case contents == 1:
		return fmt.Sprintf("%s was never rewritten: its only content is %[1]s#1, or %[1]s alone", text.Visible(typed))
	case contents > 1:
		return fmt.Sprintf("%s has %d contents, the newest is %[1]s#%[2]d",
			text.Visible(typed), contents)
	case like != "" && number > 0:
		return fmt.Sprintf("did you mean %s#%d?", like, number)
	case like != "":
		return "did you mean " + like + "?"
	}
	return known(all)
}

// plainLabel is a label however it is written: 3, V3 and v03 are all v3.
func plainLabel(label string) string {
	return strings.TrimLeft(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(label)), "v"), "0")
}

// archived returns the version, or an error when its content is not here.
func archived(r db.Revision) (Version, error) {
	if r.Number == 0 {
		return Version{}, hint.Wrap(notHere("the content of %s is not in the archive: %s", text.Visible(r.Label), Reason(r)),
			"the next cycle, or `cocsync sync`, requests it again while COC lists it; `cocsync show --meta` lists what is here")
	}
	return Version{Revision: r}, nil
}

// Reason says why the content of a version is not here.
func Reason(r db.Revision) string {
	switch {
	case r.State != coc.Pending:
		return "COC did not serve it (" + r.Err + ")"
	case r.Err != "":
		return "it is still to be fetched (" + r.Err + ")"
	}
	return "it is still to be fetched"
}

// known says which versions there are.
func known(all []db.Revision) string {
	if len(all) == 0 {
		return "no version of it is archived yet: run `cocsync sync`"
	}
	first, last := text.Visible(all[0].Label), text.Visible(label(all[len(all)-1]))
	span := "known is " + first
	if last != first {
		span = "known are " + first + " to " + last
	}
	return span + "; also latest, ~1, a date such as 2026-06-01, or v3#2 for a rewritten version"
}

// back goes n versions back from the newest, each at its newest revision.
func back(all []db.Revision, newest, ref string) (Version, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(ref, "~"))
	if err != nil || n < 0 {
		return Version{}, hint.Wrap(unclear("%q is no reference", ref), "~1 is the version before the newest")
	}
	var labels []string
	for _, r := range all {
		if len(labels) == 0 || labels[len(labels)-1] != r.Label {
			labels = append(labels, r.Label)
		}
	}
	// COC may have taken back what came after its newest.
	i := slices.Index(labels, newest)
	if i < n {
		return Version{}, hint.Wrap(coc.NotFound("there are only %d before the newest", max(i, 0)),
			known(all))
	}
	return named(all, labels[i-n], 0)
}

// Before returns the version that v is compared with when nothing else is named:
// the one that its recorded change compares it with, or where none is recorded
// yet, the revision before it. ok is false when that is nothing. The note says
// what lies between and is not here.
func (h *History) Before(ctx context.Context, v Version) (_ Version, ok bool, err error) {
	all, err := h.Versions(ctx, v.Document)
	if err != nil {
		return Version{}, false, err
	}
	from, err := h.DB.Predecessors(ctx, v.Document.Key)
	if err != nil {
		return Version{}, false, err
	}
	at := slices.IndexFunc(all, func(r db.Revision) bool { return r.Key == v.Key })
	if at < 0 {
		return Version{}, false, nil
	}
	at, between := before(all, from, at)
	if at < 0 {
		return Version{}, false, nil
	}
	return Version{Document: v.Document, Revision: all[at], Note: strings.Join(between, "; ")}, true, nil
}
