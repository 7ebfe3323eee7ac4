package main

import (
	"fmt"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
	"cocsync/internal/syncer"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// phases are what a cycle does, in words.
var phases = map[string]string{
	"list":    "asking for the list",
	"changes": "fetching what changed",
	"absent":  "asking for what is no longer listed",
	"newest":  "fetching newest versions",
	"history": "fetching older versions",
	"audit":   "reading versions again",
}

// beginCycle has the progress wait for the first sign of a cycle.
func beginCycle(show *term.Progress, watch string) { show.Begin(watch + ": asking COC") }

// showCycle shows the progress of a cycle.
func showCycle(show *term.Progress) func(syncer.Progress) {
	return func(now syncer.Progress) {
		phase, line := now.Watch+": "+phases[now.Phase], ""
		if now.Total > 0 {
			line = phase + ": " + text.Plural(now.Total, "document")
		}
		show.Update(phase, now.Done, now.Total, line)
	}
}

// showVerification shows the progress of a verification, on a terminal only.
func showVerification(show *term.Progress) func(query.Progress) {
	return func(now query.Progress) { show.Update("checking "+now.What, now.Done, now.Total, "") }
}

// cycleSummary sums a cycle up.
func cycleSummary(c coc.Cycle) string {
	return fmt.Sprintf("%s: %s; %s, %s archived, %s, %d failed, %s, %s",
		c.Watch, outcome(c.Outcome, c.Err), text.Plural(c.Listed, "document"), text.Plural(c.Versions, "version"), text.Plural(c.Changes, "change"),
		len(c.Failures), text.Plural(c.Requests, "request"), c.EndedAt.Sub(c.StartedAt).Round(time.Millisecond))
}

// outcome says how a cycle ended, in words.
func outcome(how coc.Outcome, failed string) string {
	switch how {
	case coc.Bad:
		if failed != "" {
			return "failed"
		}
		return "with failures"
	case coc.Stopped:
		return "stopped"
	}
	return string(how)
}
