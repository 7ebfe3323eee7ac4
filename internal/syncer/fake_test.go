package syncer

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// fakeCOC is a COC in memory that fails on demand. The tests of the program run
// against the real client and the simulator; these test the decisions.
type fakeCOC struct {
	mu       sync.Mutex
	docs     map[string]*coc.Response // newest answer; its content is in contents
	contents map[string]string        // by id@label
	listed   map[string]bool          // false hides from the list
	fail     map[string]error         // by id, id@label or "list"
	asked    []string                 // id or id@label, in order
	unstable bool
	total    int // that the list names; 0: none
	skipped  []coc.SkippedRow
	key      string
	hook     func(what string)       // before each answer
	failing  func(what string) error // as fail, decided for each request; may be nil
}

func newFake() *fakeCOC {
	return &fakeCOC{docs: map[string]*coc.Response{}, contents: map[string]string{}, listed: map[string]bool{},
		fail: map[string]error{}, key: "k1"}
}

// put adds a document with these contents as its versions.
func (f *fakeCOC) put(id string, contents ...string) *coc.Response {
	name, creator, risk := "job "+id, "ann", "LOW"
	a := &coc.Response{DocumentID: id, Meta: coc.Meta{Name: &name, Creator: &creator, RiskLevel: &risk, CreatedAt: day, UpdatedAt: day}}
	f.docs[id], f.listed[id] = a, true
	for _, c := range contents {
		f.edit(id, c, "bob")
	}
	return a
}

// edit makes a new version.
func (f *fakeCOC) edit(id, content, modifier string) {
	a := f.docs[id]
	n := len(a.Versions) + 1
	a.Version = fmt.Sprintf("v%d", n)
	at := day.Add(time.Duration(n) * time.Minute)
	a.Versions = append(slices.Clip(a.Versions), coc.Listed{Label: a.Version, UUID: fmt.Sprintf("%s-u%d", id, n), MadeAt: at})
	a.Meta.UpdatedAt = at
	if n > 1 {
		a.Meta.Modifier = &modifier
	}
	f.contents[id+"@"+a.Version] = content
}

func (f *fakeCOC) answer(what string) error {
	f.mu.Lock()
	hook, err := f.hook, f.fail[what]
	f.asked = append(f.asked, what)
	if f.failing != nil && err == nil {
		err = f.failing(what)
	}
	f.mu.Unlock()
	if hook != nil {
		hook(what)
	}
	return err
}

