package query

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// External is a checkpoint that was stored outside of the archive.
type External struct {
	Origin string // "" if it is unknown
	Size   int64
	Root   audit.Hash
	Note   []byte // with its signatures; nil for none
	Name   string // for messages
	Stored bool   // it is one of many that are kept: matches are only counted
}

// Verification selects what is verified.
type Verification struct {
	External  []External
	Keys      []audit.PublicKey  // that may sign; none: that of the key file, or if it is unknown those in the archive
	Witnesses []audit.WitnessKey // whose cosignatures are reported
	HeadFile  error              // why the head file cannot be compared; nil if it was, or is missing
	Unsigned  bool               // accepts records without a signature: the key is missing
	Deep      bool               // recomputes derived data
}

// Verdict is the result of a verification.
type Verdict struct {
	Good bool `json:"good"`
	// Contradicted means that a stored external checkpoint is one of the faults.
	Contradicted bool          `json:"-"`
	Logs         []LogVerdict  `json:"logs"`
	Counts       []Count       `json:"counts"`   // what was checked
	External     []string      `json:"external"` // external checkpoints that match
	Lost         []string      `json:"lost"`     // external checkpoints of records that a restore lost
	Cosigned     []CosignedLog `json:"cosigned"` // what the given witnesses cosigned
	Faults       []string      `json:"faults"`
	More         int           `json:"more"`  // faults that are not in Faults
	Notes        []string      `json:"notes"` // what is unusual, and no fault
}

// Records returns the number of records in all logs.
func (v *Verdict) Records() (n int) {
	for _, l := range v.Logs {
		n += int(l.Size)
	}
	return n
}

// LogVerdict is the result for one log.
type LogVerdict struct {
	Account Text   `json:"account"`
	Origin  Text   `json:"origin"`
	Key     string `json:"key"`  // the fingerprint of the key that signed it; "" if it is not signed
	Size    int64  `json:"size"` // records
	Root    string `json:"root"`
}

// Count is how many of something were checked.
type Count struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// Progress is the progress of a verification.
type Progress struct {
	What        string // is checked
	Done, Total int    // of it; Total is 0 if it is unknown
}

// progressEvery is the number of checked things between two reports of progress.
const progressEvery = 1000

// maxFaults is the maximum number of faults that are named, and maxFault that of the characters of one:
// it may have a name from an altered archive.
const (
	maxFaults = 100
	maxFault  = 1000
)

// verifier is a verification that is being run.
type verifier struct {
	Verification
	db         *db.DB
	verdict    Verdict
	external   [][]string     // what the logs say of each external checkpoint; "" for a match
	lost       []string       // how a restore lost its last records; "" if none did
	lostStored map[string]int // lost stored checkpoints, by origin
	signers
	report func(Progress)
	now    Progress
}

// Verify checks a snapshot of the archive: the file and its schema, contents against their
// hashes, records against their leaves, each tree against its head, signatures, the head file
// and external checkpoints. report receives the progress, if it is not nil. It returns an error
// only if it cannot continue.
func (a *Archive) Verify(ctx context.Context, q Verification, report func(Progress)) (Verdict, error) {
	v := &verifier{Verification: q, report: report, external: make([][]string, len(q.External)), lost: make([]string, len(q.External)), lostStored: map[string]int{}}
	v.verdict.Logs, v.verdict.Cosigned, v.verdict.Notes, v.verdict.Lost = []LogVerdict{}, []CosignedLog{}, []string{}, []string{}
	var err error
	if v.signers, err = a.signers(ctx); err != nil {
		return v.verdict, err
	}
	err = a.db.Snapshot(ctx, func(d *db.DB) error {
		v.db = d
		return v.run(ctx)
	})
	v.verdict.Good = len(v.verdict.Faults) == 0
	return v.verdict, err
}

