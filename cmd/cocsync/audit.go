package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/audit"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "checkpoints and proofs of the archive for others",
		Long: `Audit gives others what they need to trust the archive, or to find it out: checkpoints
to keep elsewhere, and proofs of single changes that need no database. docs/audit-log.md
says how all of it is made.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditCheckpointCommand(), a.auditProveCommand(), a.auditCheckCommand())
	return cmd
}

func (a *app) auditCheckpointCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "write the newest signed checkpoint, to be kept elsewhere",
		Long: `Checkpoint writes the newest signed head of the log: its name, how many leaves it has,
their root, and the signature (a signed note, https://c2sp.org/tlog-checkpoint). Kept
where nobody who can write the archive can write, it shows later that nothing of what
the archive held then was altered or cut off: cocsync verify --checkpoint FILE.`,
		Example: `  cocsync audit checkpoint > checkpoint-$(date +%F).txt`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := a.archive(cmd.Context())
			if err != nil {
				return err
			}
			note, err := q.Checkpoint(cmd.Context())
			if err != nil {
				return err
			}
			_, err = a.out.Write(note)
			return err
		},
	}
}

func (a *app) auditProveCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "prove CHANGE",
		Short: "write a proof that a change is in the log",
		Long: `Prove writes a proof of one change, by its number: its record, the hashes on its way to
the root, the newest signed checkpoint and the public key. Whoever has it can check it
without the archive: cocsync audit check FILE.`,
		Example: `  cocsync audit prove 41 -o change-41.proof`,
		Args:    rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notEmpty(cmd, "file"); err != nil {
				return err
			}
			return a.auditProve(cmd.Context(), args[0], out)
		},
	}
	cmd.Flags().StringVarP(&out, "file", "o", "", "write it to `FILE`, which must not be there yet")
	return cmd
}

func (a *app) auditProve(ctx context.Context, arg, out string) error {
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	p, err := q.Prove(ctx, arg)
	if err != nil {
		return err
	}
	if out == "" {
		_, err = a.out.Write(p.Encode())
		return err
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(p.Encode())
	return errors.Join(err, f.Close())
}

func (a *app) auditCheckCommand() *cobra.Command {
	var key string
	var output *choice
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "check a proof, without any archive",
		Long: `Check reads a proof that "cocsync audit prove" wrote and shows what it proves: the
record, and the checkpoint whose log it is in. The proof brings its public key along, so
compare the key's id with one that you know, from a message in Slack or another proof, or
give it with --key.`,
		Example: `  cocsync audit check change-41.proof --key 1a2b3c4d`,
		Args:    rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notEmpty(cmd, "key"); err != nil {
				return err
			}
			return a.auditCheck(args[0], key, output.value == formatJSON)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the `ID` that the key must have")
	output = outputFlag(cmd)
	return cmd
}

func (a *app) auditCheck(path, key string, asJSON bool) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p, err := audit.ParseProof(b)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r, c, err := p.Check()
	if err != nil {
		return fmt.Errorf("%s proves nothing: %w", path, err)
	}
	id := audit.KeyID(p.Public)
	if key != "" && key != id {
		return fmt.Errorf("%s is signed by key %s, not %s", path, id, key)
	}
	if asJSON {
		return query.Write(a.out, query.NewProved(p, r, c))
	}
	return a.print(func(w *page) error {
		fmt.Fprintf(w, "This record is number %d, counted from 0, of the log %s, of which key %s signed %s with the root\n%s\n\n",
			p.Index, text.Visible(c.Origin), id, text.Plural(int(c.Size), "record"), c.Root)
		fmt.Fprintf(w, "%-20s %s\n", "type", r.Type)
		for _, f := range r.Fields {
			fmt.Fprintf(w, "%-20s %s\n", f.Name, text.Visible(f.Value)+moment(f))
		}
		return nil
	})
}

// moment writes the instant behind the milliseconds of a record's field.
func moment(f audit.Field) string {
	ms, err := strconv.ParseInt(f.Value, 10, 64)
	if err != nil || f.Name != "at" && !strings.HasSuffix(f.Name, "_at") {
		return ""
	}
	return "  (" + time.UnixMilli(ms).UTC().Format(time.RFC3339) + ")"
}
