package query

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// A bundle is a zip file with a verified report and all that proves it: docs/handing-on.md
// describes its files. The names of its files have only letters, digits, and -, _, . and /.

// BundleFile is a file of a bundle that is made by the caller.
type BundleFile struct {
	Name  string
	Write func(io.Writer, Report) error
}

// BundleQuery selects a bundle.
type BundleQuery struct {
	ReportQuery
	External []External // signed checkpoints that the logs must contain
	Files    []BundleFile
}

// WriteBundle writes a bundle of the report of a period. If the report does not verify, the
// bundle is not complete: the caller must discard it. All rows are of one snapshot of the archive.
func (a *Archive) WriteBundle(ctx context.Context, w io.Writer, q BundleQuery) (v ReportVerdict, err error) {
	err = a.Snapshot(ctx, func(a *Archive) (err error) {
		v, err = a.writeBundle(ctx, w, q)
		return err
	})
	return v, err
}

func (a *Archive) writeBundle(ctx context.Context, w io.Writer, q BundleQuery) (ReportVerdict, error) {
	b := &bundle{Archive: a, ctx: ctx, zip: zip.NewWriter(w), unpack: a.db.Unpacker(), query: q,
		contents: map[coc.Hash]bool{}, changes: map[int64][]int64{}, cosignatures: map[string][]db.Cosignature{}}
	b.header.Method, b.header.Modified = zip.Deflate, a.Now().UTC()
	if err := a.checkAccount(ctx, q.Account); err != nil {
		return ReportVerdict{}, err
	}
	logs, err := a.db.Logs(ctx)
	if err != nil {
		return ReportVerdict{}, err
	}
	for _, l := range logs {
		if q.Account == "" || q.Account == l.Name {
			b.logs = append(b.logs, l)
		}
	}
	if err := b.signed(); err != nil {
		return ReportVerdict{}, err
	}
	r, err := a.report(ctx, q.ReportQuery, b.printed)
	if err != nil || !r.Verification.Good {
		return r.Verification, err
	}
	for _, write := range []func() error{
		func() error { return b.between(r) },
		func() error { return b.texts(r) },
		b.zip.Close,
	} {
		if err := write(); err != nil {
			return r.Verification, fmt.Errorf("bundle: %w", err)
		}
	}
	return r.Verification, nil
}

// bundle is a bundle that is being written.
type bundle struct {
	*Archive
	ctx          context.Context
	zip          *zip.Writer
	header       zip.FileHeader              // of each file
	logs         []db.LogInfo                // the number of a log is its position here, from 1
	keys         []string                    // their verifier keys
	cosignatures map[string][]db.Cosignature // by log
	query        BundleQuery
	unpack       *db.Unpacker
	contents     map[coc.Hash]bool // that were written
	changes      map[int64][]int64 // that are proved, by account, in order
}

// signed returns an error if there is no log, or if one is not signed, or missing for a checkpoint.
func (b *bundle) signed() error {
	keys, err := b.signers(b.ctx)
	if err != nil {
		return err
	}
	for _, l := range b.logs {
		if _, err := signer(l, keys); err != nil {
			return err
		}
		for _, p := range keys.keysOf(l) {
			b.keys = append(b.keys, p.key.Verifier(l.Origin))
		}
		if b.cosignatures[l.Origin], err = b.db.Cosignatures(b.ctx, l.Account, l.ID); err != nil {
			return err
		}
	}
	if len(b.logs) == 0 {
		return unavailable("nothing is signed yet")
	}
	for _, x := range b.query.External {
		if !slices.ContainsFunc(b.logs, func(l db.LogInfo) bool { return x.Note != nil && l.Origin == x.Origin }) {
			return hint.Wrap(unavailable("%s is not a signed checkpoint of these logs", text.Visible(x.Name)),
				"give the whole note, and the account that it is of")
		}
	}
	return nil
}

// file adds a file.
func (b *bundle) file(name string, write func(io.Writer) error) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	h := b.header
	h.Name = name
	w, err := b.zip.CreateHeader(&h)
	if err == nil {
		err = write(w)
	}
	return err
}

