package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/cocsim"
	"cocsync/internal/config"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/term"
	"cocsync/internal/text"
	"cocsync/internal/web"
)

// alertWithin is how long the demo waits for an alert. A busy machine may take half a
// minute.
const alertWithin = 5 * time.Minute

type demoFlags struct {
	corpus, keep string
	serve        bool
}

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "show how cocsync works, with a fake COC and a fake Slack",
		Long: `Demo runs everything in this process: a fake COC with real job DSL, a fake Slack, and
the daemon. It archives a few jobs with their histories, then edits them and
prints the alerts. It connects to this machine only, takes less than a minute and removes
its files.

With --serve it also serves the web page, and keeps running and editing jobs until Ctrl-C.
With --keep DIR it keeps the archive and a config in DIR, for trying queries.
With --corpus DIR it serves a folder of histories instead (each subfolder is a document,
its files in name order are the versions) and compares every stored version with its
file, byte for byte.`,
		Example: `  cocsync demo
  cocsync demo --serve
  cocsync demo --keep /tmp/demo && cocsync -c /tmp/demo/config.toml log`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), f) },
	}
	cmd.Flags().BoolVar(&f.serve, "serve", false, "serve the page too, and keep editing jobs until Ctrl-C")
	cmd.Flags().StringVar(&f.corpus, "corpus", "", "serve the histories in `DIR` instead of the built-in jobs")
	cmd.Flags().StringVar(&f.keep, "keep", "", "keep the archive and its config in `DIR`")
	excludeFlags(cmd, []string{"corpus", "serve"})
	return cmd
}

// demoEnv is the environment of the demo: a COC and a Slack on loopback, and a folder.
type demoEnv struct {
	coc      *cocsim.COC
	slack    *cocsim.Slack
	cocURL   string
	slackURL string
	dir      string

	db   *db.DB
	seen int           // messages in Slack that are printed
	wake chan struct{} // the daemon runs every watch
	done chan error    // the daemon ended
}

func (a *app) demo(ctx context.Context, f demoFlags) error {
	docs := cocsim.Jobs(time.Now())
	if f.corpus != "" {
		var err error
		if docs, err = cocsim.LoadCorpus(f.corpus, time.Now()); err != nil {
			return err
		}
	}
	s, err := a.newDemoEnv(f.keep, docs)
	if err != nil {
		return err
	}
	if f.corpus != "" {
		return a.demoCorpus(ctx, docs)
	}
	return a.demoEdits(ctx, s, f)
}

// newDemoEnv starts both services and writes the config that the program loads.
func (a *app) newDemoEnv(keep string, docs []cocsim.Document) (*demoEnv, error) {
	s := &demoEnv{coc: cocsim.NewCOC(cocsim.COCOptions{AccessKey: "demo", SecretKey: "demo-secret"}), dir: keep,
		slack: cocsim.NewSlack(cocsim.SlackOptions{Token: "xoxb-demo", Channels: []string{"C0123456789"}, EnforceRate: true})}
	for _, d := range docs {
		s.coc.Add(d)
	}
	var err error
	if s.cocURL, err = a.serve(s.coc); err != nil {
		return nil, err
	}
	if s.slackURL, err = a.serve(s.slack); err != nil {
		return nil, err
	}
	if keep == "" {
		if s.dir, err = os.MkdirTemp("", "cocsync-demo-*"); err != nil {
			return nil, err
		}
		a.atEnd(func() error { return os.RemoveAll(s.dir) })
	} else if err := os.MkdirAll(keep, 0o700); err != nil {
		return nil, err
	}
	a.configFlag = filepath.Join(s.dir, "config.toml")
	for _, name := range []string{"config.toml", "demo.db"} {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err == nil {
			return nil, hint.Wrap(fmt.Errorf("%s already contains %s", s.dir, name), "choose another folder for --keep")
		}
	}
	return s, os.WriteFile(a.configFlag, s.config(), 0o600)
}

// serve serves a service on loopback until the program ends.
func (a *app) serve(service http.Handler) (url string, err error) {
	url, stop, err := cocsim.Listen(service)
	if err == nil {
		a.atEnd(func() error { stop(); return nil })
	}
	return url, err
}

