package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) notifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notify",
		Short: "test, list and retry messages to Slack and webhooks",
		Long: `Every alert is stored before it is sent, and kept until it was accepted. These commands
list pending and refused messages, retry them, send sample messages, and preview the
messages of a change.`,
		Args: noArgs,
		RunE: showHelp,
	}
	cmd.AddCommand(a.notifyTestCommand(), a.notifyPreviewCommand(), a.notifyListCommand(), a.notifyRetryCommand())
	return cmd
}

func (a *app) notifyTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test NAME",
		Short: "send a sample of each kind of message to a notifier",
		Long: `Test posts to the configured notifier NAME: a test notice, a sample
change of each kind that the notifier receives (with a reply and a file in a thread, if
the notifier supports them), and a digest. It sends about ten messages, one per second.
If all are accepted, a channel that is on hold after a refusal is used again, and its
pending messages become due.`,
		Example:           `  cocsync notify test ops`,
		Args:              rangeArgs(1, 1),
		ValidArgsFunction: a.completeNotifier,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.notifyTest(cmd.Context(), args[0]) },
	}
}

func (a *app) notifyTest(ctx context.Context, name string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	names := cfg.Notifiers()
	if !slices.Contains(names, name) {
		return hint.Wrap(fmt.Errorf("no notifier %q in the configuration", name),
			hint.OneOf(name, names))
	}
	d, err := a.openExisting(ctx, cmp.Or(a.dbFlag, cfg.Database), db.OpenShared)
	if err != nil {
		return err
	}
	sender, err := a.sender(cfg, d, a.logger(slog.LevelError))
	if err != nil {
		return err
	}
	n, err := sender.Test(ctx, name)
	if err != nil {
		if n > 0 {
			fmt.Fprintf(a.err, "notifier %s: %s sent before the failure\n", name, text.Plural(n, "message"))
		}
		return err
	}
	fmt.Fprintf(a.err, "notifier %s: all %s accepted\n", name, text.Plural(n, "message"))
	return nil
}

func (a *app) notifyRetryCommand() *cobra.Command {
	var notifier string
	cmd := &cobra.Command{
		Use:   "retry [ID]",
		Short: "retry pending and failed messages, or one message",
		Long: `Retry makes messages due at once, including those that Slack refused permanently.
Channels that are on hold after a refusal are used again. The daemon sends the messages
within half a minute; without a daemon, the next sync sends them.`,
		Example: `  cocsync notify retry
  cocsync notify retry 812
  cocsync notify retry --notifier ops`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.notifyRetry(cmd.Context(), args, notifier) },
	}
	cmd.Flags().StringVar(&notifier, "notifier", "", "only messages to notifier `NAME`")
	// Cannot fail: the flag exists and has no completion yet.
	_ = cmd.RegisterFlagCompletionFunc("notifier", a.completeNotifier)
	return cmd
}

func (a *app) notifyRetry(ctx context.Context, args []string, notifier string) error {
	d, err := a.openShared(ctx)
	if err != nil {
		return err
	}
	var id int64
	if len(args) > 0 {
		if id, err = strconv.ParseInt(args[0], 10, 64); err != nil || id < 1 {
			return usage(hint.Wrap(fmt.Errorf("%q is not a valid message ID", args[0]), "`cocsync notify list` shows the IDs"))
		}
		list, err := query.New(d).Messages(ctx, false, 0)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(m query.Message) bool { return m.ID == id })
		switch {
		case i < 0:
			return hint.Wrap(fmt.Errorf("no message %d is pending or failed", id), "`cocsync notify list` shows those messages")
		case notifier != "" && notifier != list[i].Notifier:
			return usage(fmt.Errorf("message %d is for notifier %s, not %s", id, list[i].Notifier, notifier))
		}
		notifier = list[i].Notifier // do not change other notifiers
	} else if err := knownNotifier(ctx, d, notifier); err != nil {
		return err
	}
	n, err := d.Retry(ctx, notifier, id, time.Now())
	if err != nil {
		return err
	}
	if n == 0 {
		a.info("no message is pending or failed")
		return nil
	}
	fmt.Fprintf(a.err, "due now: %s; sent by the daemon within half a minute, or by `cocsync sync`\n", text.Plural(n, "message"))
	return nil
}

