package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
	"cocsync/internal/db"
	"cocsync/internal/notify"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) notifyPreviewCommand() *cobra.Command {
	return a.outputFlag(&cobra.Command{
		Use:   "preview CHANGE",
		Short: "show the messages of a change without sending them",
		Long: `Preview shows the messages that each notifier would receive for a change under the
current configuration, including its routes: the Slack message, its text in phone
notifications, the file that is added to the thread if the diff is too long, and the JSON
that a webhook receives. It sends nothing, and works whether or not the change was
already sent. When messages are sent, ordinary changes go to the document's thread if it
has one, and are delayed during quiet hours.

With -o json it writes the Block Kit of each message, for Slack's Block Kit Builder.
` + "`cocsync log`" + ` shows the numbers of the changes.`,
		Example: `  cocsync notify preview 41
  cocsync notify preview 41 -o json | jq '.[0] | {blocks}'`,
		Args: rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.notifyPreview(cmd.Context(), args[0]) },
	})
}

func (a *app) notifyPreview(ctx context.Context, arg string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	path, err := a.database()
	if err != nil {
		return err
	}
	d, err := a.closeAtExit(db.OpenReader(ctx, path)) // the sender needs it, but writes nothing
	if err != nil {
		return err
	}
	q := query.New(d)
	c, err := q.Change(ctx, arg)
	if err != nil {
		return err
	}
	doc, err := q.DocumentOf(ctx, c)
	if err != nil {
		return err
	}
	watches, err := q.Followers(ctx, doc)
	if err != nil {
		return err
	}
	sender, err := a.sender(cfg, d, a.logger(slog.LevelError))
	if err != nil {
		return err
	}
	var list []notify.Preview
	for _, d := range recipients(routes(cfg), watches, &c) {
		msgs, err := sender.Preview(ctx, d)
		if err != nil {
			return err
		}
		list = append(list, msgs...)
	}
	switch {
	case len(list) == 0:
		a.info(text.Visible("no notifier would receive change " + c.Ref + ": " + noRecipients(c, watches)))
	case c.Backfill:
		a.note(fmt.Sprintf("change %s existed before the initial sync: only the summary of that sync is sent", c.Ref))
	}
	return a.result(previewJSON(list), func(p *page) { p.previews(list) })
}

// noRecipients says why no notifier would receive a change.
func noRecipients(c coc.Change, watches []string) string {
	if len(watches) == 0 {
		return "no watch follows " + c.Name
	}
	return "the kinds, routes and ignored paths in the config exclude it (watches: " +
		strings.Join(watches, ", ") + ")"
}

// recipients returns the deliveries of a change if it were found now: one for each
// notifier, even if several watches follow the document.
func recipients(route func(string, coc.Kind) (fromWatch, routed []string), watches []string, c *coc.Change) (list []coc.Delivery) {
	for _, routed := range []bool{false, true} {
		for _, w := range watches {
			names, added := route(w, c.Kind)
			if routed {
				names = added
			}
			for _, n := range names {
				if !slices.ContainsFunc(list, func(d coc.Delivery) bool { return d.Notifier == n }) {
					list = append(list, coc.Delivery{Notifier: n, Routed: routed, DueAt: time.Now(), Change: c})
				}
			}
		}
	}
	return list
}

// previews writes messages as Slack shows them.
func (p *page) previews(list []notify.Preview) {
	for i, m := range list {
		if i > 0 {
			p.WriteByte('\n')
		}
		to := m.Notifier
		if m.Channel != "" {
			to += ", channel " + m.Channel
		}
		head := func(line string) { fmt.Fprintln(p, p.Paint(term.Bold, text.Visible(line))) }
		switch {
		case m.FileName != "":
			head("To " + to + ", in the thread: file " + m.FileName)
			p.quoted(m.File)
		case m.Event != nil:
			head("To webhook " + to)
			var b bytes.Buffer
			if err := json.Indent(&b, m.Event, "", "  "); err != nil {
				b.Write(m.Event)
			}
			p.quoted(b.String())
		default:
			head("To " + to)
			p.quoted(cocsim.Render(cocsim.Message{Blocks: m.Blocks}))
			head("On a phone")
			p.quoted(cocsim.Render(cocsim.Message{Text: m.Text}))
		}
	}
}

// quoted writes a text with a bar before each line.
func (p *page) quoted(message string) {
	for line := range strings.Lines(message) {
		fmt.Fprintln(p, "  │ "+text.Visible(strings.TrimRight(line, "\r\n")))
	}
}

// message is the JSON of a notify.Preview.
type message struct {
	Notifier string          `json:"notifier"`
	Channel  query.Text      `json:"channel"`
	Text     string          `json:"text"`
	Kind     string          `json:"kind"`
	Blocks   json.RawMessage `json:"blocks"`
	Event    json.RawMessage `json:"event"` // the body for a webhook
	FileName query.Text      `json:"file_name"`
	File     query.Text      `json:"file"`
}

func previewJSON(list []notify.Preview) (out []message) {
	for _, m := range list {
		out = append(out, message{m.Notifier, query.Text(m.Channel), m.Text, string(m.Kind), m.Blocks, m.Event,
			query.Text(m.FileName), query.Text(m.File)})
	}
	return out
}
