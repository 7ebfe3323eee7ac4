package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// maxTestWait is the longest wait in a test for a rate limit.
const maxTestWait = 10 * time.Second

// Test posts a sample of each kind of message to a notifier at once, without the outbox: a
// notice, a change of each kind that the notifier is sent, a digest, and if the channel
// has threads a reply and a file. If they pass, a hold of the channel ends. It returns how
// many messages were posted; the error has a hint.
func (s *Sender) Test(ctx context.Context, name string) (sent int, _ error) {
	n, err := s.notifier(name)
	if err != nil {
		return 0, err
	}
	drafts, err := s.samples(ctx, n)
	if err != nil {
		return 0, err
	}
	pace := s.paceOf(n)
	for _, m := range drafts {
		if err := pace.Wait(ctx); err != nil {
			return sent, err
		}
		if up := m.ReplyTo; up != nil {
			if up.ReplyTo != nil {
				up = up.ReplyTo
			}
			m.ThreadChannel, m.ThreadTS = up.Channel, up.TS
		}
		at, err := s.postWithRetry(ctx, n, m.Message)
		if err != nil {
			return sent, fmt.Errorf("post a test message to %s: %w", name, advised(err))
		}
		m.Channel, m.TS = at.channel, at.ts
		sent++
	}
	return sent, s.Outbox.Hold(ctx, name, "", time.Time{})
}

// postWithRetry posts a message, again if it is rate limited for a short time: a daemon
// may be posting to the same channel.
func (s *Sender) postWithRetry(ctx context.Context, n *Notifier,
	m coc.Message) (at receipt, err error) {
	for range 5 {
		at, err = s.post(ctx, n, m)
		r, ok := errors.AsType[*refusal](err)
		if !ok || r.class != limited || r.wait > maxTestWait {
			break
		}
		sleep(ctx, max(r.wait, postEvery), nil)
	}
	return at, err
}

// samples drafts the messages of a test.
func (s *Sender) samples(ctx context.Context, n *Notifier) ([]*coc.Draft, error) {
	each := *n
	each.DigestOver = maxDue
	b := s.batch(&each)
	b.now, b.fresh, b.samples = b.now.UTC().Truncate(time.Second), true, map[*coc.Change]contents{}
	b.write.sample = true
	b.notices = []coc.Delivery{{Notice: &coc.Notice{Kind: coc.NoticeTest, At: b.now, Title: "cocsync can post here",
		Lines: []string{"This is a test of the notifier " + n.Name + ". Samples of its messages follow; they are about no real document."}}}}
	for _, kind := range coc.Kinds() {
		if n.wants(kind) {
			c, pair := sample(kind, b.now)
			b.samples[c] = pair
			b.changes = append(b.changes, alert{Delivery: coc.Delivery{Change: c, DueAt: b.now}})
		}
	}
	if err := n.Channel.compose(ctx, b); err != nil || n.traits().structured || len(b.changes) < 2 {
		return b.drafts, err
	}
	b.notices = nil
	for i := range b.changes {
		b.changes[i].Gathered = true // which makes a digest
		c := b.changes[i].Change
		c.Document, c.Name = coc.Key{Account: 1, ID: int64(i)}, fmt.Sprintf("%s-%d", c.Name, i+1)
	}
	return b.drafts, n.Channel.compose(ctx, b)
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

// sample returns a change of a kind, about no real document.
func sample(kind coc.Kind, now time.Time) (*coc.Change, contents) {
	c := &coc.Change{Kind: kind, Account: "sample", DocumentID: "DM00000000000sample", Name: "sample-restart-node",
		MadeAt: now.Add(-time.Minute), SeenAt: now, At: now, Modifier: "COC-sample"}
	pair := contents{now: []byte(sampleJob)}
	next := strings.NewReplacer("timeout: 30", "timeout: 60", "not-for-chat", "nor-is-this").Replace(sampleJob)
	switch kind {
	case coc.KindNew:
		c.Version, c.By = "v1", "COC-sample"
		c.Added = strings.Count(sampleJob, "\n")
		return c, pair
	case coc.KindVersion:
		c.Version, c.Previous, c.By = "v4", "v3", "COC-sample"
	case coc.KindRewritten:
		c.Version, c.Previous = "v3#2", "v3#1"
	case coc.KindMetadata:
		c.RiskLevel, c.Summary = "HIGH", "risk_level MEDIUM → HIGH"
		c.Items = []coc.Item{{Op: "changed", Path: "risk_level", Old: "MEDIUM", New: "HIGH"}}
		return c, contents{}
	case coc.KindWithdrawn:
		c.Version = "v1"
		return c, contents{}
	default:
		return c, contents{}
	}
	pair = contents{old: pair.now, now: []byte(next)}
	c.Difference = diff.Compare(diff.Read(pair.old), diff.Read(pair.now))
	return c, pair
}

// Preview is a message that would be sent to a notifier.
type Preview struct {
	Notifier string
	Channel  string // "" if only the notifier's URL says which
	Kind     coc.MessageKind
	Text     string          // what phones and screen readers show, in Slack's markup
	Blocks   json.RawMessage // Block Kit; nil if the message has none
	Event    json.RawMessage // the event of a webhook, else nil
	FileName string
	File     string // the file's content
}

// Preview returns the messages that a notifier would be sent about one change, if it were
// the only one due, outside quiet hours and threads; none if it would not be sent. It
// posts nothing.
func (s *Sender) Preview(ctx context.Context, d coc.Delivery) (list []Preview, _ error) {
	n, err := s.notifier(d.Notifier)
	if err != nil {
		return nil, err
	}
	wanted, mention, _ := s.decide(ctx, &d)
	if !wanted {
		return nil, nil
	}
	b := s.batch(n)
	b.fresh, b.changes = true, []alert{{d, mention}}
	if err := n.Channel.compose(ctx, b); err != nil {
		return nil, err
	}
	for _, m := range b.drafts {
		p := Preview{Notifier: n.Name, Channel: n.traits().name, Kind: m.Kind, Text: m.Text}
		var f file
		switch {
		case n.traits().structured:
			p.Event = m.Body
		case m.Kind == coc.MessageFile:
			if err := json.Unmarshal(m.Body, &f); err != nil {
				return nil, err
			}
			p.FileName, p.File = f.Name, f.Content
		default:
			p.Blocks = m.Body
		}
		list = append(list, p)
	}
	return list, nil
}
