package db

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// A pack contains up to sixteen consecutive contents of a document: a new version takes
// little more space than its changes, and reading one decompresses a frame of limited size. A
// content larger than a pack has its own pack.
const (
	packCount = 16
	packSize  = 1 << 20
	// unpackedMax is the maximum size of a frame: more than the largest body that fetch
	// accepts plus a pack. Larger frames are damaged.
	unpackedMax = 32 << 20
)

// codec compresses and decompresses frames. It is safe for concurrent use.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() *codec {
	// Errors cannot occur: the options are valid constants.
	enc, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(packSize), zstd.WithLowerEncoderMem(true))
	dec, _ := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(unpackedMax))
	return &codec{enc, dec}
}

// pack returns the frame of data.
func (c *codec) pack(data []byte) []byte { return c.enc.EncodeAll(data, nil) }

// unpack appends the data of a frame to dst.
func (c *codec) unpack(frame, dst []byte) ([]byte, error) { return c.dec.DecodeAll(frame, dst) }

// Content returns the content with a hash in an account and verifies the hash. The error is
// coc.ErrNotFound if it is not archived and coc.ErrErased if it was erased.
func (a *Archive) Content(ctx context.Context, account int64, hash coc.Hash) (coc.Content, error) {
	return a.Unpacker().Content(ctx, account, hash)
}

// Unpacker reads contents. It caches the last pack, so that reading consecutive versions of a
// document decompresses each pack once. It is not safe for concurrent use.
type Unpacker struct {
	s    *store
	pack coc.Key
	data []byte
}

// Unpacker returns a reader of contents.
func (a *Archive) Unpacker() *Unpacker { return &Unpacker{s: a.store} }

// packed is a row of contents.
type packed struct {
	Hash        coc.Hash
	ID          int64
	Pack        coc.Key // without ID if it has none
	Start, Size int64
	Form        coc.Form
	Erased      bool
}

const packedColumns = `c.hash, c.id, c.account_id, coalesce(c.pack_id, 0), c.start, c.size, c.form, ` + isErased

// isErased is the condition that a person erased a content c.
const isErased = `EXISTS (SELECT 1 FROM erasures e WHERE e.account_id = c.account_id AND e.content_id = c.id)`

// Content is like Archive.Content. The bytes must not be modified. Its errors do not have the hash:
// cycles record errors permanently.
func (u *Unpacker) Content(ctx context.Context, account int64, hash coc.Hash) (coc.Content, error) {
	r := u.s.reading(ctx, "content")
	c, err := u.content(r, account, hash)
	if errors.Is(err, ErrAltered) {
		// An erasure of another content may have rewritten the pack since it was read, or since
		// the row was.
		u.pack = coc.Key{}
		c, err = u.content(r, account, hash)
	}
	return c, err
}

func (u *Unpacker) content(r reader, account int64, hash coc.Hash) (_ coc.Content, err error) {
	p, err := find[packed](r, `SELECT `+packedColumns+` FROM contents c WHERE c.account_id = ? AND c.hash = ?`, account, hash)
	if keyed := u.s.Keyed(hash); errors.Is(err, coc.ErrNotFound) && keyed != (coc.Hash{}) {
		// It may have been erased since the caller read the hash.
		gone, err2 := first[bool](r, `SELECT EXISTS (SELECT 1 FROM erasures WHERE account_id = ? AND keyed_hash = ?)`, account, keyed)
		if gone || err2 != nil {
			return coc.Content{}, cmp.Or(err2, coc.ErrErased)
		}
	}
	if err != nil {
		return coc.Content{}, err
	}
	if p.Erased {
		return coc.Content{}, coc.ErrErased
	}
	defer wrap(&err, "content %d", p.ID)
	return u.unpack(reader{ctx: r.ctx, on: r.on}, p)
}

