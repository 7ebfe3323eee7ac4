package syncer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

const (
	failuresTold = 10
	// lineMax bounds a line of a notice: notifiers cut what is longer, and how to
	// fix it often stands at the end.
	lineMax = 240
)

// tellings are the notices that a cycle gives rise to.
func (r *run) tellings(ctx context.Context) (list []coc.Telling) {
	c := &r.cycle
	if c.Partial {
		return nil // says nothing of the watch
	}
	// Trouble of the whole cycle is told also while some documents' trouble is.
	whole := c.Err != "" && !r.doubting
	add := func(kind coc.NoticeKind, notify []string, title string, lines []string) {
		list = append(list, coc.Telling{Notify: notify, Whole: whole,
			Notice: coc.Notice{Kind: kind, Watch: r.watch.Name, At: c.EndedAt, Title: title, Lines: lines}})
	}
	listed := !r.state.FirstListedAt.IsZero() || r.incomplete
	if c.Outcome != coc.Stopped && listed && r.state.GreetedAt.IsZero() {
		title, lines := r.greeting()
		add(coc.NoticeInitialSync, r.watch.Notify, title, lines)
	}
	if r.missing != nil {
		add(coc.NoticeFailure, r.Operators, "Watch "+r.watch.Name+": most documents are gone", r.missing)
	}
	troubled := !r.state.TroubleAt.IsZero()
	told := troubled && (r.state.TroubleWhole || !whole)
	switch {
	case r.doubting: // told once, and not over
	case c.Outcome == coc.Bad && !told && r.enough(ctx):
		add(coc.NoticeFailure, r.Operators, r.brokenTitle(), r.trouble())
	case c.Outcome == coc.Good && troubled:
		add(coc.NoticeRecovered, r.Operators, "Watch "+r.watch.Name+" works again", nil)
	}
	return list
}

func (r *run) brokenTitle() string { return "Watch " + r.watch.Name + " does not work" }

// enough reports whether the watching has failed for long enough to tell. What
// only a person can fix is told at once.
func (r *run) enough(ctx context.Context) bool {
	return r.barred(ctx) || r.state.FailedInARow+1 >= coc.BrokenAfter || r.overdue(r.cycle.EndedAt)
}

// barred reports whether the account's credentials do not serve for the cycle,
// and will not by themselves: they cannot be had, COC refuses them, or they lack a
// permission without which nothing could be done. An agency whose service hiccups
// is none of these: it is waited for as for COC.
func (r *run) barred(ctx context.Context) bool {
	_, err := r.account.COC.KeyID(ctx)
	passing := errors.Is(err, coc.ErrTemporary)
	r.keyless = passing || errors.Is(err, coc.ErrUnauthorized)
	return r.keyless && !passing || r.refused || r.denied()
}

// denied reports whether the whole cycle failed for want of a permission: the
// list, or every document, is forbidden.
func (r *run) denied() bool {
	n := len(r.cycle.Failures)
	return errors.Is(r.cause, coc.ErrForbidden) || !r.served && n > 0 && n == r.cycle.Listed && n == r.forbidden
}

// overdue reports whether the cycles that were not good go back for so long.
func (r *run) overdue(now time.Time) bool {
	return !r.since.IsZero() && now.Sub(r.since) >= coc.BrokenWithout
}

