package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

// eventSchema is the number of the form of an event: docs/events.md.
const eventSchema = 1

// event is the body of a webhook's request.
type event struct {
	Schema    int       `json:"schema"`
	Type      string    `json:"type"` // change.version, notice.trouble
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
	// Log is the head of the archive's log when the event was written; null for none.
	Log *logData `json:"log"`
}

// logData makes every receiver a witness of the archive's log.
type logData struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   []byte `json:"root"` // base64
	KeyID  string `json:"key_id"`
}

func newLogData(h coc.Head) *logData {
	if h.KeyID == "" {
		return nil
	}
	return &logData{h.Origin, h.Size, h.Root[:], h.KeyID}
}

type changeData struct {
	ID         int64      `json:"id"`
	Kind       coc.Kind   `json:"kind"`
	Account    string     `json:"account"`
	DocumentID string     `json:"document_id"`
	Name       string     `json:"name"`
	Version    *string    `json:"version"`
	Previous   *string    `json:"previous"`
	MadeAt     *time.Time `json:"made_at"`
	SeenAt     time.Time  `json:"seen_at"`
	By         *string    `json:"by"`
	Modifier   *string    `json:"modifier"`
	RiskLevel  *string    `json:"risk_level"`
	Added      int        `json:"added"`
	Removed    int        `json:"removed"`
	Summary    string     `json:"summary"`
	Note       string     `json:"note"`
	Backfill   bool       `json:"backfill"`
	Late       bool       `json:"late"`
	Items      []itemData `json:"items"`
	More       int        `json:"more"` // differences that are not in items
	Diff       *string    `json:"diff"`
	DiffWhole  bool       `json:"diff_whole"`
	Masked     int        `json:"masked"` // values that are hidden in items and diff
}

type itemData struct {
	Op   string  `json:"op"`
	Path string  `json:"path"`
	Step string  `json:"step"`
	Task string  `json:"task"`
	Old  *string `json:"old"` // null: not told
	New  *string `json:"new"`
}

type noticeData struct {
	ID    int64          `json:"id"`
	Kind  coc.NoticeKind `json:"kind"`
	Watch string         `json:"watch"`
	Title string         `json:"title"`
	Lines []string       `json:"lines"`
}

// maxHookDiff bounds the diff in an event, in characters of its JSON. Receivers often
// take no more than a megabyte.
const maxHookDiff = 256 << 10

// newChangeData is a change without what is said of its content.
func newChangeData(c *coc.Change) changeData {
	d := changeData{ID: c.ID, Kind: c.Kind, Account: c.Account, DocumentID: c.DocumentID, Name: c.Name,
		Version: orNull(c.Version), Previous: orNull(c.Previous), SeenAt: c.SeenAt.UTC(),
		By: orNull(c.By), Modifier: orNull(c.Modifier), RiskLevel: orNull(c.RiskLevel),
		Added: c.Added, Removed: c.Removed, Backfill: c.Backfill, Late: c.Late, Items: []itemData{}, DiffWhole: true}
	if !c.MadeAt.IsZero() {
		at := c.MadeAt.UTC()
		d.MadeAt = &at
	}
	return d
}

func (d changeData) event(h coc.Head) ([]byte, error) {
	return json.Marshal(event{eventSchema, "change." + string(d.Kind), d.SeenAt, d, newLogData(h)})
}

func (d noticeData) event(at time.Time, h coc.Head) ([]byte, error) {
	return json.Marshal(event{eventSchema, "notice." + string(d.Kind), at.UTC(), d, newLogData(h)})
}

// Event writes a change as an event with nothing masked and nothing cut, for those
// who have the archive itself. old and now are as Outbox.Contents returns them.
func Event(c *coc.Change, old, now []byte) ([]byte, error) {
	d := newChangeData(c)
	d.Summary, d.Note, d.More = c.Summary, c.UncountedNote(), c.Omitted
	for i := range c.Items {
		it := &c.Items[i]
		d.Items = append(d.Items, itemData{it.Op, it.Path, it.Step, it.Task, &it.Old, &it.New})
	}
	if now != nil {
		var b strings.Builder
		for _, h := range diff.Hunks(diff.Read(old), diff.Read(now), diff.Options{Context: diffContext}) {
			fmt.Fprintf(&b, "@@ -%d,%d +%d,%d @@\n", h.OldStart, h.OldLines, h.NewStart, h.NewLines)
			for _, l := range h.Lines {
				b.WriteString(string(l.Op) + strings.TrimSuffix(string(l.Text), "\n") + "\n")
				if !strings.HasSuffix(string(l.Text), "\n") {
					b.WriteString("\\ No newline at end of file\n")
				}
			}
		}
		if b.Len() > 0 {
			text := b.String()
			d.Diff = &text
		}
	}
	return d.event(coc.Head{})
}

// NoticeEvent does the same for a notice.
func NoticeEvent(n *coc.Notice) ([]byte, error) {
	d := noticeData{ID: n.ID, Kind: n.Kind, Watch: n.Watch, Title: n.Title, Lines: append([]string{}, n.Lines...)}
	return d.event(n.At, coc.Head{})
}

// event drafts the event of one change.
func (l *lane) event(ctx context.Context, out *draft, t telling) error {
	pair, err := l.contents(ctx, t.Change)
	if err != nil {
		return err
	}
	m := coc.Draft{Message: coc.Message{Kind: coc.MessageRoot, Document: t.Change.Document}, Claims: []int64{t.ID}}
	if m.Body, m.Text, err = l.write.event(t.Change, pair); err != nil {
		return err
	}
	out.put(m)
	return nil
}

// event writes a change as JSON, masked and as detailed as the notifier is told.
// text says the same in a line.
func (w *writer) event(c *coc.Change, pair contents) (body []byte, text string, err error) {
	c = w.maskNames(c)
	s := w.content(c, pair)
	d := newChangeData(c)
	d.By, d.Modifier, d.RiskLevel = orNull(w.mask.Words(c.By)), orNull(w.mask.Words(c.Modifier)), orNull(w.mask.Words(c.RiskLevel))
	d.Summary, d.Note, d.More = s.summary, strings.Join(s.notes, " "), s.more
	d.Masked = s.masked
	for i := range s.items {
		it := &s.items[i]
		item := itemData{Op: it.Op, Path: it.Path, Step: it.Step, Task: it.Task}
		if it.values {
			item.Old, item.New = &it.Old, &it.New
		}
		d.Items = append(d.Items, item)
	}
	if len(s.patch) > 0 {
		var b strings.Builder
		room := maxHookDiff
		for _, l := range s.patch {
			if room -= weight(l); room < 0 {
				d.DiffWhole = false
				break
			}
			b.WriteString(l)
			b.WriteByte('\n')
		}
		diff := b.String()
		d.Diff = &diff
	}
	body, err = d.event(w.head)
	return body, w.title(c) + " (" + idOf(c) + ")", err
}

// noticeEvent writes a notice as JSON.
func (w *writer) noticeEvent(n *coc.Notice) (body []byte, title string, err error) {
	d := noticeData{ID: n.ID, Kind: n.Kind, Watch: n.Watch, Title: w.mask.Words(n.Title), Lines: []string{}}
	for _, l := range n.Lines {
		d.Lines = append(d.Lines, w.mask.Words(l))
	}
	body, err = d.event(n.At, w.head)
	return body, text.Line(w.mask.Words(n.Title), maxHeader), err
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
