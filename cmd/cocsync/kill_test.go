package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cocsync/internal/cocsim"
)

// counting lets a test wait for a number of requests to a service.
type counting struct {
	http.Handler
	mu     sync.Mutex
	n      int
	at     int
	signal chan struct{}
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	if c.n++; c.n == c.at {
		close(c.signal)
	}
	c.mu.Unlock()
	c.Handler.ServeHTTP(w, r)
}

// after returns a channel that is closed n requests from now.
func (c *counting) after(n int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.signal = c.n+n, make(chan struct{})
	return c.signal
}

// killWorld is a COC and a Slack that outlive the processes under test.
type killWorld struct {
	coc             *cocsim.COC
	slack           *cocsim.Slack
	cocHits, slHits *counting
	cocURL, slURL   string
}

func newKillWorld(t *testing.T) *killWorld {
	t.Helper()
	w := &killWorld{coc: cocsim.NewCOC(cocsim.COCOptions{}), slack: cocsim.NewSlack(cocsim.SlackOptions{})}
	w.cocHits, w.slHits = &counting{Handler: w.coc}, &counting{Handler: w.slack}
	for _, d := range corpus(t) {
		w.coc.Add(d)
	}
	for _, s := range []struct {
		h   http.Handler
		url *string
	}{{w.cocHits, &w.cocURL}, {w.slHits, &w.slURL}} {
		url, stop, err := cocsim.Listen(s.h)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		*s.url = url
	}
	return w
}

// corpus returns the folder of real histories in COCSYNC_CORPUS, or generated histories.
func corpus(t *testing.T) (docs []cocsim.Document) {
	t.Helper()
	now := time.Now()
	if dir := os.Getenv("COCSYNC_CORPUS"); dir != "" {
		docs, err := cocsim.LoadCorpus(dir, now)
		if err != nil {
			t.Fatal(err)
		}
		return docs
	}
	t.Log("COCSYNC_CORPUS is not set: using generated histories")
	docs = cocsim.Jobs(now)
	for d := range cocsim.Generate(30, 20, 3000, 7) {
		docs = append(docs, d)
	}
	return docs
}

func (w *killWorld) config(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf(`
[[account]]
name = "prod"
endpoint = %q
access_key = "ak"
secret_key = "sk"
requests_per_second = 0
[[watch]]
name = "runbooks"
account = "prod"
schedule = "@every 1h"
select = { all = true }
notify = ["ops"]
[[slack]]
name = "ops"
token = "xoxb-1"
channel = "C0123456789"
api_url = %q
digest_over = 1000
`, w.cocURL, w.slURL+"/api/")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// syncOnce runs a sync.
func syncOnce(t *testing.T, config string) {
	t.Helper()
	out, err := program(t, "-c", config, "sync").CombinedOutput()
	if err != nil {
		t.Fatalf("sync: %v\n%s", err, out)
	}
}

// killed runs the daemon and kills it after n more requests to c.
func killed(t *testing.T, config string, c *counting, n int) {
	t.Helper()
	cmd := program(t, "-c", config, "run")
	hit := c.after(n)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-hit:
	case <-ctx.Done():
		t.Errorf("the daemon did not make %d requests in %v", n, patience)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
}

// A daemon that is killed repeatedly during its initial sync creates the same archive as an
// undisturbed one. If it is killed while it sends alerts, none is lost.
func TestKillNine(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a few dozen processes")
	}
	t.Parallel()
	w := newKillWorld(t)
	calm, rough := w.config(t, t.TempDir()), w.config(t, t.TempDir())
	syncOnce(t, calm)
	rnd := rand.New(rand.NewPCG(3, 14))
	versions := 0
	for _, id := range w.coc.IDs() {
		d, _ := w.coc.Document(id)
		versions += len(d.Versions)
	}
	for range 12 {
		killed(t, rough, w.cocHits, 1+rnd.IntN(versions/8))
	}
	syncOnce(t, rough)
	compareArchives(t, calm, rough)
	if out, err := program(t, "-c", rough, "verify", "--deep").CombinedOutput(); err != nil {
		t.Errorf("verify after the kills: %v\n%s", err, out)
	}

	edits := 0
	for i, id := range w.coc.IDs() {
		if i%3 == 0 && edits < 12 {
			w.coc.Edit(id, fmt.Sprintf("steps:\n  - name: edited%d\n", i), "COC-zhang.min")
			edits++
		}
	}
	for range 6 {
		killed(t, rough, w.slHits, 1+rnd.IntN(2))
	}
	// A sync sends for at most half a minute, one message per second.
	for before := edits + 1; waiting(t, rough) > 0 && waiting(t, rough) < before; {
		before = waiting(t, rough)
		syncOnce(t, rough)
	}
	sent := map[string]int{}
	for _, m := range w.slack.Messages() {
		for i := range w.coc.IDs() {
			if name := fmt.Sprintf("edited%d ", i); strings.Contains(m.Text+string(m.Blocks)+" ", strings.TrimSpace(name)) {
				sent[name]++
			}
		}
	}
	if n := waiting(t, rough); n != 0 || len(sent) < edits {
		t.Errorf("%d deliveries pending, %d of %d edits sent", n, len(sent), edits)
	}
}

