package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "write a copy of the archive and verify it",
		Long: `Backup writes a copy of the archive to a new file and verifies it as "cocsync verify"
does. The file is readable only by its owner. A daemon can keep running. All queries
work on the copy with --db FILE. The copy does not include the key that signs the log.`,
		Example: `  cocsync backup /backup/cocsync-$(date +%F).db`,
		Args:    rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.openShared(cmd.Context())
			if err != nil {
				return err
			}
			if err := d.Backup(cmd.Context(), args[0]); err != nil {
				return err
			}
			v, err := a.verifyFile(cmd.Context(), args[0])
			if err != nil {
				return fmt.Errorf("the copy %s: %w", text.Visible(args[0]), err)
			}
			_, err = fmt.Fprintf(a.out, "%s: %s, verified\n", text.Visible(args[0]),
				text.Plural(v.Records(), "record"))
			return err
		},
	}
}

func (a *app) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "restore the archive from a backup",
		Long: `Restore verifies a backup and writes it to the path of the archive (--db, or database in
the configuration). It never overwrites an archive. Each account gets a new log, because
it is unknown what was signed after the backup. The first record of the new log names the
old log, its size and its root. If the key of the archive exists, it is used again;
otherwise a new one is created. The next cycle fetches later changes, if COC still has
them.`,
		Example: `  mv cocsync.db cocsync.db.broken; rm -f cocsync.db-wal cocsync.db-shm
  cocsync restore /backup/cocsync-2026-11-01.db`,
		Args: rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.restore(cmd.Context(), args[0]) },
	}
}

func (a *app) restore(ctx context.Context, from string) error {
	path, key, head, err := a.target()
	if err != nil {
		return err
	}
	for _, p := range []string{path, path + "-wal"} {
		if _, err := os.Stat(p); err == nil {
			return hint.Wrap(fmt.Errorf("%s exists", text.Visible(p)), "restore never overwrites an archive: first move it away, with its -wal file if it exists")
		}
	}
	if _, err := a.verifyFile(ctx, from); err != nil {
		return hint.Wrap(fmt.Errorf("%s: %w", text.Visible(from), err), "use another backup")
	}
	if err := db.Restore(ctx, from, path, db.Options{Key: key, Head: head}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s restored; the next cycle fetches later changes\n",
		text.Visible(path))
	return err
}

// target returns the paths of the archive, the key and the head file; "" is a default path.
func (a *app) target() (path, key, head string, err error) {
	if a.dbFlag != "" {
		return a.dbFlag, "", "", nil
	}
	cfg, err := a.config()
	if err != nil {
		return "", "", "", hint.Wrap(err, "or give the archive with --db FILE")
	}
	return cfg.Database, cfg.SigningKey, cfg.HeadFile, nil
}

// verifyFile verifies an archive and returns its first fault as an error.
func (a *app) verifyFile(ctx context.Context, path string) (v query.Verdict, err error) {
	q, err := query.Open(ctx, path)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if v, err = q.Verify(ctx, query.Verification{}, nil); err != nil {
		return v, err
	}
	if !v.Good {
		return v, &exitError{exitAltered, fmt.Errorf("verification failed: %s", v.Faults[0])}
	}
	return v, nil
}
