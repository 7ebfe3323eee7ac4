package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/config"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) verifyCommand() *cobra.Command {
	var deep bool
	var since string
	var external []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "verify the archive against its log",
		Long: `Verify checks the whole archive: the file and its schema, each content against its
SHA-256, each observed row against its leaf in the log, the log against its head, and the
signatures. With --deep it also recomputes derived data (differences and the index of
lines) and compares it.

Anyone who can write the file and has the key can rebuild all of it. Only a checkpoint
stored elsewhere can show that this did not happen. Give one with --checkpoint: a file
written by "cocsync audit checkpoint" or to witness_dir, or the size and the root from a
Slack message. Verify then checks that the archive still has everything that it had at
that checkpoint, unaltered.

--since skips contents and rows that were seen before a date, an RFC 3339 time or an age;
the log is always checked completely.

The exit status is 3 if there are faults; each is written on its own line. It is 1 if the
archive cannot be read.`,
		Example: `  cocsync verify
  cocsync verify --checkpoint checkpoint.txt
  cocsync --db copy.db verify --deep --checkpoint '1234 5Yk2…='`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.verify(cmd.Context(), external, since, deep)
		},
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "also recompute and compare derived data")
	cmd.Flags().StringVar(&since, "since", "", "only rows seen since `WHEN`")
	cmd.Flags().StringArrayVar(&external, "checkpoint", nil, "`FILE` with an external checkpoint, or its size and root; may be repeated")
	return a.outputFlag(cmd)
}

func (a *app) verify(ctx context.Context, external []string, since string, deep bool) error {
	check := query.Verification{Deep: deep}
	for _, text := range external {
		checkpoint, err := readExternal(text)
		if err != nil {
			return err
		}
		check.External = append(check.External, checkpoint)
	}
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	if check.Since, err = query.Option("since", since, q.Since); err != nil {
		return err
	}
	show := a.output().Progress()
	v, err := q.Verify(ctx, check, func(now query.Progress) { show.Update("checking "+now.What, now.Done, now.Total, "") })
	show.End()
	if err != nil {
		return err
	}
	err = a.result(v, func(p *page) { p.verdict(v, len(external) > 0) })
	if !v.Good {
		return errors.Join(err, alteredError(v, "keep the file as it is, as evidence; restore a backup that verifies, and check it against the checkpoints in your channels"))
	}
	return err
}

// readExternal reads a checkpoint: a file, or size and root as in a message.
func readExternal(text string) (x query.External, err error) {
	if size, root, ok := strings.Cut(strings.TrimSpace(text), " "); ok {
		if x.Size, err = strconv.ParseInt(size, 10, 64); err == nil {
			x.Name = "checkpoint of " + size + " leaves"
			if x.Root, err = audit.ParseRoot(strings.TrimSpace(root)); err != nil {
				err = usage(hint.Wrap(fmt.Errorf("--checkpoint: %w", err), "copy the complete size and root from the message"))
			}
			return x, err
		}
	}
	b, err := os.ReadFile(text)
	if err != nil {
		return x, hint.Wrap(fmt.Errorf("--checkpoint: %w", err), "give a file, or size and root from a message, separated by a space")
	}
	c, err := audit.Peek(b)
	if err != nil {
		return x, fmt.Errorf("--checkpoint %s: %w", text, err)
	}
	return query.External{Size: c.Size, Root: c.Root, Origin: c.Origin, Name: text}, nil
}

