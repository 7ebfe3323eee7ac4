package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// Witness is a configured witness that was sent a head.
type Witness struct {
	Witness Text         `json:"witness"` // its name
	Key     Text         `json:"key"`     // its verifier key
	URL     Text         `json:"url"`
	Logs    []WitnessLog `json:"logs"`
}

// WitnessLog is a log at a witness.
type WitnessLog struct {
	Account    Text  `json:"account"`
	Origin     Text  `json:"origin"`
	Records    int64 `json:"records"`
	Cosigned   int64 `json:"cosigned"` // records under the newest cosignature
	CosignedAt Time  `json:"cosigned_at"`
	Failure    Text  `json:"failure"` // unreachable, unknown, conflict or invalid; null: none
	Error      Text  `json:"error"`
	Since      Time  `json:"since"` // when it began to fail

	line string // for the list of the witness's operator
}

// witnessLong is how long a witness may be unreachable before that is a problem.
const witnessLong = 15 * time.Minute

// shownLogs is how many logs a problem of a witness names.
const shownLogs = 5

// readWitnesses reads the witnesses.
func (a *Archive) readWitnesses(ctx context.Context, s *Status) error {
	logs, err := a.db.WitnessLogs(ctx)
	if err != nil || len(logs) == 0 {
		return err
	}
	keys, err := a.signers(ctx)
	if err != nil {
		return err
	}
	if keys.own == nil {
		keys.own = keys.PublicKey
	}
	for _, l := range logs {
		name := l.Witness
		if key, err := audit.ParseWitnessKey(l.Witness); err == nil {
			name = key.Name()
		}
		if n := len(s.Witnesses); n == 0 || string(s.Witnesses[n-1].Key) != l.Witness {
			s.Witnesses = append(s.Witnesses, Witness{Witness: Text(name), Key: Text(l.Witness), URL: Text(l.URL)})
		}
		w := &s.Witnesses[len(s.Witnesses)-1]
		w.Logs = append(w.Logs, WitnessLog{Account: Text(l.Account), Origin: Text(l.Origin), Records: l.Records,
			Cosigned: l.Cosigned, CosignedAt: Time{audit.Cosignature(l.Signature).At()},
			Failure: Text(l.Failure), Error: Text(l.Error), Since: Time{l.Since}, line: "vkey " + keys.own.Verifier(l.Origin)})
	}
	return nil
}

// failing returns the logs with a failure.
func (w Witness) failing(failure string) (list []WitnessLog) {
	for _, l := range w.Logs {
		if string(l.Failure) == failure {
			list = append(list, l)
		}
	}
	return list
}

// witnessProblems are those of a witness.
func (s *Status) witnessProblems(w Witness) {
	name := "witness " + string(w.Witness)
	for _, l := range w.failing("conflict") {
		s.problem(ProblemConflict, fmt.Sprintf("%s contradicts the log of account %s since %s", name, l.Account, stamp(l.Since.Time)),
			fmt.Sprintf("%s: %s: an older copy of the archive was put back, or another copy of it was continued with "+
				"the same key", l.Origin, l.Error),
			"keep the database as evidence, and end other copies that run; the archive continues without this witness: docs/witnesses.md")
	}
	if unknown := w.failing("unknown"); len(unknown) > 0 {
		var lines []string
		for _, l := range unknown[:min(len(unknown), shownLogs)] {
			lines = append(lines, l.line)
		}
		fix := "its operator must add: " + strings.Join(lines, ", ")
		if more := len(unknown) - len(lines); more > 0 {
			fix += fmt.Sprintf(", and %d more", more)
		}
		s.problem(ProblemWitness, fmt.Sprintf("%s does not cosign %s, since %s", name, text.Plural(len(unknown), "log"), stamp(oldest(unknown))),
			string(unknown[0].Error), fix+"; `cocsync audit log-list` prints the logs for it")
	}
	for _, kind := range []string{"unreachable", "invalid"} {
		list := w.failing(kind)
		if len(list) == 0 {
			continue
		}
		since, what := oldest(list), name+" is unreachable"
		fix := "check url in [[witness]], and network, proxy and DNS of this machine; the archive continues, and sends the " +
			"newest heads when the witness responds"
		if kind == "invalid" {
			what, fix = name+" does not respond as a witness", "check url and key in [[witness]], and this machine's clock: `cocsync check --online`"
		} else if s.At.Sub(since) < witnessLong && !since.After(s.At) {
			continue // the section of the witness shows it
		}
		s.problem(ProblemWitness, what+" since "+stamp(since), string(list[0].Error), fix)
	}
}

// oldest returns since when the first of some logs fails.
func oldest(list []WitnessLog) time.Time {
	return slices.MinFunc(list, func(a, b WitnessLog) int { return a.Since.Compare(b.Since.Time) }).Since.Time
}

// cosigned returns a signed checkpoint with the cosignatures of its text that the archive has.
func cosigned(signed []byte, size int64, list []db.Cosignature) []byte {
	signed = slices.Clone(signed)
	text, _, _ := strings.Cut(string(signed), "\n\n")
	for _, c := range list {
		key, err := audit.ParseWitnessKey(c.Witness)
		if err != nil || c.Size != size || !key.Verify([]byte(text+"\n"), c.Signature) {
			continue // verify names it
		}
		signed = append(signed, audit.Cosignature(c.Signature).Line(key)...)
	}
	return signed
}

// newestNote returns the newest checkpoint of a log with its cosignatures.
func (a *Archive) newestNote(ctx context.Context, l db.LogInfo) ([]byte, error) {
	list, err := a.db.Cosignatures(ctx, l.Account, l.ID)
	return cosigned(l.Note, l.Size, list), err
}

