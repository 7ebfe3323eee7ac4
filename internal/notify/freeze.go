package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/coc"
)

const (
	// maxDue bounds what is frozen at once, and so a digest.
	maxDue = 5_000
	// maxSingles bounds the messages of a change each that are frozen at once, for
	// each is written in full.
	maxSingles = 50
	// stale is the age from which deliveries that wait become a digest however
	// few they are: after an outage of a day nobody wants yesterday in pieces.
	stale = 24 * time.Hour
	// maxCompared bounds the contents that are written into one digest's details,
	// in bytes.
	maxCompared = 2 << 20
)

// telling is a change that is to be told, and whom its message mentions.
type telling struct {
	coc.Delivery
	mention []string
	alone   bool // as if nothing about its document had been told before
}

// freeze turns what is due into stored messages, limit deliveries at the most. It
// reports whether anything was done, and until when it holds back what is due in
// quiet hours; else zero.
func (l *lane) freeze(ctx context.Context, limit int) (did bool, quiet time.Time, _ error) {
	now := l.now()
	if l.n.Hook != nil {
		limit = min(limit, maxSingles)
	}
	quiet = l.n.Quiet.until(now)
	var kinds []coc.Kind
	if !quiet.IsZero() {
		kinds = append([]coc.Kind{}, l.n.Quiet.Except...)
	}
	due, err := l.Outbox.Due(ctx, l.n.Name, now, kinds, limit)
	if err != nil {
		return false, quiet, err
	}
	l.write.head = coc.Head{}
	if len(due) > 0 {
		if l.write.head, err = l.Outbox.Head(ctx, true, now); err != nil {
			return false, quiet, err
		}
	}
	out := draft{notifier: l.n.Name}
	var drop []int64
	var tell []telling
	for _, d := range due {
		if d.Notice != nil {
			if err := l.addNotice(&out, d); err != nil {
				return false, quiet, err
			}
			continue
		}
		told, mention, aim := l.decide(ctx, &d)
		if aim != nil {
			out.aims = append(out.aims, *aim)
		}
		if told {
			tell = append(tell, telling{Delivery: d, mention: mention})
		} else {
			drop = append(drop, d.ID)
		}
	}
	if err := l.draft(ctx, &out, tell, now); err != nil {
		return false, quiet, err
	}
	if len(out.msgs) > 0 || len(drop) > 0 {
		_, err = l.Outbox.Freeze(ctx, coc.Batch{Drafts: out.msgs, Drop: drop, Aims: out.aims}, now)
		return true, quiet, err
	}
	if quiet.IsZero() {
		return false, quiet, nil
	}
	return false, quiet, l.rest(ctx, now, quiet)
}

// decide reports whether a delivery's change is told, whom its message mentions,
// and who else must have a delivery of it; nil for nobody.
func (s *Sender) decide(ctx context.Context, d *coc.Delivery) (told bool, mention []string, _ *coc.Aim) {
	n, err := s.notifier(d.Notifier)
	if err != nil || d.Change == nil || !n.wants(d.Change.Kind) {
		return false, nil, nil
	}
	if len(s.Routes) == 0 && !d.Routed {
		return !ignored(n, d.Change), nil, nil
	}
	items, known := s.differences(ctx, d.Change)
	v := s.judge(d.Change, items, known)
	aim := s.aims(&v, d)
	if told, mention = v.tells(d); !told && !d.Routed {
		s.log().Info("routed elsewhere", "notifier", d.Notifier, "change", d.Change.ID)
	}
	return told && !ignored(n, d.Change), mention, &aim
}

// rest records that what waits does so in quiet hours, once for all of them.
func (l *lane) rest(ctx context.Context, now, until time.Time) error {
	if l.quieted.Equal(until) {
		return nil
	}
	waits, err := l.Outbox.Due(ctx, l.n.Name, now, nil, 1)
	if err != nil || len(waits) == 0 {
		return err
	}
	l.log().Info("quiet hours", "notifier", l.n.Name, "until", until)
	l.quieted = until
	return l.Outbox.Quiet(ctx, l.n.Name, coc.QuietHours, until)
}

// draft drafts the messages that tell the changes: one each, or a digest of all.
func (l *lane) draft(ctx context.Context, out *draft, tell []telling, now time.Time) error {
	if l.n.Hook != nil {
		for _, t := range tell {
			if err := l.event(ctx, out, t); err != nil {
				return err
			}
		}
		return nil
	}
	waited := func(t telling) bool {
		return t.Gathered || now.Sub(t.DueAt) >= stale || l.n.Quiet.slept(t.DueAt, now)
	}
	if len(tell) > l.n.digestOver() || len(tell) > 1 && slices.ContainsFunc(tell, waited) {
		return l.digest(ctx, out, tell)
	}
	for _, t := range tell[:min(len(tell), maxSingles)] { // the rest stays due
		if err := l.single(ctx, out, t, now); err != nil {
			return err
		}
	}
	return nil
}

