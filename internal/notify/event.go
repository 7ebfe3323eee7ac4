package notify

import (
	"encoding/json"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// eventSchema is the number of the form of an event: docs/events.md.
const eventSchema = 2

// event is the body of a webhook's request.
type event struct {
	Schema    int       `json:"schema"`
	Type      string    `json:"type"` // change.version, notice.failure
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
	// Log is the head of the account's log when the event was written; null for none.
	Log *logData `json:"log"`
}

// logData lets each receiver keep a checkpoint of the log.
type logData struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   []byte `json:"root"` // base64
	Key    string `json:"key"`  // its fingerprint
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
	Old  *string `json:"old"` // null: not sent
	New  *string `json:"new"`
}

type noticeData struct {
	ID    int64          `json:"id"`
	Kind  coc.NoticeKind `json:"kind"`
	Watch string         `json:"watch"`
	Title string         `json:"title"`
	Lines []string       `json:"lines"`
}

// event writes what is sent of a change as JSON.
func (s excerpt) event(c *coc.Change, h coc.Head) ([]byte, error) {
	d := changeData{ID: c.Key.ID, Kind: c.Kind, Account: c.Account, DocumentID: c.DocumentID, Name: c.Name,
		Version: orNull(c.Version), Previous: orNull(c.Previous), SeenAt: c.SeenAt.UTC(),
		By: orNull(c.By), Modifier: orNull(c.Modifier), RiskLevel: orNull(c.RiskLevel), Added: c.Added, Removed: c.Removed,
		Summary: s.summary, Note: strings.Join(s.notes, " "), Backfill: c.Backfill, Late: c.Late,
		Items: []itemData{}, More: s.more, DiffWhole: !s.cut, Masked: s.masked}
	if !c.MadeAt.IsZero() {
		at := c.MadeAt.UTC()
		d.MadeAt = &at
	}
	for i := range s.items {
		it := &s.items[i]
		item := itemData{Op: it.Op, Path: it.Path, Step: it.Step, Task: it.Task}
		if it.values {
			item.Old, item.New = &it.Old, &it.New
		}
		d.Items = append(d.Items, item)
	}
	if len(s.patch) > 0 {
		d.Diff = orNull(strings.Join(s.patch, "\n") + "\n")
	}
	return marshalEvent("change."+string(d.Kind), d.SeenAt, d, h)
}

func marshalEvent(kind string, at time.Time, data any, h coc.Head) ([]byte, error) {
	e := event{Schema: eventSchema, Type: kind, Timestamp: at.UTC(), Data: data}
	if h.Key != "" {
		e.Log = &logData{h.Origin, h.Size, h.Root[:], h.Key}
	}
	return json.Marshal(e)
}

// Event writes a change as an event, unmasked and complete, for those who have the
// archive. old and now are as Outbox.Contents returns them.
func Event(c *coc.Change, old, now []byte) ([]byte, error) {
	s := excerpt{summary: c.Summary, notes: []string{c.UncountedNote()}, more: c.Omitted}
	for _, it := range c.Items {
		s.items = append(s.items, shownItem{Item: it, values: true})
	}
	if now != nil {
		s.patch = unified(old, now, func(l diff.Line) string { return strings.TrimSuffix(string(l.Text), "\n") })
	}
	return s.event(c, coc.Head{})
}

// NoticeEvent writes a notice as an event, unmasked.
func NoticeEvent(n *coc.Notice) ([]byte, error) { return noticeEvent(n, coc.Head{}) }

func noticeEvent(n *coc.Notice, h coc.Head) ([]byte, error) {
	d := noticeData{n.ID, n.Kind, n.Watch, n.Title, append([]string{}, n.Lines...)}
	return marshalEvent("notice."+string(n.Kind), n.At, d, h)
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
