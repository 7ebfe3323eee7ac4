package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
	"cocsync/internal/witness"
)

func (a *app) backupCommand() *cobra.Command {
	var recipients []string
	var identity string
	var test bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "write a copy of the archive and verify it",
		Long: `Backup writes a copy of the archive to a new file and verifies it as "cocsync verify"
does. The file is readable only by its owner. A daemon can keep running. All queries
work on the copy with --db FILE. The copy does not include the key that signs the log.

FILE.head gets the newest signed head of each log, for "cocsync restore".

With --encrypt-to the file is encrypted with age (https://age-encryption.org): RECIPIENT is
a public key (age1…) or an SSH key (ssh-ed25519 …, ssh-rsa …). FILE.head is not encrypted:
it has the names of the accounts.

With --verify-restore the file is restored into a temporary folder and verified there; an
encrypted one needs --identity.`,
		Example: `  cocsync backup /backup/cocsync-$(date +%F).db
  cocsync backup --encrypt-to age1… /backup/cocsync-$(date +%F).db.age`,
		Args: rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.backup(cmd.Context(), args[0], recipients, identity, test)
		},
	}
	cmd.Flags().StringArrayVar(&recipients, "encrypt-to", nil, "encrypt the file to a `RECIPIENT`; may be repeated")
	cmd.Flags().BoolVar(&test, "verify-restore", false, "restore the file into a temporary folder and verify it")
	cmd.Flags().StringVar(&identity, "identity", "", "`FILE` with the private key for --verify-restore")
	return cmd
}

func (a *app) backup(ctx context.Context, file string, recipients []string, identity string, test bool) (err error) {
	to, err := parseRecipients(recipients)
	switch {
	case err != nil:
		return err
	case test && len(to) > 0 && identity == "":
		return usage(errors.New("--verify-restore of an encrypted backup needs --identity"))
	case identity != "" && !test:
		return usage(hint.Wrap(errors.New("--identity is only for --verify-restore"), "to encrypt the file, give --encrypt-to RECIPIENT"))
	}
	for _, name := range []string{file, file + ".head"} {
		if _, err := os.Lstat(name); err == nil {
			return hint.Wrap(fmt.Errorf("%s exists", text.Visible(name)), "choose a new file: backups never overwrite files")
		}
	}
	d, err := a.openShared(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // a file that is there looks like a backup
			for _, name := range []string{file, file + ".head"} {
				if e := os.Remove(name); !errors.Is(e, fs.ErrNotExist) {
					err = errors.Join(err, e)
				}
			}
		}
	}()
	plain := file
	if len(to) > 0 { // the copy is next to the archive until it is encrypted
		dir, err := os.MkdirTemp(filepath.Dir(d.Path()), ".backup-*")
		if err != nil {
			return err
		}
		a.atEnd(func() error { return os.RemoveAll(dir) })
		plain = filepath.Join(dir, "archive.db")
	}
	if err := d.Backup(ctx, plain); err != nil {
		return err
	}
	own, err := a.ownKey()
	if err != nil {
		return err
	}
	v, err := a.verifyWith(ctx, plain, query.Verification{Unsigned: own == nil}, a.ownKey)
	if err != nil {
		return fmt.Errorf("the copy %s: %w", text.Visible(plain), err)
	}
	if err := writeHeads(ctx, plain, file+".head"); err != nil {
		return err
	}
	verified := "verified"
	if all, signed, err := d.LogSize(ctx); err != nil {
		return err
	} else if signed < all {
		verified += fmt.Sprintf(" (%d of them are not signed: the key is missing)", all-signed)
	}
	if len(to) > 0 {
		verified += ", and encrypted"
		if err := encryptFile(plain, file, to); err != nil {
			return err
		}
	}
	if test {
		if err := a.testRestore(ctx, file, identity); err != nil {
			return fmt.Errorf("test of the restore: %w", err)
		}
		verified += ", restored as a test"
	}
	_, err = fmt.Fprintf(a.out, "%s: %s, %s\n", text.Visible(file), text.Plural(v.Records(), "record"), verified)
	return err
}

