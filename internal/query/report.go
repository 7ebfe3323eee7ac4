package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Report is an audit report of a period. Its lists are read from the archive when they are
// ranged over, row by row.
type Report struct {
	Since         Time       `json:"since"`
	Until         Time       `json:"until"` // the last time of the period
	ReportedAt    Time       `json:"reported_at"`
	Archive       string     `json:"archive"`
	Account       Text       `json:"account"` // null: all
	LastCheckedAt Time       `json:"last_checked_at"`
	Watches       []Coverage `json:"watches"`
	Backfill      Backfill   `json:"backfill"`
	Limits        []string   `json:"limits"`

	// Verification is the result of verifying the rows below against the logs.
	Verification ReportVerdict `json:"verification"`

	Documents Rows[WatchedDocument] `json:"documents"` // by name
	// Changes were made or first seen in the period, oldest first, without backfill.
	Changes   Rows[ReportedChange] `json:"changes"`
	Rewrites  Rows[Rewrite]        `json:"rewrites"`
	Deletions Rows[ReportedChange] `json:"deletions"` // and restored documents
	Withdrawn Rows[ReportedChange] `json:"withdrawn"`
	// Missing are versions that were listed by the end of the period and are not archived now.
	Missing Rows[UnavailableVersion] `json:"missing"`
	// ByDocument are the documents that have Changes, by name.
	ByDocument iter.Seq2[DocumentChanges, error] `json:"-"`
}

// DocumentChanges are the changes of a document in a period, oldest first.
type DocumentChanges struct {
	Ref
	Changes iter.Seq2[ReportedChange, error]
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
// are those at the end of the period, the name is the current one.
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
	Since, Until string            // "": ReportDays before the end, now
	Account      string            // "" for all
	Keys         []audit.PublicKey // that may sign; none: those in the archive
}

// Report computes the report of a period, which may not have ended yet.
func (a *Archive) Report(ctx context.Context, q ReportQuery) (r Report, err error) {
	return a.report(ctx, q, nil)
}

// report is Report. It calls each with the record of every row that verified.
func (a *Archive) report(ctx context.Context, q ReportQuery, each func(reported) error) (r Report, err error) {
	since, until, err := a.reportPeriod(q)
	if err != nil {
		return r, badQuery(err)
	}
	if err := a.checkAccount(ctx, q.Account); err != nil {
		return r, err
	}
	now := a.Now()
	r = Report{Since: Time{since}, Until: Time{until.Add(-time.Millisecond)}, ReportedAt: Time{now},
		Account: Text(q.Account), Limits: reportLimits()}
	period := clip(Period{Time{since}, Time{until}}, Period{Time{since}, Time{now}})
	within := db.Filter{Since: since, Until: until, Either: true, Account: q.Account, Backfill: db.OnlyBackfill,
		OldestFirst: true, NoItems: true}
	var errs [4]error
	records, signed, err := a.db.LogSize(ctx)
	if err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	if signed < records {
		r.Limits = append(r.Limits, text.Plural(int(records-signed), "record")+" of the logs are not signed: the signing key was missing.")
	}
	logs, err := a.db.Logs(ctx)
	if err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	for _, l := range logs {
		if note := restoreNote(l); note != "" && (q.Account == "" || q.Account == l.Name) {
			r.Limits = append(r.Limits, "Log "+text.Visible(l.Origin)+": "+note+".")
		}
	}
	r.Archive, errs[0] = filepath.Abs(a.db.Path())
	r.LastCheckedAt.Time, errs[1] = a.db.LastRequestAt(ctx, q.Account, now)
	r.Watches, errs[2] = a.coverage(ctx, period, q.Account)
	r.Backfill.Changes, r.Backfill.Documents, errs[3] = a.db.CountChanges(ctx, within)
	if err := cmp.Or(errs[:]...); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	within.Backfill = db.NoBackfill
	if r.Verification, err = a.verifyReport(ctx, within, q.Keys, each); err != nil {
		return r, fmt.Errorf("verify the report: %w", err)
	}
	r.Documents = Rows[WatchedDocument](a.watchedDocuments(ctx, period, within))
	r.Changes = Rows[ReportedChange](a.reportedChanges(ctx, within))
	r.Rewrites = Rows[Rewrite](a.rewrites(ctx, within))
	r.Deletions = Rows[ReportedChange](a.reportedChanges(ctx, within, coc.KindDeleted, coc.KindRestored))
	r.Withdrawn = Rows[ReportedChange](a.reportedChanges(ctx, within, coc.KindWithdrawn))
	r.Missing = Rows[UnavailableVersion](Convert(a.db.WithoutContent(ctx, until, q.Account),
		func(v coc.MissingVersion) (UnavailableVersion, error) {
			return UnavailableVersion{Ref{v.Account, v.DocumentID, v.Name}, v.Label, v.State, Time{v.MadeAt}, Time{v.ListedAt}, Text(v.Reason)}, nil
		}))
	r.ByDocument = a.changesByDocument(ctx, within)
	return r, nil
}

