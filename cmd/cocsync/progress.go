package main

import (
	"fmt"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/syncer"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// phases are the texts for the phases of a cycle.
var phases = map[string]string{
	"list":    "requesting the list",
	"changes": "fetching changes",
	"absent":  "requesting documents that are no longer listed",
	"newest":  "fetching newest versions",
	"history": "fetching older versions",
	"audit":   "fetching versions again for comparison",
}

// beginCycle shows that a cycle starts.
func beginCycle(show *term.Progress, watch string) { show.Begin(watch + ": requesting from COC") }

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

// cycleSummary returns the summary of a cycle.
func cycleSummary(c coc.Cycle) string {
	return fmt.Sprintf("%s: %s; %s, %s archived, %s, %d failed, %s, %s",
		c.Watch, outcome(c.Outcome, c.Err), text.Plural(c.Listed, "document"), text.Plural(c.Versions, "version"), text.Plural(c.Changes, "change"),
		len(c.Failures), text.Plural(c.Requests, "request"), c.EndedAt.Sub(c.StartedAt).Round(time.Millisecond))
}

// outcome returns a text for the outcome of a cycle.
func outcome(how coc.Outcome, failed string) string {
	switch how {
	case coc.CycleFailed:
		if failed != "" {
			return "failed"
		}
		return "with failures"
	case coc.CycleStopped:
		return "stopped"
	}
	return string(how)
}
