package db

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

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

// codec compresses and decompresses frames. It is safe for concurrent use. The zero codec
// only decompresses.
type codec struct {
	enc      *zstd.Encoder
	decoders sync.Pool // of *zstd.Decoder: most processes read few frames
}

// Errors cannot occur: the options are valid constants.

func newCodec() *codec {
	enc, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(packSize), zstd.WithLowerEncoderMem(true))
	return &codec{enc: enc}
}

// pack appends the frame of data to dst.
func (c *codec) pack(data, dst []byte) []byte { return c.enc.EncodeAll(data, dst) }

// unpack appends the data of a frame to dst.
func (c *codec) unpack(frame, dst []byte) ([]byte, error) {
	dec, ok := c.decoders.Get().(*zstd.Decoder)
	if !ok {
		// With a concurrency of one it has no goroutines and need not be closed.
		dec, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(unpackedMax))
	}
	defer c.decoders.Put(dec)
	return dec.DecodeAll(frame, dst)
}

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

// Content is like Archive.Content. The bytes must not be modified.
func (u *Unpacker) Content(ctx context.Context, account int64, hash coc.Hash) (c coc.Content, err error) {
	defer wrap(&err, "content %.12s", hash)
	p := packed{hash: hash}
	var frame []byte // nil if its pack is cached
	err = u.s.read.row(ctx, `
		SELECT c.account_id, coalesce(c.pack_id, 0), c.start, c.size, c.form, c.erased_at IS NOT NULL,
			CASE WHEN c.account_id = ?3 AND c.pack_id = ?4 THEN NULL ELSE p.frame END
		FROM contents c LEFT JOIN packs p ON p.account_id = c.account_id AND p.id = c.pack_id
		WHERE c.account_id = ?1 AND c.sha256 = ?2`, account, hash, u.pack).
		Scan(&p.pack, &p.start, &p.size, &p.form, &p.erased, &frame)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return c, coc.ErrNotFound
	case err != nil:
		return c, err
	case p.erased:
		return c, coc.ErrErased
	}
	if p.pack != u.pack {
		if err := u.unpack(p.pack, frame); err != nil {
			return c, err
		}
	}
	c.Form = p.form
	c.Bytes, err = p.bytes(u.data)
	return c, err
}

func (u *Unpacker) unpack(pack coc.Key, frame []byte) error {
	if frame == nil {
		return damaged("its pack %d is missing", pack.ID)
	}
	data, err := u.s.packs.unpack(frame, nil)
	if err != nil {
		return damaged("pack %d: %w", pack.ID, err)
	}
	u.pack, u.data = pack, data
	return nil
}

// packed is a row of contents.
type packed struct {
	hash        coc.Hash
	pack        coc.Key // without ID if it has none
	start, size int64
	form        coc.Form
	erased      bool
}

func (p *packed) columns() []any {
	return []any{&p.hash, &p.pack, &p.start, &p.size, &p.form, &p.erased}
}

// bytes returns the content from the data of its pack and verifies its hash.
func (p packed) bytes(data []byte) ([]byte, error) {
	if !p.within(data) {
		return nil, damaged("%d bytes from %d on are outside of pack %d, of %d bytes", p.size, p.start, p.pack.ID, len(data))
	}
	end := p.start + p.size
	c := coc.Content{Bytes: data[p.start:end:end], Form: p.form}
	if c.Hash() != p.hash {
		return nil, damaged("its bytes do not have its SHA-256")
	}
	return c.Bytes, nil
}

// within reports whether the content is inside of its pack.
func (p packed) within(data []byte) bool {
	n := int64(len(data))
	return p.start >= 0 && p.start <= n && p.size >= 0 && p.size <= n-p.start
}

// EachContent calls do with the hash and the fault of every content seen since a time; a zero
// time means all contents. The fault is nil for a good content.
func (a *Archive) EachContent(ctx context.Context, since time.Time, do func(hash coc.Hash, fault error) error) (err error) {
	defer wrap(&err, "contents")
	u := a.Unpacker()
	var broken error // the error of the last pack
	var last coc.Key
	return each(ctx, a.read, scan[packed], func(p packed) error {
		if p.erased {
			fault := error(nil)
			if p.pack.ID != 0 {
				fault = errors.New("it is erased, but has a pack")
			}
			return do(p.hash, fault)
		}
		if p.pack != last {
			frame, err := first(ctx, a.read, scan[[]byte], `SELECT frame FROM packs WHERE account_id = ? AND id = ?`, p.pack)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if broken, last = err, p.pack; broken == nil {
				broken = u.unpack(p.pack, frame)
			}
		}
		fault := broken
		if fault == nil {
			_, fault = p.bytes(u.data)
		}
		return do(p.hash, fault)
	}, `
		SELECT sha256, account_id, coalesce(pack_id, 0), start, size, form, erased_at IS NOT NULL FROM contents
		WHERE ?1 < 0 OR (account_id, id) IN (SELECT account_id, content_id FROM revisions WHERE seen_at >= ?1)
		ORDER BY account_id, pack_id`, since.UnixMilli())
}