func (v *verifier) run(ctx context.Context) error {
	totals, _ := v.db.Totals(ctx) // an error is found again below, with its name
	if v.HeadFile != nil {
		v.fault("the head file: %v", v.HeadFile)
	}
	type check struct {
		what  string
		total int
		check func(context.Context) error
	}
	checks := []check{
		{"the file", 0, listed(v, "the file: %v", v.db.Integrity)},
		// What was added to the schema or altered in it since the archive was opened, such as a
		// trigger that reverts writes.
		{"the schema", 0, listed(v, "the schema: %v", v.db.SchemaFaults)},
		{"contents", totals.Contents, v.contents},
		{"rows", 0, func(ctx context.Context) error { return v.db.Contradictions(ctx, v.fault) }},
		{"the logs", int(totals.Logged), v.logs},
	}
	if v.Deep {
		checks = append(checks, check{"derived data", totals.Changes, v.derived})
	}
	for _, c := range checks {
		v.now = Progress{What: c.what, Total: c.total}
		v.progress()
		if err := c.check(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			v.fault("%s cannot be read: %v", c.what, err)
		}
	}
	return nil
}

func (v *verifier) progress() {
	if v.report != nil {
		v.report(v.now)
	}
}

// step counts one more checked thing.
func (v *verifier) step() {
	if v.now.Done++; v.now.Done%progressEvery == 0 {
		v.progress()
	}
}

func (v *verifier) fault(format string, args ...any) {
	if len(v.verdict.Faults) == maxFaults {
		v.verdict.More++
		return
	}
	v.verdict.Faults = append(v.verdict.Faults, text.Line(fmt.Sprintf(format, args...), maxFault))
}

func (v *verifier) count(what string, n int) {
	v.verdict.Counts = append(v.verdict.Counts, Count{what, n})
}

// listed returns a check that finds a fault for each element of a list.
func listed[T any](v *verifier, format string, list func(context.Context) ([]T, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		found, err := list(ctx)
		for _, x := range found {
			v.fault(format, x)
		}
		return err
	}
}

func (v *verifier) contents(ctx context.Context) error {
	err := v.db.EachContent(ctx, func(hash coc.Hash, wrong error) {
		v.step()
		if wrong != nil {
			v.fault("content %s: %v", hash, wrong)
		}
	})
	v.count("contents", v.now.Done)
	return err
}

// describe names the subject of a record.
func describe(typ string, r *audit.Record) string {
	subjects := map[string]string{
		audit.TypeStart:       "the start of the log of account ${account}",
		audit.TypeKey:         "the change of the key of account ${account} at ${at}",
		audit.TypeEndpoint:    "endpoint ${endpoint} of account ${account}",
		audit.TypeWatch:       "the start of watch ${watch} in account ${account}",
		audit.TypeDocument:    "document ${account}/${document_id}",
		audit.TypeMember:      "the membership of ${account}/${document_id} in watch ${watch}",
		audit.TypeMemberEnd:   "the end of the membership of ${account}/${document_id} in watch ${watch}",
		audit.TypeState:       "state ${seen_at} of ${account}/${document_id}",
		audit.TypeVersions:    "the listing at ${listed_at} of versions of ${account}/${document_id}",
		audit.TypeListing:     "the listing at ${at} of ${version} of ${account}/${document_id}",
		audit.TypeUnavailable: "the unavailable version ${version} of ${account}/${document_id}",
		audit.TypeRevision:    "${version}#${revision} of ${account}/${document_id}",
		audit.TypeChange:      "change ${change} (${kind}) of ${account}/${document_id}",
		audit.TypeErasure:     "the erasure of ${version}#${revision} of ${account}/${document_id}",
		audit.TypeCycle:       "cycle ${cycle} of watch ${watch}",
		audit.TypeCoverage:    "cycles of watch ${watch} from ${started_at}",
		audit.TypeTrust:       "the decision at ${at} to continue the log of account ${account}",
		audit.TypeDelivery:    "the deliveries of account ${account} that were recorded at ${at}",
		audit.TypeUnattested:  "unattested cycles of watch ${watch} from ${started_at}",
	}
	return os.Expand(cmp.Or(subjects[typ], typ), func(field string) string {
		if field != "at" && !strings.HasSuffix(field, "_at") {
			return text.Visible(r.Get(field))
		}
		ms, err := strconv.ParseInt(r.Get(field), 10, 64)
		if err != nil {
			return "at an unknown time"
		}
		return stamp(time.UnixMilli(ms))
	})
}
