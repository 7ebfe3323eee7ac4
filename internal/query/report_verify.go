package query

import (
	"context"
	"errors"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// ReportVerdict is the result of verifying the rows that a report prints: the record of each
// must be in the log of its account, under the newest signed head.
type ReportVerdict struct {
	Good       bool         `json:"good"`
	Rows       int          `json:"rows"`     // that verified
	OwnKeys    bool         `json:"own_keys"` // signatures were checked with the keys in the archive
	Logs       []LogVerdict `json:"logs"`     // with their signed heads
	Counts     []Count      `json:"counts"`   // of the rows, by type of record
	Faults     []string     `json:"faults"`
	More       int          `json:"more"`        // faults that are not in Faults
	NotCovered []string     `json:"not_covered"` // what the report prints that no record covers
}

// reported is a record of a row that a report prints, in a log whose head was verified.
type reported struct {
	log    *reportedLog
	ref    int64 // the id of the row
	record audit.Record
	index  int64
	proof  []audit.Hash
}

// reportedLog is a log with its verified head.
type reportedLog struct {
	db.LogInfo
	head   audit.Checkpoint
	hashes tlog.HashReader
}

// verifyReport verifies the rows that a report of an account, or of "" all, prints. It calls
// each with every record that is in its log, if it is not nil.
func (a *Archive) verifyReport(ctx context.Context, within db.Filter, keys []audit.PublicKey,
	each func(reported) error) (ReportVerdict, error) {
	v := &verifier{Verification: Verification{Keys: keys}, db: a.db}
	out := ReportVerdict{Logs: []LogVerdict{}, Counts: []Count{}, Faults: []string{}}
	logs, err := a.db.Logs(ctx)
	if err == nil {
		v.signers, err = a.signers(ctx)
	}
	if err != nil {
		return out, err
	}
	out.OwnKeys = len(keys) == 0 && v.own == nil
	counts := map[string]int{}
	unrecorded := 0
	for account := range byAccount(logs) {
		if within.Account != "" && account[0].Name != within.Account {
			continue
		}
		heads := v.heads(ctx, account)
		rows, err := a.db.Reported(ctx, account[0].Account, within.Since, within.Until)
		if err != nil {
			return out, err
		}
		unrecorded += rows.Unrecorded
		for _, wrong := range rows.Contradictions {
			v.fault("account %s: %s", text.Visible(account[0].Name), wrong)
		}
		for x, err := range v.reportedIn(ctx, account[0].Account, heads, rows) {
			if err == nil {
				counts[x.record.Type]++
				out.Rows++
				if each != nil {
					err = each(x)
				}
			}
			if err != nil {
				return out, err
			}
		}
	}
	for _, typ := range audit.Types() {
		if counts[typ] > 0 {
			out.Counts = append(out.Counts, Count{typ, counts[typ]})
		}
	}
	out.Logs = append(out.Logs, v.verdict.Logs...)
	out.Faults, out.More = append(out.Faults, v.verdict.Faults...), v.verdict.More
	out.Good, out.NotCovered = len(out.Faults) == 0, reportNotCovered(unrecorded)
	return out, nil
}

// heads verifies the newest heads of the logs of an account. A head that does not verify is a
// fault, and is missing from the result.
func (v *verifier) heads(ctx context.Context, logs []db.LogInfo) map[int64]*reportedLog {
	heads := map[int64]*reportedLog{}
	for _, l := range logs {
		name := "log " + text.Visible(l.Origin)
		head, key, err := v.open(l, l.Note)
		switch {
		case err != nil:
			v.fault("%s: its newest checkpoint: %v", name, err)
		case l.Origin != v.Identity.Origin(l.Name, l.ID) || head.Origin != l.Origin:
			v.fault("%s: its origin is not that of the account and the archive", name)
		case head.Size != l.Size:
			v.fault("%s: it has %d records; signed are %d", name, l.Size, head.Size)
		default:
			heads[l.ID] = &reportedLog{l, head, v.db.ProofHashes(ctx, l.Account, l.ID)}
			v.verdict.Logs = append(v.verdict.Logs, LogVerdict{Text(l.Name), Text(l.Origin), key, head.Size, head.Root.String()})
		}
	}
	return heads
}

// reportedIn yields the records of an account's rows that are in their log. The others are
// faults.
func (v *verifier) reportedIn(ctx context.Context, account int64, heads map[int64]*reportedLog,
	rows *db.Reported) iter.Seq2[reported, error] {
	return func(yield func(reported, error) bool) {
		for _, typ := range sortedTypes(rows.Rows) {
			for x, err := range v.db.RecordsOf(ctx, account, typ, rows.Rows[typ]) {
				if err != nil {
					yield(reported{}, err)
					return
				}
				r, fault := included(heads[x.Log], x)
				switch {
				case errors.Is(fault, errNoHead): // the head is the fault
				case fault != nil && !x.Exists:
					v.fault("%s %d: %v", text.Visible(typ), x.Ref, fault)
				case fault != nil:
					v.fault("%s: %v", describe(typ, &x.Record), fault)
				case !yield(r, nil):
					return
				}
			}
		}
	}
}

var (
	errNoHead    = errors.New("the head of its log does not verify")
	errNoRow     = errors.New("it is missing")
	errNotLogged = errors.New("it was never logged")
	errDiffers   = errors.New("it is not what was logged")
	errNotInTree = errors.New("its leaf is not in the log of the signed root")
)

// included proves that a record is in a log.
func included(l *reportedLog, x db.Logged) (r reported, err error) {
	switch {
	case !x.Exists:
		return r, errNoRow
	case x.Log == 0:
		return r, errNotLogged
	case l == nil:
		return r, errNoHead
	case len(x.Leaf.Hashes) == 0 || audit.LeafHash(x.Encode()) != x.Leaf.Hashes[0]:
		return r, errDiffers
	case x.Leaf.Index < 0 || x.Leaf.Index >= l.head.Size:
		return r, errNotInTree
	}
	r = reported{log: l, ref: x.Ref, record: x.Record, index: x.Leaf.Index}
	if r.proof, err = tlog.ProveRecord(l.head.Size, r.index, l.hashes); err != nil {
		return r, err
	}
	if tlog.CheckRecord(r.proof, l.head.Size, l.head.Root, r.index, x.Leaf.Hashes[0]) != nil {
		return r, errNotInTree
	}
	return r, nil
}

// sortedTypes returns the types of rows in the order of audit.Types, and then others.
func sortedTypes(rows map[string][]int64) (list []string) {
	for _, typ := range audit.Types() {
		if len(rows[typ]) > 0 {
			list = append(list, typ)
		}
	}
	for typ := range rows {
		if !slices.Contains(list, typ) && len(rows[typ]) > 0 {
			list = append(list, typ)
		}
	}
	return list
}

// reportNotCovered says what a report prints that no record covers.
func reportNotCovered(unrecorded int) []string {
	list := []string{
		"Summaries of differences, and the counts of lines: they are computed from the contents. `cocsync verify --deep` computes them again.",
		"The version and the number of versions at the end of the period, the number of changes from before the initial " +
			"sync, and when COC was last checked.",
		"Names of documents that COC listed and did not serve, and errors of missing versions after the first one.",
		"Rows that were removed from the archive: `cocsync verify` names them.",
	}
	if unrecorded > 0 {
		list = append(list, text.Plural(unrecorded, "cycle")+" without a record: good cycles are recorded together, at most an hour later.")
	}
	return list
}
