package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"cocsync/internal/coc"
)

// A pack holds up to sixteen consecutive contents of a document, so that each
// new version costs little more than what changed, and reading one unpacks a
// bounded frame. A content that is larger than a pack stands in one of its own.
const (
	packCount = 16
	packSize  = 1 << 20
	// unpackedMax is above the largest body that fetch accepts, with room for
	// a pack; a frame that claims more is damaged.
	unpackedMax = 32 << 20
)

// codec packs and unpacks frames. It may be used by several goroutines. The zero one
// only unpacks.
type codec struct {
	enc      *zstd.Encoder
	decoders sync.Pool // of *zstd.Decoder: most processes need one, and few frames
}

// The options are constants that zstd accepts: the errors cannot occur.

func newCodec() *codec {
	enc, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(packSize), zstd.WithLowerEncoderMem(true))
	return &codec{enc: enc}
}

// pack appends to dst the frame of data.
func (c *codec) pack(data, dst []byte) []byte { return c.enc.EncodeAll(data, dst) }

// unpack appends to dst what a frame holds.
func (c *codec) unpack(frame, dst []byte) ([]byte, error) {
	dec, ok := c.decoders.Get().(*zstd.Decoder)
	if !ok {
		// Of one at a time, which leaves nothing behind that would have to be closed.
		dec, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(unpackedMax))
	}
	defer c.decoders.Put(dec)
	return dec.DecodeAll(frame, dst)
}

// Content returns the content of that hash, checked against it. It fails with
// coc.ErrNotFound when the archive has none and with coc.ErrErased when it was
// removed.
func (d *DB) Content(ctx context.Context, hash coc.Hash) (coc.Content, error) {
	return d.Unpacker().Content(ctx, hash)
}

// Unpacker reads contents. It keeps the pack that it unpacked last, so that those
// which lie in one, as the versions of a document do, cost little more than one of
// them. It is for one goroutine.
type Unpacker struct {
	d    *DB
	pack int64
	data []byte
}

// Unpacker returns a reader of contents.
func (d *DB) Unpacker() *Unpacker { return &Unpacker{d: d} }

// Content is DB.Content. The bytes must not be altered.
func (u *Unpacker) Content(ctx context.Context, hash coc.Hash) (c coc.Content, err error) {
	defer wrap(&err, "content %.12s", hash)
	var start, size int64
	var pack, erased sql.NullInt64
	var frame []byte // nil where its pack is at hand
	err = u.d.read.row(ctx, `
		SELECT c.pack_id, c.start, c.size, c.form, c.erased_at, iif(c.pack_id = ?2, NULL, p.frame)
		FROM contents c LEFT JOIN packs p ON p.id = c.pack_id WHERE c.sha256 = ?1`, hash[:], u.pack).
		Scan(&pack, &start, &size, &c.Form, &erased, &frame)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return c, coc.ErrNotFound
	case err != nil:
		return c, explain(err)
	case erased.Valid:
		return c, coc.ErrErased
	}
	if pack.Int64 != u.pack || u.pack == 0 {
		if err := u.unpack(pack.Int64, frame); err != nil {
			return c, err
		}
	}
	var ok bool
	if c.Bytes, ok = part(u.data, start, size); !ok {
		return c, damaged("%d bytes from %d on lie outside of pack %d, of %d bytes", size, start, pack.Int64, len(u.data))
	}
	if c.Hash() != hash {
		return c, damaged("its bytes do not have its SHA-256")
	}
	return c, nil
}

func (u *Unpacker) unpack(pack int64, frame []byte) error {
	if frame == nil {
		return damaged("its pack %d is missing", pack)
	}
	data, err := u.d.packs.unpack(frame, nil)
	if err != nil {
		return damaged("pack %d: %w", pack, err)
	}
	u.pack, u.data = pack, data
	return nil
}

// fresh is a content on its way into a pack.
type fresh struct {
	hash coc.Hash
	coc.Content
}

// addContents stores the contents that the archive lacks, into the open pack of
// the document while they fit. It returns the id of each, and marks those that a person
// had erased, which stay so.
func (t tx) addContents(document int64, list []fresh) (ids []int64, erased []bool, err error) {
	ids, erased = make([]int64, len(list)), make([]bool, len(list))
	var p pack
	for i, c := range list {
		if p.id == 0 {
			p, err = t.openPack(document)
		}
		if err == nil && !p.fits(c.Bytes) {
			if err = t.savePack(p); err == nil {
				p, err = t.newPack(document)
			}
		}
		if err != nil {
			return nil, nil, err
		}
		var added bool
		if ids[i], added, err = t.addContent(c, p); err != nil {
			return nil, nil, err
		}
		if added {
			p.data = append(p.data, c.Bytes...)
			p.count++
			continue
		}
		if err := t.row(`SELECT erased_at IS NOT NULL FROM contents WHERE id = ?`, ids[i]).Scan(&erased[i]); err != nil {
			return nil, nil, err
		}
	}
	return ids, erased, t.savePack(p)
}

// addContent stores a content at the end of the pack, unless the archive has it.
func (t tx) addContent(c fresh, p pack) (id int64, added bool, err error) {
	id, added, err = t.insertNew(`
		INSERT INTO contents (sha256, size, form, pack_id, start) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (sha256) DO NOTHING`, c.hash[:], len(c.Bytes), c.Form, p.id, len(p.data))
	if err == nil && !added {
		err = t.row(`SELECT id FROM contents WHERE sha256 = ?`, c.hash[:]).Scan(&id)
	}
	return id, added, err
}

// pack is the open pack of a document, unpacked. There is one at a time: its data lie in
// DB.scratch.
type pack struct {
	id    int64
	count int
	data  []byte
}

func (p pack) fits(b []byte) bool {
	return p.count == 0 || p.count < packCount && len(p.data)+len(b) <= packSize
}

// openPack returns the newest pack of the document, or a new one.
func (t tx) openPack(document int64) (pack, error) {
	var p pack
	var size int64
	var frame []byte
	err := t.row(`
		SELECT id, count, size, frame FROM packs WHERE document_id = ?
		ORDER BY id DESC LIMIT 1`, document).Scan(&p.id, &p.count, &size, &frame)
	if errors.Is(err, sql.ErrNoRows) || err == nil && p.count >= packCount {
		return t.newPack(document)
	}
	if err != nil {
		return p, err
	}
	p.data, err = t.d.packs.unpack(frame, t.d.scratch[:0])
	if err != nil || int64(len(p.data)) != size {
		// What lies in a damaged pack must not be packed again as if whole.
		return t.newPack(document)
	}
	return p, nil
}

// newPack makes an empty pack; savePack fills it in the same transaction.
func (t tx) newPack(document int64) (pack, error) {
	id, err := t.insert(`INSERT INTO packs (document_id, count, size, frame) VALUES (?, 0, 0, x'')`, document)
	return pack{id: id, data: t.d.scratch[:0]}, err
}

func (t tx) savePack(p pack) error {
	if p.id == 0 {
		return nil
	}
	if cap(p.data) <= packSize {
		t.d.scratch = p.data
	}
	if len(p.data) > unpackedMax {
		return fmt.Errorf("a content of %d bytes is more than the %d that can be read back", len(p.data), unpackedMax)
	}
	return t.exec(`UPDATE packs SET count = ?, size = ?, frame = ? WHERE id = ?`,
		p.count, len(p.data), t.d.packs.pack(p.data, nil), p.id)
}