// unpack returns a content and verifies its hash.
func (u *Unpacker) unpack(r reader, p packed) (c coc.Content, err error) {
	if p.Pack != u.pack {
		frame, err := first[[]byte](r, `SELECT frame FROM packs WHERE account_id = ? AND id = ?`, p.Pack)
		switch {
		case err != nil:
			return c, err
		case frame == nil:
			return c, damaged("its pack %d is missing", p.Pack.ID)
		}
		if u.data, err = u.s.packs.unpack(frame, nil); err != nil {
			u.pack = coc.Key{}
			return c, damaged("pack %d: %w", p.Pack.ID, err)
		}
		u.pack = p.Pack
	}
	return p.of(u.data)
}

// of returns the content in the data of its pack, and verifies its hash.
func (p packed) of(data []byte) (c coc.Content, err error) {
	if err := p.check(data); err != nil {
		return c, err
	}
	end := p.Start + p.Size
	c = coc.Content{Bytes: data[p.Start:end:end], Form: p.Form}
	if c.Hash() != p.Hash {
		return coc.Content{}, damaged("its bytes do not have its SHA-256")
	}
	return c, nil
}

// check returns an error if the content is not inside of its pack.
func (p packed) check(data []byte) error {
	if n := int64(len(data)); p.Start < 0 || p.Start > n || p.Size < 0 || p.Size > n-p.Start {
		return damaged("%d bytes from %d on are outside of pack %d, of %d bytes", p.Size, p.Start, p.Pack.ID, n)
	}
	return nil
}

