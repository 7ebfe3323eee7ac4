package answer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"cocsync/internal/hint"
	"cocsync/internal/history"
)

// Period asks for a report.
type Period struct {
	Since, Until string // "": the last ReportDays, now
	Account      string // "" for all
}

// ReportDays is how many days a report is about when nothing else is asked.
const ReportDays = 30

// Report works out the report of the period.
func (q Period) Report(ctx context.Context, h *history.History) (r history.Report, err error) {
	since, until, err := q.bounds(h)
	if err != nil {
		return r, misask(err)
	}
	if err := KnownAccount(ctx, h.DB, q.Account); err != nil {
		return r, err
	}
	if r, err = h.Report(ctx, since, until, q.Account); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	return r, nil
}

// bounds reads where the period begins and the first instant after it.
func (q Period) bounds(h *history.History) (since, until time.Time, err error) {
	now := h.Now()
	until = now.Add(time.Millisecond)
	if q.Until != "" {
		if until, err = h.Until(q.Until); err != nil {
			err = fmt.Errorf("--until: %w", err)
		}
	}
	since = until
	if since.After(now) { // the period is not over yet
		since = now
	}
	since = since.AddDate(0, 0, -ReportDays)
	if q.Since != "" {
		var wrong error
		if since, wrong = h.Since(q.Since); wrong != nil {
			err = errors.Join(err, fmt.Errorf("--since: %w", wrong))
		}
	}
	switch {
	case err != nil:
	case since.After(now):
		err = hint.Wrap(fmt.Errorf("--since %s lies in the future", q.Since), "the archive knows what was, until now")
	case !since.Before(until):
		err = hint.Wrap(fmt.Errorf("the period would begin at %s, after its end at %s", stamped(since), stamped(LastOf(until))),
			"are --since and --until the wrong way round? An age such as 7d counts back from now")
	}
	return since, until, err
}

// LastOf is the last instant of a period that ends before until.
func LastOf(until time.Time) time.Time { return until.Add(-time.Millisecond) }

func stamped(t time.Time) string { return t.Format(time.RFC3339) }

// ReportedArchive is what a report calls the archive: the whole path of its file.
func ReportedArchive(h *history.History) (string, error) { return filepath.Abs(h.DB.Path()) }

// Limits say what a report can't know.
func Limits() []string {
	return []string{
		"What came and went between two looks at COC is not in the archive; in a gap, that is whatever COC no longer showed after it.",
		"“Made” is the time that COC gives. “Seen”, and the times of cycles, are by the clock of the machine that cocsync ran on. Neither was held against another clock.",
		"A content that was replaced in place is noticed when it is read again: it may have been done at any time after the old one was last seen to stand.",
		"COC names one modifier for a document, not one for each version. An author is named only where that leaves no doubt, and “unknown” accuses nobody.",
		"Documents bear the names that they have now, and which versions could not be had is as of now.",
		"All of this was read from the archive's file as it stands now. Whether anybody altered that file, this page cannot tell.",
	}
}