// Hashes returns the hashes of contents with a hexadecimal prefix, including erased contents.
func (a *Archive) Hashes(ctx context.Context, prefix string) (_ []coc.Hash, err error) {
	defer wrap(&err, "content %s", prefix)
	low, err := hex.DecodeString(prefix[:len(prefix)/2*2])
	if err != nil {
		return nil, fmt.Errorf("%q is not a hexadecimal number", prefix)
	}
	list, err := collect(ctx, a.read, scan[coc.Hash], `
		SELECT DISTINCT c.sha256 FROM accounts a JOIN contents c ON c.account_id = a.id
		WHERE c.sha256 >= ?1 AND substr(c.sha256, 1, length(?1)) = ?1 LIMIT 1000`, low)
	return slices.DeleteFunc(list, func(h coc.Hash) bool { return h.String()[:len(prefix)] != prefix }), err
}

// hashed is a content with its hash.
type hashed struct {
	hash coc.Hash
	coc.Content
}

// storedContent is a row of contents that a revision names.
type storedContent struct {
	id     int64
	erased bool
}

// addContents stores the contents that are new for the account, in the open pack of the
// document as far as they fit.
func (t tx) addContents(document coc.Key, contents []hashed) ([]storedContent, error) {
	stored := make([]storedContent, len(contents))
	var p pack
	for i, c := range contents {
		err := t.row(`SELECT id, erased_at IS NOT NULL FROM contents WHERE account_id = ? AND sha256 = ?`, document.Account, c.hash).
			Scan(&stored[i].id, &stored[i].erased)
		if err == nil {
			continue
		}
		if err = ignore(err, sql.ErrNoRows); err == nil && p.id == 0 {
			p, err = t.openPack(document)
		}
		if err == nil && !p.fits(c.Bytes) {
			if err = t.savePack(p); err == nil {
				p, err = t.newPack(document)
			}
		}
		if err == nil {
			stored[i].id, err = t.addContent(c, &p)
		}
		if err != nil {
			return nil, err
		}
	}
	return stored, t.savePack(p)
}

// addContent stores a content at the end of the pack.
func (t tx) addContent(c hashed, p *pack) (int64, error) {
	key, err := t.add(p.document.Account, contentIDs, `
		INSERT INTO contents (account_id, id, sha256, size, form, pack_id, start) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		c.hash, len(c.Bytes), c.Form, p.id, len(p.data))
	if err == nil {
		t.counters[key.Account][contentBytes] += int64(len(c.Bytes))
	}
	p.data = append(p.data, c.Bytes...)
	p.count++
	return key.ID, err
}

// pack is the decompressed open pack of a document. Only one is open at a time: its data is
// in store.scratch.
type pack struct {
	document coc.Key
	id       int64
	count    int
	data     []byte
}

func (p pack) fits(b []byte) bool {
	return p.count == 0 || p.count < packCount && len(p.data)+len(b) <= packSize
}

// openPack returns the newest pack of the document, or a new one.
func (t tx) openPack(document coc.Key) (pack, error) {
	p := pack{document: document}
	var size int64
	var frame []byte
	err := t.row(`
		SELECT id, count, size, frame FROM packs WHERE account_id = ? AND document_id = ?
		ORDER BY id DESC LIMIT 1`, document).Scan(&p.id, &p.count, &size, &frame)
	if errors.Is(err, sql.ErrNoRows) || err == nil && p.count >= packCount {
		return t.newPack(document)
	}
	if err != nil {
		return p, err
	}
	p.data, err = t.s.packs.unpack(frame, t.s.scratch[:0])
	if err != nil || int64(len(p.data)) != size {
		// The data of a damaged pack must not be compressed again: it would look good.
		return t.newPack(document)
	}
	return p, nil
}

// newPack adds an empty pack; savePack fills it in the same transaction. The row is inserted
// before its contents: otherwise SQLite scans all contents to check the foreign key.
func (t tx) newPack(document coc.Key) (pack, error) {
	key, err := t.add(document.Account, packIDs, `
		INSERT INTO packs (account_id, id, document_id, count, size, frame) VALUES (?, ?, ?, 0, 0, ?)`, document.ID, []byte{})
	return pack{document: document, id: key.ID, data: t.s.scratch[:0]}, err
}

func (t tx) savePack(p pack) error {
	if p.id == 0 {
		return nil
	}
	if cap(p.data) <= packSize {
		t.s.scratch = p.data
	}
	if len(p.data) > unpackedMax {
		return fmt.Errorf("a content of %d bytes is longer than the maximum of %d", len(p.data), unpackedMax)
	}
	return t.exec(`UPDATE packs SET count = ?, size = ?, frame = ? WHERE account_id = ? AND id = ?`,
		p.count, len(p.data), t.s.packs.pack(p.data, nil), p.document.Account, p.id)
}
