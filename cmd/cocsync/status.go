package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

func (a *app) statusCommand() *cobra.Command {
	var output *choice
	cmd := &cobra.Command{
		Use:   "status",
		Short: "show how the watching and the telling stand",
		Long: `Status shows what is wrong first, each with how to mend it: cycles that fail or
no longer come, documents that could not be had, channels that take no messages.
Then it shows, for each watch, its last cycle and its last good one; what the
archive holds; and for each notifier what still waits.

It asks the archive alone, not COC, Slack or the daemon, and exits with 0 also
when it has something to complain of.`,
		Example: `  cocsync status
  cocsync status -o json | jq .problems`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.reader(cmd.Context())
			if err != nil {
				return err
			}
			s, err := newStatus(cmd.Context(), h.DB, h.Now())
			if err != nil {
				return err
			}
			if output.value == "json" {
				return a.writeJSON(s.json())
			}
			return a.paged(func(p *page) error {
				p.status(s)
				return nil
			})
		},
	}
	output = outputFlag(cmd)
	return cmd
}

// status is how everything stands.
type status struct {
	now      time.Time
	path     string
	totals   db.Totals
	states   map[coc.DocState]int
	versions map[coc.VersionState]int
	accounts []db.Account
	watches  []watchStatus
	backlogs []db.Backlog
	logged   int64 // records of the log
	signed   int64 // those under its newest signature
	problems []problem
}

// watchStatus is how a watch stands.
type watchStatus struct {
	coc.WatchState
	name      string
	cycles    []coc.Cycle // the newest few, newest first
	unchecked time.Time   // since when some version was not held against COC's; zero: none is due
}

// recentCycles is how many cycles of a watch status looks at.
const recentCycles = 10

func newStatus(ctx context.Context, d *db.DB, now time.Time) (s *status, err error) {
	s = &status{now: now, path: d.Path(), states: map[coc.DocState]int{}}
	if s.totals, err = d.Totals(ctx); err != nil {
		return nil, err
	}
	docs, err := d.Documents(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		s.states[doc.State]++
	}
	if s.versions, err = d.VersionStates(ctx); err != nil {
		return nil, err
	}
	if s.accounts, err = d.Accounts(ctx); err != nil {
		return nil, err
	}
	if s.backlogs, err = d.Backlogs(ctx, s.now.AddDate(0, 0, -7)); err != nil {
		return nil, err
	}
	edge, err := d.Edge(ctx)
	if err != nil {
		return nil, err
	}
	heads, err := d.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	s.logged = edge.Size
	if len(heads) > 0 {
		s.signed = heads[len(heads)-1].Size
	}
	names, err := d.Watches(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		w := watchStatus{name: name}
		if w.WatchState, err = d.Watch(ctx, name); err != nil {
			return nil, err
		}
		if w.cycles, err = d.Cycles(ctx, name, recentCycles); err != nil {
			return nil, err
		}
		if w.unchecked, err = d.OldestCheck(ctx, name); err != nil {
			return nil, err
		}
		s.watches = append(s.watches, w)
	}
	s.findProblems()
	return s, nil
}
