package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/config"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/web"
)

// app holds what the commands share: the streams, the global flags, and the functions to
// run at exit.
type app struct {
	stdin    io.Reader
	out, err io.Writer
	now      func() time.Time // the clock of queries and records

	configFlag  string
	dbFlag      string
	color       choice
	logFormat   choice
	format      choice // -o
	at          string // --at of references
	nonBlocking bool   // writes to the log neither block nor end the process

	live   *web.Live      // metrics of this daemon, for its page; nil: no page
	ending []func() error // run in reverse before the program ends
}

// configUsage explains --config.
const configUsage = "config `FILE` (default: $COCSYNC_CONFIG, ./config.toml, /etc/cocsync/config.toml)"

// root returns the root command.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:     "cocsync",
		Version: version(), // --version
		Short:   "archive, compare and report every version of Huawei Cloud COC custom jobs",
		Long: `cocsync archives the full version history of Huawei Cloud COC custom jobs
("documents"). A daemon fetches the watched documents and all their versions, stores
them permanently in SQLite, computes the differences, and notifies Slack and webhooks.
All queries work offline.

Try it without any setup:   cocsync demo
Set it up for an account:   cocsync init, cocsync check --online, cocsync run`,
		SilenceUsage:  true,
		SilenceErrors: true,
		// Flags before a command are root's, so that grep can have its own -c.
		TraverseChildren:  true,
		Args:              noArgs,
		PersistentPreRunE: notEmpty,
		RunE:              showHelp,
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.configFlag, "config", "c", "", configUsage)
	f.StringVar(&a.dbFlag, "db", "", "archive `FILE` for offline commands (default: the config's database)")
	a.color = choice{"auto", []string{"auto", "always", "never"}}
	a.logFormat = choice{"text", []string{"text", "json"}}
	f.Var(&a.color, "color", "when to use colors")
	f.Var(&a.logFormat, "log-format", "format of log lines on stderr")
	a.color.complete(root, "color")
	a.logFormat.complete(root, "log-format")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(hint.Wrap(err, flagAdvice(cmd, err)))
	})
	root.AddCommand(a.demoCommand(), a.initCommand(), a.checkCommand(), a.runCommand(), a.syncCommand(),
		a.statusCommand(), a.listCommand(), a.logCommand(), a.showCommand(), a.diffCommand(), a.blameCommand(),
		a.grepCommand(), a.exportCommand(), a.reportCommand(), a.notifyCommand(), a.eraseCommand(), a.verifyCommand(),
		a.auditCommand(), a.backupCommand(), a.restoreCommand(), a.webCommand(), a.healthcheckCommand(), a.versionCommand())
	// cobra's own commands, with descriptions in the style of the others.
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short = "show the help of a command"
		case "completion":
			c.Short = "write the completion script of a shell"
			for _, shell := range c.Commands() {
				shell.Args = noArgs
			}
		}
	}
	return root
}

// showHelp shows the help of a command that has only subcommands.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// atEnd registers f to run before the program exits.
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

// database returns the path of the archive for offline commands. They read nothing else of
// the configuration and resolve no secrets.
func (a *app) database() (string, error) {
	if a.dbFlag != "" {
		return a.dbFlag, nil
	}
	path, err := config.Find(a.configFlag)
	if err != nil {
		return "", hint.Wrap(err, "give the archive with --db FILE, or the config with -c FILE")
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
	q.OwnKey, q.NoHead = a.ownKey, a.noHead
	q.Now, q.Note, q.Configured = a.now, a.note, a.dbFlag == ""
	return q, q.SetAt(a.at)
}

// withArchive returns the function of a command that runs a query.
func (a *app) withArchive(run func(context.Context, *query.Archive, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		q, err := a.archive(cmd.Context())
		if err != nil {
			return err
		}
		return run(cmd.Context(), q, args)
	}
}

// atFlag adds --at, which resolves references as of a time.
func (a *app) atFlag(cmd *cobra.Command, usage string) { cmd.Flags().StringVar(&a.at, "at", "", usage) }

// atHelp explains how --at affects references.
const atHelp = `With --at, all references are resolved as of TIME: a date (the end of that day), an
RFC 3339 time, or an age such as 7d.`

// openShared opens the archive for writing while a daemon may have it open.
func (a *app) openShared(ctx context.Context) (*db.DB, error) {
	path, err := a.database()
	if err != nil {
		return nil, err
	}
	return a.closeAtExit(db.OpenShared(ctx, path))
}

// openExisting opens the archive at path. If the file does not exist, it opens an empty
// temporary archive: the user who runs run or sync must create the file.
func (a *app) openExisting(
	ctx context.Context, path string, open func(context.Context, string) (*db.DB, error),
) (*db.DB, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		dir, err := os.MkdirTemp("", "cocsync-*")
		if err != nil {
			return nil, err
		}
		a.atEnd(func() error { return os.RemoveAll(dir) })
		path, open = filepath.Join(dir, "empty.db"), db.Open
	}
	return a.closeAtExit(open(ctx, path))
}

// closeAtExit registers an opened archive to be closed at exit.
func (a *app) closeAtExit(d *db.DB, err error) (*db.DB, error) {
	if err == nil {
		a.atEnd(d.Close)
	}
	return d, err
}

// logger returns a logger to stderr. level is the lowest level shown.
func (a *app) logger(level slog.Level) *slog.Logger {
	out, o := a.err, &slog.HandlerOptions{Level: level}
	handler := func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, o) }
	switch {
	case a.logFormat.value == "json":
		handler = func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, o) }
	case toJournal(out):
		out, o.ReplaceAttr = journal{out}, withoutTime
	}
	if a.nonBlocking {
		return slog.New(newNonBlockingLog(out, handler))
	}
	return slog.New(handler(out))
}
