package main

import (
	"encoding/hex"

	"cocsync/internal/coc"
	"cocsync/internal/history"
)

// reportJSON is report -o json.
type reportJSON struct {
	Since       *string               `json:"since"`
	Until       *string               `json:"until"` // the last instant that counts
	ReportedAt  *string               `json:"reported_at"`
	Archive     string                `json:"archive"`
	Account     *string               `json:"account"` // null: all
	LastAskedAt *string               `json:"last_asked_at"`
	Watches     []coverageJSON        `json:"watches"`
	Documents   []watchedDocumentJSON `json:"documents"`
	Changes     []reportChangeJSON    `json:"changes"`
	Backfill    backfillJSON          `json:"backfill"`
	// Those of the changes that nobody expects.
	Rewrites  []rewriteJSON      `json:"rewrites"`
	Deletions []reportChangeJSON `json:"deletions"` // and restored ones
	Withdrawn []reportChangeJSON `json:"withdrawn"`
	Lacking   []lackingJSON      `json:"lacking"`
	Limits    []string           `json:"limits"`
}

type coverageJSON struct {
	Watch        string          `json:"watch"`
	Account      string          `json:"account"`
	Followed     []stretchJSON   `json:"followed"`
	Cycles       cycleCountsJSON `json:"cycles"`
	Requests     int             `json:"requests"`
	Failures     []failureJSON   `json:"failures"`
	UsualSeconds float64         `json:"usual_seconds"`
	GapOver      float64         `json:"gap_over_seconds"`
	Gaps         []gapJSON       `json:"gaps"`
}

// cycleCountsJSON are cycles by how they ended. Incomplete ones are among the good,
// and those of documents by name in none of the others.
type cycleCountsJSON struct {
	Good       int `json:"good"`
	Incomplete int `json:"incomplete"`
	Failed     int `json:"failed"`
	Stopped    int `json:"stopped"`
	Unended    int `json:"unended"`
	ByName     int `json:"by_name"`
}

type failureJSON struct {
	Error string `json:"error"`
	Times int    `json:"times"`
}

type stretchJSON struct {
	Since *string `json:"since"`
	Until *string `json:"until"`
}

type gapJSON struct {
	stretchJSON
	Seconds  float64 `json:"seconds"`
	Cycles   int     `json:"cycles"`
	Complete int     `json:"complete"` // of them, those that failed after the whole list was read
}

type watchedDocumentJSON struct {
	Account    string        `json:"account"`
	DocumentID string        `json:"document_id"`
	Name       string        `json:"name"`
	Watched    []stretchJSON `json:"watched"`
	Partly     bool          `json:"partly"`
	Version    *string       `json:"version"`
	Versions   int           `json:"versions"`
	Changes    int           `json:"changes"`
}

// reportChangeJSON is a change as log has it, without what takes long to read.
type reportChangeJSON struct {
	ID         int64   `json:"id"`
	Kind       string  `json:"kind"`
	Account    string  `json:"account"`
	DocumentID string  `json:"document_id"`
	Name       string  `json:"name"`
	Version    *string `json:"version"`
	Previous   *string `json:"previous"`
	MadeAt     *string `json:"made_at"`
	SeenAt     *string `json:"seen_at"`
	By         *string `json:"by"`
	Added      int     `json:"added"`
	Removed    int     `json:"removed"`
	Summary    string  `json:"summary"`
	Note       *string `json:"note"`
	Late       bool    `json:"late"`
}

type backfillJSON struct {
	Changes   int `json:"changes"`
	Documents int `json:"documents"`
}

type rewriteJSON struct {
	reportChangeJSON
	PreviousCheckedAt *string `json:"previous_checked_at"`
	PreviousSHA256    *string `json:"previous_sha256"`
	SHA256            *string `json:"sha256"`
}

type lackingJSON struct {
	Account    string  `json:"account"`
	DocumentID string  `json:"document_id"`
	Name       string  `json:"name"`
	Version    string  `json:"version"`
	State      string  `json:"state"`
	MadeAt     *string `json:"made_at"`
	ListedAt   *string `json:"listed_at"`
	Error      *string `json:"error"`
}

