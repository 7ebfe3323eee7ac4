package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/audit"
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
			p.WriteString("Only an external checkpoint can show whether it was rebuilt completely (--checkpoint).\n")
		}
	}
}
