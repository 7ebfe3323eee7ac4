package history

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// Split parts DOC@REF into its document and its reference; "" is no reference.
// A document's own name may hold an @.
func (h *History) Split(ctx context.Context, spec string) (doc db.Document, ref string, err error) {
	if doc, err = h.Document(ctx, spec); err == nil {
		return doc, "", nil
	}
	i := strings.LastIndex(spec, "@")
	if i < 0 {
		return doc, "", err
	}
	doc, err = h.Document(ctx, spec[:i])
	return doc, spec[i+1:], err
}

// Version returns the version of the document that a reference names: v3, v3#2,
// latest (or ""), ~1, a date or an RFC 3339 instant.
func (h *History) Version(ctx context.Context, doc db.Document, ref string) (Version, error) {
	v, err := h.version(ctx, doc, ref)
	if err != nil {
		return v, fmt.Errorf("%s@%s: %w", doc.Name, ref, err)
	}
	v.Document = doc
	return v, nil
}

func (h *History) version(ctx context.Context, doc db.Document, ref string) (Version, error) {
	archived, lacking, err := h.Versions(ctx, doc)
	if err != nil {
		return Version{}, err
	}
	if at, ok, err := h.instant(ref); err != nil {
		return Version{}, err
	} else if ok {
		return h.asOf(ctx, doc, archived, at)
	}
	switch {
	case ref == "" || ref == "latest":
		return named(archived, lacking, doc.Version, 0)
	case strings.HasPrefix(ref, "~"):
		return back(archived, ref)
	}
	label, number, err := revision(ref)
	if err != nil {
		return Version{}, err
	}
	return named(archived, lacking, label, number)
}

// revision parts v3#2 into v3 and 2.
func revision(ref string) (label string, number int, err error) {
	label, digits, ok := strings.Cut(ref, "#")
	if !ok {
		return label, 0, nil
	}
	number, err = strconv.Atoi(digits)
	if err != nil || number < 1 {
		return "", 0, hint.Wrap(fmt.Errorf("%q is no revision", ref), "a revision is written v3#2: version v3, its second content")
	}
	return label, number, nil
}

// named finds a label's revision of that number, or its newest for 0.
func named(archived, lacking []db.Revision, label string, number int) (Version, error) {
	var found *db.Revision
	for i, r := range archived {
		if r.Label == label && (number == 0 || r.Number == number) {
			found = &archived[i]
		}
	}
	if found != nil {
		return Version{Revision: *found}, nil
	}
	for _, r := range lacking {
		if r.Label == label {
			return Version{}, fmt.Errorf("its content is not in the archive: %s", reason(r))
		}
	}
	return Version{}, hint.Wrap(fmt.Errorf("no such version: %w", coc.ErrNotFound), known(archived))
}

func reason(r db.Revision) string {
	if r.State == coc.Pending {
		return "it is still to be fetched"
	}
	return "COC did not serve it (" + r.Err + ")"
}

// known says which versions there are.
func known(archived []db.Revision) string {
	if len(archived) == 0 {
		return "no version of it is archived yet"
	}
	first, last := archived[0], archived[len(archived)-1]
	return fmt.Sprintf("known are %s to %s; also latest, ~1, a date such as 2026-06-01, or v3#2 for a rewritten version",
		first.Label, coc.RevisionLabel(last.Label, last.Number))
}

// back goes n versions back from the newest, each at its newest revision.
func back(archived []db.Revision, ref string) (Version, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(ref, "~"))
	if err != nil || n < 0 {
		return Version{}, hint.Wrap(fmt.Errorf("%q is no reference", ref), "~1 is the version before the newest")
	}
	var newest []db.Revision // one for each label
	for i, r := range archived {
		if i+1 == len(archived) || archived[i+1].Label != r.Label {
			newest = append(newest, r)
		}
	}
	if n >= len(newest) {
		return Version{}, hint.Wrap(fmt.Errorf("there are only %d versions", len(newest)), known(archived))
	}
	return Version{Revision: newest[len(newest)-1-n]}, nil
}

// Before returns the version that v is compared with when nothing else is named:
// the revision before it, or the newest one of the label before it. ok is false
// for the first.
func (h *History) Before(ctx context.Context, v Version) (_ Version, ok bool, err error) {
	archived, _, err := h.Versions(ctx, v.Document)
	if err != nil {
		return Version{}, false, err
	}
	for i, r := range archived {
		if r.Label == v.Revision.Label && r.Number == v.Number && i > 0 {
			return Version{Document: v.Document, Revision: archived[i-1]}, true, nil
		}
	}
	return Version{}, false, nil
}

// instant reads a date or an RFC 3339 instant. A bare date is the end of that
// day, or now while it lasts.
func (h *History) instant(ref string) (at time.Time, ok bool, err error) {
	if len(ref) < 10 || ref[0] < '0' || ref[0] > '9' {
		return at, false, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, ref, h.Local)
	if err == nil {
		end := day.AddDate(0, 0, 1).Add(-time.Millisecond)
		if now := h.Now(); !day.After(now) && end.After(now) {
			end = now
		}
		return end, true, nil
	}
	at, err = time.Parse(time.RFC3339, ref)
	if err != nil {
		return at, false, hint.Wrap(fmt.Errorf("%q is no instant", ref), "write a date (2026-06-01) or RFC 3339 (2026-06-01T15:04:05Z)")
	}
	return at, true, nil
}

// asOf returns what COC's newest was at that instant. What lies outside of what
// is known is an error: the nearest would be a guess.
func (h *History) asOf(ctx context.Context, doc db.Document, archived []db.Revision, at time.Time) (v Version, err error) {
	now := h.Now()
	if at.After(now) {
		return v, fmt.Errorf("%s lies in the future: %w", stamp(at), errOutside)
	}
	gone, err := h.goneAt(ctx, doc, at)
	if err != nil {
		return v, err
	}
	if !gone.IsZero() {
		return v, fmt.Errorf("the document was deleted then (seen %s)", stamp(gone))
	}
	found := false
	for _, r := range archived {
		if !revisionAt(r).After(at) {
			v.Revision, found = r, true
		}
	}
	if !found {
		when := ""
		if len(archived) > 0 {
			when = ", the first is of " + stamp(revisionAt(archived[0]))
		}
		return v, fmt.Errorf("no version of then is known%s: %w", when, errOutside)
	}
	if doc.LastCheckedAt.Before(at) {
		v.Note = "COC was last asked at " + stamp(doc.LastCheckedAt)
	}
	return v, nil
}

// revisionAt is when a revision began to hold.
func revisionAt(r db.Revision) time.Time {
	if r.Number > 1 || r.MadeAt.IsZero() {
		return r.SeenAt
	}
	return r.MadeAt
}

// goneAt returns since when the document was deleted at that instant; zero when
// it was there.
func (h *History) goneAt(ctx context.Context, doc db.Document, at time.Time) (since time.Time, err error) {
	list, err := h.DB.Changes(ctx, db.Filter{Document: doc.Key, Kinds: []coc.Kind{coc.KindDeleted, coc.KindRestored}})
	if err != nil {
		return since, err
	}
	for _, c := range list { // newest first
		if !c.At.After(at) {
			if c.Kind == coc.KindDeleted {
				since = c.At
			}
			return since, nil
		}
	}
	return since, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