func (f *fakeCOC) List(ctx context.Context, _ coc.Selection) (coc.List, error) {
	if err := f.answer("list"); err != nil {
		return coc.List{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l := coc.List{Stable: !f.unstable, Total: -1, Ended: true, Skipped: f.skipped}
	for id, a := range f.docs {
		if f.listed[id] {
			print := coc.Content{Bytes: fmt.Append(nil, a.Version, a.Meta.UpdatedAt, coc.OrEmpty(a.Meta.Name))}.Hash()
			l.Rows = append(l.Rows, coc.Row{DocumentID: id, Name: coc.OrEmpty(a.Meta.Name), Version: a.Version,
				UpdatedAt: a.Meta.UpdatedAt, Fingerprint: print})
		}
	}
	if f.total > 0 {
		l.Total = f.total
	}
	slices.SortFunc(l.Rows, func(a, b coc.Row) int { return slices.Compare([]byte(a.DocumentID), []byte(b.DocumentID)) })
	return l, nil
}

func (f *fakeCOC) Get(ctx context.Context, id, version, _ string) (coc.Response, error) {
	if ctx.Err() != nil {
		return coc.Response{}, context.Cause(ctx)
	}
	what := id
	if version != "" {
		what += "@" + version
	}
	if err := f.answer(what); err != nil {
		return coc.Response{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.docs[id]
	if a == nil {
		return coc.Response{}, coc.ErrNotFound
	}
	out := *a
	if version != "" {
		out.Version = version
	}
	content, ok := f.contents[id+"@"+out.Version]
	if !ok {
		return coc.Response{}, coc.ErrRefused
	}
	out.Content = coc.Content{Bytes: []byte(content)}
	return out, nil
}

func (f *fakeCOC) Requests() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.asked))
}

func (f *fakeCOC) Served() int64 { return f.Requests() }

func (f *fakeCOC) KeyID(context.Context) (string, error) { return f.key, nil }

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a watch over a fake COC and a real archive, with a clock by hand.
type world struct {
	t   *testing.T
	coc *fakeCOC
	db  *db.DB
	s   *Syncer
	w   Watch
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	w := &world{t: t, coc: newFake(), db: d, now: day.Add(24 * time.Hour)}
	w.s = &Syncer{
		Store: d, Operators: []string{"oncall"},
		Route: func(_ string, k coc.Kind) (own, routed []string) {
			if k == coc.KindWithdrawn {
				return nil, nil
			}
			return []string{"ops"}, nil
		},
		Now: func() time.Time { return w.now },
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	w.w = Watch{Name: "runbooks", Account: &Account{Name: "prod", Endpoint: "https://coc.example", COC: w.coc, RPS: 5, Connections: 3},
		Select: &coc.Selection{}, Audit: 30 * 24 * time.Hour, Notify: []string{"ops"}}
	return w
}

// cycle runs one cycle five minutes after the previous one.
func (w *world) cycle(o ...Options) coc.Cycle {
	w.t.Helper()
	w.now = w.now.Add(5 * time.Minute)
	w.coc.asked = nil
	opts := Options{Trigger: coc.TriggerSchedule}
	if len(o) > 0 {
		opts = o[0]
	}
	c, err := w.s.Run(w.t.Context(), w.w, opts)
	if err != nil {
		w.t.Fatalf("Run = %v", err)
	}
	return c
}

// all is what a query returns.
func all[T any](rows iter.Seq2[T, error]) (list []T, err error) {
	for v, err := range rows {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// changes returns all changes, oldest first, as "kind from..to", with + for
// those that are sent.
func (w *world) changes() []string {
	w.t.Helper()
	list, err := all(w.db.Changes(w.t.Context(), db.Filter{}))
	if err != nil {
		w.t.Fatal(err)
	}
	notified := map[coc.Key]bool{}
	for _, d := range w.due("ops") {
		if d.Change != nil {
			notified[d.Change.Key] = true
		}
	}
	slices.SortFunc(list, func(a, b coc.Change) int { return a.Key.Compare(b.Key) })
	var out []string
	for _, c := range list {
		// The first revision of a rewritten version is written v1 here.
		s := strings.ReplaceAll(fmt.Sprintf("%s %s..%s", c.Kind, c.Previous, c.Version), "#1", "")
		if c.By != "" {
			s += " by " + c.By
		}
		if c.Late {
			s += " late"
		}
		if notified[c.Key] {
			s = "+ " + s
		}
		out = append(out, s)
	}
	return out
}

func (w *world) due(notifier string) []coc.Delivery {
	w.t.Helper()
	list, err := w.db.Due(w.t.Context(), notifier, w.now.Add(time.Hour), nil, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// notices returns the titles of the notices to a notifier.
func (w *world) notices(notifier string) (titles []string) {
	w.t.Helper()
	for _, d := range w.due(notifier) {
		if d.Notice != nil {
			titles = append(titles, d.Notice.Title)
		}
	}
	return titles
}

func (w *world) wantChanges(want ...string) {
	w.t.Helper()
	if got := w.changes(); !slices.Equal(got, want) {
		w.t.Errorf("changes:\n got %q\nwant %q", got, want)
	}
}

// wantRecovery checks that the operators were notified of a failure once, and of its end.
func (w *world) wantRecovery() {
	w.t.Helper()
	if got := w.notices("oncall"); len(got) != 2 || !strings.Contains(got[1], "works again") {
		w.t.Errorf("notices %q, want failure once and recovery once", got)
	}
}
