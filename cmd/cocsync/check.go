package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/config"
	"cocsync/internal/hint"
	"cocsync/internal/syncer"
	"cocsync/internal/term"
	"cocsync/internal/text"
	"cocsync/internal/witness"
)

// clockTolerance is the clock difference that check accepts. COC refuses signatures whose
// time is wrong by 15 minutes.
const clockTolerance = time.Minute

// maxCheckedDocuments is the maximum number of documents that check requests for one watch.
const maxCheckedDocuments = 20

func (a *app) checkCommand() *cobra.Command {
	var online bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "check the configuration and report all problems",
		Long: `Check reads the configuration and reports every problem with its line and how to fix it,
including missing secrets. With --online it also sends requests to COC (to check
credentials, clock, and permissions to list and to read), to Slack and to witnesses. It
changes nothing.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd.Context(), online) },
	}
	cmd.Flags().BoolVar(&online, "online", false, "also send requests to COC, Slack and witnesses")
	return cmd
}

func (a *app) check(ctx context.Context, online bool) error {
	path, err := config.Find(a.configFlag)
	if err != nil {
		return err
	}
	cfg, err := config.Check(path)
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings() {
		fmt.Fprintln(a.out, "note ", text.VisibleExcept(w.Error(), "\n"))
	}
	if cfg.HeadFile != "" {
		if err := witness.CheckFolder(cfg.HeadFile); err != nil {
			return hint.Wrap(fmt.Errorf("head_file: its folder cannot be written: %w", err),
				"make the folder writable for the user who runs cocsync: the file is replaced after each commit")
		}
	}
	p, err := a.build(cfg, nil, a.logger(slog.LevelError+1))
	if err != nil {
		return err
	}
	for _, w := range p.watches {
		next := w.Schedule.Next(a.now())
		fmt.Fprintf(a.out, "%s    watch %s: next cycle %s\n",
			a.output().Paint(term.Green, "ok"), w.Name, next.Format(time.RFC3339))
	}
	if !online {
		fmt.Fprintln(a.out, a.output().Paint(term.Green, "ok")+"    the configuration is valid; cocsync check --online also tests COC and Slack")
		return nil
	}
	c := &checker{app: a}
	for _, w := range p.watches {
		c.watch(ctx, w)
	}
	for _, n := range p.sender.Notifiers {
		who, err := p.sender.Check(ctx, n.Name)
		if err != nil && hint.Of(err) == "" { // the class is unknown
			err = hint.Wrap(err, "check network, proxy and DNS of this machine, and api_url or url in the config")
		}
		c.line(strings.TrimSuffix(n.Kind()+" "+n.Name+": "+who, ": "), err)
	}
	for _, w := range p.submitter.Witnesses {
		err := witness.Check(ctx, p.submitter.HTTP, w)
		c.line("witness "+w.Key.Name(),
			hint.Wrap(err, "check network, proxy and DNS of this machine, and url in [[witness]]: the submission prefix, without /add-checkpoint"))
	}
	if c.failed > 0 {
		return fmt.Errorf("%d of %d checks failed", c.failed, c.done)
	}
	return nil
}

// checker prints one line for each check.
type checker struct {
	app          *app
	done, failed int
}

func (c *checker) line(what string, err error) {
	c.done++
	if err == nil {
		fmt.Fprintf(c.app.out, "%s    %s\n", c.app.output().Paint(term.Green, "ok"), text.Visible(what))
		return
	}
	c.failed++
	if hint.Of(err) == "" {
		err = hint.Wrap(err, adviceOn(err))
	}
	fmt.Fprintf(c.app.out, "%s  %s: %s\n", c.app.output().Paint(term.Alarm, "FAIL"),
		text.Visible(what), text.Visible(err.Error()))
	for line := range strings.Lines(hint.Of(err)) {
		fmt.Fprintf(c.app.out, "      hint: %s\n", text.Visible(strings.TrimSpace(line)))
	}
}

// watch sends COC the requests that the watch will send: a list, and one document.
func (c *checker) watch(ctx context.Context, w syncer.Watch) {
	name := "watch " + w.Name
	if _, err := w.Account.COC.KeyID(ctx); err != nil {
		if hint.Of(err) == "" {
			err = hint.Wrap(err, "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK in the environment of cocsync, or access_key "+
				"and secret_key in the account")
		}
		c.line(name+": credentials", err)
		return
	}
	ids := w.Documents
	if w.Select != nil {
		list, err := w.Account.COC.List(ctx, *w.Select)
		what := name + ": list"
		if err == nil {
			what += " of " + text.Plural(len(list.Rows), "document")
			err = list.Incomplete()
		}
		c.line(what, err)
		if errors.Is(err, coc.ErrUnauthorized) {
			return
		}
		for _, r := range list.Rows[:min(1, len(list.Rows))] {
			ids = append(ids, r.DocumentID)
		}
	}
	if n := len(ids); n > maxCheckedDocuments {
		fmt.Fprintf(c.app.out, "note  %s: %d documents are configured, only the first %d are checked\n",
			name, n, maxCheckedDocuments)
	}
	for _, id := range ids[:min(maxCheckedDocuments, len(ids))] {
		response, err := w.Account.COC.Get(ctx, id, "", w.DocumentType)
		what := fmt.Sprintf("%s: document %s %s", name, id, coc.OrEmpty(response.Meta.Name))
		c.line(strings.TrimSpace(what), err)
		if errors.Is(err, coc.ErrUnauthorized) {
			return
		}
		if err == nil && !response.Evidence.Date.IsZero() {
			c.clock(response.Evidence.Date)
		}
	}
}

// clock compares this machine's clock with COC's.
func (c *checker) clock(date time.Time) {
	if off := c.app.now().Sub(date).Round(time.Second); off.Abs() > clockTolerance {
		c.line("clock", hint.Wrap(fmt.Errorf("this machine's clock differs from COC's by %s", off),
			"set the clock (NTP): COC refuses signatures whose time is wrong by 15 minutes"))
	}
}
