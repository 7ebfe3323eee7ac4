package otherverifier

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// contents checks that each content has its hash, and that packs have no other bytes.
func (v *verifier) contents() error {
	_, packs, err := v.query(`SELECT account_id, id, size, count, frame FROM packs ORDER BY account_id, id`)
	_, list, err2 := v.query(`SELECT account_id, pack_id, hash, form, start, size, salt FROM contents WHERE pack_id IS NOT NULL ORDER BY 1, 2, start, size`)
	d, err3 := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(64<<20))
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	defer d.Close()
	for _, p := range packs {
		data, err := d.DecodeAll(p.bytes(4), nil)
		at, n := int64(0), int64(0)
		for ; len(list) > 0 && list[0].int(0) == p.int(0) && list[0].int(1) == p.int(1); list = list[1:] {
			c := list[0]
			if n++; c.int(4) != at || c.int(5) < 0 || c.int(5) > int64(len(data))-at {
				continue
			}
			text := data[at : at+c.int(5)]
			if c.int(3) == 1 {
				text = slices.Concat([]byte{0xFF}, text)
			}
			if h := sha256.Sum256(text); !bytes.Equal(h[:], c.bytes(2)) {
				v.fault("content %x does not have its hash", c.bytes(2))
			}
			if len(c.bytes(6)) != 16 {
				v.fault("content %x has no salt", c.bytes(2))
			}
			at += c.int(5)
		}
		if err != nil || at != p.int(2) || at != int64(len(data)) || n != p.int(3) {
			v.fault("pack %d of account %d does not consist of its %d contents: %v", p.int(1), p.int(0), n, err)
		}
	}
	for _, c := range list {
		v.fault("content %x has no pack, or is after one without", c.bytes(2))
	}
	fmt.Fprintf(v.out, "%d packs of contents\n", len(packs))
	return nil
}

// columns checks the columns that repeat recorded ones, and what a row names.
func (v *verifier) columns() error {
	_, rows, err := v.query(`
		SELECT 'endpoint of account', id, id FROM accounts x WHERE endpoint IS NOT
			coalesce((SELECT endpoint FROM endpoints e WHERE e.account_id = x.id ORDER BY e.id DESC LIMIT 1), '')
		UNION ALL SELECT 'end of membership', account_id, id FROM memberships x WHERE until IS NOT
			(SELECT until FROM membership_ends e WHERE e.account_id = x.account_id AND e.membership_id = x.id)
		UNION ALL SELECT 'withdrawal of version', account_id, id FROM versions x WHERE withdrawn_at IS NOT (SELECT iif(l.withdrawn, l.at, NULL)
			FROM listings l WHERE l.account_id = x.account_id AND l.version_id = x.id ORDER BY l.id DESC LIMIT 1)
		UNION ALL SELECT 'time of version', account_id, id FROM versions x WHERE EXISTS (SELECT 1 FROM listings l
			WHERE l.account_id = x.account_id AND l.version_id = x.id AND l.made_at <> coalesce(x.made_at, -1))
		UNION ALL SELECT 'pack of content', x.account_id, x.id FROM contents x LEFT JOIN packs p ON p.account_id = x.account_id AND p.id = x.pack_id
			WHERE (p.id IS NULL) <> EXISTS (SELECT 1 FROM erasures e WHERE e.account_id = x.account_id AND e.content_id = x.id)
		UNION ALL SELECT 'salt or size of content', account_id, id FROM contents WHERE pack_id IS NULL AND (salt IS NOT NULL OR size % 256 <> 0)
		UNION ALL SELECT 'revision of erasure', x.account_id, x.id FROM erasures x JOIN revisions r
			ON r.account_id = x.account_id AND r.id = x.revision_id WHERE r.content_id <> x.content_id
		UNION ALL SELECT 'revision of content', account_id, id FROM contents WHERE (account_id, id) NOT IN (SELECT account_id, content_id FROM revisions)
		UNION ALL SELECT 'document of change', account_id, id FROM changes c WHERE EXISTS (
			SELECT 1 FROM revisions r JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
				WHERE r.account_id = c.account_id AND r.id IN (c.from_revision, c.to_revision) AND v.document_id <> c.document_id
			UNION ALL SELECT 1 FROM document_states s
				WHERE s.account_id = c.account_id AND s.id IN (c.from_state, c.to_state) AND s.document_id <> c.document_id
			UNION ALL SELECT 1 FROM versions v WHERE v.account_id = c.account_id AND v.id = c.version_id AND v.document_id <> c.document_id)
		UNION ALL SELECT 'key of log', l.account_id, l.id FROM logs l, archive a WHERE coalesce((SELECT k.new_key FROM key_changes k
				JOIN leaves g ON g.account_id = k.account_id AND g.type = 'key' AND g.ref = k.id AND g.log_id = l.id
				WHERE k.account_id = l.account_id ORDER BY k.id DESC LIMIT 1), l.public_key) <> coalesce(a.public_key, '')
			AND l.id = (SELECT max(id) FROM logs n WHERE n.account_id = l.account_id)`)
	for _, r := range rows {
		v.fault("account %d: the %s %d is not what was recorded", r.int(1), r.bytes(0), r.int(2))
	}
	return err
}
