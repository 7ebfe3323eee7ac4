package query

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Notes returns the newest signed checkpoint of each log that is not closed, by account; of
// one account if it is not "".
func (a *Archive) Notes(ctx context.Context, account string) (notes [][]byte, err error) {
	if err := a.checkAccount(ctx, account); err != nil {
		return nil, err
	}
	keys, err := a.signers(ctx)
	if err != nil {
		return nil, err
	}
	logs, err := a.db.Logs(ctx)
	for _, l := range logs {
		if l.Closed || account != "" && l.Name != account {
			continue
		}
		if _, err := signer(l, keys); err != nil {
			return nil, err
		}
		note, err := a.newestNote(ctx, l)
		if err != nil {
			return nil, err
		}
		notes = append(notes, note)
	}
	if err == nil && len(notes) == 0 {
		err = unavailable("nothing is signed yet")
	}
	return notes, err
}

// signers are the keys that may sign the logs of an archive.
type signers struct {
	db.Identity
	own     audit.PublicKey // of the key file; nil if it is unknown
	changes []keyChange
}

// keyChange is a change of the key of a log.
type keyChange struct {
	db.KeyChange
	signed bool // by both keys
}

// keysOf returns the keys of a log in their order. Each signs the log from a size on: the first with
// its first record, the others with the record of the change.
func (s *signers) keysOf(l db.LogInfo) (list []periodOfKey) {
	if len(l.PublicKey) == 0 {
		return nil
	}
	list = append(list, periodOfKey{key: l.PublicKey})
	for _, c := range s.changes {
		if c.Account == l.Account && c.Log == l.ID {
			list = append(list, periodOfKey{c.New, c.Index + 1, !c.signed})
		}
	}
	return list
}

// periodOfKey is a key of a log.
type periodOfKey struct {
	key  audit.PublicKey
	from int64 // the size of the first checkpoint that it signs
	lost bool  // the key before it did not sign that one
}

// newest returns the key that signs a log now; nil if it started without one.
func (s *signers) newest(l db.LogInfo) audit.PublicKey {
	if list := s.keysOf(l); len(list) > 0 {
		return list[len(list)-1].key
	}
	return nil
}

// warnings say which keys were replaced without their signature.
func (s *signers) warnings(l, before db.LogInfo) (list []string) {
	for _, c := range s.changes {
		if c.Account == l.Account && c.Log == l.ID && c.Lost {
			list = append(list, fmt.Sprintf("its key %s was lost: the key %s signs it since %s, and the old key did not sign that",
				c.Old.Fingerprint(), c.New.Fingerprint(), stamp(c.At)))
		}
	}
	if old := s.newest(before); len(old) > 0 && len(l.PublicKey) > 0 && !old.Equal(l.PublicKey) {
		list = append(list, fmt.Sprintf("it was started with the key %s; the log before it was signed by the key %s, which did not sign that",
			l.PublicKey.Fingerprint(), old.Fingerprint()))
	}
	return list
}

func (a *Archive) signers(ctx context.Context) (s signers, err error) {
	if s.Identity, err = a.db.Identity(ctx); err != nil {
		return s, err
	}
	changes, err := a.db.KeyChanges(ctx)
	if err != nil {
		return s, err
	}
	for _, c := range changes {
		s.changes = append(s.changes, keyChange{c, a.bothSigned(ctx, &c)})
	}
	if s.own = a.db.PublicKey(); a.OwnKey != nil {
		s.own, err = a.OwnKey()
	}
	return s, err
}

// bothSigned reports whether the old and the new key signed the checkpoint of a change.
func (a *Archive) bothSigned(ctx context.Context, k *db.KeyChange) bool {
	c, err := audit.Open(k.Note, k.Old)
	if err == nil {
		_, err = audit.Open(k.Note, k.New)
	}
	if err != nil || c.Size != k.Index+1 {
		return false
	}
	root, err := tlog.TreeHash(c.Size, a.db.ProofHashes(ctx, k.Account, k.Log))
	return err == nil && root == c.Root
}

