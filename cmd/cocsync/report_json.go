package main

import (
	"cocsync/internal/history"
)

// reportJSON is report -o json.
type reportJSON struct {
	Since     *string               `json:"since"`
	Until     *string               `json:"until"` // not included
	AskedAt   *string               `json:"asked_at"`
	Watches   []watchReportJSON     `json:"watches"`
	Documents []watchedDocumentJSON `json:"documents"`
	Changes   []reportChangeJSON    `json:"changes"`
	Backfill  int                   `json:"backfill"`
	Rewrites  []rewriteJSON         `json:"rewrites"`
	Lacking   []lackingJSON         `json:"lacking"`
}

type watchReportJSON struct {
	Watch        string          `json:"watch"`
	Account      *string         `json:"account"`
	BeganAt      *string         `json:"began_at"` // its first cycle, if that is in the period
	Good         int             `json:"good"`
	Failed       int             `json:"failed"`
	Stopped      int             `json:"stopped"`
	Requests     int             `json:"requests"`
	UsualSeconds float64         `json:"usual_seconds"`
	GapSeconds   float64         `json:"gap_seconds"` // what is longer is a gap
	Gaps         []gapJSON       `json:"gaps"`
	Failures     []failCountJSON `json:"failures"`
}

type gapJSON struct {
	From *string `json:"from"`
	To   *string `json:"to"`
}

type failCountJSON struct {
	Times int    `json:"times"`
	Error string `json:"error"`
}

type watchedDocumentJSON struct {
	documentJSON
	Changes int           `json:"changes"`
	Watched []stretchJSON `json:"watched"`
}

type stretchJSON struct {
	Watch string  `json:"watch"`
	Since *string `json:"since"`
	Until *string `json:"until"`
}

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
	Summary    string  `json:"summary"`
}

type rewriteJSON struct {
	ID         int64   `json:"id"`
	DocumentID string  `json:"document_id"`
	Name       string  `json:"name"`
	Version    *string `json:"version"`
	Previous   *string `json:"previous"`
	SeenAt     *string `json:"seen_at"`
	// PreviousCheckedAt is when the old content was last seen to stand.
	PreviousCheckedAt *string `json:"previous_checked_at"`
	OldSHA256         string  `json:"old_sha256"`
	NewSHA256         string  `json:"new_sha256"`
}

type lackingJSON struct {
	Account    string  `json:"account"`
	DocumentID string  `json:"document_id"`
	Name       string  `json:"name"`
	Version    string  `json:"version"`
	State      string  `json:"state"`
	Error      *string `json:"error"`
	ListedAt   *string `json:"listed_at"`
}

func newReportJSON(r history.Report) reportJSON {
	out := reportJSON{Since: jsonTime(r.Since), Until: jsonTime(r.Until), AskedAt: jsonTime(r.AskedAt),
		Watches: []watchReportJSON{}, Documents: []watchedDocumentJSON{}, Changes: []reportChangeJSON{}, Backfill: r.Backfill,
		Rewrites: []rewriteJSON{}, Lacking: []lackingJSON{}}
	for _, w := range r.Watches {
		out.Watches = append(out.Watches, newWatchReportJSON(w))
	}
	for _, d := range r.Documents {
		doc := watchedDocumentJSON{documentJSON: newDocumentJSON(d.Document), Changes: d.Changes}
		for _, s := range d.Stretches {
			doc.Watched = append(doc.Watched, stretchJSON{s.Watch, jsonTime(s.Since), jsonTime(s.Until)})
		}
		out.Documents = append(out.Documents, doc)
	}
	for _, c := range r.Changes {
		out.Changes = append(out.Changes, reportChangeJSON{ID: c.ID, Kind: string(c.Kind), Account: c.Account, DocumentID: c.DocumentID,
			Name: c.Name, Version: orNull(c.Version), Previous: orNull(c.Previous), MadeAt: jsonTime(c.MadeAt), SeenAt: jsonTime(c.SeenAt),
			By: orNull(c.By), Summary: c.Summary})
	}
	for _, w := range r.Rewrites {
		out.Rewrites = append(out.Rewrites, rewriteJSON{ID: w.ID, DocumentID: w.DocumentID, Name: w.Name, Version: orNull(w.Version),
			Previous: orNull(w.Previous), SeenAt: jsonTime(w.SeenAt), PreviousCheckedAt: jsonTime(w.StoodAt),
			OldSHA256: w.Old.String(), NewSHA256: w.New.String()})
	}
	for _, l := range r.Lacking {
		out.Lacking = append(out.Lacking, lackingJSON{Account: l.Account, DocumentID: l.DocumentID, Name: l.Name, Version: l.Label,
			State: string(l.State), Error: orNull(l.Err), ListedAt: jsonTime(l.ListedAt)})
	}
	return out
}

func newWatchReportJSON(w history.WatchReport) watchReportJSON {
	out := watchReportJSON{Watch: w.Watch, Account: orNull(w.Account), BeganAt: jsonTime(w.Began), Good: w.Good, Failed: w.Failed, Stopped: w.Stopped, Requests: w.Requests,
		UsualSeconds: w.Usual.Seconds(), GapSeconds: w.Most.Seconds(), Gaps: []gapJSON{}, Failures: []failCountJSON{}}
	for _, g := range w.Gaps {
		out.Gaps = append(out.Gaps, gapJSON{jsonTime(g.From), jsonTime(g.To)})
	}
	for _, f := range w.Failures {
		out.Failures = append(out.Failures, failCountJSON{f.Times, f.Err})
	}
	return out
}
