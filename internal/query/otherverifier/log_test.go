package otherverifier

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// log is one log, with the leaves that were read.
type log struct {
	*verifier
	number int64
	origin string
	public ed25519.PublicKey
	// unsigned is set for a closed log that started without the key.
	unsigned bool
	size     int64
	peaks    [][]byte
}

// account checks the logs of an account.
func (v *verifier) account(account int64) error {
	name := v.names[account-1]
	records, err := v.records(account)
	if err != nil {
		return err
	}
	_, logs, err := v.query(`SELECT id, origin, public_key, size, peaks, note, old_origin, old_size, old_root, lost_origin FROM logs WHERE account_id = ? ORDER BY id`, account)
	old := log{}
	for i, r := range logs {
		l := log{verifier: v, origin: string(r.bytes(1)), public: r.bytes(2), unsigned: r.bytes(2) == nil && i < len(logs)-1}
		number, base := int64(i+1), "cocsync/"+v.archive+"/"+strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
		if lost, ok := strings.CutPrefix(string(r.bytes(9)), base); ok { // this log follows one that was lost
			n, err := strconv.ParseInt(strings.TrimPrefix(lost, "/"), 10, 64)
			if err != nil {
				n = 1
			}
			number = max(n+1, old.number+1)
		} else if i > 0 {
			number = old.number + 1
		}
		l.number = number
		origin := base
		if number > 1 {
			origin += "/" + strconv.FormatInt(number, 10)
		}
		if l.origin != origin || r.int(0) != number {
			v.fault("the log %s should be %s", l.origin, origin)
		}
		if i == 0 && number > 1 {
			old.origin = string(r.bytes(9))
		}
		if number > 1 && (string(r.bytes(6)) != old.origin || r.int(7) != old.size || !bytes.Equal(r.bytes(8), old.root())) {
			v.fault("the log %s does not continue %s", l.origin, old.origin)
		}
		if err := l.check(account, r, records); err != nil {
			return err
		}
		old = l
	}
	for typ, list := range records {
		for _, r := range list {
			v.fault("%s %d of account %s has no leaf", typ, r.id, name)
		}
	}
	return err
}

func (l *log) check(account int64, r row, records map[string][]record) error {
	_, leaves, err := l.query(`SELECT id, type, ref, hashes FROM leaves WHERE account_id = ? AND log_id = ? ORDER BY id`, account, r.int(0))
	_, sent, err2 := l.query(`SELECT note, size FROM checkpoints WHERE account_id = ? AND log_id = ? ORDER BY size`, account, r.int(0))
	checkpoints := append(l.external[l.origin], checkpoint{"the newest checkpoint", r.bytes(5), r.int(3)})
	delete(l.external, l.origin)
	for _, s := range sent {
		checkpoints = append(checkpoints, checkpoint{"a sent checkpoint", s.bytes(0), s.int(1)})
	}
	roots := [][]byte{l.root()}
	for _, leaf := range leaves {
		l.leaf(leaf, records)
		roots = append(roots, l.root())
	}
	changes, err3 := l.keyChanges(account, r.int(0))
	both := map[int64]bool{}
	for _, c := range checkpoints {
		size := c.size
		if lines := strings.SplitN(string(c.note), "\n", 3); len(lines) == 3 {
			size, _ = strconv.ParseInt(lines[1], 10, 64)
		}
		public := l.public
		var old ed25519.PublicKey
		for _, k := range changes {
			if size >= k.size {
				old, public = nil, k.new
			}
			if size == k.size && !k.lost {
				old = k.old
			}
		}
		var vouched []ed25519.PublicKey // a given key vouches for those that it replaced
		if slices.ContainsFunc(changes, func(k keyChange) bool {
			return slices.ContainsFunc(l.keys, func(g ed25519.PublicKey) bool { return g.Equal(k.new) })
		}) {
			vouched = append(vouched, public)
		}
		key, text, err := l.open(c.note, l.origin, vouched...)
		if old != nil && !both[size] {
			_, _, wrong := l.open(c.note, l.origin, old)
			both[size] = wrong == nil
		}
		if l.unsigned && !bytes.Contains(c.note, []byte("\n\n")) {
			text, err = string(c.note), nil
		}
		lines := strings.Split(text, "\n")
		switch size, _ := strconv.ParseInt(lines[min(1, len(lines)-1)], 10, 64); {
		case err != nil || len(lines) != 4 || lines[0] != l.origin || c.size >= 0 && size != c.size || public != nil && !public.Equal(key):
			l.fault("log %s: %s is not a checkpoint that its key signed: %v", l.origin, c.what, err)
		case size < 0 || size > l.size:
			l.fault("log %s has %d leaves, and %s is of %d", l.origin, l.size, c.what, size)
		case base64.StdEncoding.EncodeToString(roots[size]) != lines[2]:
			l.fault("log %s: the first %d leaves are not those of %s", l.origin, size, c.what)
		default:
			fmt.Fprintf(l.out, "log %s: the first %d of %d leaves are those of %s\n", l.origin, size, l.size, c.what)
		}
	}
	if l.size != r.int(3) || !bytes.Equal(bytes.Join(l.peaks, nil), r.bytes(4)) {
		l.fault("log %s: its size or its peaks are not those of its %d leaves", l.origin, l.size)
	}
	for _, k := range changes {
		if !k.lost && !both[k.size] {
			l.fault("log %s: not both keys signed its first %d leaves", l.origin, k.size)
		}
	}
	return errors.Join(err, err2, err3)
}

