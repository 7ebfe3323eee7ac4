package history

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// missing is an error for what a reference names and the archive does not have.
type missing string

func (m missing) Error() string { return string(m) }

// Is lets callers ask for coc.ErrNotFound.
func (m missing) Is(target error) bool { return target == coc.ErrNotFound }

// Document returns the one document that an id, a name or a unique beginning of
// an id stands for, or any of these after "account/". An id goes before a name,
// and a name before a beginning. The error is coc.ErrNotFound when there is
// none; its hint names the likely ones.
func (h *History) Document(ctx context.Context, ref string) (db.Document, error) {
	doc, ok, err := h.find(ctx, ref)
	if err != nil || ok {
		return doc, err
	}
	all, err := h.DB.Documents(ctx, "")
	if err != nil {
		return db.Document{}, err
	}
	return db.Document{}, hint.Wrap(missing(fmt.Sprintf("no document %q in the archive", ref)), advice(ref, all))
}

// find is Document without advice, which takes all documents to give.
func (h *History) find(ctx context.Context, ref string) (_ db.Document, ok bool, err error) {
	for _, find := range []func(context.Context, string) ([]db.Document, error){h.DB.ByID, h.DB.ByName, h.byPrefix} {
		found, err := find(ctx, ref)
		if err == nil && len(found) == 0 && strings.Contains(ref, "/") {
			found, err = h.inAccount(ctx, ref, find)
		}
		switch {
		case err != nil:
			return db.Document{}, false, err
		case len(found) == 1:
			return found[0], true, nil
		case len(found) > 1:
			return db.Document{}, false, hint.Wrap(fmt.Errorf("%q names %d documents", ref, len(found)), "say which: "+candidates(found))
		}
	}
	return db.Document{}, false, nil
}

// byPrefix takes no empty beginning: everything begins so.
func (h *History) byPrefix(ctx context.Context, prefix string) ([]db.Document, error) {
	if prefix == "" {
		return nil, nil
	}
	return h.DB.ByPrefix(ctx, prefix)
}

// inAccount finds what a reference names that begins with an account and a slash.
func (h *History) inAccount(ctx context.Context, ref string, find func(context.Context, string) ([]db.Document, error)) (found []db.Document, err error) {
	accounts, err := h.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		rest, ok := strings.CutPrefix(ref, a.Name+"/")
		if !ok {
			continue
		}
		list, err := find(ctx, rest)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			if d.Account == a.Name {
				found = append(found, d)
			}
		}
	}
	return found, nil
}

// candidates lists documents so that one can be chosen.
func candidates(list []db.Document) string {
	var names []string
	for i, d := range list {
		if i == 10 {
			names = append(names, fmt.Sprintf("… and %d more", len(list)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s/%s (%s)", shown(d.Account), shown(d.DocumentID), shown(d.Name)))
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
	near := Nearest(ref, names)
	for i := range near {
		near[i] = shown(near[i])
	}
	if len(near) > 0 {
		return "did you mean " + strings.Join(near, ", ") + "? `cocsync list` shows all"
	}
	return "`cocsync list` shows all documents"
}

// shown is a name as it stands in an error or a hint: on one line, and quoted where
// it holds what can't be seen.
func shown(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// Split parts DOC@REF into its document and its reference; "" is no reference.
// A document's own name may hold an @.
func (h *History) Split(ctx context.Context, spec string) (doc db.Document, ref string, err error) {
	i := strings.LastIndex(spec, "@")
	if i < 0 {
		doc, err = h.Document(ctx, spec)
		return doc, "", err
	}
	if doc, ok, err := h.find(ctx, spec); ok {
		return doc, "", err
	}
	doc, err = h.Document(ctx, spec[:i])
	return doc, spec[i+1:], err
}