func dbOf(t *testing.T, config string) *sql.DB {
	t.Helper()
	d, err := sql.Open("sqlite", "file:"+filepath.Join(filepath.Dir(config), "cocsync.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func waiting(t *testing.T, config string) (n int) {
	t.Helper()
	err := dbOf(t, config).QueryRow(`SELECT count(*) FROM deliveries WHERE state IN ('waiting', 'claimed')`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// compareArchives compares contents, versions and changes. Times and row IDs may differ.
func compareArchives(t *testing.T, want, got string) {
	t.Helper()
	for name, query := range map[string]string{
		"contents": `SELECT hex(hash), size FROM contents ORDER BY 1`,
		"versions": `SELECT d.document_id, v.label, v.state, v.recorded, v.backfill, r.number, coalesce(r.version_uuid, v.version_uuid), coalesce(r.author, '?'), hex(c.hash)
			FROM documents d JOIN versions v ON v.document_id = d.id JOIN revisions r ON r.version_id = v.id
			JOIN contents c ON c.id = r.content_id ORDER BY 1, 2, r.number`,
		"changes": `SELECT d.document_id, x.kind, coalesce(vf.label, ''), coalesce(vt.label, ''), x.at, x.backfill, x.late,
				f.added, f.removed, f.summary, f.class, f.omitted, f.cut, f.skipped, f.formatting, f.reason,
				(SELECT group_concat(op || p.text || step || t.text || old || new, char(10)) FROM items i JOIN words p ON p.id = i.path JOIN words t ON t.id = i.task WHERE i.change_id = x.id)
			FROM changes x JOIN documents d ON d.id = x.document_id JOIN diffs f ON f.change_id = x.id
			LEFT JOIN revisions rf ON rf.id = x.from_revision LEFT JOIN versions vf ON vf.id = rf.version_id
			LEFT JOIN revisions rt ON rt.id = x.to_revision LEFT JOIN versions vt ON vt.id = rt.version_id
			ORDER BY 1, 2, 3, 4`,
		"states": `SELECT d.document_id, d.state, d.name, d.newest, hex(d.fingerprint), s.name, s.risk_level, s.modifier
			FROM documents d JOIN document_states s ON s.document_id = d.id ORDER BY 1, s.id`,
	} {
		a, b := rows(t, dbOf(t, want), query), rows(t, dbOf(t, got), query)
		if len(a) == 0 {
			t.Errorf("%s: nothing to compare", name)
		}
		if !slices.Equal(a, b) {
			t.Errorf("%s differ: %d rows undisturbed, %d after the kills", name, len(a), len(b))
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					t.Errorf("first difference:\n%s\n%s", a[i], b[i])
					break
				}
			}
		}
	}
}

func rows(t *testing.T, d *sql.DB, query string) (out []string) {
	t.Helper()
	r, err := d.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for r.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := r.Scan(values...); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, v := range values {
			fmt.Fprintf(&b, "%v|", *v.(*any))
		}
		out = append(out, b.String())
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
