package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/notify"
	"cocsync/internal/query"
	"cocsync/internal/syncer"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

// sendFor is the maximum time for which sync sends due messages.
const sendFor = 30 * time.Second

// cosignFor is the maximum time for which sync waits for witnesses.
const cosignFor = 5 * time.Second

type syncFlags struct {
	audit, dryRun, acceptDeletions, acceptEndpoint bool
}

func (a *app) syncCommand() *cobra.Command {
	var f syncFlags
	cmd := &cobra.Command{
		Use:   "sync [DOC...]",
		Short: "run one cycle of every watch, then send due messages",
		Long: `Sync runs one cycle of every watch, or checks only the given documents. Then it sends due
messages for at most half a minute. Use it from cron if no daemon runs. It fails while a
daemon has the archive open; kill -USR1 makes the daemon run every watch at once.

It retries versions that could not be fetched before, and lists those that are still
missing. It exits with 1 if a document failed, a version is missing, or a due
message was not sent.`,
		Example: `  cocsync sync
  cocsync sync restart-unhealthy-nodes
  cocsync sync --audit
  cocsync sync --dry-run`,
		ValidArgsFunction: a.completeFromArchive(documentWords),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.dryRun {
				return a.preview(cmd.Context())
			}
			return a.sync(cmd.Context(), args, f)
		},
	}
	cmd.Flags().BoolVar(&f.audit, "audit", false, "fetch every listed version again and compare it with the archive")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would be fetched; store nothing")
	cmd.Flags().BoolVar(&f.acceptDeletions, "accept-deletions", false, "accept that most documents of a watch were deleted")
	cmd.Flags().BoolVar(&f.acceptEndpoint, "accept-endpoint", false, "confirm that an account's new endpoint is the same COC")
	return cmd
}

func (a *app) sync(ctx context.Context, docs []string, f syncFlags) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	d, err := a.openForSync(ctx, cfg, "sync", stop)
	if err != nil {
		return err
	}
	p, err := a.build(cfg, d, a.logger(slog.LevelError))
	if err != nil {
		return err
	}
	if err := configure(ctx, d, p, a.now()); err != nil {
		return err
	}
	erased := (&eraser{db: d, operators: cfg.Operators, now: a.now, log: a.logger(slog.LevelError)}).erase(ctx)
	show := a.output().Progress()
	p.syncer.Progress = showCycle(show)
	only, err := chosen(ctx, d, p, docs)
	if err != nil {
		return err
	}
	errs := []error{erased}
	for i := range p.watches {
		p.watches[i].Schedule = nil // only cron knows when they run
	}
	for _, w := range p.watches {
		o := syncer.Options{Trigger: coc.TriggerSync, AuditAll: f.audit, AcceptDeletions: f.acceptDeletions, Only: only[w.Name]}
		if len(docs) > 0 && len(o.Only) == 0 {
			continue
		}
		w.Account.AcceptEndpoint = f.acceptEndpoint
		errs = append(errs, a.cycle(ctx, p.syncer, w, o, show))
		if ctx.Err() != nil {
			return interrupted(ctx, errs)
		}
	}
	if len(docs) == 0 { // else only these documents were requested
		errs = append(errs, a.missing(ctx, d), p.syncer.Weekly(ctx, p.watches))
	}
	errs = append(errs, a.sendDue(ctx, d, p))
	if len(docs) == 0 {
		errs = a.sendCheckpoint(ctx, d, p, errs)
	}
	errs = append(errs, a.cosign(ctx, d, p))
	if ctx.Err() != nil {
		return interrupted(ctx, errs)
	}
	_, err = d.RebuildDifferences(ctx)
	return errors.Join(append(errs, err)...)
}

// sendCheckpoint sends the daily checkpoint if it is due: what was sent before says to whom. It adds what
// failed to errs, of which the last says what was not sent before.
func (a *app) sendCheckpoint(ctx context.Context, d *db.DB, p *parts, errs []error) []error {
	queued := false
	p.syncer.DeliveriesDue = func() { queued = true }
	if err := p.syncer.QueueCheckpoint(ctx); err != nil || !queued {
		return append(errs, err)
	}
	err := a.sendDue(ctx, d, p)
	if errs[len(errs)-1] != nil {
		return errs // it says the same of each notifier
	}
	return append(errs, err)
}

