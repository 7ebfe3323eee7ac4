package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
	"cocsync/internal/hint"
	"cocsync/internal/notify"
)

func (a *app) notifyPreviewCommand() *cobra.Command {
	var output *choice
	cmd := &cobra.Command{
		Use:   "preview CHANGE",
		Short: "show what a change would say, and where, without sending it",
		Long: `Preview shows the message of a change as each notifier would get it that hears of it
by the configuration as it stands now: what Slack shows, and the line that phones
show. It sends nothing, whether or not the change was told already.

With -o json it writes the Block Kit of each message, fit for Slack's Block Kit
Builder. ` + "`cocsync log`" + ` shows the numbers of changes.`,
		Example: `  cocsync notify preview 41
  cocsync notify preview 41 -o json | jq '.[0] | {blocks}'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.notifyPreview(cmd.Context(), args[0], output.value == formatJSON)
		},
	}
	output = outputFlag(cmd)
	return cmd
}

func (a *app) notifyPreview(ctx context.Context, arg string, asJSON bool) error {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return usage(hint.Wrap(fmt.Errorf("%q is no number of a change", arg), "`cocsync log` shows the numbers"))
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	h, err := a.reader(ctx)
	if err != nil {
		return err
	}
	c, err := h.DB.Change(ctx, id)
	if errors.Is(err, coc.ErrNotFound) {
		return hint.Wrap(fmt.Errorf("no change %d in the archive", id), "`cocsync log` shows the numbers")
	}
	if err != nil {
		return err
	}
	watches, err := h.DB.Followers(ctx, c.Document)
	if err != nil {
		return err
	}
	sender, err := a.sender(cfg, h.DB, a.logger(slog.LevelError))
	if err != nil {
		return err
	}
	route := routes(cfg)
	list := []notify.Preview{}
	for _, watch := range watches {
		for _, name := range route(watch, c.Kind) {
			if slices.ContainsFunc(list, func(p notify.Preview) bool { return p.Notifier == name }) {
				continue // one message to each, however many watches follow it
			}
			p, err := sender.Preview(ctx, name, &c)
			if err != nil {
				return err
			}
			list = append(list, p)
		}
	}
	switch {
	case len(list) == 0 && len(watches) == 0:
		a.nothing(visible(fmt.Sprintf("nobody would hear of change %d: no watch follows %s", id, c.Name)))
	case len(list) == 0:
		a.nothing(visible(fmt.Sprintf("nobody would hear of change %d: no notifier of %s tells of kind %s", id, strings.Join(watches, ", "), c.Kind)))
	case c.Backfill:
		a.aside(fmt.Sprintf("change %d was there before cocsync first looked: the summary of first contact stands for it", id))
	}
	if asJSON {
		return a.previewJSON(list)
	}
	return a.print(func(p *page) error {
		p.previews(list)
		return nil
	})
}

// previews writes messages as Slack would show them.
func (p *page) previews(list []notify.Preview) {
	for i, m := range list {
		if i > 0 {
			p.WriteByte('\n')
		}
		to := m.Notifier
		if m.Channel != "" {
			to += ", channel " + m.Channel
		}
		fmt.Fprintln(p, p.paint(bold, "To "+visible(to)))
		for line := range strings.Lines(cocsim.Render(cocsim.Message{Blocks: m.Blocks})) {
			fmt.Fprint(p, "  │ ", line)
		}
		fmt.Fprintln(p, "\n"+p.paint(bold, "On a phone"))
		fmt.Fprintln(p, "  │ "+cocsim.Render(cocsim.Message{Text: m.Text}))
	}
}

// previewJSON writes messages as Slack takes them.
func (a *app) previewJSON(list []notify.Preview) error {
	type message struct {
		Notifier string          `json:"notifier"`
		Channel  *string         `json:"channel"`
		Text     string          `json:"text"`
		Blocks   json.RawMessage `json:"blocks"`
	}
	out := make([]message, len(list))
	for i, m := range list {
		out[i] = message{m.Notifier, orNull(m.Channel), m.Text, m.Blocks}
	}
	return a.writeJSON(out)
}
