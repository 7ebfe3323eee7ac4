package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// ErrUnclear is what an error is of a reference that can't be read, or that names
// several things.
var ErrUnclear = errors.New("the reference is unclear")

// ErrNotHere is what an error is of something that is known of, and that the archive
// does not hold.
var ErrNotHere = errors.New("not in the archive")

// refused is an error for a reference that was understood, or not, and gets no answer.
type refused struct {
	why string
	is  error // ErrUnclear or ErrNotHere
}

func (r *refused) Error() string        { return r.why }
func (r *refused) Is(target error) bool { return target == r.is }

func unclear(format string, args ...any) error {
	return &refused{fmt.Sprintf(format, args...), ErrUnclear}
}

func notHere(format string, args ...any) error {
	return &refused{fmt.Sprintf(format, args...), ErrNotHere}
}

// Document returns the one document that an id, a name or a unique beginning of
// an id stands for, or any of these after "account/". An id goes before a name,
// and a name before a beginning. A name that it once had comes last. The error is coc.ErrNotFound when there is
// none; its hint names the likely ones.
func (h *History) Document(ctx context.Context, ref string) (db.Document, error) {
	doc, ok, err := h.find(ctx, ref)
	if err == nil && !ok {
		doc, ok, err = h.former(ctx, ref)
	}
	if err != nil || ok {
		return doc, err
	}
	all, err := h.DB.Names(ctx)
	if err != nil {
		return db.Document{}, err
	}
	return db.Document{}, hint.Wrap(coc.NotFound("no document %q in the archive", ref),
		advice(ref, all))
}

// find is Document without advice, which takes all names to give.
func (h *History) find(ctx context.Context, ref string) (_ db.Document, ok bool, err error) {
	all, err := h.DB.Named(ctx, ref)
	if err != nil {
		return db.Document{}, false, err
	}
	within, err := h.inAccount(ctx, ref)
	if err != nil {
		return db.Document{}, false, err
	}
	for _, fits := range []func(db.Document, string) bool{
		func(d db.Document, s string) bool { return d.DocumentID == s },
		func(d db.Document, s string) bool { return d.Name == s },
		func(d db.Document, s string) bool { return strings.HasPrefix(d.DocumentID, s) },
	} {
		found := those(all, ref, fits)
		if len(found) == 0 {
			for account, list := range within {
				found = append(found, those(list, strings.TrimPrefix(ref, account+"/"), fits)...)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], true, nil
		case len(found) > 1:
			return db.Document{}, false, hint.Wrap(unclear("%q names %d documents", ref, len(found)), "say which: "+candidates(found))
		}
	}
	return db.Document{}, false, nil
}

func those(all []db.Document, ref string, fits func(db.Document, string) bool) (list []db.Document) {
	for _, d := range all {
		if fits(d, ref) {
			list = append(list, d)
		}
	}
	return list
}

// inAccount finds by account what a reference may name that begins with one and a
// slash.
func (h *History) inAccount(ctx context.Context, ref string) (map[string][]db.Document, error) {
	if !strings.Contains(ref, "/") {
		return nil, nil
	}
	accounts, err := h.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	within := map[string][]db.Document{}
	for _, a := range accounts {
		rest, ok := strings.CutPrefix(ref, a.Name+"/")
		if !ok {
			continue
		}
		list, err := h.DB.Named(ctx, rest)
		if err != nil {
			return nil, err
		}
		within[a.Name] = slices.DeleteFunc(list, func(d db.Document) bool { return d.Account != a.Name })
	}
	return within, nil
}

// candidates lists documents so that one can be chosen.
func candidates(list []db.Document) string {
	var names []string
	for i, d := range list {
		if i == 10 {
			names = append(names, fmt.Sprintf("… and %d more", len(list)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s/%s (%s)", text.Visible(d.Account),
			text.Visible(d.DocumentID), text.Visible(d.Name)))
	}
	return strings.Join(names, ", ")
}

// advice says what may be meant among all names and ids.
func advice(ref string, all []string) string {
	if len(all) == 0 {
		return "the archive is empty: run `cocsync sync` first"
	}
	return strings.TrimSpace(hint.DidYouMean(ref, all) + " `cocsync list` shows all documents")
}

// Split parts DOC@REF into its document and its reference; "" is no reference. Names of
// documents and labels of versions may hold an @: the longest text before one that names a
// document counts, the whole first.
func (h *History) Split(ctx context.Context, spec string) (doc db.Document, ref string, err error) {
	last := strings.LastIndex(spec, "@")
	if last < 0 {
		doc, err = h.Document(ctx, spec)
		return doc, "", err
	}
	for _, find := range []func(context.Context, string) (db.Document, bool, error){h.find, h.former} {
		for i := len(spec); i >= 0; i = strings.LastIndex(spec[:i], "@") {
			if doc, ok, err := find(ctx, spec[:i]); ok || err != nil {
				return doc, strings.TrimPrefix(spec[i:], "@"), err
			}
		}
	}
	doc, err = h.Document(ctx, spec[:last])
	return doc, spec[last+1:], err
}