// keyChange is a change of the key of a log: the new one signs it from a size on.
type keyChange struct {
	size     int64
	old, new ed25519.PublicKey
	lost     bool
}

func (l *log) keyChanges(account, id int64) (list []keyChange, err error) {
	_, rows, err := l.query(`SELECT g.id, k.old_key, k.new_key, k.lost FROM leaves g JOIN key_changes k ON k.account_id = g.account_id AND k.id = g.ref
		WHERE g.type = 'key' AND g.account_id = ? AND g.log_id = ? ORDER BY g.id`, account, id)
	for _, r := range rows {
		list = append(list, keyChange{r.int(0) + 1, r.bytes(1), r.bytes(2), r.int(3) == 1})
	}
	return list, err
}

// leaf checks a leaf against the next record of its type, and adds it to the tree.
func (l *log) leaf(r row, records map[string][]record) {
	typ, ref, hashes := string(r.bytes(1)), r.int(2), r.bytes(3)
	next := records[typ]
	if len(next) == 0 || next[0].id != ref || r.int(0) != l.size || !bytes.HasPrefix(hashes, next[0].hash) {
		l.fault("log %s: leaf %d is not that of %s %d, or one before it is missing", l.origin, r.int(0), typ, ref)
	}
	for len(next) > 0 && next[0].id <= ref {
		next = next[1:]
	}
	records[typ] = next
	h := hashes[:min(32, len(hashes))]
	all := slices.Clone(h)
	for level := range bits.TrailingZeros64(uint64(l.size) + 1) {
		last := len(l.peaks) - 1
		h = hash(1, l.peaks[last], h)
		if l.peaks = l.peaks[:last]; level >= 2 { // of 8 leaves or more
			all = append(all, h...)
		}
	}
	l.peaks, l.size = append(l.peaks, h), l.size+1
	if !bytes.Equal(all, hashes) {
		l.fault("log %s: the hashes of leaf %d are not those of the leaves before it", l.origin, r.int(0))
	}
}

func (l *log) root() (root []byte) {
	for i, peak := range slices.Backward(l.peaks) {
		if root = hash(1, peak, root); i == len(l.peaks)-1 {
			root = peak
		}
	}
	if root == nil {
		h := sha256.Sum256(nil)
		root = h[:]
	}
	return root
}
