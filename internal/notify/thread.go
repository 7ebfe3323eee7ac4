package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// channelID is a channel's id, where the channel is given by it and can be told from
// others, else "".
func channelID(channel string) string {
	if regexp.MustCompile(`^[CGD][A-Z0-9]{8,}$`).MatchString(channel) {
		return channel
	}
	return ""
}

// threadGone reports whether a message was refused because of its thread: somebody
// deleted or locked it.
// https://docs.slack.dev/reference/methods/chat.postMessage/#errors
func threadGone(err error) bool {
	var r *refusal
	return errors.As(err, &r) && slices.Contains([]string{"thread_not_found", "message_not_found",
		"cannot_reply_to_message", "restricted_action_thread_locked"}, r.why)
}

// recount has the first message of a thread show how many replies there are by
// now. It reports whether there was one to do. That is decoration: it is tried
// once, and again after the next reply.
func (l *lane) recount(ctx context.Context) (bool, error) {
	if l.n.Token == nil {
		return false, nil
	}
	th, ok, err := l.Outbox.Stale(ctx, l.n.Name)
	if err != nil || !ok {
		return false, err
	}
	if l.now().Before(l.noEdits) || l.pace.edits.Wait(ctx) != nil || l.pace.Wait(ctx) != nil {
		return false, nil // its turn would come too late
	}
	if err := l.update(ctx, l.n, th); err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		r := &refusal{why: err.Error()}
		if errors.As(err, &r) && r.class == limited {
			l.noEdits = l.now().Add(max(r.wait, minBackoff)) // posts have a rate of their own
		}
		l.log().Log(ctx, slog.LevelWarn, "count of replies not shown", "notifier", l.n.Name, "message", th.Root.ID, "err", r)
	}
	return true, l.Outbox.Counted(context.WithoutCancel(ctx), th.Root.ID)
}

// update edits the first message of a thread.
func (s *Sender) update(ctx context.Context, n *Notifier, th coc.Thread) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	said := fmt.Sprintf("%s in the thread", text.Plural(th.Replies, "later change"))
	text := th.Root.Text + " · " + said
	var body []byte
	if th.Root.Plain {
		text = mentionsOf(th.Root.Body) + unlink(text)
	} else {
		var blocks []json.RawMessage
		note, err := json.Marshal(footer(plain("↳ " + said)))
		if err == nil {
			err = json.Unmarshal(th.Root.Body, &blocks)
		}
		if err != nil || len(blocks) == 0 {
			return &refusal{class: message, why: "the frozen message can't be read"}
		}
		// Below the title, where a phone shows it too.
		if body, err = json.Marshal(slices.Insert(blocks, 1, json.RawMessage(note))); err != nil {
			return err
		}
	}
	api, token, err := s.client(n)
	if err != nil {
		return err
	}
	list, err := options(body, text)
	if err != nil {
		return err
	}
	if _, _, _, err := api.UpdateMessageContext(ctx, th.Root.Channel, th.Root.TS, list...); err != nil {
		return explain(err, token)
	}
	return nil
}

// mentionsOf are the mentions in the blocks of a message, for its plain fallback.
// No other blocks than those of a configuration's make any.
func mentionsOf(body []byte) string {
	var b strings.Builder
	var walk func(list []json.RawMessage)
	walk = func(list []json.RawMessage) {
		for _, raw := range list {
			var e struct {
				UserID   string            `json:"user_id"`
				GroupID  string            `json:"usergroup_id"`
				Elements []json.RawMessage `json:"elements"`
			}
			if json.Unmarshal(raw, &e) != nil {
				continue
			}
			switch {
			case e.UserID != "":
				b.WriteString("<@" + e.UserID + "> ")
			case e.GroupID != "":
				b.WriteString("<!subteam^" + e.GroupID + "> ")
			}
			walk(e.Elements)
		}
	}
	var blocks []json.RawMessage
	if json.Unmarshal(body, &blocks) == nil {
		walk(blocks)
	}
	return b.String()
}
