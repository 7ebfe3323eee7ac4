package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
)

// Test posts a sample of each sort of message to a notifier straight away, past
// the outbox: a word of the test itself, a change of each kind that the notifier
// is told, a digest, and with a bot token a reply and a file in a thread. When
// they get through, a held channel is free again. It returns how many messages
// went; the error says how to fix what went wrong.
func (s *Sender) Test(ctx context.Context, name string) (sent int, _ error) {
	n, err := s.notifier(name)
	if err != nil {
		return 0, err
	}
	l := s.lane(n)
	out := draft{notifier: name}
	if err := l.samples(&out); err != nil {
		return 0, err
	}
	for _, m := range out.msgs {
		if err := l.pace.Wait(ctx); err != nil {
			return sent, err
		}
		if up := m.ReplyTo; up != nil {
			if up.ReplyTo != nil {
				up = up.ReplyTo
			}
			m.ThreadChannel, m.ThreadTS = up.Channel, up.TS
		}
		if m.Channel, m.TS, err = l.insist(ctx, m.Message); err != nil {
			return sent, fmt.Errorf("post a test message to %s: %w", name, advised(err))
		}
		sent++
	}
	return sent, s.Outbox.Hold(ctx, name, "", time.Time{})
}

// insist posts a message and waits a little where it came too fast: a daemon may be
// posting to the same channel.
func (l *lane) insist(ctx context.Context, m coc.Message) (landed, ts string, err error) {
	for range 5 {
		landed, ts, err = l.post(ctx, l.n, m)
		var r *refusal
		if !errors.As(err, &r) || r.class != limited || r.wait > maxInsist {
			break
		}
		sleep(ctx, max(r.wait, postEvery), nil)
	}
	return landed, ts, err
}

// maxInsist is the longest that a test waits because Slack asks for it.
const maxInsist = 10 * time.Second

// samples drafts the messages of a test.
func (l *lane) samples(out *draft) error {
	now := l.now().UTC().Truncate(time.Second)
	notice := coc.Delivery{Notice: &coc.Notice{Kind: coc.NoticeTest, At: now, Title: "cocsync can post here",
		Lines: []string{"This is a test of the notifier " + l.n.Name + ". Samples of what it tells follow; they are about no real document."}}}
	if err := l.addNotice(out, notice); err != nil {
		return err
	}
	var changes []*coc.Change
	var parent *coc.Draft
	for _, kind := range coc.Kinds {
		if !l.n.wants(kind) {
			continue
		}
		c, pair := sample(kind, now)
		changes = append(changes, c)
		if !l.n.full() {
			pair = contents{}
		}
		if l.n.Hook != nil {
			body, text, err := l.write.event(c, pair)
			if err != nil {
				return err
			}
			out.put(coc.Draft{Message: coc.Message{Kind: coc.MessageRoot, Body: body, Text: text}})
			continue
		}
		m := coc.Draft{Message: coc.Message{Kind: coc.MessageRoot}}
		if l.n.threads() && !urgent(c) && parent != nil {
			m.Kind, m.ReplyTo = coc.MessageReply, parent
		}
		w := l.write.change(c, pair, nil)
		if kind == coc.KindVersion && l.n.files() && l.n.full() {
			w.file = l.write.diffFile(c, l.write.content(c, pair))
		}
		p, err := out.add(m, w)
		if err != nil {
			return err
		}
		if parent == nil && m.Kind == coc.MessageRoot {
			parent = p
		}
	}
	if l.n.Hook != nil || len(changes) < 2 {
		return nil
	}
	for i, c := range changes {
		c.Document, c.Name = int64(i), fmt.Sprintf("%s-%d", c.Name, i+1)
	}
	_, err := out.add(coc.Draft{Message: coc.Message{Kind: coc.MessageDigest}}, l.write.digest(changes, nil))
	return err
}

const sampleJob = `meta:
  name: sample-restart-node
steps:
  - name: restart_agent
    action: hwc:runbook:scripts@1.0.0
    inputs:
      timeout: 30
      password: "not-for-chat"
  - name: wait_healthy
    action: hwc:runbook:sleep@1.0.0
    inputs:
      sleep: 30
`

// sample is a change of a kind, about no real document.
func sample(kind coc.Kind, now time.Time) (*coc.Change, contents) {
	c := &coc.Change{Kind: kind, Account: "sample", DocumentID: "DM00000000000sample", Name: "sample-restart-node",
		Version: "v4", Previous: "v3", MadeAt: now.Add(-time.Minute), SeenAt: now, At: now, By: "COC-sample", Modifier: "COC-sample"}
	old := []byte(sampleJob)
	next := []byte(strings.NewReplacer("timeout: 30", "timeout: 60", "not-for-chat", "nor-is-this").Replace(sampleJob))
	c.Difference = coc.Difference{Added: 2, Removed: 2, Summary: "timeout 30 → 60 in restart_agent", Items: []coc.Item{
		{Op: "changed", Path: "steps[restart_agent].inputs.timeout", Step: "restart_agent", Task: "hwc:runbook:scripts@1.0.0", Old: "30", New: "60"},
		{Op: "changed", Path: "steps[restart_agent].inputs.password", Step: "restart_agent", Task: "hwc:runbook:scripts@1.0.0", Old: "not-for-chat", New: "nor-is-this"}}}
	switch kind {
	case coc.KindNew:
		c.Version, c.Previous = "v1", ""
		c.Difference = coc.Difference{Added: strings.Count(sampleJob, "\n")}
		return c, contents{now: old}
	case coc.KindRewritten:
		c.Version, c.Previous, c.By = "v3#2", "v3#1", ""
	case coc.KindMetadata:
		c.Version, c.Previous, c.By = "", "", ""
		c.Difference = coc.Difference{Summary: "risk_level MEDIUM → HIGH", Items: []coc.Item{{Op: "changed", Path: "risk_level", Old: "MEDIUM", New: "HIGH"}}}
		c.RiskLevel = "HIGH"
		return c, contents{}
	case coc.KindWithdrawn:
		c.Version, c.Previous, c.By, c.Difference = "v1", "", "", coc.Difference{}
		return c, contents{}
	case coc.KindDeleted, coc.KindRestored:
		c.Version, c.Previous, c.By, c.Difference = "", "", "", coc.Difference{}
		return c, contents{}
	}
	return c, contents{old: old, now: slices.Clip(next)}
}
