package query

import (
	"context"
	"fmt"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Erasure is a content of an account that was or is to be erased, and what contains it.
type Erasure struct {
	Account  Text              `json:"account"`
	Size     int               `json:"size"` // rounded up if it was erased
	ErasedAt Time              `json:"erased_at"`
	ErasedBy Text              `json:"erased_by"`
	Reason   Text              `json:"reason"`
	Versions []AffectedVersion `json:"versions"`
	Changes  int               `json:"changes"`
	Messages int               `json:"messages"`
	Copies   []string          `json:"copies"` // files from before migrations that keep it
	Sent     int               `json:"-"`      // of the messages
	Waiting  int               `json:"-"`
	Content  coc.Key           `json:"-"`
}

// AffectedVersion is a version with the content.
type AffectedVersion struct {
	Ref
	Version string `json:"version"`
}

// Erasures returns what contains a content, or contained it before it was erased, by account. keyed
// is by what an erased content is recognized; zero if that is unknown.
func (a *Archive) Erasures(ctx context.Context, hash, keyed coc.Hash) (list []Erasure, err error) {
	all, err := a.db.Erasures(ctx, hash, keyed)
	if err == nil && len(all) == 0 {
		err = notStored(hash.String())
	}
	for _, e := range all {
		list = append(list, newErasure(e))
	}
	return list, err
}

// Erasure returns what contains a content, or contained it before it was erased.
func (a *Archive) Erasure(ctx context.Context, content coc.Key) (Erasure, error) {
	e, err := a.db.Erasure(ctx, content)
	return newErasure(e), err
}

func newErasure(e db.Erasure) Erasure {
	out := Erasure{Content: e.Content, Account: Text(e.Account), Size: e.Size, ErasedAt: Time{e.ErasedAt}, ErasedBy: Text(e.Person),
		Reason: Text(e.Reason), Changes: e.Changes, Messages: e.Sent + e.Waiting, Copies: e.Copies, Sent: e.Sent, Waiting: e.Waiting}
	for _, p := range e.Places {
		out.Versions = append(out.Versions, AffectedVersion{Ref{e.Account, p.DocumentID, p.Name}, p.Version})
	}
	return out
}

// minHash is the minimum length of the prefix of a hash.
const minHash = 8

// ContentHash returns the hash of the content that a reference names: DOC@v3, or a SHA-256 or a prefix of
// it. That of an erased content is found only by DOC@v3, or by the whole SHA-256.
func (a *Archive) ContentHash(ctx context.Context, ref string) (coc.Hash, error) {
	if strings.Contains(ref, "@") {
		doc, at, err := a.Split(ctx, ref)
		if err != nil {
			return coc.Hash{}, err
		}
		v, err := a.Version(ctx, doc, at)
		return v.db.Hash, err
	}
	wrong := func(format string, args ...any) error {
		return hint.Wrap(fmt.Errorf(format, args...), "`cocsync show DOC@REF --meta` shows the SHA-256 of a version")
	}
	prefix := strings.ToLower(ref)
	if strings.Trim(prefix, "0123456789abcdef") != "" || len(prefix) < minHash || len(prefix) > 2*len(coc.Hash{}) {
		return coc.Hash{}, badQuery(wrong("%q is neither DOC@REF nor a SHA-256 or a prefix of at least %d digits", text.Visible(ref), minHash))
	}
	list, err := a.db.Hashes(ctx, prefix)
	switch {
	case err != nil:
		return coc.Hash{}, err
	case len(list) == 1:
		return list[0], nil
	case len(list) > 1:
		return coc.Hash{}, wrong("%s is the prefix of %d hashes", prefix, len(list))
	}
	if whole, err := coc.ParseHash(prefix); err == nil {
		return whole, nil // it may be that of an erased content
	}
	return coc.Hash{}, notStored(prefix)
}

func notStored(hash string) error {
	return hint.Wrap(coc.NotFound("no content %s in the archive", hash), "`cocsync show DOC@REF --meta` shows the SHA-256 of a version")
}