// signer returns the key of a log: that of the key file, or the one that signs it now. The error says
// that it did not sign the newest checkpoint.
func signer(l db.LogInfo, s signers) (key audit.PublicKey, err error) {
	if key = s.newest(l); s.own != nil && !l.Closed {
		key = s.own
	}
	if !bytes.Contains(l.Note, []byte("\n\n")) {
		return key, notSigned(l)
	}
	c, err := audit.Open(l.Note, key)
	if err == nil && (c.Origin != l.Origin || c.Size != l.Size) {
		err = fmt.Errorf("it is of %d records of %s; the log has %d", c.Size, text.Visible(c.Origin), l.Size)
	}
	if err != nil {
		err = &classed{fmt.Errorf("log %s: its newest checkpoint: %w", text.Visible(l.Origin), err), ErrAltered}
		return key, hint.Wrap(err, "`cocsync verify` says what else is wrong")
	}
	return key, nil
}

func notSigned(l db.LogInfo) error {
	if l.NeverSigned() {
		return unavailable("the log %s is closed, and was never signed: it was written while the signing key was missing", text.Visible(l.Origin))
	}
	return hint.Wrap(unavailable("the log of account %s is not signed", text.Visible(l.Name)), "put the signing key back and restart cocsync")
}

// Identity returns the archive's name and its newest key.
func (a *Archive) Identity(ctx context.Context) (db.Identity, error) { return a.db.Identity(ctx) }

// Keys returns the verifier keys of each log, as in a signed note: those that were replaced, and the
// one that signs it now.
func (a *Archive) Keys(ctx context.Context) (list []string, err error) {
	keys, err := a.signers(ctx)
	if err != nil {
		return nil, err
	}
	logs, err := a.db.Logs(ctx)
	for _, l := range logs {
		for _, p := range keys.keysOf(l) {
			list = append(list, p.key.Verifier(l.Origin))
		}
	}
	return list, err
}

// Prove proves that a record is in the log of its account: that of a change by its number, of a
// revision as DOC@v3, or of a row as TYPE:ID. The error is coc.ErrNotFound for an unknown one.
func (a *Archive) Prove(ctx context.Context, ref string) (p audit.Proof, err error) {
	if strings.Contains(ref, "@") {
		doc, at, err := a.Split(ctx, ref)
		if err != nil {
			return p, err
		}
		v, err := a.Version(ctx, doc, at)
		if err != nil {
			return p, err
		}
		return a.prove(ctx, audit.TypeRevision, v.db.Key)
	}
	typ, number, ok := strings.Cut(ref, ":")
	if types := audit.Types(); ok && !slices.Contains(types, typ) {
		last := len(types) - 1
		return p, badQuery(hint.Wrap(fmt.Errorf("%q is not a type of record", typ),
			"the types are "+strings.Join(types[:last], ", ")+" and "+types[last]))
	}
	if !ok {
		c, err := a.Change(ctx, ref)
		if err != nil {
			return p, err
		}
		return a.prove(ctx, audit.TypeChange, c.Key)
	}
	row, err := a.rowKey(ctx, typ, number)
	if err != nil {
		return p, err
	}
	return a.prove(ctx, typ, row)
}

// ProveSent proves to whom a change was sent, when and where: to one notifier, or for "" to all to
// which it was sent.
func (a *Archive) ProveSent(ctx context.Context, ref, notifier string) (p audit.Proof, err error) {
	c, err := a.Change(ctx, ref)
	if err != nil {
		return p, err
	}
	list, err := a.db.Notifications(ctx, c.Key)
	if err != nil {
		return p, err
	}
	record := int64(0)
	var pending []string
	for _, n := range list {
		switch {
		case notifier != "" && n.Notifier != notifier:
		case n.State != string(coc.Sent):
			pending = append(pending, text.Visible(n.Notifier)+" is "+n.State)
		case n.Record == 0:
			return p, notRecorded(n, a.Now())
		case record != 0 && record != n.Record:
			return p, ambiguous("change %s was sent at different times: choose a notifier with --notifier", text.Visible(ref))
		default:
			record = n.Record
		}
	}
	switch {
	case record != 0:
		return a.prove(ctx, audit.TypeDelivery, coc.Key{Account: c.Key.Account, ID: record})
	case len(pending) > 0:
		return p, unavailable("change %s was not sent: the delivery to %s", text.Visible(ref), strings.Join(pending, ", to "))
	case notifier != "":
		return p, unavailable("change %s was not sent to %s", text.Visible(ref), text.Visible(notifier))
	}
	return p, unavailable("change %s was sent to no one", text.Visible(ref))
}