// verdict writes the result of a verification.
func (p *page) verdict(v query.Verdict, external bool) {
	for _, c := range v.Counts {
		if c.Count > 0 {
			fmt.Fprintf(p, "%9d %s\n", c.Count, c.What)
		}
	}
	if v.Origin != "" {
		fmt.Fprintf(p, "log %s: %s, root %s\n", text.Visible(string(v.Origin)),
			text.Plural(int(v.Size), "record"), v.Root)
		switch {
		case v.Checkpoints == 0:
			p.WriteString("not signed\n")
		case v.Signed < v.Size:
			fmt.Fprintf(p, "signed by key %s up to record %d; the last %d records are not signed yet\n", v.KeyID, v.Signed, v.Size-v.Signed)
		default:
			fmt.Fprintf(p, "signed by key %s\n", v.KeyID)
		}
	}
	for _, x := range v.External {
		p.Prose("", term.Green, x)
	}
	for _, f := range v.Faults {
		p.Prose("", term.Alarm, "FAULT "+f)
	}
	if v.More > 0 {
		fmt.Fprintf(p, "and %s\n", text.Plural(v.More, "more fault"))
	}
	if v.Good {
		fmt.Fprintf(p, "consistent in itself, signed by key %s\n", v.KeyID)
		if !external {
			p.WriteString("Only an external checkpoint (--checkpoint) can show whether the archive was rebuilt or replaced as a whole.\n")
		}
	}
}

// verifyEvery is the maximum age of the last complete verification while the archive is
// written. A verification reads everything and takes seconds for 100,000 versions.
const verifyEvery = 24 * time.Hour

// openForSync opens the archive for the only process that syncs; command is its name. An archive
// that does not verify is refused: nothing is added to an altered log.
func (a *app) openForSync(ctx context.Context, cfg *config.Config, command string) (*db.DB, error) {
	if err := config.GuardedFile(cfg.Key()); err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	d, err := a.closeAtExit(db.OpenWith(ctx, cfg.Database, db.Options{Key: cfg.SigningKey, Command: command}))
	if err != nil {
		return nil, err
	}
	return d, verifyAll(ctx, d)
}

// verifyAll verifies the whole archive, unless it was verified recently.
func verifyAll(ctx context.Context, d *db.DB) error {
	begun := time.Now()
	last, err := d.LastVerified(ctx, begun)
	if err != nil || begun.Sub(last) < verifyEvery {
		return err
	}
	edge, err := d.Edge(ctx)
	if err != nil || edge.Size <= 1 { // just created
		return err
	}
	v, err := query.New(d).Verify(ctx, query.Verification{}, nil)
	if err != nil {
		return fmt.Errorf("verify the archive: %w", err)
	}
	if !v.Good {
		return alteredError(v, "`cocsync verify` lists all faults; keep the file as evidence and restore a backup that verifies")
	}
	return d.Verified(ctx, begun)
}

// alteredError returns the error for an archive that does not verify.
func alteredError(v query.Verdict, advice string) error {
	return &exitError{exitAltered, hint.Wrap(fmt.Errorf("the archive does not match its log: %s; %s in total",
		v.Faults[0], text.Plural(len(v.Faults)+v.More, "fault")), advice)}
}

// witnessed is the archive for a syncer. After each cycle it writes the newest checkpoint to
// witness_dir, if configured. That folder is best on append-only storage.
type witnessed struct {
	*db.DB
	dir string
	log *slog.Logger
}

// End calls db.DB.End and writes the checkpoint. If that fails, the cycle does not fail.
func (w witnessed) End(ctx context.Context, c coc.Cycle, notices []coc.NewNotice) error {
	if err := w.DB.End(ctx, c, notices); err != nil || w.dir == "" {
		return err
	}
	if err := w.writeCheckpoint(ctx); err != nil {
		w.log.Error("checkpoint not written to witness_dir", "err", err)
	}
	return nil
}

func (w witnessed) writeCheckpoint(ctx context.Context) error {
	list, err := w.Checkpoints(ctx)
	if err != nil || len(list) == 0 {
		return err
	}
	note := list[len(list)-1].Note
	c, err := audit.Peek(note)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(c.Origin, "/", "-") + "-" + strconv.FormatInt(c.Size, 10) + ".txt"
	if err := createFile(filepath.Join(w.dir, name), note, 0o644); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil // nothing was added since
}