// single drafts the message of one change, in the thread of its document where
// there is one.
func (l *lane) single(ctx context.Context, out *draft, t telling, now time.Time) error {
	pair, err := l.contents(ctx, t.Change)
	if err != nil {
		return err
	}
	m := coc.Draft{Message: coc.Message{Kind: coc.MessageRoot, Document: t.Change.Document}, Claims: []int64{t.ID}}
	if l.n.threads() && !urgent(t.Change) && !t.alone {
		m.Parent, err = l.Outbox.Thread(ctx, l.n.Name, t.Change.Document, channelID(l.n.Channel), now.Add(-l.n.Thread))
		if err != nil {
			return err
		}
		if m.Parent == 0 {
			m.ReplyTo = out.roots[t.Change.Document]
		}
		if m.Parent != 0 || m.ReplyTo != nil {
			m.Kind = coc.MessageReply
		}
	}
	w := *l.write
	if m.Kind == coc.MessageRoot && l.n.threads() {
		w.head = coc.Head{} // it is edited when replies come, and so no witness
	}
	_, err = out.add(m, w.change(t.Change, pair, t.mention))
	return err
}

// digest drafts one message for all the changes, and where there are threads the
// details below it.
func (l *lane) digest(ctx context.Context, out *draft, tell []telling) error {
	var changes []*coc.Change
	var ids []int64
	var mention []string
	for _, t := range tell {
		changes, ids, mention = append(changes, t.Change), append(ids, t.ID), append(mention, t.mention...)
	}
	root, err := out.add(coc.Draft{Message: coc.Message{Kind: coc.MessageDigest}, Claims: ids}, l.write.digest(changes, unique(mention)))
	if err != nil || !l.n.threads() {
		return err
	}
	room := maxCompared
	details, err := l.write.details(changes, func(c *coc.Change) (contents, error) {
		if room < 0 {
			return contents{why: "There were too many changes to look at each."}, nil
		}
		pair, err := l.contents(ctx, c)
		room -= len(pair.old) + len(pair.now)
		return pair, err
	})
	for _, d := range details {
		if err == nil {
			_, err = out.add(coc.Draft{Message: coc.Message{Kind: coc.MessageReply}, ReplyTo: root}, d)
		}
	}
	return err
}

func (l *lane) addNotice(out *draft, d coc.Delivery) (err error) {
	m := coc.Draft{Message: coc.Message{Kind: coc.MessageNotice}, Claims: []int64{d.ID}}
	if l.n.Hook != nil {
		m.Body, m.Text, err = l.write.noticeEvent(d.Notice)
		out.put(m)
		return err
	}
	_, err = out.add(m, l.write.notice(d.Notice))
	return err
}

// contents are the two texts of a change, as far as the notifier shows them.
func (l *lane) contents(ctx context.Context, c *coc.Change) (pair contents, err error) {
	if !l.n.full() {
		return pair, nil
	}
	pair.old, pair.now, err = l.Outbox.Contents(ctx, c.ID)
	switch {
	case ctx.Err() != nil:
		return pair, ctx.Err()
	case errors.Is(err, coc.ErrErased):
		pair = contents{why: "One of the two contents was erased from the archive."}
	case err != nil:
		// That it changed is told in any case.
		l.log().Warn("contents not shown", "notifier", l.n.Name, "change", c.ID, "err", err)
		pair = contents{why: "The archive could not give the contents; the log of cocsync says why."}
	}
	return pair, nil
}

// draft is messages in the making.
type draft struct {
	notifier string
	msgs     []*coc.Draft
	aims     []coc.Aim
	roots    map[int64]*coc.Draft // by document
}

// add adds a message in blocks, and its file below it. It returns the message, for
// others of the draft to reply to.
func (d *draft) add(m coc.Draft, w wording) (_ *coc.Draft, err error) {
	m.Text = w.text
	if m.Body, err = json.Marshal(w.blocks); err != nil {
		return nil, fmt.Errorf("write a message: %w", err)
	}
	added := d.put(m)
	if w.file != nil {
		f := coc.Draft{Message: coc.Message{Kind: coc.MessageFile, Document: m.Document, Text: w.file.Instead}, ReplyTo: added}
		if f.Body, err = json.Marshal(w.file); err != nil {
			return nil, fmt.Errorf("write a file: %w", err)
		}
		d.put(f)
	}
	return added, nil
}

func (d *draft) put(m coc.Draft) *coc.Draft {
	m.Notifier, m.State = d.notifier, coc.Waiting
	d.msgs = append(d.msgs, &m)
	if m.Kind == coc.MessageRoot && d.roots[m.Document] == nil {
		if d.roots == nil {
			d.roots = map[int64]*coc.Draft{}
		}
		d.roots[m.Document] = &m
	}
	return &m
}