func (s *demoEnv) config() []byte {
	return fmt.Appendf(nil, `# Written by cocsync demo. Its COC and Slack ended with the demo, so sync no longer
# works; all queries work.
database = "demo.db"

[[account]]
name = "demo"
endpoint = %q
access_key = "demo"
secret_key = "demo-secret"
requests_per_second = 0

[[watch]]
name = "runbooks"
account = "demo"
schedule = "@every 10s"
select = { all = true }
notify = ["ops"]

[[slack]]
name = "ops"
token = "xoxb-demo"
channel = "C0123456789"
api_url = %q
`, s.cocURL, s.slackURL+"/api/")
}

// demoEdits edits jobs and shows the alerts.
func (a *app) demoEdits(ctx context.Context, s *demoEnv, f demoFlags) (err error) {
	a.say("# COC serves %d jobs on %s, Slack listens on %s. The daemon starts.", len(s.coc.IDs()), s.cocURL, s.slackURL)
	if s.db, err = a.closeAtExit(db.Open(ctx, filepath.Join(s.dir, "demo.db"))); err != nil {
		return err
	}
	if f.serve {
		a.longRunning()
		a.live = web.NewLive()
		page, err := a.servePage(ctx, s.db.Path())
		if err != nil {
			return err
		}
		defer page.close()
	}
	ctx, stop := context.WithCancelCause(ctx)
	s.wake, s.done = make(chan struct{}), make(chan error, 1)
	go func() {
		s.done <- a.daemon(s.db, s.db.Path(), a.logger(slog.LevelError), stop).Run(ctx, nil, s.wake)
		close(s.done) // a second receive must not block
	}()
	err = a.alerts(ctx, s)
	for _, e := range cocsim.Story() {
		if err == nil {
			err = a.edit(ctx, s, e.Text, func() { e.Do(s.coc) })
		}
	}
	if err == nil && f.serve {
		err = a.keepEditing(ctx, s)
	}
	stop(nil)
	if err := errors.Join(err, <-s.done); err != nil {
		return err
	}
	return a.runQueries(context.WithoutCancel(ctx), s, f.keep != "")
}

// edit edits a job, wakes the daemon and prints the alerts.
func (a *app) edit(ctx context.Context, s *demoEnv, what string, do func()) error {
	a.say("\n# %s.", what)
	do()
	select {
	case s.wake <- struct{}{}:
		return a.alerts(ctx, s)
	case err := <-s.done:
		return endedEarly(err)
	case <-ctx.Done():
		return errInterrupted
	}
}

var errInterrupted = errors.New("interrupted")

func endedEarly(err error) error { return errors.Join(errors.New("the daemon ended early"), err) }

// alerts waits for the next message in Slack and prints all new ones.
func (a *app) alerts(ctx context.Context, s *demoEnv) error {
	waiting, cancel := context.WithTimeout(ctx, alertWithin)
	defer cancel()
	if err := s.slack.Wait(waiting, s.seen+1); err != nil {
		select {
		case err := <-s.done:
			return endedEarly(err)
		default:
			if ctx.Err() != nil {
				return errInterrupted
			}
			return fmt.Errorf("no alert arrived: %w", err)
		}
	}
	// Other due messages arrive about one second apart.
	for pending := true; pending && waiting.Err() == nil; time.Sleep(50 * time.Millisecond) {
		backlog, err := s.db.Backlogs(ctx, time.Now())
		if err != nil {
			return err
		}
		pending = slices.ContainsFunc(backlog, func(b db.Backlog) bool { return b.Waiting > 0 })
	}
	list := s.slack.Messages()
	for _, m := range list[s.seen:] {
		fmt.Fprintln(a.out)
		if m.ThreadTS != "" {
			fmt.Fprintln(a.out, "  ↳ in the thread")
		}
		for line := range strings.Lines(cocsim.Render(m)) {
			fmt.Fprint(a.out, "  │ ", line)
		}
		fmt.Fprintln(a.out)
	}
	s.seen = len(list)
	return nil
}