// writeHeads writes the newest heads of the logs of a copy to a new file.
func writeHeads(ctx context.Context, copied, file string) (err error) {
	d, err := db.OpenReader(ctx, copied)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	heads, err := d.NewestHeads(ctx)
	if err != nil {
		return err
	}
	return witness.Write(file, copied, heads, nil)
}

// testRestore restores a backup into a temporary folder, as on a machine without key and head file.
func (a *app) testRestore(ctx context.Context, from, identity string) error {
	dir, err := os.MkdirTemp("", "cocsync-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "archive.db")
	if _, err := a.restoreTo(ctx, from, identity, path, db.Options{}, a.keyOf); err != nil {
		return err
	}
	_, err = a.verifyWith(ctx, path, query.Verification{}, nil)
	return err
}

func (a *app) restoreCommand() *cobra.Command {
	var identity string
	var inPlace bool
	var lost []string
	cmd := &cobra.Command{
		Use:   "restore FILE | restore --in-place --lost-after NOTE",
		Short: "restore the archive from a backup",
		Long: `Restore verifies a backup with the key of the archive and writes it to the path of the
archive (--db, or database in the configuration). It never overwrites an archive.

If the backup has all records of the head file, the logs continue. If records were lost,
the log of the account is closed, and a new one starts: its first record names the old log
and what was lost. The next cycle fetches later changes, if COC still has them.

On a new machine, without the key and the head file of the archive, a new key and new logs
start. FILE.head is used if it is there. An encrypted backup needs --identity.

With --in-place the archive stays, for a machine that was put back to an older state as a
whole: all its logs are closed and new ones start. --lost-after gives a newer signed
checkpoint of a log, from a message or a file.`,
		Example: `  mkdir broken && mv cocsync.db cocsync.db-* broken
  cocsync restore /backup/cocsync-2026-11-01.db`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case inPlace && (len(args) > 0 || len(lost) == 0):
				return usage(errors.New("--in-place needs --lost-after NOTE, and no FILE"))
			case inPlace:
				return a.restoreInPlace(cmd.Context(), lost)
			case len(args) == 0 || len(lost) > 0:
				return usage(errors.New("give the backup FILE; --lost-after is only for --in-place"))
			}
			return a.restore(cmd.Context(), args[0], identity)
		},
	}
	cmd.Flags().StringVar(&identity, "identity", "", "`FILE` with the private key of an encrypted backup")
	cmd.Flags().BoolVar(&inPlace, "in-place", false, "restart the logs of an archive that is an older state of itself")
	cmd.Flags().StringArrayVar(&lost, "lost-after", nil, "a newer signed checkpoint: a `NOTE`, or a file with some; may be repeated")
	return cmd
}

func (a *app) restore(ctx context.Context, from, identity string) error {
	path, key, head, err := a.target()
	if err != nil {
		return err
	}
	for _, p := range []string{path, path + "-wal"} {
		if _, err := os.Stat(p); err == nil {
			return hint.Wrap(fmt.Errorf("%s exists", text.Visible(p)),
				"restore never overwrites an archive: first move it away, with its -wal file if it exists")
		}
	}
	list, err := a.restoreTo(ctx, from, identity, path, db.Options{Key: key, Head: head}, a.keyOf)
	if err != nil {
		return err
	}
	a.restored(list)
	_, err = fmt.Fprintf(a.out, "%s restored; the next cycle fetches later changes\n", text.Visible(path))
	return err
}