// cosign has the logs cosigned, and sends the notice of a conflict.
func (a *app) cosign(ctx context.Context, d *db.DB, p *parts) error {
	if len(p.submitter.Witnesses) == 0 {
		return nil
	}
	if err := d.RecordCounted(); err != nil {
		return err
	}
	queued := make(chan struct{}, 1)
	p.submitter.NoticeQueued = func() { signalTo(queued) }
	cosigning, cancel := context.WithTimeout(ctx, cosignFor)
	defer cancel()
	p.submitter.Once(cosigning)
	select {
	case <-queued:
		return a.sendDue(ctx, d, p)
	default:
		return nil
	}
}

// interrupted returns the errors until ctx ended, and why: a signal, or an archive that was
// altered.
func interrupted(ctx context.Context, errs []error) error {
	altered := func(err error) bool { return errors.Is(err, db.ErrAltered) }
	why := errors.New("interrupted; the next sync continues from here")
	if cause := context.Cause(ctx); altered(cause) {
		errs, why = slices.DeleteFunc(errs, altered), cause // all are the same
	}
	return errors.Join(append(errs, why)...)
}

// cycle runs one cycle of a watch and returns what failed in it.
func (a *app) cycle(ctx context.Context, s *syncer.Syncer, w syncer.Watch, o syncer.Options, show *term.Progress) error {
	beginCycle(show, w.Name)
	c, err := s.Run(ctx, w, o)
	show.End()
	if !c.Key.IsZero() { // zero if the cycle did not start
		fmt.Fprintf(a.err, "%s: %s; %s, %s archived, %s, %d failed, %s, %s\n",
			c.Watch, outcome(c.Outcome, c.Err), text.Plural(c.Listed, "document"), text.Plural(c.Versions, "version"),
			text.Plural(c.Changes, "change"),
			len(c.Failures), text.Plural(c.Requests, "request"), c.EndedAt.Sub(c.StartedAt).Round(time.Millisecond))
	}
	if c.Outcome == coc.CycleGood && !c.Complete && o.Only == nil {
		a.note("watch " + c.Watch +
			": COC's list changed while it was read; the next cycle checks for deleted documents")
	}
	return errors.Join(err, cycleError(c))
}

// shownMissing is the maximum number of missing versions that sync lists.
const shownMissing = 10

// missing returns the listed versions that are unavailable, as an error. A cycle that skips
// them is good.
func (a *app) missing(ctx context.Context, d *db.DB) error {
	list, all, err := query.New(d).MissingVersions(ctx, shownMissing, a.now())
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range list {
		if m.State == coc.Unavailable {
			errs = append(errs, fmt.Errorf("%s of document %s (%s) is missing: %s", m.Version, m.DocumentID, m.Name, m.Reason))
		}
	}
	if more := all - len(list); more > 0 {
		errs = append(errs, fmt.Errorf("%d more versions are missing", more))
	}
	return errors.Join(errs...)
}

// cycleError returns the failures of a cycle as an error.
func cycleError(c coc.Cycle) error {
	var errs []error
	if c.Err != "" && c.Outcome != coc.CycleStopped { // the summary says so
		errs = append(errs, fmt.Errorf("watch %s: %s", c.Watch, c.Err))
	}
	for i, f := range c.Failures {
		if i == 20 {
			errs = append(errs, fmt.Errorf("watch %s: … and %d more documents; `cocsync status` lists them", c.Watch, len(c.Failures)-i))
			break
		}
		name := f.DocumentID
		if f.Name != "" {
			name += " (" + f.Name + ")"
		}
		errs = append(errs, fmt.Errorf("watch %s: document %s: %s", c.Watch, name, f.Err))
	}
	return errors.Join(errs...)
}

