package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/text"
)

func (a *app) auditRotateCommand() *cobra.Command {
	var lost bool
	cmd := &cobra.Command{
		Use:   "rotate-key",
		Short: "replace the key that signs the logs",
		Long: `Rotate-key makes a new key and replaces the key file. Each log gets a record of it, which
both keys sign: the new key continues the logs, and the old one counts only up to that
record. Give the new verifier keys (cocsync audit keys) to those who check the archive.
Erased contents are still recognized; pending messages are composed again.

With --lost the key file is lost: the archive is verified with the key in the archive and
the head file, and the command asks for confirmation: type yes. The record says that the
old key did not sign it. Someone who has the old verifier key cannot know whether this was
you: send the new one in another way. Contents that were erased before are no longer
recognized: these versions are not compared with COC.

It needs exclusive access to the archive: stop the daemon first. Make a new backup
afterwards: an older one does not have the record.`,
		Example: `  cocsync audit rotate-key && cocsync audit keys > keys.txt
  cocsync audit rotate-key --lost`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.auditRotate(cmd.Context(), lost) },
	}
	cmd.Flags().BoolVar(&lost, "lost", false, "the key file is lost: continue with a new key that the old one does not sign")
	return cmd
}

func (a *app) auditRotate(ctx context.Context, lost bool) error {
	path, file, _, err := a.target()
	if err != nil {
		return err
	}
	file = cmp.Or(file, db.KeyFile(path))
	switch _, err := os.Stat(file); {
	case err == nil && lost:
		return usage(hint.Wrap(fmt.Errorf("the key file %s is there", text.Visible(file)), "without --lost both keys sign the change"))
	case errors.Is(err, fs.ErrNotExist) && !lost:
		return hint.Wrap(fmt.Errorf("the key file %s is missing", text.Visible(file)),
			"put it back; if it is lost: `cocsync audit rotate-key --lost`")
	}
	d, err := a.openExclusive(ctx, db.Options{Command: "audit rotate-key"})
	if err != nil {
		return err
	}
	if lost && d.HasKey() {
		return errors.New("the key file is there again")
	}
	if err := a.verifyWithNotes(ctx, d); err != nil {
		return err
	}
	if lost && !a.confirmed("Continue the logs with a new key, which the old one does not sign?") {
		return errors.New("nothing was changed")
	}
	old := d.NewestKey()
	if err := d.RotateKey(ctx, person(), a.now()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "the key %s replaces %s\n", d.PublicKey().Fingerprint(), old.Fingerprint())
	return err
}
