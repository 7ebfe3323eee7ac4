package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// Report is an audit report of a period.
type Report struct {
	Since         Time              `json:"since"`
	Until         Time              `json:"until"` // the last time of the period
	ReportedAt    Time              `json:"reported_at"`
	Archive       string            `json:"archive"`
	Account       Text              `json:"account"` // null: all
	LastCheckedAt Time              `json:"last_asked_at"`
	Watches       []Coverage        `json:"watches"`
	Documents     []WatchedDocument `json:"documents"` // by name
	// Changes were made or first seen in the period, oldest first, without backfill.
	Changes   []ReportedChange `json:"changes"`
	Backfill  Backfill         `json:"backfill"`
	Rewrites  []Rewrite        `json:"rewrites"`
	Deletions []ReportedChange `json:"deletions"` // and restored documents
	Withdrawn []ReportedChange `json:"withdrawn"`
	// Missing are versions that were listed by the end of the period and are not archived now.
	Missing []UnavailableVersion `json:"missing"`
	Limits  []string             `json:"limits"`
}

// ReportedChange is a change without its difference.
type ReportedChange struct {
	ChangeFacts
	Late bool `json:"late"`
}

// Backfill counts the changes from before the initial sync.
type Backfill struct {
	Changes   int `json:"changes"`
	Documents int `json:"documents"`
}

// Rewrite is a version whose content was replaced.
type Rewrite struct {
	ReportedChange
	PreviousCheckedAt Time `json:"previous_checked_at"`
	PreviousSHA256    Text `json:"previous_sha256"`
	SHA256            Text `json:"sha256"`
}

// WatchedDocument is a document that a watch followed in the period. Version and Versions
// are those at the end of the period, the name is the present one.
type WatchedDocument struct {
	Ref
	Watched  []Period `json:"watched"`
	Partly   bool     `json:"partly"` // not from the start to the end of the period
	Version  Text     `json:"version"`
	Versions int      `json:"versions"`
	Changes  int      `json:"changes"`
}

// UnavailableVersion is a listed version whose content is not archived.
type UnavailableVersion struct {
	Ref
	Version  string           `json:"version"`
	State    coc.VersionState `json:"state"`
	MadeAt   Time             `json:"made_at"`
	ListedAt Time             `json:"listed_at"`
	Error    Text             `json:"error"`
}

// Reason says why it is not archived.
func (v UnavailableVersion) Reason() string { return reason(v.State, string(v.Error)) }

// ReportDays is the default length of a report's period.
const ReportDays = 30

// ReportQuery selects a report.
type ReportQuery struct {
	Since, Until string // "": ReportDays before the end, now
	Account      string // "" for all
}

// Report computes the report of a period, which may not have ended yet.
func (a *Archive) Report(ctx context.Context, q ReportQuery) (r Report, err error) {
	since, until, err := a.reportPeriod(q)
	if err != nil {
		return r, badQuery(err)
	}
	if err := a.checkAccount(ctx, q.Account); err != nil {
		return r, err
	}
	if r, err = a.report(ctx, since, until, q.Account); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	return r, nil
}

// reportPeriod returns the start of the period and the first time after it.
func (a *Archive) reportPeriod(q ReportQuery) (since, until time.Time, err error) {
	now := a.Now()
	until = now.Add(time.Millisecond)
	if q.Until != "" {
		if until, err = a.Until(q.Until); err != nil {
			err = fmt.Errorf("--until: %w", err)
		}
	}
	since = until
	if since.After(now) { // the period has not ended yet
		since = now
	}
	since = since.AddDate(0, 0, -ReportDays)
	if q.Since != "" {
		var failed error
		if since, failed = a.Since(q.Since); failed != nil {
			err = errors.Join(err, fmt.Errorf("--since: %w", failed))
		}
	}
	switch {
	case err != nil:
	case since.After(now):
		err = hint.Wrap(fmt.Errorf("--since %s is in the future", q.Since), "the archive knows the past, until now")
	case !since.Before(until):
		err = hint.Wrap(fmt.Errorf("the period would begin at %s, after its end at %s", since.Format(time.RFC3339), until.Add(-time.Millisecond).Format(time.RFC3339)),
			"are --since and --until reversed? An age such as 7d counts back from now")
	}
	return since, until, err
}

