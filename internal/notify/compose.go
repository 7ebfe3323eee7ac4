package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/mask"
)

const (
	// maxDue bounds the deliveries that are frozen at once, and so a digest.
	maxDue = 5_000
	// maxSingles bounds the messages about one change each that are frozen at once: each
	// has the whole difference.
	maxSingles = 50
	// stale is the age from which pending deliveries become a digest, however few they
	// are.
	stale = 24 * time.Hour
	// maxCompared bounds the contents that are loaded for the details of one digest, in
	// bytes.
	maxCompared = 2 << 20
)

// batch is what is due for a notifier, and the messages that its channel drafts of it.
type batch struct {
	*Sender
	n       *Notifier
	write   *writer
	now     time.Time
	notices []coc.Delivery
	changes []alert
	logs    []coc.Head // for a notice of them; if there are none, why
	noLogs  error
	// fresh ignores earlier messages and threads, for samples and previews.
	fresh   bool
	samples map[*coc.Change]contents // that are not in the archive

	drafts []*coc.Draft
	roots  map[coc.Key]*coc.Draft // by document
}

// alert is a change to send, and whom its message mentions.
type alert struct {
	coc.Delivery
	mention []string
}

// freeze stores what is due as messages, at most limit deliveries. It reports whether it
// did anything, and the end of the quiet hours that hold changes back; else zero.
func (w *worker) freeze(ctx context.Context, limit int) (did bool, quiet time.Time, _ error) {
	b := w.batch(w.n)
	if w.n.traits().structured {
		limit = min(limit, maxSingles)
	}
	var kinds []coc.Kind
	if quiet = w.n.Quiet.until(b.now); !quiet.IsZero() {
		kinds = append([]coc.Kind{}, w.n.Quiet.Except...)
	}
	due, err := w.Outbox.Due(ctx, w.n.Name, b.now, kinds, limit)
	if err != nil {
		return false, quiet, err
	}
	stored := b.route(ctx, due)
	if len(due) > 0 && w.n.traits().structured {
		b.write.heads, err = w.Outbox.Heads(ctx, b.accounts(), b.now)
	} else if slices.ContainsFunc(b.notices, ofHeads) {
		err = b.loadHeads(ctx, &stored)
	}
	if err != nil {
		return false, quiet, err
	}
	if err := w.n.Channel.compose(ctx, b); err != nil {
		return false, quiet, err
	}
	stored.Drafts = b.drafts
	if len(b.drafts) > 0 || len(stored.Drop) > 0 {
		_, err = w.Outbox.Freeze(ctx, stored, b.now)
		return true, quiet, err
	}
	if quiet.IsZero() {
		return false, quiet, nil
	}
	return false, quiet, w.recordQuiet(ctx, b.now, quiet)
}

// accounts returns the accounts of the changes to send, by name: an event has the head of its log.
func (b *batch) accounts() (accounts []string) {
	for _, d := range b.changes {
		if !slices.Contains(accounts, d.Change.Account) {
			accounts = append(accounts, d.Change.Account)
		}
	}
	slices.Sort(accounts)
	return accounts
}

// route adds the deliveries to send to the batch, and returns those to drop and the
// additional recipients.
func (b *batch) route(ctx context.Context, due []coc.Delivery) (rest coc.Batch) {
	for _, d := range due {
		if d.Notice != nil {
			b.notices = append(b.notices, d)
			continue
		}
		wanted, mention, others := b.decide(ctx, &d)
		if others != nil {
			rest.Recipients = append(rest.Recipients, *others)
		}
		if wanted {
			b.changes = append(b.changes, alert{d, mention})
		} else {
			rest.Drop = append(rest.Drop, d.ID)
		}
	}
	return rest
}

// recordQuiet records, once for each quiet hours, that changes are held back.
func (w *worker) recordQuiet(ctx context.Context, now, until time.Time) error {
	if w.quietUntil.Equal(until) {
		return nil
	}
	held, err := w.Outbox.Due(ctx, w.n.Name, now, nil, 1)
	if err != nil || len(held) == 0 {
		return err
	}
	w.log().Info("quiet hours", "notifier", w.n.Name, "until", until)
	w.quietUntil = until
	return w.Outbox.Pause(ctx, w.n.Name, coc.PauseQuietHours, until)
}

func (s *Sender) batch(n *Notifier) *batch {
	return &batch{Sender: s, n: n, now: s.now(),
		write: &writer{n: n, mask: &mask.Masker{Patterns: n.Mask}, people: s.People, links: s.Links}}
}

