package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/answer"
	"cocsync/internal/audit"
	"cocsync/internal/hint"
	"cocsync/internal/history"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) verifyCommand() *cobra.Command {
	var deep bool
	var since string
	var outside []string
	var output *choice
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "check that the archive is what was observed",
		Long: `Verify checks the whole archive: the file itself and its schema, each content against
its SHA-256, each row of what was observed against the leaf of the log that was made of
it, the log against its head, and the signatures. With --deep it works out again what is
derived: differences and the index of lines.

Whoever can write the file and has the key can make all of it anew. Only a checkpoint
that was kept elsewhere shows that nobody did: give one with --checkpoint, a file that
"cocsync audit checkpoint" or witness_dir wrote, or the size and the root from a message
in Slack. Then it shows that the archive holds all that it held then, unaltered.

--since leaves out contents and rows from before a date, an RFC 3339 instant or an age;
the log is checked as a whole all the same.

The status is 3 if anything is wrong, and each fault is named on a line of its own.
It is 1 if the archive cannot be read.`,
		Example: `  cocsync verify
  cocsync verify --checkpoint checkpoint.txt
  cocsync --db copy.db verify --deep --checkpoint '1234 5Yk2…='`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := notEmpty(cmd, "checkpoint", "since"); err != nil {
				return err
			}
			return a.verify(cmd.Context(), outside, since, deep, output.value == formatJSON)
		},
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "work out again what is derived, too")
	cmd.Flags().StringVar(&since, "since", "", "only what was seen from `WHEN` on")
	cmd.Flags().StringArrayVar(&outside, "checkpoint", nil, "a `FILE` with a checkpoint from outside, or its size and root; may be repeated")
	output = outputFlag(cmd)
	return cmd
}

func (a *app) verify(ctx context.Context, outside []string, since string, deep, asJSON bool) error {
	var heads []history.Outside
	for _, o := range outside {
		head, err := readOutside(o)
		if err != nil {
			return err
		}
		heads = append(heads, head)
	}
	h, err := a.reader(ctx)
	if err != nil {
		return err
	}
	q := history.Verification{Outside: heads, Deep: deep}
	if since != "" {
		if q.Since, err = h.Since(since); err != nil {
			return usage(fmt.Errorf("--since: %w", err))
		}
	}
	show := a.output().Progress()
	v, err := h.Verify(ctx, q, showVerification(show))
	show.End()
	if err != nil {
		return err
	}
	if asJSON {
		err = answer.Write(a.out, answer.NewVerdict(v))
	} else {
		err = a.print(func(p *page) error {
			p.verdict(v, len(heads))
			return nil
		})
	}
	if len(v.Faults) > 0 {
		return errors.Join(err, notObserved(v, "keep the file as it is, as evidence; restore a backup that verifies, and check it against the checkpoints in your channels"))
	}
	return err
}

// readOutside reads a checkpoint: a file, or size and root as a message has them.
func readOutside(text string) (o history.Outside, err error) {
	if size, root, ok := strings.Cut(strings.TrimSpace(text), " "); ok {
		if o.Size, err = strconv.ParseInt(size, 10, 64); err == nil {
			o.Where = "checkpoint of " + size + " leaves"
			o.Root, err = audit.ParseRoot(strings.TrimSpace(root))
			if err != nil {
				return o, usage(hint.Wrap(fmt.Errorf("--checkpoint: %w", err), "copy size and root whole from the message"))
			}
			return o, nil
		}
	}
	b, err := os.ReadFile(text)
	if err != nil {
		return o, hint.Wrap(fmt.Errorf("--checkpoint: %w", err), "give a file, or size and root from a message with a space between")
	}
	c, err := audit.Peek(b)
	if err != nil {
		return o, fmt.Errorf("--checkpoint %s: %w", text, err)
	}
	return history.Outside{Size: c.Size, Root: c.Root, Origin: c.Origin, Where: text}, nil
}

// verdict writes what was found.
func (p *page) verdict(v history.Verdict, outside int) {
	for _, c := range v.Counts {
		if c.N > 0 {
			fmt.Fprintf(p, "%9d %s\n", c.N, c.What)
		}
	}
	if v.Origin != "" {
		fmt.Fprintf(p, "log %s: %s, root %s\n", text.Visible(v.Origin),
			text.Plural(int(v.Size), "record"), v.Root)
		switch {
		case v.Checkpoints == 0:
			p.WriteString("nothing of it is signed\n")
		case v.Signed < v.Size:
			fmt.Fprintf(p, "signed by key %s up to record %d; the last %d are not signed yet\n", v.KeyID, v.Signed, v.Size-v.Signed)
		default:
			fmt.Fprintf(p, "signed by key %s\n", v.KeyID)
		}
	}
	for _, o := range v.Outside {
		p.Prose("", term.Green, o)
	}
	for _, f := range v.Faults {
		p.Prose("", term.Alarm, "WRONG "+f)
	}
	if v.More > 0 {
		fmt.Fprintf(p, "and %s\n", text.Plural(v.More, "more fault"))
	}
	if len(v.Faults) == 0 {
		fmt.Fprintf(p, "consistent in itself, signed by key %s\n", v.KeyID)
		if outside == 0 {
			p.WriteString("Whether it was made anew as a whole only a checkpoint from outside can show (--checkpoint).\n")
		}
	}
}
