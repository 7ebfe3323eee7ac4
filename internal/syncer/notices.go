package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

const (
	maxFailureLines = 10
	// lineMax bounds a line of a notice: notifiers truncate longer ones, which often end
	// with the fix.
	lineMax = 240
)

// notices returns the notices of a cycle.
func (r *run) notices(ctx context.Context) (list []coc.NewNotice) {
	c := &r.cycle
	if c.Partial {
		return nil // it is not about the watch
	}
	// A failure of the whole cycle is reported also while one of some documents is.
	whole := c.Err != "" && !r.doubting
	add := func(kind coc.NoticeKind, notify []string, title string, lines []string) {
		list = append(list, coc.NewNotice{Notify: notify, Whole: whole,
			Notice: coc.Notice{Kind: kind, Watch: r.watch.Name, At: c.EndedAt, Title: title, Lines: lines}})
	}
	listed := !r.state.FirstListedAt.IsZero() || r.incomplete
	if c.Outcome != coc.CycleStopped && listed && r.state.SummarySentAt.IsZero() {
		title, lines := r.summary()
		add(coc.NoticeInitialSync, r.watch.Notify, title, lines)
	}
	if r.missing != nil {
		add(coc.NoticeFailure, r.Operators, "Watch "+r.watch.Name+": most documents are missing", r.missing)
	}
	failing := !r.state.FailureAt.IsZero()
	reported := failing && (r.state.FailureWhole || !whole)
	switch {
	case r.doubting: // reported once, and not over
	case c.Outcome == coc.CycleFailed && !reported && r.mustReport(ctx):
		add(coc.NoticeFailure, r.Operators, r.failureTitle(), r.failureLines())
	case c.Outcome == coc.CycleGood && failing:
		add(coc.NoticeRecovered, r.Operators, "Watch "+r.watch.Name+" works again", nil)
	}
	return list
}

func (r *run) failureTitle() string { return "Watch " + r.watch.Name + " does not work" }

// mustReport reports whether monitoring has failed for long enough to be reported. What
// only a person can fix is reported at once.
func (r *run) mustReport(ctx context.Context) bool {
	return r.unauthorized(ctx) || r.state.FailedInARow+1 >= coc.BrokenAfter || r.overdue(r.cycle.EndedAt)
}

// unauthorized reports whether the account's credentials are unavailable, refused, or lack
// a permission without which nothing can be done, until a person fixes it. A temporary
// failure of an agency's service is none of these.
func (r *run) unauthorized(ctx context.Context) bool {
	_, err := r.account.COC.KeyID(ctx)
	passing := errors.Is(err, coc.ErrTemporary)
	r.keyless = passing || errors.Is(err, coc.ErrUnauthorized)
	return r.keyless && !passing || r.refused || r.denied()
}

// denied reports whether the list, or every document, was forbidden.
func (r *run) denied() bool {
	n := len(r.cycle.Failures)
	return errors.Is(r.cause, coc.ErrForbidden) || !r.served && n > 0 && n == r.cycle.Listed && n == r.forbidden
}

// overdue reports whether no cycle was good for too long.
func (r *run) overdue(now time.Time) bool {
	return !r.since.IsZero() && now.Sub(r.since) >= coc.BrokenWithout
}

// checkStopped reports a failure if the cycles before this one never ended: a process that
// dies in every cycle ends none that could report it. A few stops are not a failure, since
// restarts stop cycles.
func (r *run) checkStopped(ctx context.Context) {
	stopped, since, err := r.Store.Stopped(ctx, r.watch.Name)
	if err != nil && ctx.Err() == nil {
		r.Log.Error("stopped cycles not counted", "watch", r.watch.Name, "err", err)
	}
	r.since = r.state.FailingSince
	if r.since.IsZero() || !since.IsZero() && since.Before(r.since) {
		r.since = since
	}
	now := r.cycle.StartedAt
	if r.cycle.Partial || stopped == 0 || stopped+r.state.FailedInARow < coc.BrokenAfter ||
		!r.overdue(now) || !r.state.FailureAt.IsZero() {
		return
	}
	lines := []string{
		fmt.Sprintf("Since %s no cycle was good: %d were stopped or killed, %d failed.",
			r.since.Format(time.RFC3339), stopped, r.state.FailedInARow),
		"To fix it: find in the log of cocsync or of its supervisor what ends the process.", r.lastGood(),
	}
	// A failure of this cycle may be reported as well: it says why.
	queued, err := r.Store.QueueNotice(ctx, coc.NewNotice{Notify: r.Operators, Notice: coc.Notice{
		Kind: coc.NoticeFailure, Watch: r.watch.Name, At: now, Title: r.failureTitle(), Lines: lines}}, now, now)
	if err != nil && ctx.Err() == nil {
		r.Log.Error("failure not reported", "watch", r.watch.Name, "err", err)
	}
	if queued {
		r.state.FailureAt, r.state.FailureWhole = now, false
		r.deliveriesDue()
	}
}