// provable returns the checkpoint with which a record is proved, its size, and its cosignatures: the
// newest one of a log that a witness cosigned, if it covers the record, else the newest one.
func (a *Archive) provable(ctx context.Context, l db.LogInfo, index int64) (int64, []byte, error) {
	list, err := a.db.Cosignatures(ctx, l.Account, l.ID)
	if err != nil || len(list) == 0 {
		return l.Size, l.Note, err
	}
	size := list[len(list)-1].Size
	if size <= index || size >= l.Size {
		return l.Size, cosigned(l.Note, l.Size, list), nil
	}
	sent, err := a.db.Checkpoints(ctx, l.Account, l.ID)
	if err != nil {
		return 0, nil, err
	}
	for _, s := range sent {
		if s.Size == size {
			return size, cosigned(s.Note, size, list), nil
		}
	}
	return l.Size, l.Note, nil
}

// LogList returns the logs that are not closed in the format of the lists of witnesses:
// https://github.com/transparency-dev/witness-network/blob/main/docs/log-list-format.md.
func (a *Archive) LogList(ctx context.Context, contact string) (string, error) {
	logs, err := a.db.Logs(ctx)
	if err != nil {
		return "", err
	}
	keys, err := a.signers(ctx)
	if err != nil {
		return "", err
	}
	out := "logs/v0\n"
	for _, l := range logs {
		if l.Closed {
			continue
		}
		key, err := signer(l, keys)
		if err != nil {
			return "", err
		}
		out += fmt.Sprintf("\nvkey %s\nqpd %d\ncontact %s\n", key.Verifier(l.Origin), requestsPerDay, contact)
	}
	return out, nil
}

// requestsPerDay is how often a log is sent to a witness at most: once a minute, with two requests
// where the first response has the size from which the second proves.
const requestsPerDay = 2 * 24 * 60

// cosignatures is what verify counts.
const cosignatures = "cosignatures"

// checkCosignatures checks the cosignatures of a log's checkpoints, which were checked: each must be one by
// its key.
func (c *logCheck) checkCosignatures(ctx context.Context) error {
	sent, err := c.db.Checkpoints(ctx, c.log.Account, c.log.ID)
	if err != nil {
		return err
	}
	list, err := c.db.Cosignatures(ctx, c.log.Account, c.log.ID)
	if err != nil {
		return err
	}
	texts := map[int64]string{}
	for _, s := range sent {
		text, _, _ := strings.Cut(string(s.Note), "\n\n")
		texts[s.Size] = text + "\n"
	}
	newest := map[audit.WitnessKey]db.Cosignature{}
	for _, s := range list {
		key, err := audit.ParseWitnessKey(s.Witness)
		switch {
		case err != nil:
			c.fault("%s: the cosignature of %d records: %v", c.name, s.Size, err)
		case !key.Verify([]byte(texts[s.Size]), s.Signature):
			c.fault("%s: the cosignature of %d records by %s does not match its key and the checkpoint", c.name, s.Size, text.Visible(key.Name()))
		case slices.ContainsFunc(c.Witnesses, func(w audit.WitnessKey) bool { return w.Name() == key.Name() }) &&
			!slices.Contains(c.Witnesses, key):
			c.fault("%s: the cosignature of %d records by %s is by another key than the given one", c.name, s.Size, text.Visible(key.Name()))
		default:
			newest[key] = s
		}
	}
	c.counts[cosignatures] += len(list)
	for _, w := range c.Witnesses {
		s, ok := newest[w]
		if !ok {
			c.verdict.Notes = append(c.verdict.Notes, fmt.Sprintf("%s: the archive has no cosignature by %s", c.name, text.Visible(w.Name())))
			continue
		}
		c.verdict.Cosigned = append(c.verdict.Cosigned, CosignedLog{Text(c.log.Origin), Text(w.Name()), s.Size,
			Time{audit.Cosignature(s.Signature).At()}})
	}
	return nil
}

// CosignedLog is what a witness has cosigned.
type CosignedLog struct {
	Origin  Text  `json:"origin"`
	Witness Text  `json:"witness"` // its name
	Size    int64 `json:"size"`    // records
	At      Time  `json:"at"`
}

// String says what it means.
func (c CosignedLog) String() string {
	return fmt.Sprintf("the first %s of %s were cosigned by %s at %s", text.Plural(int(c.Size), "record"), text.Visible(string(c.Origin)),
		text.Visible(string(c.Witness)), stamp(c.At.Time))
}

// NewCosigned returns what witnesses cosigned of a signed checkpoint. The error says that one did
// not, or that a cosignature is not valid.
func NewCosigned(signed []byte, c audit.Checkpoint, witnesses []audit.WitnessKey) ([]CosignedLog, error) {
	list := []CosignedLog{}
	for _, w := range witnesses {
		cosignature, err := audit.Cosigned(signed, w)
		if err != nil {
			return nil, fmt.Errorf("witness %s: %w", text.Visible(w.Name()), err)
		}
		list = append(list, CosignedLog{Text(c.Origin), Text(w.Name()), c.Size, Time{cosignature.At()}})
	}
	return list, nil
}

// cosigners says which witnesses cosigned an external checkpoint. The error says that a cosignature is
// not valid.
func (v *verifier) cosigners(x External) (match string, err error) {
	for _, w := range v.Witnesses {
		c, err := audit.Cosigned(x.Note, w)
		switch {
		case errors.Is(err, audit.ErrNotCosigned):
		case err != nil:
			return "", err
		default:
			match += "; cosigned by " + text.Visible(w.Name()) + " at " + stamp(c.At())
		}
	}
	return match, nil
}