func newReportJSON(r history.Report, archive, account string) reportJSON {
	out := reportJSON{
		Since: jsonTime(r.Since), Until: jsonTime(lastOf(r.Until)), ReportedAt: jsonTime(r.MadeAt),
		Archive: archive, Account: orNull(account), LastAskedAt: jsonTime(r.AskedAt),
		Watches: []coverageJSON{}, Documents: []watchedDocumentJSON{}, Rewrites: []rewriteJSON{}, Lacking: []lackingJSON{},
		Backfill: backfillJSON{r.Backfill, r.BackfillDocuments}, Limits: limits(),
		Changes:   newReportChangesJSON(r.Changes),
		Deletions: newReportChangesJSON(r.Of(coc.KindDeleted, coc.KindRestored)),
		Withdrawn: newReportChangesJSON(r.Of(coc.KindWithdrawn)),
	}
	for _, c := range r.Watches {
		out.Watches = append(out.Watches, newCoverageJSON(c))
	}
	for _, d := range r.Documents {
		out.Documents = append(out.Documents, watchedDocumentJSON{
			Account: d.Account, DocumentID: d.DocumentID, Name: d.Name, Watched: newStretchesJSON(d.Watched), Partly: d.Partly,
			Version: orNull(d.Version), Versions: d.Versions, Changes: d.Changes,
		})
	}
	for _, c := range r.Of(coc.KindRewritten) {
		x := r.Replaced[c.ID]
		out.Rewrites = append(out.Rewrites, rewriteJSON{newReportChangeJSON(c), jsonTime(x.StoodAt), jsonHash(x.Old), jsonHash(x.New)})
	}
	for _, l := range r.Lacking {
		out.Lacking = append(out.Lacking, lackingJSON{
			Account: l.Account, DocumentID: l.DocumentID, Name: l.Name, Version: l.Label, State: string(l.State),
			MadeAt: jsonTime(l.MadeAt), ListedAt: jsonTime(l.SeenAt), Error: orNull(l.Err),
		})
	}
	return out
}

func newCoverageJSON(c history.Coverage) coverageJSON {
	out := coverageJSON{
		Watch: c.Watch, Account: c.Account, Followed: newStretchesJSON(c.Followed),
		Cycles:   cycleCountsJSON{c.Good, c.Unlisted, c.Failed, c.Stopped, c.Unended, c.Named},
		Requests: c.Requests, UsualSeconds: c.Usual.Seconds(), GapOver: c.MostBetween.Seconds(),
		Failures: []failureJSON{}, Gaps: []gapJSON{},
	}
	for _, f := range c.Failures {
		out.Failures = append(out.Failures, failureJSON{f.Err, f.Times})
	}
	for _, g := range c.Gaps {
		out.Gaps = append(out.Gaps, gapJSON{newStretchJSON(g.Span), g.To.Sub(g.From).Seconds(), g.Tried, g.Listed})
	}
	return out
}

func newStretchJSON(s history.Span) stretchJSON { return stretchJSON{jsonTime(s.From), jsonTime(s.To)} }

func newStretchesJSON(spans []history.Span) []stretchJSON {
	list := make([]stretchJSON, len(spans))
	for i, s := range spans {
		list[i] = newStretchJSON(s)
	}
	return list
}

func newReportChangesJSON(changes []coc.Change) []reportChangeJSON {
	list := make([]reportChangeJSON, len(changes))
	for i, c := range changes {
		list[i] = newReportChangeJSON(c)
	}
	return list
}

func newReportChangeJSON(c coc.Change) reportChangeJSON {
	return reportChangeJSON{
		ID: c.ID, Kind: string(c.Kind), Account: c.Account, DocumentID: c.DocumentID, Name: c.Name,
		Version: orNull(c.Version), Previous: orNull(c.Previous), MadeAt: jsonTime(c.MadeAt), SeenAt: jsonTime(c.SeenAt),
		By: orNull(c.By), Added: c.Added, Removed: c.Removed, Summary: c.Summary, Note: orNull(c.Note), Late: c.Late,
	}
}

// jsonHash writes a SHA-256; nil for none.
func jsonHash(h coc.Hash) *string {
	if h == (coc.Hash{}) {
		return nil
	}
	s := hex.EncodeToString(h[:])
	return &s
}
