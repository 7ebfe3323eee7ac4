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
		Short: "write a whole copy of the archive, and verify it",
		Long: `Backup writes a copy of the archive to a new file, for you alone, while a daemon may
go on, and verifies it as "cocsync verify" does. The copy answers every question with
--db FILE. The key that signs the log is not in it.`,
		Example: `  cocsync backup /backup/cocsync-$(date +%F).db`,
		Args:    rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.shared(cmd.Context())
			if err != nil {
				return err
			}
			if err := d.Backup(cmd.Context(), args[0]); err != nil {
				return err
			}
			v, err := a.verified(cmd.Context(), args[0])
			if err != nil {
				return fmt.Errorf("the copy %s: %w", text.Visible(args[0]), err)
			}
			_, err = fmt.Fprintf(a.out, "%s: %s, verified\n", text.Visible(args[0]),
				text.Plural(int(v.Size), "record"))
			return err
		},
	}
}

func (a *app) restoreCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "restore the archive from a backup",
		Long: `Restore makes the archive that the configuration names (or --db) of a backup, after
verifying that. It never writes over an archive. The log begins anew with a new key, for
nobody knows what the old one signed after the backup; its first record names the old
log, its size and its root. What came since is fetched by the next cycle, as far as COC
still has it.`,
		Example: `  mv cocsync.db cocsync.db.broken; rm -f cocsync.db-wal cocsync.db-shm
  cocsync restore /backup/cocsync-2026-11-01.db`,
		Args: rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.restore(cmd.Context(), args[0], force) },
	}
	cmd.Flags().BoolVar(&force, "force", false, "restore it although it does not verify")
	return cmd
}

func (a *app) restore(ctx context.Context, from string, force bool) error {
	path, key, err := a.target()
	if err != nil {
		return err
	}
	for _, p := range []string{path, path + "-wal"} {
		if _, err := os.Stat(p); err == nil {
			return hint.Wrap(fmt.Errorf("%s is there", text.Visible(p)), "an archive is never written over: move it away first, with its -wal if there is one")
		}
	}
	if _, err := a.verified(ctx, from); err != nil && !force {
		return hint.Wrap(fmt.Errorf("%s: %w", text.Visible(from), err),
			"take another backup; or --force if this is all there is")
	}
	if err := db.Restore(ctx, from, path, key); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s restored; the next cycle fetches what came since\n",
		text.Visible(path))
	return err
}

// target returns the path of the archive and of the key of its log, "" for the default.
func (a *app) target() (path, key string, err error) {
	if a.dbFlag != "" {
		return a.dbFlag, "", nil
	}
	cfg, err := a.config()
	if err != nil {
		return "", "", hint.Wrap(err, "or name the archive: --db FILE")
	}
	return cfg.Database, cfg.SigningKey, nil
}

// verified verifies an archive; any fault is an error.
func (a *app) verified(ctx context.Context, path string) (v query.Verdict, err error) {
	q, err := query.Open(ctx, path)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if v, err = q.Verify(ctx, query.Verification{}, nil); err != nil {
		return v, err
	}
	if !v.Good {
		return v, &exitError{exitAltered, fmt.Errorf("it does not verify: %s", v.Faults[0])}
	}
	return v, nil
}