// knownNotifier returns an error if the outbox never had a message for the notifier.
func knownNotifier(ctx context.Context, d *db.DB, name string) error {
	if name == "" {
		return nil
	}
	list, err := d.Backlogs(ctx, time.Now())
	if err != nil {
		return err
	}
	var names []string
	for _, b := range list {
		if b.Notifier == name {
			return nil
		}
		names = append(names, b.Notifier)
	}
	return hint.Wrap(fmt.Errorf("no messages for notifier %q in the archive", name),
		hint.OneOf(name, names))
}

func (a *app) notifyListCommand() *cobra.Command {
	var all bool
	limit := count(100)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list pending and failed messages, newest first",
		Long: `List shows the messages that are pending and those that Slack refused permanently, newest
first: subject, number of attempts, time of the next attempt, and last error. With --all
it also shows sent messages.`,
		Example: `  cocsync notify list
  cocsync notify list --all -n 20 -o json`,
		Args: noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) error {
			return a.notifyList(ctx, q, all, int(limit))
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "also show sent messages")
	cmd.Flags().VarP(&limit, "number", "n", "maximum number of messages (0: all)")
	return a.outputFlag(cmd)
}

func (a *app) notifyList(ctx context.Context, q *query.Archive, all bool, limit int) error {
	if limit < 0 {
		return usage(hint.Wrap(fmt.Errorf("-n %d is negative", limit), "-n 0 shows all"))
	}
	list, err := q.Messages(ctx, all, limit)
	if err != nil {
		return err
	}
	if limit > 0 && len(list) == limit {
		a.info(fmt.Sprintf("showing the newest %d; -n 0 shows all", limit))
	}
	if len(list) == 0 && all {
		a.info("no messages yet")
	} else if len(list) == 0 {
		a.info("no message is pending, and none was refused; --all shows sent ones")
	}
	return a.result(list, func(p *page) { p.messages(list) })
}

func (p *page) messages(list []query.Message) {
	if len(list) == 0 {
		return
	}
	columns := []term.Column{
		{Head: "ID", Right: true}, {Head: "NOTIFIER"}, {Head: "STATE"}, {Head: "ABOUT", Flexible: true},
		{Head: "TRIES", Right: true}, {Head: "NEXT TRY"}, {Head: "ERROR", Flexible: true},
	}
	rows := make([][]term.Span, len(list))
	for i, m := range list {
		state, next := term.Span{Text: string(m.State)}, "none"
		switch m.State {
		case coc.Failed:
			state.Style = term.Alarm
		case coc.Waiting:
			state.Style, next = term.Magenta, p.minute(m.NextAt.Time)
		}
		rows[i] = []term.Span{{Text: fmt.Sprint(m.ID)}, {Text: m.Notifier}, state, {Text: about(m)},
			{Text: fmt.Sprint(m.Attempts)}, {Text: next}, {Text: string(m.Error)}}
	}
	p.Table(columns, rows)
}

// about returns the subject of a message.
func about(m query.Message) string {
	ids := m.Changes
	if more := len(ids) - 5; more > 0 {
		ids = append(slices.Clone(ids[:5]), fmt.Sprintf("… %d more", more))
	}
	what := string(m.Kind)
	if len(ids) == 1 {
		what = "change " + ids[0]
	} else if len(ids) > 1 {
		what = "changes " + strings.Join(ids, ", ")
	}
	switch {
	case m.Kind == coc.MessageDigest:
		what = "digest of " + what
	case m.Kind == coc.MessageFile:
		what = fmt.Sprintf("file for message %d", m.ParentID)
	case m.Kind == coc.MessageReply && len(ids) == 0:
		what = fmt.Sprintf("details of message %d", m.ParentID)
	}
	if m.Name != "" {
		what += " of " + string(m.Name)
	}
	return what
}
