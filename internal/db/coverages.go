package db

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"maps"
	"slices"
	"strings"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// Cycles have records of their own unless they are good, on time and of a whole watch: those
// are counted in memory and recorded together.

// summary sums up consecutive cycles of a watch.
type summary struct {
	account, watch                           string
	first, last                              int64
	startedAt, endedAt                       time.Time
	cycles, good, complete, requests, listed int
	digest                                   hash.Hash // of their records
}

func (s *summary) add(c *coc.Cycle) {
	if s.cycles == 0 {
		*s = summary{account: c.Account, watch: c.Watch, first: c.Key.ID, startedAt: c.StartedAt, digest: sha256.New()}
	}
	s.last = c.Key.ID
	if c.EndedAt.After(s.endedAt) {
		s.endedAt = c.EndedAt
	}
	if c.Outcome == coc.CycleGood {
		s.good++
	}
	if c.Complete {
		s.complete++
	}
	s.cycles++
	s.requests += c.Requests
	s.listed = max(s.listed, c.Listed)
	r := cycleRecord(c)
	s.digest.Write(r.Encode())
}

// record returns the record of the cycles.
func (s *summary) record(typ string) audit.Record {
	return audit.NewRecord(typ, "account", s.account, "watch", s.watch, "first_cycle", s.first, "last_cycle", s.last,
		"started_at", s.startedAt, "ended_at", s.endedAt, "cycles", s.cycles, "good", s.good, "complete", s.complete,
		"requests", s.requests, "listed", s.listed, "cycles_sha256", s.digest.Sum(nil))
}

// cycleRecord returns the record of a cycle.
func cycleRecord(c *coc.Cycle) audit.Record {
	var failures audit.NotEmpty
	if list := sortedFailures(c.Failures); len(list) > 0 {
		b, _ := json.Marshal(list) // cannot fail for texts
		failures = audit.NotEmpty(b)
	}
	return audit.NewRecord(audit.TypeCycle, "account", c.Account, "watch", c.Watch, "cycle", c.Key.ID, "cause", c.Trigger,
		"partial", c.Partial, "started_at", c.StartedAt, "ended_at", c.EndedAt, "outcome", c.Outcome, "missed", c.Missed,
		"complete", c.Complete, "requests", c.Requests, "listed", c.Listed, "total", c.Total, "skipped", c.Skipped,
		"documents", c.Documents, "versions", c.Versions, "changes", c.Changes, "error", audit.NotEmpty(c.Err),
		"failures", failures)
}

// sortedFailures returns the failures by document, one for each.
func sortedFailures(list []coc.Failure) []coc.Failure {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b coc.Failure) int { return strings.Compare(a.DocumentID, b.DocumentID) })
	return slices.CompactFunc(list, func(a, b coc.Failure) bool { return a.DocumentID == b.DocumentID })
}

// watchKey identifies a watch in an account.
type watchKey struct {
	account int64
	watch   string
}

func (k watchKey) compare(o watchKey) int {
	return cmp.Or(cmp.Compare(k.account, o.account), strings.Compare(k.watch, o.watch))
}

// cover records a cycle that ended, or counts it in memory.
func (t *tx) cover(c *coc.Cycle) {
	if t.s.logs == nil {
		t.fail(errNotKept)
		return
	}
	key := watchKey{c.Key.Account, c.Watch}
	pending, ok := t.cycles[key]
	if !ok {
		pending = t.s.uncounted[key]
	}
	switch {
	case c.Outcome == coc.CycleGood && c.Missed == 0 && !c.Partial:
		if pending.digest != nil {
			pending.digest = cloned(pending.digest)
		}
		if pending.add(c); pending.endedAt.Sub(pending.startedAt) >= RecordEvery {
			t.putSummary(key, &pending)
			return
		}
		t.cycles[key] = pending
		return
	case !c.Partial && pending.cycles > 0:
		t.putSummary(key, &pending)
	}
	t.putCoverage(audit.TypeCycle, c.Key, c.Watch, c.Key.ID, cycleRecord(c))
}

// cloned returns a copy of a SHA-256 in progress.
func cloned(h hash.Hash) hash.Hash {
	c, _ := h.(hash.Cloner).Clone() // that of crypto/sha256 cannot fail
	return c
}

// putSummary records the cycles of a watch that are counted in memory.
func (t *tx) putSummary(key watchKey, s *summary) {
	t.putCoverage(audit.TypeCoverage, coc.Key{Account: key.account, ID: s.first}, s.watch, s.last, s.record(audit.TypeCoverage))
	t.cycles[key] = summary{}
}