// reportPeriod returns the start of the period and the first time after it.
func (a *Archive) reportPeriod(q ReportQuery) (since, until time.Time, err error) {
	now := a.Now()
	since, wrongSince := Option("since", q.Since, a.Since)
	until, wrongUntil := Option("until", q.Until, a.Until)
	if q.Until == "" {
		until = now.Add(time.Millisecond)
	}
	if q.Since == "" {
		since = until
		if since.After(now) { // the period has not ended yet
			since = now
		}
		since = since.AddDate(0, 0, -ReportDays)
	}
	err = errors.Join(wrongUntil, wrongSince)
	switch {
	case err != nil:
	case since.After(now):
		err = hint.Wrap(fmt.Errorf("--since %s is in the future", q.Since), "give a time in the past")
	case !since.Before(until):
		err = hint.Wrap(fmt.Errorf("the period would begin at %s, after its end at %s", since.Format(time.RFC3339),
			until.Add(-time.Millisecond).Format(time.RFC3339)),
			"are --since and --until reversed? An age such as 7d counts back from now")
	}
	return since, until, err
}

func (a *Archive) changesByDocument(ctx context.Context, within db.Filter) iter.Seq2[DocumentChanges, error] {
	return func(yield func(DocumentChanges, error) bool) {
		for d, err := range a.db.Documents(ctx) {
			if err != nil {
				yield(DocumentChanges{}, err)
				return
			}
			if within.Account != "" && within.Account != d.Account {
				continue
			}
			within.Document = d.Key
			n, _, err := a.db.CountChanges(ctx, within)
			if err != nil {
				yield(DocumentChanges{}, err)
				return
			}
			if n > 0 && !yield(DocumentChanges{newDocument(d).Ref, a.reportedChanges(ctx, within)}, nil) {
				return
			}
		}
	}
}