// notRecorded is the error for a delivery that was sent and is in no record yet.
func notRecorded(n db.Notification, now time.Time) error {
	err := unavailable("the delivery to %s is not recorded yet", text.Visible(n.Notifier))
	if n.Message != nil {
		if latest := n.Message.SentAt.Add(db.RecordEvery); latest.After(now) {
			return hint.Wrap(err, "it is recorded when cocsync ends, at the latest at "+stamp(latest))
		}
	}
	return hint.Wrap(err, "the next `cocsync sync` or `cocsync run` records it")
}

// rowKey returns the key of a row that has a record of a type: 12, or prod/12 with its account.
func (a *Archive) rowKey(ctx context.Context, typ, ref string) (key coc.Key, err error) {
	account, number := "", ref
	if i := strings.LastIndex(ref, "/"); i > 0 {
		account, number = ref[:i], ref[i+1:]
	}
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id < 1 {
		return key, badQuery(fmt.Errorf("%q is not a valid number of a record", ref))
	}
	logs, err := a.db.Logs(ctx)
	if err != nil {
		return key, err
	}
	logs = slices.DeleteFunc(logs, func(l db.LogInfo) bool { return l.ID > 1 || account != "" && l.Name != account })
	if len(logs) == 0 {
		return key, coc.NotFound("no account %s in the archive", text.Visible(account))
	}
	var names []string // of the accounts with such a record
	for _, l := range logs {
		row := coc.Key{Account: l.Account, ID: id}
		_, _, _, err := a.db.RecordOf(ctx, typ, row)
		if errors.Is(err, coc.ErrNotFound) {
			continue
		}
		names, key = append(names, fmt.Sprintf("%s:%s/%d", typ, text.Visible(l.Name), id)), row
		if err != nil {
			return key, err
		}
	}
	switch len(names) {
	case 0:
		err := coc.NotFound("no %s record %d in the archive", typ, id)
		if typ == audit.TypeCycle {
			err = hint.Wrap(err, "good cycles are recorded together: `cocsync audit prove coverage:1`")
		}
		return key, err
	case 1:
		return key, nil
	}
	return key, hint.Wrap(ambiguous("several accounts have a %s record %d", typ, id),
		"write it with its account, as "+strings.Join(names[:min(len(names), 3)], " or "))
}

// prove proves the record of a row.
func (a *Archive) prove(ctx context.Context, typ string, row coc.Key) (p audit.Proof, err error) {
	record, id, leaf, err := a.db.RecordOf(ctx, typ, row)
	if errors.Is(err, coc.ErrNotFound) {
		err = coc.NotFound("no %s record %d in the archive", typ, row.ID)
	}
	if err != nil {
		return p, err
	}
	keys, err := a.signers(ctx)
	if err != nil {
		return p, err
	}
	logs, err := a.db.Logs(ctx)
	if err != nil {
		return p, err
	}
	i := slices.IndexFunc(logs, func(l db.LogInfo) bool { return l.Account == row.Account && l.ID == id })
	if i < 0 || len(leaf.Hashes) == 0 || leaf.Hashes[0] != audit.LeafHash(record.Encode()) {
		return p, hint.Wrap(fmt.Errorf("%s is not what was logged", describe(typ, &record)), "`cocsync verify` says what else is wrong")
	}
	l := logs[i]
	key, err := signer(l, keys)
	if err != nil {
		return p, err
	}
	size, note, err := a.provable(ctx, l, leaf.Index)
	if err != nil {
		return p, err
	}
	p = audit.Proof{Record: record.Encode(), Index: leaf.Index, Checkpoint: note}
	if p.Openings, err = a.openings(ctx, row, &record); err != nil {
		return p, err
	}
	if p.Hashes, err = tlog.ProveRecord(size, leaf.Index, a.db.StoredHashes(ctx, l.Account, l.ID)); err != nil {
		return p, hint.Wrap(errors.New("hashes of the log are missing"), "`cocsync verify` says which")
	}
	_, _, err = p.Check(key)
	return p, err
}