// restoreTo copies a backup next to path, verifies the copy, and makes it the archive.
func (a *app) restoreTo(
	ctx context.Context, from, identity, path string, o db.Options, keyOf func(context.Context, string) (audit.PublicKey, error),
) (list []db.Restored, err error) {
	copied := path + ".restoring"
	remove := func() error {
		var errs []error
		for _, end := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(copied + end); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
	if err := remove(); err != nil { // of a restore that was killed
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if isEncrypted(from) {
		err = decryptFile(from, copied, identity)
	} else {
		err = db.Copy(ctx, from, copied)
	}
	if err != nil {
		return nil, err
	}
	own, err := keyOf(ctx, copied)
	if err != nil {
		return nil, err
	}
	if _, err := a.verifyWith(ctx, copied, query.Verification{}, func() (audit.PublicKey, error) { return own, nil }); err != nil {
		return nil, hint.Wrap(fmt.Errorf("%s: %w", text.Visible(from), err), "use another backup")
	}
	return db.Restore(ctx, path, db.Restoring{Options: o, Copy: copied, Heads: from + ".head", Person: person(), At: a.now()})
}

// keyOf returns the public key that must have signed a backup: that of the key file, or one that it
// replaced after the backup; nil if the key file is not there.
func (a *app) keyOf(ctx context.Context, path string) (audit.PublicKey, error) {
	key, err := a.readOwnKey()
	if key == nil {
		return nil, err
	}
	d, err := db.OpenReader(ctx, path)
	if err != nil {
		return nil, err
	}
	who, err := d.Identity(ctx)
	if slices.ContainsFunc(key.Previous(), who.PublicKey.Equal) {
		return who.PublicKey, errors.Join(err, d.Close())
	}
	return key.Public(), errors.Join(err, d.Close())
}

// restored says what a restore did with each log.
func (a *app) restored(list []db.Restored) {
	for _, r := range list {
		name := text.Visible(r.Account)
		switch {
		case r.Continues:
			fmt.Fprintf(a.out, "%s: all records are there; the log %s continues after %d\n", name, text.Visible(r.Origin), r.Size)
		case r.Lost == nil:
			fmt.Fprintf(a.out, "%s: records after the first %d may be lost; the log %s starts\n", name, r.Size, text.Visible(r.Origin))
		default:
			fmt.Fprintf(a.out, "%s: records were lost: %d are there, and cocsync signed %d of %s; the log %s starts\n",
				name, r.Size, r.Lost.Size, text.Visible(r.Lost.Origin), text.Visible(r.Origin))
		}
	}
}

// restoreInPlace restarts the logs of an archive that is an older state of itself.
func (a *app) restoreInPlace(ctx context.Context, notes []string) error {
	own, err := a.ownKey()
	if err != nil {
		return err
	}
	if own == nil {
		return hint.Wrap(errors.New("the signing key is missing"), "put it back: it checks the checkpoint and signs the new logs")
	}
	var heads []audit.Checkpoint
	for _, arg := range notes {
		list, err := readExternal("--lost-after", arg)
		if err != nil {
			return err
		}
		for _, x := range list {
			c, err := audit.Open(x.Note, own)
			if err != nil {
				return fmt.Errorf("--lost-after: %s: %w", text.Visible(x.Name), err)
			}
			heads = append(heads, c)
		}
	}
	older := func(context.Context, *db.DB) error { return nil } // witness_dir has newer checkpoints
	d, err := a.openExclusive(ctx, db.Options{Command: "restore", Compare: older})
	if err != nil {
		return err
	}
	if err := verifyNow(ctx, d, noteFolder{}); err != nil {
		return err
	}
	list, err := d.RestartLogs(ctx, heads, person(), a.now())
	if err != nil {
		return err
	}
	a.restored(list)
	return nil
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

// verifyWith verifies an archive with the public key that own returns, if it is not nil, and returns
// its first fault as an error.
func (a *app) verifyWith(
	ctx context.Context, path string, check query.Verification, own func() (audit.PublicKey, error),
) (v query.Verdict, err error) {
	q, err := query.Open(ctx, path)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	q.OwnKey = own
	if v, err = q.Verify(ctx, check, nil); err != nil {
		return v, err
	}
	if !v.Good {
		return v, &exitError{exitAltered, fmt.Errorf("verification failed: %s", v.Faults[0])}
	}
	return v, nil
}
