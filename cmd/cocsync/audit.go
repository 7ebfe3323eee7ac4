package main

import (
	"context"
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
		Short: "write checkpoints and proofs, and check proofs",
		Long: `Audit writes what others need to check the archive: checkpoints to store elsewhere, and
proofs of single changes, which can be checked without the database. docs/audit-log.md
describes the formats.`,
		Args: noArgs,
		RunE: showHelp,
	}
	cmd.AddCommand(a.auditCheckpointCommand(), a.auditProveCommand(), a.auditCheckCommand())
	return cmd
}

func (a *app) auditCheckpointCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "write the newest signed checkpoint",
		Long: `Checkpoint writes the newest signed head of the log: its name, the number of leaves,
their root, and the signature (a signed note, https://c2sp.org/tlog-checkpoint). Store
it where no one with write access to the archive can change it. Then
cocsync verify --checkpoint FILE shows whether anything that the archive held at that
time was altered or removed.`,
		Example: `  cocsync audit checkpoint > checkpoint-$(date +%F).txt`,
		Args:    noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) error {
			note, err := q.Checkpoint(ctx)
			if err != nil {
				return err
			}
			_, err = a.out.Write(note)
			return err
		}),
	}
}

func (a *app) auditProveCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "prove CHANGE",
		Short: "write a proof that a change is in the log",
		Long: `Prove writes a proof of one change, given by its number: its record, the hashes that
lead to the root, the newest signed checkpoint and the public key. The proof can be
checked without the archive: cocsync audit check FILE.`,
		Example: `  cocsync audit prove 41 -o change-41.proof`,
		Args:    rangeArgs(1, 1),
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, args []string) error {
			return a.auditProve(ctx, q, args[0], out)
		}),
	}
	cmd.Flags().StringVarP(&out, "file", "o", "", "write to `FILE`, which must not exist")
	return cmd
}

func (a *app) auditProve(ctx context.Context, q *query.Archive, arg, out string) error {
	p, err := q.Prove(ctx, arg)
	if err != nil {
		return err
	}
	if out == "" {
		_, err = a.out.Write(p.Encode())
		return err
	}
	return createFile(out, p.Encode(), 0o644)
}

func (a *app) auditCheckCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "check a proof without an archive",
		Long: `Check reads a proof written by "cocsync audit prove" and shows what it proves: the
record, and the checkpoint of the log that contains it. The proof includes its public
key. Compare the key's ID with one from a trusted source, such as a message in Slack, or
give that ID with --key.`,
		Example: `  cocsync audit check change-41.proof --key 1a2b3c4d`,
		Args:    rangeArgs(1, 1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.auditCheck(args[0], key) },
	}
	cmd.Flags().StringVar(&key, "key", "", "required `ID` of the key")
	return a.outputFlag(cmd)
}

func (a *app) auditCheck(path, key string) error {
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
		return fmt.Errorf("%s is not a valid proof: %w", path, err)
	}
	id := audit.KeyID(p.Public)
	if key != "" && key != id {
		return fmt.Errorf("%s is signed by key %s, not %s", path, id, key)
	}
	return a.result(query.NewProved(p, r, c), func(w *page) {
		fmt.Fprintf(w, "Record %d (counted from 0) of log %s; key %s signed %s with the root\n%s\n\n",
			p.Index, text.Visible(c.Origin), id, text.Plural(int(c.Size), "record"), c.Root)
		fmt.Fprintf(w, "%-20s %s\n", "type", r.Type)
		for _, f := range r.Fields {
			fmt.Fprintf(w, "%-20s %s\n", f.Name, text.Visible(f.Value)+recordTime(f))
		}
	})
}

// recordTime formats the time of a record field that holds milliseconds.
func recordTime(f audit.Field) string {
	ms, err := strconv.ParseInt(f.Value, 10, 64)
	if err != nil || f.Name != "at" && !strings.HasSuffix(f.Name, "_at") {
		return ""
	}
	return "  (" + time.UnixMilli(ms).UTC().Format(time.RFC3339) + ")"
}