// recall reads what became of the cycles before this one, and tells of it when
// they never came to their end: a process that dies in every cycle ends none that
// could tell. A few stops are no trouble, and restarts stop cycles.
func (r *run) recall(ctx context.Context) {
	stopped, since, err := r.Store.Stopped(ctx, r.watch.Name)
	if err != nil && ctx.Err() == nil { // whoever is asked to stop has other worries
		r.Log.Error("stopped cycles not counted", "watch", r.watch.Name, "err", err)
	}
	r.since = r.state.FailingSince
	if r.since.IsZero() || !since.IsZero() && since.Before(r.since) {
		r.since = since
	}
	now := r.cycle.StartedAt
	if r.cycle.Partial || stopped == 0 || stopped+r.state.FailedInARow < coc.BrokenAfter ||
		!r.overdue(now) || !r.state.TroubleAt.IsZero() {
		return
	}
	lines := []string{
		fmt.Sprintf("Since %s no cycle came to a good end: %d stopped or died on the way, %d failed.",
			r.since.Format(time.RFC3339), stopped, r.state.FailedInARow),
		"To fix it: see in cocsync's log, or its supervisor's, what ends the process.", r.lastGood(),
	}
	// What this cycle then fails by may be told as well: this does not say why.
	told, err := r.Store.Tell(ctx, coc.Telling{Notify: r.Operators, Notice: coc.Notice{
		Kind: coc.NoticeFailure, Watch: r.watch.Name, At: now, Title: r.brokenTitle(), Lines: lines}}, now, now)
	if err != nil && ctx.Err() == nil {
		r.Log.Error("trouble not told", "watch", r.watch.Name, "err", err)
	}
	if told {
		r.state.TroubleAt, r.state.TroubleWhole = now, false
		r.poke()
	}
}

// trouble says what is wrong, and how to fix it.
func (r *run) trouble() (lines []string) {
	c := &r.cycle
	if r.cause != nil {
		lines = fold(r.cause.Error())
	} else if c.Err != "" {
		lines = fold(c.Err)
	}
	lines = append(append(lines, r.fixes()...), r.lastGood())
	if n := len(c.Failures); n > 0 {
		lines = append(lines, fmt.Sprintf("%s of %s failed:", text.Plural(n, "document"), fmt.Sprint(c.Listed)))
		lines = append(lines, r.failures()...)
	}
	return lines
}

func (r *run) lastGood() string {
	if r.state.LastGoodAt.IsZero() {
		return "No cycle of this watch was good so far."
	}
	return "The last good cycle ended at " + r.state.LastGoodAt.Format(time.RFC3339) + "."
}

// fixes are what a person can do about the trouble.
func (r *run) fixes() (lines []string) {
	for advice := range strings.Lines(hint.Of(r.cause)) {
		lines = append(lines, fold("To fix it: "+strings.TrimSpace(advice))...)
	}
	account := r.account.Name
	switch {
	case r.keyless:
		lines = append(lines, fold("To fix it: give account "+account+" a key pair that cocsync's user can read: access_key and secret_key, "+
			"or else the environment, a profile file or an ECS agency; then cocsync check --online")...)
	case r.refused:
		lines = append(lines, fold("To fix it: check access_key and secret_key of account "+account+
			" and this machine's clock; then cocsync check --online")...)
	case r.denied():
		lines = append(lines, fold("To fix it: grant the user of account "+account+" the IAM action that is named; then cocsync check --online")...)
	case len(lines) > 0: // the error knows better
	case errors.Is(r.cause, coc.ErrMalformed), errors.Is(r.cause, coc.ErrRefused):
		lines = append(lines, "To fix it: cocsync check --online says what COC answers and what is missing.")
	default:
		lines = append(lines, "Each cycle tries again; cocsync status says how it stands.")
	}
	return lines
}

func (r *run) failures() (lines []string) {
	for i, f := range r.cycle.Failures {
		if i == failuresTold {
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

// fold breaks a text into lines that are shown whole, after a semicolon where
// that leaves no line half empty, else at a space.
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

// greeting is the one summary of a watch's first contact.
func (r *run) greeting() (title string, lines []string) {
	c := &r.cycle
	title = fmt.Sprintf("Now watching %s: %s, %s archived in this cycle",
		r.watch.Name, text.Plural(c.Listed, "document"), text.Plural(c.Versions, "version"))
	if c.Err != "" {
		lines = append(lines, fold(c.Err)...)
	}
	if n := len(c.Failures); n > 0 {
		lines = append(lines, text.Plural(n, "document")+" could not be read whole and will be tried again:")
		lines = append(lines, r.failures()...)
	}
	if r.unfinished {
		lines = append(lines, "Older versions are still being fetched.")
	}
	return title, lines
}
