package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/config"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/web"
)

// app is what the commands share: the streams, the global flags, and what must
// be closed at the end.
type app struct {
	stdin    io.Reader
	out, err io.Writer
	now      func() time.Time // the clock of all that asks or records

	configFlag string
	dbFlag     string
	color      choice
	logFormat  choice
	steady     bool // the log outlives its readers

	live   *web.Live      // what the page of a daemon hears of it; nil: nobody listens
	ending []func() error // run in reverse before the program ends
}

// configUsage explains --config.
const configUsage = "config `FILE` (default $COCSYNC_CONFIG, ./config.toml, /etc/cocsync/config.toml)"

// root is the program with its commands. Where the arguments are plain about which one is
// asked for, it has that one alone: to make all takes a moment that a short one feels.
func (a *app) root(args ...string) *cobra.Command {
	root := &cobra.Command{
		Use:     "cocsync",
		Version: version(), // --version
		Short:   "archive, compare and report every version of Huawei Cloud COC custom jobs",
		Long: `cocsync keeps the full version history of Huawei Cloud COC custom jobs
("documents"). A daemon fetches the watched documents and every listed version,
stores them in SQLite permanently, computes what changed, and notifies Slack and
webhooks. All of it can be queried offline.

See it work with nothing installed:   cocsync demo
Set it up for an account:             cocsync init, cocsync check --online, cocsync run`,
		SilenceUsage:  true,
		SilenceErrors: true,
		// What stands before a command is root's, so that grep can have a -c of its own.
		TraverseChildren: true,
		Args:             noArgs,
		RunE:             func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.configFlag, "config", "c", "", configUsage)
	f.StringVar(&a.dbFlag, "db", "", "archive `FILE` for offline commands (default: the config's database)")
	a.color = choice{"auto", []string{"auto", "always", "never"}}
	a.logFormat = choice{"text", []string{"text", "json"}}
	f.Var(&a.color, "color", "when to colour what is written")
	f.Var(&a.logFormat, "log-format", "how to write log lines on stderr")
	a.color.complete(root, "color")
	a.logFormat.complete(root, "log-format")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(hint.Wrap(err, flagAdvice(cmd, err)))
	})
	for _, c := range a.commands(args) {
		root.AddCommand(c())
	}
	// cobra's own commands, in the words of the others.
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short = "explain a command"
		case "completion":
			c.Short = "write the completion script of a shell"
			for _, shell := range c.Commands() {
				shell.Args = noArgs
			}
		}
	}
	return root
}

// commands are what makes each of them, in the order of the help, or the one that the
// arguments name behind root's own flags.
func (a *app) commands(args []string) []func() *cobra.Command {
	all := []struct {
		name string
		make func() *cobra.Command
	}{
		{"demo", a.demoCommand}, {"init", a.initCommand}, {"check", a.checkCommand}, {"run", a.runCommand},
		{"sync", a.syncCommand}, {"status", a.statusCommand}, {"list", a.listCommand}, {"log", a.logCommand},
		{"show", a.showCommand}, {"diff", a.diffCommand}, {"blame", a.blameCommand}, {"grep", a.grepCommand},
		{"export", a.exportCommand}, {"report", a.reportCommand}, {"notify", a.notifyCommand},
		{"erase", a.eraseCommand}, {"verify", a.verifyCommand}, {"audit", a.auditCommand},
		{"backup", a.backupCommand}, {"restore", a.restoreCommand},
		{"web", a.webCommand}, {"healthcheck", a.healthcheckCommand}, {"version", a.versionCommand},
	}
	for len(args) > 1 && slices.Contains([]string{"--config", "-c", "--db", "--color", "--log-format"}, args[0]) {
		args = args[2:]
	}
	var makers []func() *cobra.Command
	for _, c := range all {
		if len(args) > 0 && c.name == args[0] {
			return []func() *cobra.Command{c.make}
		}
		makers = append(makers, c.make)
	}
	return makers
}

// atEnd has f run before the program ends.
func (a *app) atEnd(f func() error) { a.ending = append(a.ending, f) }

func (a *app) close() error {
	var errs []error
	for i := len(a.ending) - 1; i >= 0; i-- {
		errs = append(errs, a.ending[i]())
	}
	return errors.Join(errs...)
}

// config loads and checks the configuration.
func (a *app) config() (*config.Config, error) {
	path, err := config.Find(a.configFlag)
	if err != nil {
		return nil, err
	}
	return config.Load(path)
}

// database is where the archive lies for offline commands: they read nothing
// else of the configuration and resolve no secret.
func (a *app) database() (string, error) {
	if a.dbFlag != "" {
		return a.dbFlag, nil
	}
	path, err := config.Find(a.configFlag)
	if err != nil {
		return "", hint.Wrap(err, "name the archive with --db FILE, or the config that names it with -c FILE")
	}
	return config.LoadDatabase(path)
}

// archive opens the archive for queries.
func (a *app) archive(ctx context.Context) (*query.Archive, error) {
	path, err := a.database()
	if err != nil {
		return nil, err
	}
	q, err := query.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	a.atEnd(q.Close)
	q.Now, q.Note, q.Configured = a.now, a.aside, a.dbFlag == ""
	return q, nil
}

// archiveAt opens the archive for queries about a time; "" is now.
func (a *app) archiveAt(ctx context.Context, at string) (*query.Archive, error) {
	q, err := a.archive(ctx)
	if err != nil {
		return nil, err
	}
	return q, q.SetAt(at)
}

// atHelp says what --at does to references.
const atHelp = `With --at everything is as of then: latest, ~1 and v3 are what they were at the end
of a date, at an RFC 3339 time, or an age ago such as 7d.`

// shared opens the archive for writing next to a daemon.
func (a *app) shared(ctx context.Context) (*db.DB, error) {
	path, err := a.database()
	if err != nil {
		return nil, err
	}
	d, err := db.OpenShared(ctx, path)
	if err != nil {
		return nil, err
	}
	a.atEnd(d.Close)
	return d, nil
}

// logger writes to stderr. level is the least that is shown.
func (a *app) logger(level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	handler := func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, o) }
	switch {
	case a.logFormat.value == "json":
		handler = func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, o) }
	case toJournal(a.err):
		handler = func(w io.Writer) slog.Handler { return newJournal(w, level) }
	}
	if a.steady {
		return slog.New(newSteadyLog(a.err, handler))
	}
	return slog.New(handler(a.err))
}