// report computes the report of [since, until).
func (a *Archive) report(ctx context.Context, since, until time.Time, account string) (r Report, err error) {
	now := a.Now()
	r = Report{Since: Time{since}, Until: Time{until.Add(-time.Millisecond)}, ReportedAt: Time{now}, Account: Text(account), Limits: reportLimits()}
	if r.Archive, err = filepath.Abs(a.db.Path()); err != nil {
		return r, err
	}
	period := clip(Period{Time{since}, Time{until}}, Period{Time{since}, Time{now}})
	if r.LastCheckedAt.Time, err = a.db.LastAsked(ctx, account); err != nil {
		return r, err
	}
	followed, err := a.db.FollowedWithin(ctx, since, until)
	if err != nil {
		return r, err
	}
	if account != "" {
		followed = slices.DeleteFunc(followed, func(s db.Stretch) bool { return s.Account != account })
	}
	if r.Watches, err = a.coverage(ctx, period, followed, account); err != nil {
		return r, err
	}
	changes, err := a.db.ChangesWithin(ctx, since, until, account)
	if err != nil {
		return r, err
	}
	if r.Backfill.Changes, r.Backfill.Documents, err = a.db.BackfillWithin(ctx, since, until, account); err != nil {
		return r, err
	}
	replaced, err := a.db.ReplacedWithin(ctx, since, until, account)
	if err != nil {
		return r, err
	}
	r.addChanges(changes, replaced)
	if r.Missing, err = a.unavailable(ctx, until, account); err != nil {
		return r, err
	}
	r.Documents, err = a.watchedDocuments(ctx, period, followed, changes)
	return r, err
}

// addChanges adds the changes, and once more those that are unusual.
func (r *Report) addChanges(changes []coc.Change, replaced map[int64]db.Replaced) {
	r.Changes, r.Rewrites, r.Deletions, r.Withdrawn = []ReportedChange{}, []Rewrite{}, []ReportedChange{}, []ReportedChange{}
	for _, c := range changes {
		change := ReportedChange{newChangeFacts(c), c.Late}
		r.Changes = append(r.Changes, change)
		switch c.Kind {
		case coc.KindRewritten:
			x := replaced[c.ID]
			r.Rewrites = append(r.Rewrites, Rewrite{change, Time{x.StoodAt}, hashText(x.Old), hashText(x.New)})
		case coc.KindDeleted, coc.KindRestored:
			r.Deletions = append(r.Deletions, change)
		case coc.KindWithdrawn:
			r.Withdrawn = append(r.Withdrawn, change)
		}
	}
}

func hashText(h coc.Hash) Text {
	if h == (coc.Hash{}) {
		return ""
	}
	return Text(h.String())
}

func (a *Archive) unavailable(ctx context.Context, until time.Time, account string) ([]UnavailableVersion, error) {
	versions, err := a.db.Lacking(ctx, until, account)
	out := make([]UnavailableVersion, len(versions))
	for i, v := range versions {
		out[i] = UnavailableVersion{Ref{v.Account, v.DocumentID, v.Name}, v.Label, v.State, Time{v.MadeAt}, Time{v.SeenAt}, Text(v.Err)}
	}
	return out, err
}

// watchedDocuments returns the documents that were followed in the period.
func (a *Archive) watchedDocuments(ctx context.Context, period Period, followed []db.Stretch, changes []coc.Change) ([]WatchedDocument, error) {
	periods := map[int64][]Period{}
	for _, s := range followed {
		periods[s.Document] = append(periods[s.Document], clip(Period{Time{s.Since}, Time{s.Until}}, period))
	}
	count := map[int64]int{}
	for _, c := range changes {
		count[c.Document]++
	}
	all, err := a.db.AllDetails(ctx, "")
	if err != nil {
		return nil, err
	}
	quiet := *a
	quiet.Note = nil // the report has LastCheckedAt
	atEnd, err := quiet.asOf(ctx, all, period.Until.Add(-time.Millisecond))
	if err != nil {
		return nil, err
	}
	then := make(map[int64]db.Details, len(atEnd))
	for _, d := range atEnd {
		then[d.Key] = d
	}
	out := []WatchedDocument{}
	for _, d := range all {
		if periods[d.Key] == nil {
			continue
		}
		w := WatchedDocument{Ref: newDocument(d.Document).Ref, Watched: union(periods[d.Key]), Changes: count[d.Key],
			Version: Text(then[d.Key].Version), Versions: then[d.Key].Versions}
		w.Partly = w.Watched[0].Since.After(period.Since.Time) || w.Watched[0].Until.Before(period.Until.Time)
		out = append(out, w)
	}
	slices.SortStableFunc(out, func(a, b WatchedDocument) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Account, b.Account))
	})
	return out, nil
}

// reportLimits say what a report cannot know.
func reportLimits() []string {
	return []string{
		"What was added and removed between two polls of COC is not in the archive; in a gap, that is everything that COC no longer showed after it.",
		"“Made” is the time that COC gives. “Seen”, and the times of cycles, are by the clock of the machine that cocsync ran on. Neither was compared with another clock.",
		"A content that was replaced in place is noticed when it is read again: it may have been replaced at any time after the old one was last seen.",
		"COC names one modifier for a document, not one for each version. An author is named only if there is no doubt, and “unknown” accuses no one.",
		"Documents have their present names, and the list of missing versions is the present one.",
		"All of this was read from the present file of the archive. This page cannot tell whether someone altered that file.",
	}
}