// sendDue sends the due messages and returns the unsent ones as an error.
func (a *app) sendDue(ctx context.Context, d *db.DB, p *parts) error {
	sending, cancel := context.WithTimeout(ctx, sendFor)
	defer cancel()
	unsent := p.sender.Drain(sending)
	if sending.Err() != nil {
		unsent = nil // the time was up
	}
	list, err := d.Backlogs(ctx, a.now())
	if err != nil {
		return errors.Join(unsent, err)
	}
	var errs []error
	for _, b := range list {
		why := cmp.Or(b.Held, b.LastErr)
		configured := slices.ContainsFunc(p.sender.Notifiers, func(n notify.Notifier) bool {
			return n.Name == b.Notifier
		})
		switch {
		case b.Waiting == 0:
			continue
		case !configured:
			fmt.Fprintf(a.err, "cocsync: note: %d pending for notifier %s, which is no longer in the config\n", b.Waiting, b.Notifier)
			continue
		case why == "" && b.Quiet.After(a.now()):
			fmt.Fprintf(a.err, "cocsync: note: %d held back until the quiet hours of notifier %s end at %s\n",
				b.Waiting, b.Notifier, b.Quiet.Local().Format("15:04"))
			continue
		case why != "":
			unsent = nil // why says the same
		case unsent != nil:
			continue
		default:
			why = "Slack accepts about one message per second"
		}
		errs = append(errs, hint.Wrap(fmt.Errorf("notifier %s: %s pending: %s",
			b.Notifier, text.Plural(b.Waiting, "delivery"), why),
			"the next sync sends them; `cocsync notify list` shows them, `cocsync notify retry` makes them due at once"))
	}
	return errors.Join(append([]error{unsent}, errs...)...)
}

// chosen returns the IDs of the given documents by watch. A document need not be in the
// archive if a watch names its ID.
func chosen(ctx context.Context, d *db.DB, p *parts, docs []string) (map[string][]string, error) {
	only := map[string][]string{}
	q := query.New(d)
	for _, ref := range docs {
		id := ref
		doc, err := q.Document(ctx, ref)
		if err == nil {
			id = doc.DocumentID
		}
		found := false
		for _, w := range p.watches {
			follows := slices.Contains(w.Documents, id)
			if !follows {
				list, err := d.Followed(ctx, w.Account.Name, w.Name, time.Now())
				if err != nil {
					return nil, err
				}
				follows = slices.ContainsFunc(list, func(f coc.Followed) bool { return f.Member && f.DocumentID == id })
			}
			if follows {
				only[w.Name] = append(only[w.Name], id)
				found = true
			}
		}
		switch {
		case found:
		case err != nil:
			return nil, err
		default:
			return nil, hint.Wrap(fmt.Errorf("document %s (%s) is followed by no watch", text.Visible(doc.DocumentID), text.Visible(doc.Name)),
				"add it to a watch in config.toml, or run `cocsync sync` without documents")
		}
	}
	return only, nil
}

// preview writes what a sync would fetch. Without an archive it compares with an empty one.
func (a *app) preview(ctx context.Context) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	d, err := a.openExisting(ctx, cfg.Database, db.OpenReader)
	if err != nil {
		return err
	}
	p, err := a.build(cfg, d, a.logger(slog.LevelError))
	if err != nil {
		return err
	}
	show := a.output().Progress()
	var errs []error
	for _, w := range p.watches {
		beginCycle(show, w.Name)
		v, err := p.syncer.Preview(ctx, w)
		show.End()
		if err != nil {
			return fmt.Errorf("watch %s: %w", w.Name, err)
		}
		fmt.Fprintf(a.out, "%s: %d listed, %d to fetch, %d with older versions to fetch, %d no longer listed\n",
			w.Name, v.Listed, len(v.Fetch), len(v.Owed), len(v.Absent))
		for _, r := range v.Fetch {
			fmt.Fprintf(a.out, "  fetch %s %s\n", text.Visible(r.DocumentID), text.Visible(r.Name))
		}
		if v.Err != "" {
			errs = append(errs, fmt.Errorf("watch %s: %s", w.Name, v.Err))
		}
	}
	return errors.Join(errs...)
}

// phaseText returns a text for a phase of a cycle.
func phaseText(phase string) string {
	switch phase {
	case "list":
		return "requesting the list"
	case "changes":
		return "fetching changes"
	case "absent":
		return "requesting documents that are no longer listed"
	case "newest":
		return "fetching newest versions"
	case "history":
		return "fetching older versions"
	case "audit":
		return "fetching versions again for comparison"
	}
	return phase
}

// beginCycle shows that a cycle starts.
func beginCycle(show *term.Progress, watch string) { show.Begin(watch + ": requesting from COC") }

// showCycle shows the progress of a cycle.
func showCycle(show *term.Progress) func(syncer.Progress) {
	return func(now syncer.Progress) {
		phase, line := now.Watch+": "+phaseText(now.Phase), ""
		if now.Total > 0 {
			line = phase + ": " + text.Plural(now.Total, "document")
		}
		show.Update(phase, now.Done, now.Total, line)
	}
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