// runQueries runs queries on the archive.
func (a *app) runQueries(ctx context.Context, s *demoEnv, keep bool) error {
	t, err := s.db.Totals(ctx)
	if err != nil {
		return err
	}
	a.say("\n# The archive now has %d documents, %d versions and %d changes. All queries work offline:",
		t.Documents, t.Versions, t.Changes)
	for _, args := range [][]string{
		{"log", "-n", "3"},
		{"diff", "restart-unhealthy-nodes", "--format", "dsl"},
		{"diff", "restart-unhealthy-nodes"},
	} {
		fmt.Fprintf(a.out, "\n$ cocsync %s\n", strings.Join(args, " "))
		if err := run(ctx, append([]string{"--db", s.db.Path(), "--color", a.color.value}, args...), a.stdin, a.out, a.err); err != nil {
			return err
		}
	}
	if keep {
		a.say("\n# Kept in %s. Try: cocsync -c %s list", s.dir, a.configFlag)
		return nil
	}
	a.say("\n# For your own account: cocsync init, cocsync check --online, cocsync run")
	return nil
}

// demoCorpus syncs a folder of histories and compares every stored version with
// its file.
func (a *app) demoCorpus(ctx context.Context, docs []cocsim.Document) error {
	if err := a.sync(ctx, nil, syncFlags{}); err != nil {
		return err
	}
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	n := 0
	for _, want := range docs {
		doc, err := q.Document(ctx, want.Name)
		if err != nil {
			return err
		}
		for i, v := range want.Versions {
			got, err := q.Version(ctx, doc, fmt.Sprintf("v%d", i+1))
			if err != nil {
				return err
			}
			c, err := q.Content(ctx, got)
			if err != nil {
				return err
			}
			if string(c.Bytes) != v.Text() {
				return fmt.Errorf("%s@v%d: the archived content differs from the file", want.Name, i+1)
			}
		}
		n += len(want.Versions)
	}
	_, err = fmt.Fprintf(a.out, "%s, %s: every stored version equals its file, byte for byte\n",
		text.Plural(len(docs), "document"), text.Plural(n, "version"))
	return err
}

// say prints a comment line of the demo.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.out, a.output().Paint(term.Bold, fmt.Sprintf(format, args...)))
}

// editEvery is the interval of edits while the demo keeps running.
const editEvery = 10 * time.Second

// servePage serves the demo's archive on the daemon's address, or on another port if that
// is in use.
func (a *app) servePage(ctx context.Context, path string) (*openedPage, error) {
	w := config.Web{Listen: "127.0.0.1:8321"}
	page, err := a.openPage(ctx, path, w, "", a.logger(slog.LevelWarn))
	if err != nil {
		w.Listen = "127.0.0.1:0"
		if page, err = a.openPage(ctx, path, w, "", a.logger(slog.LevelWarn)); err != nil {
			return nil, err
		}
	}
	a.say("# The page is at %s: open it to see the changes arrive. Ctrl-C ends the demo.", page.address)
	return page, nil
}

// keepEditing keeps editing jobs and printing the alerts until the context ends.
func (a *app) keepEditing(ctx context.Context, s *demoEnv) error {
	a.say("\n# From now on a job is edited every %s, until Ctrl-C.", editEvery)
	people := []string{"COC-chen.yu", "COC-li.wei", "COC-anita.rao", "COC-zhang.min", "COC-marc.tan"}
	next := time.NewTicker(editEvery)
	defer next.Stop()
	for {
		ids := s.coc.IDs()
		id := ids[rand.IntN(len(ids))]
		doc, _ := s.coc.Document(id)
		text, what := cocsim.Tweak(doc.Versions[len(doc.Versions)-1].Text(), rand.New(rand.NewPCG(rand.Uint64(), 0)))
		by := people[rand.IntN(len(people))]
		err := a.edit(ctx, s, fmt.Sprintf("%s edits %s: %s", by, doc.Name, what), func() { s.coc.Edit(id, text, by) })
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-next.C:
		case <-ctx.Done():
			fmt.Fprintln(a.out)
			return nil
		}
	}
}
