package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

func (a *app) auditTrustCommand() *cobra.Command {
	var reason, external string
	cmd := &cobra.Command{
		Use:   "trust --reason TEXT",
		Short: "continue the logs without their head file",
		Long: `Trust continues the logs of an archive whose head file is lost. It verifies the whole
archive with the signing key, shows the newest signed head of each log, and asks for
confirmation: type yes. Then it writes a new head file, and a signed record of who did
this, when and why.

It never accepts an altered row or a record that the key did not sign. Whether the
database is an older copy can only be excluded with a newer checkpoint: give one with
--checkpoint.`,
		Example: `  cocsync audit trust --reason 'disk of the head file failed' --checkpoint note.txt`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.auditTrust(cmd.Context(), reason, external) },
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` for the record (required)")
	cmd.Flags().StringVar(&external, "checkpoint", "", "a checkpoint that the archive must contain: a `FILE`, or a note")
	return cmd
}

func (a *app) auditTrust(ctx context.Context, reason, external string) error {
	if reason == "" {
		return usage(errors.New("--reason is required"))
	}
	trust := &db.Trust{Reason: reason, Person: person(), At: a.now()}
	check := query.Verification{}
	if external != "" {
		list, err := readExternal("--checkpoint", external)
		if err != nil {
			return err
		}
		notes := ""
		for _, x := range list {
			if x.Note == nil {
				return usage(errors.New("--checkpoint: it is not a signed note"))
			}
			notes += string(x.Note)
		}
		check.External, trust.Checkpoint = list, &notes
	}
	_, key, head, err := a.target()
	if err != nil {
		return err
	}
	path, err := a.database()
	if err != nil {
		return err
	}
	head = cmp.Or(head, db.HeadFile(path))
	switch _, err := os.Lstat(head); {
	case err == nil:
		return hint.Wrap(fmt.Errorf("the head file %s exists", text.Visible(head)), "if it is damaged, move it away; else it is not needed")
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("head file: %w", err)
	}
	if check.Keys, err = readKeys([]string{cmp.Or(key, db.KeyFile(path))}); err != nil {
		return err
	}
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	v, err := q.Verify(ctx, check, nil)
	if err != nil {
		return err
	}
	if err := a.result(v, func(p *page) { p.verdict(v, external != "") }); err != nil {
		return err
	}
	if !v.Good {
		return alteredError(v, neverTrusted)
	}
	if external == "" {
		fmt.Fprintln(a.err, "Without --checkpoint it is unknown whether the database is an older copy.")
	}
	if !a.confirmed("Continue the logs from here?") {
		return errors.New("nothing was changed")
	}
	// The file could be altered or replaced until it was opened.
	var started time.Time
	trust.Verify = func(ctx context.Context, d *db.DB) error {
		started = a.now()
		again, err := query.New(d).Verify(ctx, check, nil)
		switch {
		case err != nil:
			return err
		case !again.Good:
			return alteredError(again, neverTrusted)
		case !slices.Equal(again.Logs, v.Logs):
			return &exitError{exitAltered, hint.Wrap(errors.New("the logs are not those that were shown: another program wrote the archive"),
				"find out which program that was, and try again")}
		}
		return nil
	}
	d, err := a.openExclusive(ctx, db.Options{Command: "audit trust", Trust: trust})
	if err != nil {
		return err
	}
	if err := d.Verified(started); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, "the logs continue; the decision is recorded")
	return err
}

const neverTrusted = "an altered archive is never trusted: restore a backup that verifies"

// person returns who runs this program: the user and the host.
func person() string {
	name := "unknown user"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return name + "@" + host
}