// failureLines say what fails, and how to fix it.
func (r *run) failureLines() []string {
	why := r.cycle.Err
	if r.cause != nil {
		why = r.cause.Error()
	}
	lines := append(append(fold(why), r.fixes()...), r.lastGood())
	return append(lines, r.failures(fmt.Sprintf(" of %d failed:", r.cycle.Listed))...)
}

func (r *run) lastGood() string {
	if r.state.LastGoodAt.IsZero() {
		return "No cycle of this watch has been good so far."
	}
	return "The last good cycle ended at " + r.state.LastGoodAt.Format(time.RFC3339) + "."
}

// fixes say what a person can do about the failure.
func (r *run) fixes() (lines []string) {
	fixes := slices.Collect(strings.Lines(hint.Of(r.cause)))
	account := r.account.Name
	switch {
	case r.keyless:
		fixes = append(fixes, "give account "+account+" a key pair that cocsync's user can read: access_key and secret_key, "+
			"or else the environment, a profile file or an ECS agency; then cocsync check --online")
	case r.refused:
		fixes = append(fixes, "check access_key and secret_key of account "+account+" and this machine's clock; then cocsync check --online")
	case r.denied():
		fixes = append(fixes, "grant the user of account "+account+" the IAM action named above; then cocsync check --online")
	case fixes != nil: // the error has a hint
	case errors.Is(r.cause, coc.ErrMalformed), errors.Is(r.cause, coc.ErrRefused):
		fixes = append(fixes, "cocsync check --online shows how COC responds and what is missing.")
	default:
		return []string{"Each cycle tries again; cocsync status shows the current state."}
	}
	for _, fix := range fixes {
		lines = append(lines, fold("To fix it: "+fix)...)
	}
	return lines
}

// failures name the documents that failed, below a title that ends with what happened.
func (r *run) failures(what string) (lines []string) {
	for i, f := range r.cycle.Failures {
		switch i {
		case 0:
			lines = append(lines, text.Plural(len(r.cycle.Failures), "document")+what)
		case maxFailureLines:
			return append(lines, fmt.Sprintf("… and %d more; cocsync status names them", len(r.cycle.Failures)-i))
		}
		name := f.DocumentID
		if f.Name != "" {
			name = f.Name + " (" + f.DocumentID + ")"
		}
		lines = append(lines, fold(name+": "+strings.ReplaceAll(f.Err, "\n", "; "))...)
	}
	return lines
}

// fold breaks a text into lines of at most lineMax runes, after a semicolon if the line is
// then at least half full, else at a space.
func fold(text string) (lines []string) {
	for line := range strings.Lines(text) {
		rest := []rune(strings.TrimSpace(line))
		for len(rest) > lineMax {
			head := string(rest[:lineMax])
			at := strings.LastIndex(head, "; ") + 1
			if at < lineMax/2 {
				at = strings.LastIndex(head, " ")
			}
			if at <= 0 {
				at = len(head)
			}
			lines = append(lines, head[:at])
			rest = []rune(strings.TrimSpace(string(rest)[at:]))
		}
		lines = append(lines, string(rest))
	}
	return lines
}

// summary is the notice of a watch's initial sync.
func (r *run) summary() (title string, lines []string) {
	c := &r.cycle
	title = fmt.Sprintf("Initial sync of watch %s: %s, %s archived in this cycle",
		r.watch.Name, text.Plural(c.Listed, "document"), text.Plural(c.Versions, "version"))
	lines = append(fold(c.Err), r.failures(" could not be read completely and will be tried again:")...)
	if r.unfinished {
		lines = append(lines, "Older versions are still being fetched.")
	}
	return title, lines
}
