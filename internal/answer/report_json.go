package answer

import (
	"encoding/hex"

	"cocsync/internal/coc"
	"cocsync/internal/history"
)

// Report is what report tells.
type Report struct {
	Since       *string           `json:"since"`
	Until       *string           `json:"until"` // the last instant that counts
	ReportedAt  *string           `json:"reported_at"`
	Archive     string            `json:"archive"`
	Account     *string           `json:"account"` // null: all
	LastAskedAt *string           `json:"last_asked_at"`
	Watches     []Coverage        `json:"watches"`
	Documents   []WatchedDocument `json:"documents"`
	Changes     []ReportedChange  `json:"changes"`
	Backfill    Backfill          `json:"backfill"`
	// Those of the changes that nobody expects.
	Rewrites  []Rewrite        `json:"rewrites"`
	Deletions []ReportedChange `json:"deletions"` // and restored ones
	Withdrawn []ReportedChange `json:"withdrawn"`
	Lacking   []Lacking        `json:"lacking"`
	Limits    []string         `json:"limits"`
}

// Coverage is how well a watch watched.
type Coverage struct {
	Watch        string      `json:"watch"`
	Account      string      `json:"account"`
	Followed     []Stretch   `json:"followed"`
	Cycles       CycleCounts `json:"cycles"`
	Requests     int         `json:"requests"`
	Failures     []Failure   `json:"failures"`
	UsualSeconds float64     `json:"usual_seconds"`
	GapOver      float64     `json:"gap_over_seconds"`
	Gaps         []Gap       `json:"gaps"`
}

// CycleCounts are cycles by how they ended. Incomplete ones are among the good,
// and those of documents by name in none of the others.
type CycleCounts struct {
	Good       int `json:"good"`
	Incomplete int `json:"incomplete"`
	Failed     int `json:"failed"`
	Stopped    int `json:"stopped"`
	Unended    int `json:"unended"`
	Missed     int `json:"missed"` // were due by the schedule and did not run
	ByName     int `json:"by_name"`
}

// Failure is a reason for which cycles or documents failed.
type Failure struct {
	Error string `json:"error"`
	Times int    `json:"times"`
}

// Stretch is a stretch of time.
type Stretch struct {
	Since *string `json:"since"`
	Until *string `json:"until"`
}

// Gap is a stretch without a good cycle that read the whole list.
type Gap struct {
	Stretch
	Seconds  float64 `json:"seconds"`
	Cycles   int     `json:"cycles"`
	Complete int     `json:"complete"` // of them, those that failed after the whole list was read
}

// WatchedDocument is a document that a watch followed in the period.
type WatchedDocument struct {
	Account    string    `json:"account"`
	DocumentID string    `json:"document_id"`
	Name       string    `json:"name"`
	Watched    []Stretch `json:"watched"`
	Partly     bool      `json:"partly"`
	Version    *string   `json:"version"`
	Versions   int       `json:"versions"`
	Changes    int       `json:"changes"`
}

// ReportedChange is a change as log has it, without what takes long to read.
type ReportedChange struct {
	ChangeFacts
	Late bool `json:"late"`
}

// Backfill counts the changes that were there before cocsync looked.
type Backfill struct {
	Changes   int `json:"changes"`
	Documents int `json:"documents"`
}

// Rewrite is a version whose content was replaced.
type Rewrite struct {
	ReportedChange
	PreviousCheckedAt *string `json:"previous_checked_at"`
	PreviousSHA256    *string `json:"previous_sha256"`
	SHA256            *string `json:"sha256"`
}

// Lacking is a version that could not be had.
type Lacking struct {
	Account    string  `json:"account"`
	DocumentID string  `json:"document_id"`
	Name       string  `json:"name"`
	Version    string  `json:"version"`
	State      string  `json:"state"`
	MadeAt     *string `json:"made_at"`
	ListedAt   *string `json:"listed_at"`
	Error      *string `json:"error"`
}

// NewReport makes the answer of a report on the archive at a path; account is the one
// that it was narrowed to.
func NewReport(r history.Report, archive, account string) Report {
	out := Report{
		Since: Time(r.Since), Until: Time(LastOf(r.Until)), ReportedAt: Time(r.MadeAt),
		Archive: archive, Account: orNull(account), LastAskedAt: Time(r.AskedAt),
		Watches: []Coverage{}, Documents: []WatchedDocument{}, Rewrites: []Rewrite{}, Lacking: []Lacking{},
		Backfill: Backfill{r.Backfill, r.BackfillDocuments}, Limits: Limits(),
		Changes:   newReportedChanges(r.Changes),
		Deletions: newReportedChanges(r.Of(coc.KindDeleted, coc.KindRestored)),
		Withdrawn: newReportedChanges(r.Of(coc.KindWithdrawn)),
	}
	for _, c := range r.Watches {
		out.Watches = append(out.Watches, newCoverage(c))
	}
	for _, d := range r.Documents {
		out.Documents = append(out.Documents, WatchedDocument{
			Account: d.Account, DocumentID: d.DocumentID, Name: d.Name, Watched: newStretches(d.Watched), Partly: d.Partly,
			Version: orNull(d.Version), Versions: d.Versions, Changes: d.Changes,
		})
	}
	for _, c := range r.Of(coc.KindRewritten) {
		x := r.Replaced[c.ID]
		out.Rewrites = append(out.Rewrites, Rewrite{newReportedChange(c), Time(x.StoodAt), hashOrNull(x.Old), hashOrNull(x.New)})
	}
	for _, l := range r.Lacking {
		out.Lacking = append(out.Lacking, Lacking{
			Account: l.Account, DocumentID: l.DocumentID, Name: l.Name, Version: l.Label, State: string(l.State),
			MadeAt: Time(l.MadeAt), ListedAt: Time(l.SeenAt), Error: orNull(l.Err),
		})
	}
	return out
}

func newCoverage(c history.Coverage) Coverage {
	out := Coverage{
		Watch: c.Watch, Account: c.Account, Followed: newStretches(c.Followed),
		Cycles:   CycleCounts{c.Good, c.Unlisted, c.Failed, c.Stopped, c.Unended, c.Missed, c.Named},
		Requests: c.Requests, UsualSeconds: c.Usual.Seconds(), GapOver: c.MostBetween.Seconds(),
		Failures: []Failure{}, Gaps: []Gap{},
	}
	for _, f := range c.Failures {
		out.Failures = append(out.Failures, Failure{f.Err, f.Times})
	}
	for _, g := range c.Gaps {
		out.Gaps = append(out.Gaps, Gap{newStretch(g.Span), g.To.Sub(g.From).Seconds(), g.Tried, g.Listed})
	}
	return out
}

func newStretch(s history.Span) Stretch { return Stretch{Time(s.From), Time(s.To)} }

func newStretches(spans []history.Span) []Stretch {
	list := make([]Stretch, len(spans))
	for i, s := range spans {
		list[i] = newStretch(s)
	}
	return list
}

func newReportedChanges(changes []coc.Change) []ReportedChange {
	list := make([]ReportedChange, len(changes))
	for i, c := range changes {
		list[i] = newReportedChange(c)
	}
	return list
}

func newReportedChange(c coc.Change) ReportedChange {
	return ReportedChange{newChangeFacts(c), c.Late}
}

// hashOrNull writes a SHA-256; nil for none.
func hashOrNull(h coc.Hash) *string {
	if h == (coc.Hash{}) {
		return nil
	}
	s := hex.EncodeToString(h[:])
	return &s
}