// Collect returns all rows, or those until an error.
func Collect[T any, R ~func(func(T, error) bool)](rows R) (all []T, err error) {
	for v, err := range rows {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Convert returns rows with each converted, until an error.
func Convert[T, U any](rows iter.Seq2[T, error], to func(T) (U, error)) iter.Seq2[U, error] {
	return func(yield func(U, error) bool) {
		for v, err := range rows {
			var u U
			if err == nil {
				u, err = to(v)
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
	}
}

// reportedChanges returns the changes of a period of the kinds, or without kinds of all.
func (a *Archive) reportedChanges(ctx context.Context, within db.Filter, kinds ...coc.Kind) iter.Seq2[ReportedChange, error] {
	within.Kinds = kinds
	return Convert(a.db.Changes(ctx, within), func(c coc.Change) (ReportedChange, error) {
		return ReportedChange{newChangeFacts(c), c.Late}, nil
	})
}

func (a *Archive) rewrites(ctx context.Context, within db.Filter) iter.Seq2[Rewrite, error] {
	within.Kinds = []coc.Kind{coc.KindRewritten}
	return Convert(a.db.Changes(ctx, within), func(c coc.Change) (Rewrite, error) {
		x, err := a.db.Compared(ctx, c.Key)
		return Rewrite{ReportedChange{newChangeFacts(c), c.Late}, Time{x.OldCheckedAt},
			hashText(x.Old, x.OldErased), hashText(x.New, x.NewErased)}, err
	})
}

// hashText returns the SHA-256 of a content; "" for none or an erased one.
func hashText(h coc.Hash, erased bool) Text {
	if erased || h == (coc.Hash{}) {
		return ""
	}
	return Text(h.String())
}

// documentsPage is the number of documents whose state is read at a time.
const documentsPage = 200

// watchedDocuments returns the documents that were followed in the period.
func (a *Archive) watchedDocuments(ctx context.Context, period Period, within db.Filter) iter.Seq2[WatchedDocument, error] {
	return func(yield func(WatchedDocument, error) bool) {
		var page []coc.Key
		names := map[coc.Key]Ref{}
		flush := func(err error) bool {
			var atEnd map[coc.Key]db.Details
			if err == nil {
				atEnd, err = a.db.DetailsAt(ctx, period.Until.Add(-time.Millisecond), page)
			}
			for _, key := range page {
				var w WatchedDocument
				if err == nil {
					w, err = a.watchedDocument(ctx, key, period, within)
				}
				w.Ref, w.Version, w.Versions = names[key], Text(atEnd[key].Version), atEnd[key].Versions
				if (len(w.Watched) > 0 || err != nil) && (!yield(w, err) || err != nil) {
					return false
				}
			}
			page = page[:0]
			clear(names)
			return true
		}
		for d, err := range a.db.ListDocuments(ctx, db.DocumentQuery{Account: within.Account}) {
			page, names[d.Key] = append(page, d.Key), newDocument(d.Document).Ref
			if (err != nil || len(page) == documentsPage) && !flush(err) {
				return
			}
		}
		flush(nil)
	}
}

// watchedDocument returns when a document was followed in the period, and its changes.
func (a *Archive) watchedDocument(ctx context.Context, key coc.Key, period Period, within db.Filter) (w WatchedDocument, err error) {
	memberships, err := a.db.MembershipsOf(ctx, key)
	if err != nil {
		return w, err
	}
	var periods []Period
	for _, m := range memberships {
		if m.Since.Before(within.Until) && (m.Until.IsZero() || m.Until.After(within.Since)) {
			periods = append(periods, clip(Period{Time{m.Since}, Time{m.Until}}, period))
		}
	}
	if w.Watched = union(periods); len(periods) == 0 {
		return w, nil
	}
	w.Partly = w.Watched[0].Since.After(period.Since.Time) || w.Watched[0].Until.Before(period.Until.Time)
	within.Document = key
	w.Changes, _, err = a.db.CountChanges(ctx, within)
	return w, err
}

// reportLimits say what a report cannot know.
func reportLimits() []string {
	return []string{
		"What existed only between two polls is not in the archive. After a gap, that is everything that COC no longer lists.",
		"“Made” is the time that COC gives. “Seen”, and the times of cycles, are by the clock of the machine that cocsync " +
			"ran on. Neither was compared with another clock.",
		"A content that was replaced in place is noticed when it is read again: it may have been replaced at any time after " +
			"the old one was last seen.",
		"COC names one modifier for a document, not one for each version. An author is named only if there is no doubt; " +
			"otherwise the author is “unknown”.",
		"Documents have their current names, and the list of missing versions is the current one.",
		"All of this was read from the current file of the archive. The verification compares it with a signed log. It " +
			"cannot tell whether someone with the key rebuilt the log, or whether rows were removed: `cocsync verify --checkpoint` can.",
	}
}