// EachContent calls do with the hash and the fault of every content. The fault is nil for a good content.
func (a *Archive) EachContent(ctx context.Context, do func(hash coc.Hash, fault error)) error {
	r := a.reading(ctx, "contents")
	u := a.Unpacker()
	for p, err := range stream[packed](r, `
		SELECT `+packedColumns+` FROM contents c ORDER BY c.account_id, c.pack_id`) {
		if err != nil {
			return err
		}
		var fault error
		switch {
		case !p.Erased:
			_, fault = u.unpack(reader{ctx: ctx, on: a.read}, p)
		case p.Pack.ID != 0:
			fault = errors.New("it is erased, but has a pack")
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		do(p.Hash, fault)
	}
	return nil
}

// Hashes returns the hashes of contents with a hexadecimal prefix. An erased content has none.
func (a *Archive) Hashes(ctx context.Context, prefix string) ([]coc.Hash, error) {
	low, err := hex.DecodeString(prefix[:len(prefix)/2*2])
	if err != nil {
		return nil, fmt.Errorf("content %s: %q is not a hexadecimal number", prefix, prefix)
	}
	list, err := collect[coc.Hash](a.reading(ctx, "content %s", prefix), `
		SELECT DISTINCT c.hash FROM accounts a JOIN contents c ON c.account_id = a.id
		WHERE c.hash >= ?1 AND substr(c.hash, 1, length(?1)) = ?1 AND c.pack_id IS NOT NULL LIMIT 1000`, low)
	return slices.DeleteFunc(list, func(h coc.Hash) bool { return h.String()[:len(prefix)] != prefix }), err
}

// hashed is a content with its hash.
type hashed struct {
	hash coc.Hash
	coc.Content
}

// storedContent is a row of contents that a revision names.
type storedContent struct {
	ID         int64
	Erased     bool
	Salt, Hash []byte
}

// commitment returns what the records have of a content.
func (c storedContent) commitment() []byte { return commitment(c.Salt, c.Hash) }

// commitment returns what the records have of the content of a row of contents.
func commitment(salt, hash []byte) []byte {
	if salt == nil { // erased
		return hash
	}
	return audit.Commit(salt, hash)
}

// addContents stores the contents that are new for the account, in the open pack of the
// document as far as they fit.
func (t *tx) addContents(document coc.Key, contents []hashed) (stored []storedContent) {
	var p pack
	for _, c := range contents {
		s, ok := t.storedContent(document.Account, c.hash)
		if !ok {
			if p.ID == 0 {
				p = t.openPack(document)
			}
			if p.Count > 0 && (p.Count >= packCount || len(p.data)+len(c.Bytes) > packSize) {
				t.savePack(p)
				p = t.newPack(document)
			}
			s.Salt, s.Hash = newSalt(), c.hash[:]
			s.ID = t.add(document.Account, "contents", "hash, salt, size, form, pack_id, start",
				c.hash, s.Salt, len(c.Bytes), c.Form, p.ID, len(p.data)).ID
			*t.count(document.Account, "content_bytes") += int64(len(c.Bytes))
			p.data = append(p.data, c.Bytes...)
			p.Count++
		}
		stored = append(stored, s)
	}
	if p.ID != 0 {
		t.savePack(p)
	}
	return stored
}

// storedContent returns the content with a hash, also an erased one: it is not stored again.
func (t *tx) storedContent(account int64, hash coc.Hash) (storedContent, bool) {
	const columns = `SELECT c.id, ` + isErased + `, c.salt, c.hash FROM contents c WHERE c.account_id = ?1 AND `
	s, ok := get[storedContent](t, columns+`c.hash = ?2`, account, hash)
	if keyed := t.s.Keyed(hash); !ok && keyed != (coc.Hash{}) {
		s, ok = get[storedContent](t, columns+`c.id IN (
			SELECT e.content_id FROM erasures e WHERE e.account_id = ?1 AND e.keyed_hash = ?2)`, account, keyed)
	}
	return s, ok
}

// pack is the decompressed open pack of a document. Only one is open at a time: its data is
// in store.scratch.
type pack struct {
	packRow
	data []byte
}

type packRow struct {
	Account, ID int64
	Count       int
	Size        int
	Frame       []byte
}

// openPack returns the newest pack of the document, or a new one.
func (t *tx) openPack(document coc.Key) pack {
	row, _ := get[packRow](t, `
		SELECT account_id, id, count, size, frame FROM packs WHERE account_id = ? AND document_id = ?
		ORDER BY id DESC LIMIT 1`, document)
	if row.ID == 0 || row.Count >= packCount {
		return t.newPack(document)
	}
	data, err := t.s.packs.unpack(row.Frame, t.s.scratch[:0])
	if err != nil || len(data) != row.Size {
		// The data of a damaged pack must not be compressed again: it would look good.
		return t.newPack(document)
	}
	return pack{row, data}
}

// newPack adds an empty pack; savePack fills it in the same transaction. The row is inserted
// before its contents: otherwise SQLite scans all contents to check the foreign key.
func (t *tx) newPack(document coc.Key) pack {
	key := t.add(document.Account, "packs", "document_id, count, size, frame", document.ID, 0, 0, []byte{})
	return pack{packRow{Account: key.Account, ID: key.ID}, t.s.scratch[:0]}
}

func (t *tx) savePack(p pack) {
	if cap(p.data) <= packSize {
		t.s.scratch = p.data
	}
	if len(p.data) > unpackedMax {
		t.fail(fmt.Errorf("a content of %d bytes is longer than the maximum of %d", len(p.data), unpackedMax))
	}
	t.exec(`UPDATE packs SET count = ?, size = ?, frame = ? WHERE account_id = ? AND id = ?`,
		p.Count, len(p.data), t.s.packs.pack(p.data), p.Account, p.ID)
}

// Openings returns the openings of the commitments in the record of a row; none of erased contents.
func (a *Archive) Openings(ctx context.Context, typ string, row coc.Key) ([]audit.Opening, error) {
	revisions := map[string]string{
		audit.TypeRevision: `SELECT account_id, id FROM revisions`,
		audit.TypeChange: `SELECT account_id, from_revision AS id FROM changes WHERE account_id = ?1 AND id = ?2
			UNION SELECT account_id, to_revision FROM changes`,
	}[typ]
	if revisions == "" {
		return nil, nil
	}
	return collect[audit.Opening](a.reading(ctx, "contents of %s %d", typ, row.ID), `
		SELECT c.salt, c.hash FROM (`+revisions+` WHERE account_id = ?1 AND id = ?2) x
		JOIN revisions r ON r.account_id = x.account_id AND r.id = x.id
		JOIN contents c ON c.account_id = r.account_id AND c.id = r.content_id
		WHERE c.salt IS NOT NULL ORDER BY c.id`, row)
}