func (b *bundle) bytes(name string, content []byte) error {
	return b.file(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// number returns the number of a log in the names of files.
func (b *bundle) number(l *db.LogInfo) int {
	return 1 + slices.IndexFunc(b.logs, func(o db.LogInfo) bool { return o.Origin == l.Origin })
}

// proof adds the proof of a record to a folder, and the content that it names.
func (b *bundle) proof(folder string, x reported) error {
	openings, err := b.openings(b.ctx, coc.Key{Account: x.log.Account, ID: x.ref}, &x.record)
	if err != nil {
		return err
	}
	p := audit.Proof{Record: x.record.Encode(), Openings: openings, Index: x.index, Hashes: x.proof,
		Checkpoint: cosigned(x.log.Note, x.log.Size, b.cosignatures[x.log.Origin])}
	name := fmt.Sprintf("%s/%d/%09d-%s.proof", folder, b.number(&x.log.LogInfo), x.index, x.record.Type)
	if err := b.bytes(name, p.Encode()); err != nil || x.record.Type != audit.TypeRevision || len(openings) == 0 {
		return err // an erased content has no opening
	}
	return b.content(x, coc.Hash(openings[0].SHA256))
}

// printed adds the proof of a row of the report.
func (b *bundle) printed(x reported) error {
	if x.record.Type == audit.TypeChange {
		b.changes[x.log.Account] = append(b.changes[x.log.Account], x.ref)
	}
	return b.proof("proofs", x)
}

// content adds the content of a revision once.
func (b *bundle) content(x reported, hash coc.Hash) error {
	if b.contents[hash] {
		return nil
	}
	c, err := b.unpack.Content(b.ctx, x.log.Account, hash)
	if err != nil {
		return err
	}
	b.contents[hash] = true
	return b.bytes("contents/"+hash.String(), c.Bytes)
}

// between adds the proofs of other records of each account:
//   - the starts of the logs that continue another;
//   - the changes from the last one before the period to the first one after it, or all records
//     up to the head if there is no such change: so no change can be left out;
//   - the last record of each checkpoint that was sent. Its proof leads to both roots.
func (b *bundle) between(r Report) error {
	v := &verifier{Verification: Verification{Keys: b.query.Keys}, db: b.db}
	var err error
	if v.signers, err = b.Archive.signers(b.ctx); err != nil {
		return err
	}
	for account := range byAccount(b.logs) {
		rows := &db.Reported{Rows: map[string][]int64{}}
		if err := errors.Join(b.aroundPeriod(account, rows.Rows, r.Since.Time, r.Until.Add(time.Millisecond)),
			b.checkpoints(v, account, rows.Rows)); err != nil {
			return err
		}
		for typ, ids := range rows.Rows {
			slices.Sort(ids)
			rows.Rows[typ] = slices.Compact(ids)
		}
		for x, err := range v.reportedIn(b.ctx, account[0].Account, v.heads(b.ctx, account), rows) {
			if err == nil {
				err = b.proof("between", x)
			}
			if err != nil {
				return err
			}
		}
	}
	if len(v.verdict.Faults) > 0 {
		return &classed{errors.New(v.verdict.Faults[0]), ErrAltered}
	}
	return nil
}

// aroundPeriod adds the changes of an account that are not printed, and the records after the
// newest change if it was seen in the period.
func (b *bundle) aroundPeriod(account []db.LogInfo, rows map[string][]int64, since, until time.Time) error {
	id, printed := account[0].Account, b.changes[account[0].Account]
	for _, l := range account[1:] { // it says which numbers of changes a restore skipped
		rows[audit.TypeStart] = append(rows[audit.TypeStart], l.ID)
	}
	begin, end := int64(math.MaxInt64), int64(0)
	if len(printed) > 0 {
		begin, end = printed[0], printed[len(printed)-1]
	}
	changes, last, err := b.db.ChangesAround(b.ctx, id, begin, end, since, until)
	if err != nil {
		return err
	}
	for _, n := range changes {
		if _, ok := slices.BinarySearch(printed, n); !ok {
			rows[audit.TypeChange] = append(rows[audit.TypeChange], n)
		}
	}
	if !last {
		return nil
	}
	log, index := account[0].ID, int64(-1)
	if len(changes) > 0 {
		_, l, leaf, err := b.db.RecordOf(b.ctx, audit.TypeChange, coc.Key{Account: id, ID: changes[len(changes)-1]})
		if err != nil {
			return err
		}
		log, index = l, leaf.Index
	}
	for _, l := range account {
		if l.ID < log {
			continue
		}
		for leaf, err := range b.db.LeavesAfter(b.ctx, id, l.ID, index) {
			if err != nil {
				return err
			}
			rows[leaf.Type] = append(rows[leaf.Type], leaf.Ref)
		}
		index = -1
	}
	return nil
}

// checkpoints adds the newest checkpoint of each log of an account and those that were sent,
// and the last record of each.
func (b *bundle) checkpoints(v *verifier, account []db.LogInfo, rows map[string][]int64) error {
	for i := range account {
		l := &account[i]
		sent, err := b.db.Checkpoints(b.ctx, l.Account, l.ID)
		if err != nil {
			return err
		}
		sent = append(sent, db.Signed{Size: l.Size, Note: l.Note})
		for _, x := range b.query.External {
			if x.Origin == l.Origin {
				sent = append(sent, db.Signed{Size: x.Size, Note: x.Note})
			}
		}
		hashes := b.db.ProofHashes(b.ctx, l.Account, l.ID)
		written := map[int64]bool{}
		for _, s := range sent {
			head, _, err := v.open(*l, s.Note)
			var root audit.Hash
			if err == nil {
				root, err = tlog.TreeHash(head.Size, hashes)
			}
			if err != nil || head.Origin != l.Origin || head.Size != s.Size || head.Root != root {
				v.fault("log %s: the checkpoint of %d records is not that of its first records", text.Visible(l.Origin), s.Size)
				continue
			}
			if written[s.Size] {
				continue
			}
			written[s.Size] = true
			if err := b.bytes(fmt.Sprintf("checkpoints/%d/%09d.txt", b.number(l), s.Size),
				cosigned(s.Note, s.Size, b.cosignatures[l.Origin])); err != nil {
				return err
			}
			if s.Size == 0 {
				continue // it has no record
			}
			leaf, err := b.db.LeafAt(b.ctx, l.Account, l.ID, s.Size-1)
			if err != nil {
				return err
			}
			rows[leaf.Type] = append(rows[leaf.Type], leaf.Ref)
		}
	}
	return nil
}

// texts adds the keys, the report as JSON and the files of the query.
func (b *bundle) texts(r Report) error {
	if err := b.bytes("keys.txt", []byte(strings.Join(b.keys, "\n")+"\n")); err != nil {
		return err
	}
	if err := b.file("report.json", func(w io.Writer) error { return Write(w, r) }); err != nil {
		return err
	}
	for _, f := range b.query.Files {
		if err := b.file(f.Name, func(w io.Writer) error { return f.Write(w, r) }); err != nil {
			return err
		}
	}
	return nil
}