// composeBlocks drafts the notices, and the changes: one message each, or a digest.
func (b *batch) composeBlocks(ctx context.Context) error {
	for i := range b.notices {
		d := &b.notices[i]
		m := coc.Draft{Message: coc.Message{Kind: coc.MessageNotice}, Claims: []int64{d.ID}}
		w := b.write.notice(d.Notice)
		if ofHeads(*d) {
			w = b.headsMessage(d.Notice)
		}
		if _, err := b.add(m, w); err != nil {
			return err
		}
	}
	if len(b.changes) > b.n.digestOver() || len(b.changes) > 1 && slices.ContainsFunc(b.changes, b.delayed) {
		return b.digest(ctx)
	}
	for _, a := range b.changes[:min(len(b.changes), maxSingles)] { // the rest stays due
		if err := b.single(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// delayed reports whether a change was held back: by quiet hours, an outage or a restore.
func (b *batch) delayed(a alert) bool {
	return a.Gathered || b.now.Sub(a.DueAt) >= stale || b.n.Quiet.delayed(a.DueAt, b.now)
}

// single drafts the message of one change, in the thread of its document if there is one.
func (b *batch) single(ctx context.Context, a alert) error {
	c := a.Change
	pair, err := b.contents(ctx, c)
	if err != nil {
		return err
	}
	m := coc.Draft{Message: coc.Message{Kind: coc.MessageRoot, Document: c.Document}, Claims: []int64{a.ID}}
	if b.n.threads() && !urgent(c) {
		if !b.fresh {
			m.Parent, err = b.Outbox.Thread(ctx, b.n.Name, c.Document, b.n.traits().id, b.now.Add(-b.n.Thread))
		}
		if err != nil {
			return err
		}
		if m.Parent == 0 {
			m.ReplyTo = b.roots[c.Document]
		}
		if m.Parent != 0 || m.ReplyTo != nil {
			m.Kind = coc.MessageReply
		}
	}
	_, err = b.add(m, b.write.change(c, pair, a.mention))
	return err
}

// digest drafts one message for all the changes, and its details if there are threads.
func (b *batch) digest(ctx context.Context) error {
	var changes []*coc.Change
	var ids []int64
	var mention []string
	for _, a := range b.changes {
		changes, ids, mention = append(changes, a.Change), append(ids, a.ID), append(mention, a.mention...)
	}
	m := coc.Draft{Message: coc.Message{Kind: coc.MessageDigest}, Claims: ids}
	root, err := b.add(m, b.write.digest(changes, unique(mention)))
	if err != nil || !b.n.threads() || b.fresh {
		return err
	}
	left := maxCompared
	details, err := b.write.details(changes, func(c *coc.Change) (contents, error) {
		if left < 0 {
			return contents{why: "There were too many changes to compare each."}, nil
		}
		pair, err := b.contents(ctx, c)
		left -= len(pair.old) + len(pair.now)
		return pair, err
	})
	for _, d := range details {
		if err == nil {
			_, err = b.add(coc.Draft{Message: coc.Message{Kind: coc.MessageReply}, ReplyTo: root}, d)
		}
	}
	return err
}

// contents returns the two texts of a change, if the notifier's detail allows them.
func (b *batch) contents(ctx context.Context, c *coc.Change) (pair contents, err error) {
	if !b.n.full() {
		return pair, nil
	}
	if pair, ok := b.samples[c]; ok {
		return pair, nil
	}
	pair.old, pair.now, err = b.Outbox.Contents(ctx, c.Key)
	switch {
	case ctx.Err() != nil:
		return pair, ctx.Err()
	case errors.Is(err, coc.ErrErased):
		pair = contents{why: "One of the two contents was erased from the archive."}
	case err != nil: // the alert is sent without them
		b.log().Warn("contents not shown", "notifier", b.n.Name, "change", c.Ref, "err", err)
		pair = contents{why: "The contents could not be read from the archive; the log of cocsync says why."}
	}
	return pair, nil
}

// add drafts a message in blocks, and its file below it. It returns the message, so that
// others of the batch can reply to it.
func (b *batch) add(m coc.Draft, w rendered) (_ *coc.Draft, err error) {
	m.Text = w.text
	if m.Body, err = json.Marshal(w.blocks); err != nil {
		return nil, fmt.Errorf("write a message: %w", err)
	}
	added := b.put(m)
	if w.file != nil {
		f := coc.Draft{Message: coc.Message{Kind: coc.MessageFile, Document: m.Document, Text: w.file.Instead}, ReplyTo: added}
		if f.Body, err = json.Marshal(w.file); err != nil {
			return nil, fmt.Errorf("write a file: %w", err)
		}
		b.put(f)
	}
	return added, nil
}

func (b *batch) put(m coc.Draft) *coc.Draft {
	m.Notifier, m.State = b.n.Name, coc.Waiting
	b.drafts = append(b.drafts, &m)
	if m.Kind == coc.MessageRoot && b.roots[m.Document] == nil {
		if b.roots == nil {
			b.roots = map[coc.Key]*coc.Draft{}
		}
		b.roots[m.Document] = &m
	}
	return &m
}
