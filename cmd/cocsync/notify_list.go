package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/term"
)

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
		RunE: a.querying(func(ctx context.Context, q *query.Archive, _ []string) error {
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
		a.nothing(fmt.Sprintf("showing the newest %d; -n 0 shows all", limit))
	}
	if len(list) == 0 && all {
		a.nothing("no messages yet")
	} else if len(list) == 0 {
		a.nothing("no message is pending, and none was refused; --all shows sent ones")
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
	var ids []string
	for i, id := range m.Changes {
		if i == 5 {
			ids = append(ids, fmt.Sprintf("… %d more", len(m.Changes)-i))
			break
		}
		ids = append(ids, fmt.Sprint(id))
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