// openings returns the openings of the commitments of a row's record; none of erased contents.
func (a *Archive) openings(ctx context.Context, row coc.Key, r *audit.Record) ([]audit.Opening, error) {
	list, err := a.db.Openings(ctx, r.Type, row)
	for _, o := range list {
		commitment := hex.EncodeToString(o.Commitment())
		if !slices.ContainsFunc(r.Fields, func(f audit.Field) bool { return strings.HasSuffix(f.Name, "commitment") && f.Value == commitment }) {
			err = &classed{fmt.Errorf("%s: its content does not have its SHA-256", describe(r.Type, r)), ErrAltered}
			return nil, hint.Wrap(err, "`cocsync verify` says what else is wrong")
		}
	}
	return list, err
}

// ProveConsistency proves that a log at a newer checkpoint contains that at an older one. now
// is nil for the newest checkpoint.
func (a *Archive) ProveConsistency(ctx context.Context, old, now []byte) (p audit.Consistency, err error) {
	keys, err := a.signers(ctx)
	if err != nil {
		return p, err
	}
	logs, err := a.db.Logs(ctx)
	if err != nil {
		return p, err
	}
	c, err := audit.Peek(old)
	if err != nil {
		return p, err
	}
	i := slices.IndexFunc(logs, func(l db.LogInfo) bool { return l.Origin == c.Origin })
	if i < 0 {
		return p, coc.NotFound("no log %s in the archive", text.Visible(c.Origin))
	}
	l := logs[i]
	if now == nil {
		if now, err = a.newestNote(ctx, l); err != nil {
			return p, err
		}
	}
	newer, err := audit.Peek(now)
	if err != nil {
		return p, err
	}
	p = audit.Consistency{Old: old, New: now}
	if 0 < c.Size && c.Size < newer.Size && newer.Size <= l.Size {
		if p.Hashes, err = tlog.ProveTree(newer.Size, c.Size, a.db.StoredHashes(ctx, l.Account, l.ID)); err != nil {
			return p, hint.Wrap(errors.New("hashes of the log are missing"), "`cocsync verify` says which")
		}
	}
	var may []audit.PublicKey // another checkpoint than the newest may be signed, also by a key that was replaced
	for _, period := range keys.keysOf(l) {
		may = append(may, period.key)
	}
	_, _, err = p.Check(may...)
	return p, err
}

// Consistent is what a consistency proof proves.
type Consistent struct {
	Origin  string `json:"origin"`
	Key     string `json:"key"` // its fingerprint
	OldSize int64  `json:"old_size"`
	OldRoot string `json:"old_root"`
	Size    int64  `json:"size"`
	Root    string `json:"root"`
	// Cosigned is what the given witnesses cosigned of the newer checkpoint.
	Cosigned []CosignedLog `json:"cosigned"`
}

// NewConsistent returns what a consistency proof that was checked proves.
func NewConsistent(key audit.PublicKey, old, now audit.Checkpoint, cosigned []CosignedLog) Consistent {
	return Consistent{now.Origin, key.Fingerprint(), old.Size, old.Root.String(), now.Size, now.Root.String(), cosigned}
}

// Proved is what a proof proves.
type Proved struct {
	Origin string            `json:"origin"`
	Key    string            `json:"key"`   // its fingerprint
	Index  int64             `json:"index"` // of the record in the log, from 0
	Size   int64             `json:"size"`  // records that were signed
	Root   string            `json:"root"`
	Type   string            `json:"type"`
	Record map[string]string `json:"record"`
	// Contents are the contents to which the record commits, unless they were erased before.
	Contents []ProvedContent `json:"contents"`
	// Cosigned is what the given witnesses cosigned of the checkpoint.
	Cosigned []CosignedLog `json:"cosigned"`
}

// ProvedContent is a content to which a record commits.
type ProvedContent struct {
	Commitment string `json:"commitment"`
	SHA256     string `json:"sha256"`
}

// NewProved returns what a proof that was checked proves.
func NewProved(p audit.Proof, key audit.PublicKey, r audit.Record, c audit.Checkpoint, cosigned []CosignedLog) Proved {
	out := Proved{Cosigned: cosigned, Origin: c.Origin, Key: key.Fingerprint(), Index: p.Index, Size: c.Size, Root: c.Root.String(),
		Type: r.Type, Record: map[string]string{}, Contents: []ProvedContent{}}
	for _, o := range p.Openings {
		out.Contents = append(out.Contents, ProvedContent{hex.EncodeToString(o.Commitment()), hex.EncodeToString(o.SHA256)})
	}
	for _, f := range r.Fields {
		out.Record[f.Name] = f.Value
	}
	return out
}