// putCoverage adds a row and its leaf. The record also has the number of accounts and the
// SHA-256 of their sorted names, so that a removed account is detected.
func (t *tx) putCoverage(typ string, first coc.Key, watch string, last int64, r audit.Record) {
	accounts, names := namesHash(list[string](t, `SELECT name FROM accounts`))
	key := t.add(first.Account, "coverages", "watch, type, first_cycle, last_cycle, accounts, names", watch, typ, first.ID,
		last, accounts, names)
	r.Add("accounts", accounts, "accounts_sha256", names)
	t.leaf(key, r)
}

func namesHash(names []string) (n int, hash []byte) {
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return len(names), sum[:]
}

// coverage is a row of coverages.
type coverage struct {
	ID          int64
	Watch       string
	First, Last int64
	Accounts    int
	Names       []byte
}

// coveragesOf returns the source of the coverages of a type.
func coveragesOf(typ string) source {
	where := `x.type = '` + typ + `'`
	return source{"coverages", where, func(r reader, account int64, ids []int64) (list []event, err error) {
		in, args := idsIn(ids)
		rows, err := collect[coverage](r, `SELECT x.id, x.watch, x.first_cycle, x.last_cycle, x.accounts, x.names FROM coverages x
			WHERE `+where+` AND x.account_id = ? AND x.id IN `+in, append([]any{account}, args...)...)
		for _, c := range rows {
			var cycles []coc.Cycle
			if cycles, err = cyclesBetween(r, account, c); err != nil {
				return nil, err
			}
			var s summary
			for i := range cycles {
				s.add(&cycles[i])
			}
			record := audit.NewRecord(typ)
			switch {
			case len(cycles) == 0: // they were removed: the record fits no leaf
			case typ == audit.TypeCycle:
				record = cycleRecord(&cycles[0])
			default:
				record = s.record(typ)
			}
			record.Add("accounts", c.Accounts, "accounts_sha256", c.Names)
			list = append(list, event{c.ID, record})
		}
		return list, err
	}}
}

// cyclesBetween returns the cycles of a coverage: only one of them may be partial.
func cyclesBetween(r reader, account int64, c coverage) ([]coc.Cycle, error) {
	cycles, err := collect[coc.Cycle](r, cycleRows+`
		WHERE c.watch = ? AND c.account_id = ? AND c.id BETWEEN ? AND ? AND (c.partial = 0 OR c.id = ?) ORDER BY c.id`,
		c.Watch, account, c.First, c.Last, c.First)
	for i := range cycles {
		if err == nil && cycles[i].Outcome != coc.CycleGood {
			cycles[i].Failures, err = failuresOf(r, cycles[i].Key)
		}
	}
	return cycles, err
}

// unattested are consecutive cycles of a watch without a record.
type unattested struct {
	Account int64
	coverage
}

// These read only the cycles after the newest record of each watch. A partial cycle has a record
// of its own as soon as it ends.
const (
	unattestedCycles = `
		SELECT c.account_id, 0, c.watch, min(c.id), max(c.id), 0, NULL FROM watch_starts s CROSS JOIN cycles c
		WHERE c.watch = s.watch AND c.account_id = s.account_id AND c.partial = 0 AND c.id > coalesce((
			SELECT g.last_cycle FROM coverages g CROSS JOIN cycles y
			WHERE g.account_id = s.account_id AND g.watch = s.watch AND y.id = g.first_cycle AND y.account_id = g.account_id AND y.partial = 0
			ORDER BY g.last_cycle DESC LIMIT 1), 0)
		GROUP BY c.account_id, c.watch
		UNION ALL SELECT c.account_id, 0, c.watch, c.id, c.id, 0, NULL FROM cycles c
		WHERE c.outcome = 'running' AND c.partial = 1
		ORDER BY 1, 4`
	endRunning = `UPDATE cycles SET outcome = 'stopped', error = 'its end was not recorded' WHERE outcome = 'running'`
)

// attest records the cycles of earlier processes that are in no record.
func (t *tx) attest() {
	unrecorded := list[unattested](t, unattestedCycles)
	t.exec(endRunning)
	for _, c := range unrecorded {
		cycles, err := cyclesBetween(t.reader, c.Account, c.coverage)
		t.fail(err)
		var s summary
		for i := range cycles {
			s.add(&cycles[i])
		}
		if s.cycles > 0 {
			t.putCoverage(audit.TypeUnattested, coc.Key{Account: c.Account, ID: s.first}, s.watch, s.last, s.record(audit.TypeUnattested))
		}
	}
}

// flushCycles records the cycles that are counted in memory.
func (t *tx) flushCycles() {
	for _, key := range slices.SortedFunc(maps.Keys(t.s.uncounted), watchKey.compare) {
		s := t.s.uncounted[key]
		t.putSummary(key, &s)
	}
}
