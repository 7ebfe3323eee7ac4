package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"cocsync/internal/audit"
	"cocsync/internal/hint"
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
	cmd.AddCommand(a.auditCheckpointCommand(), a.auditKeysCommand(), a.auditProveCommand(), a.auditConsistencyCommand(),
		a.auditBundleCommand(), a.auditCheckCommand(), a.auditTrustCommand(), a.auditRotateCommand(), a.auditLogListCommand())
	return cmd
}

func (a *app) auditCheckpointCommand() *cobra.Command {
	var account, at string
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "write the newest signed checkpoint of each log",
		Long: `Checkpoint writes the newest signed head of the log of each account: its name, the number
of records, their root, the signature (a signed note, https://c2sp.org/tlog-checkpoint),
and the cosignatures of witnesses, if it has any. Store it where no one with write access
to the archive can change it. Then cocsync verify --checkpoint FILE shows whether anything
that the archive had at that time was altered or removed.

With --at it writes the newest ones that were sent until TIME, without cosignatures: the
daily message of that time has them, or the SHA-256 of this output.`,
		Example: `  cocsync audit checkpoint --account prod > checkpoint-$(date +%F).txt
  cocsync audit checkpoint --at 2026-06-01T00:00:05.123Z | sha256sum`,
		Args: noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) error {
			then, err := query.Option("at", at, q.Time)
			if err != nil {
				return err
			}
			var notes [][]byte
			if then.IsZero() {
				notes, err = q.Notes(ctx, account)
			} else {
				notes, err = q.NotesAt(ctx, account, then)
			}
			if err != nil {
				return err
			}
			_, err = a.out.Write(bytes.Join(notes, []byte("\n")))
			return err
		}),
	}
	cmd.Flags().StringVar(&account, "account", "", "only the log of account `NAME`")
	cmd.Flags().StringVar(&at, "at", "", "those that were sent until `TIME`")
	return cmd
}

func (a *app) auditKeysCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keys",
		Short: "write the verifier key of each log",
		Long: `Keys writes the verifier key of each log: its name, a hash and the public key, as in a
signed note. Store it where no one with write access to the archive can change it, and
give it with --key to verify and audit check. All logs of an archive are signed by one key.`,
		Example: `  cocsync audit keys > keys.txt`,
		Args:    noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) error {
			keys, err := q.Keys(ctx)
			for _, k := range keys {
				fmt.Fprintln(a.out, k)
			}
			return err
		}),
	}
}

func (a *app) auditLogListCommand() *cobra.Command {
	var contact string
	cmd := &cobra.Command{
		Use:   "log-list",
		Short: "write the logs for the operator of a witness",
		Long: `Log-list writes what the operator of a witness must add for it to cosign the logs: the
verifier key of each log, the maximum number of requests a day, and a contact. It is a list
as in https://github.com/transparency-dev/witness-network/blob/main/docs/log-list-format.md.`,
		Example: `  cocsync audit log-list --contact ops@example.com > logs.txt`,
		Args:    noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) error {
			if strings.ContainsFunc(contact, unicode.IsControl) || strings.TrimSpace(contact) == "" {
				return usage(errors.New("--contact must be one line of text"))
			}
			list, err := q.LogList(ctx, contact)
			if err != nil {
				return err
			}
			_, err = io.WriteString(a.out, list)
			return err
		}),
	}
	cmd.Flags().StringVar(&contact, "contact", "none", "how to reach the operator of this archive: an address or a `TEXT`")
	return cmd
}

func (a *app) auditProveCommand() *cobra.Command {
	var out, notifier string
	var sent bool
	cmd := &cobra.Command{
		Use:   "prove RECORD",
		Short: "write a proof that a record is in a log",
		Long: `Prove writes a proof of one record: a change, given by its number; a version, as DOC@v3;
or another record, as TYPE:ID, such as coverage:12. The proof has the record, the hashes that
lead to the root and a signed checkpoint, as https://c2sp.org/tlog-proof: the newest one
that a witness cosigned, or without any the newest one. It can be checked without the
archive: cocsync audit check FILE --key KEY.

With --sent it proves to which notifiers a change was sent, when, and where it was posted.
What was sent is recorded together, at most an hour later, so the proof has the other
changes that were sent in that time, too.`,
		Example: `  cocsync audit prove 41 -o change-41.proof
  cocsync audit prove 41 --sent -o change-41-sent.proof
  cocsync audit prove restart-nginx@v6`,
		Args: rangeArgs(1, 1),
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, args []string) error {
			if notifier != "" && !sent {
				return usage(hint.Wrap(errors.New("--notifier needs --sent"), "`cocsync audit prove 41 --sent --notifier ops`"))
			}
			prove := q.Prove
			if sent {
				prove = func(ctx context.Context, ref string) (audit.Proof, error) {
					return q.ProveSent(ctx, ref, notifier)
				}
			}
			p, err := prove(ctx, args[0])
			if err != nil {
				return err
			}
			return a.writeProof(out, p.Encode())
		}),
	}
	cmd.Flags().BoolVar(&sent, "sent", false, "prove to whom the change was sent, when and where")
	cmd.Flags().StringVar(&notifier, "notifier", "", "with --sent, only to notifier `NAME`")
	cmd.Flags().StringVarP(&out, "file", "o", "", "write to `FILE`, which must not exist")
	return cmd
}

func (a *app) writeProof(file string, proof []byte) error {
	if file == "" {
		_, err := a.out.Write(proof)
		return err
	}
	err := createFile(file, proof, 0o644)
	if errors.Is(err, fs.ErrExist) {
		err = hint.Wrap(err, "choose a new file: proofs never overwrite files")
	}
	return err
}

func (a *app) auditConsistencyCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "consistency OLD [NEW]",
		Short: "write a proof that a log only grew",
		Long: `Consistency writes a proof that the log at a newer checkpoint has all records that it had
at an older one, unaltered and at the same indexes. OLD and NEW are files with signed
checkpoints of the same log. Without NEW it is the newest checkpoint.`,
		Example: `  cocsync audit consistency checkpoint-2026-01-01.txt -o year.proof`,
		Args:    rangeArgs(1, 2),
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, args []string) error {
			notes := make([][]byte, 2)
			for i, file := range args {
				list, err := readExternal("checkpoint", file)
				if err != nil {
					return err
				}
				if len(list) > 1 || list[0].Note == nil {
					return fmt.Errorf("%s must have one checkpoint, with its signature", file)
				}
				notes[i] = list[0].Note
			}
			p, err := q.ProveConsistency(ctx, notes[0], notes[1])
			if err != nil {
				return err
			}
			return a.writeProof(out, p.Encode())
		}),
	}
	cmd.Flags().StringVarP(&out, "file", "o", "", "write to `FILE`, which must not exist")
	return cmd
}

func (a *app) auditCheckCommand() *cobra.Command {
	var keys, witnesses []string
	cmd := &cobra.Command{
		Use:   "check FILE --key KEY",
		Short: "check a proof or a checkpoint without an archive",
		Long: `Check reads a proof written by "cocsync audit prove" or "cocsync audit consistency" and
shows what it proves. It needs the verifier key of the log, from a trusted source: a line
that "cocsync audit keys" printed, or a file with such lines.

It also reads checkpoints, such as those of a daily message, and verifies their signatures.
Whether an archive still has what they cover is checked by cocsync verify --checkpoint.

With --witness the newest checkpoint of the proof, or each checkpoint, must also be cosigned
by the witness with that verifier key.`,
		Example: `  cocsync audit check change-41.proof --key keys.txt
  cocsync audit check checkpoint.txt --key keys.txt`,
		Args: rangeArgs(1, 1),
		RunE: func(_ *cobra.Command, args []string) error { return a.auditCheck(args[0], keys, witnesses) },
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "a verifier key, or a `FILE` with some; may be repeated (required)")
	witnessFlag(cmd, &witnesses)
	return a.outputFlag(cmd)
}

func (a *app) auditCheck(path string, list, witnesses []string) error {
	if len(list) == 0 {
		return usage(hint.Wrap(errors.New("--key is required: a proof can be signed by anyone"),
			"give a line that `cocsync audit keys` printed, from a source that you trust"))
	}
	keys, err := readKeys(list)
	if err != nil {
		return err
	}
	by, err := readWitnesses(witnesses)
	if err != nil {
		return err
	}
	b, err := readSmall(path)
	if err != nil {
		return err
	}
	if isCheckpoints(string(b)) {
		return a.checkSigned(path, string(b), keys, by)
	}
	if c, wrong := audit.ParseConsistency(b); wrong == nil {
		err = a.checkConsistency(c, keys, by)
	} else {
		for _, key := range keys {
			if err = a.checkProof(b, key, by); !errors.Is(err, audit.ErrSignature) {
				break
			}
		}
	}
	if err != nil {
		err = fmt.Errorf("%s is not a valid proof: %w", path, err)
		if _, wrong := audit.ParseProof(b); wrong != nil {
			err = hint.Wrap(err, "give what `cocsync audit prove`, `consistency` or `checkpoint` wrote, or only the code block of a daily message")
		}
		return err
	}
	return nil
}

// isCheckpoints reports whether a text begins with a checkpoint: that of a proof is at its end.
func isCheckpoints(pasted string) bool {
	found, err := audit.ParsePasted(pasted)
	for line := range strings.Lines(pasted) {
		if line = strings.Trim(line, "> `\t\r\n\ufeff"); line != "" {
			return err == nil && line == found[0].Origin
		}
	}
	return false
}

// checkSigned verifies the signatures of checkpoints and shows what they cover.
func (a *app) checkSigned(path, pasted string, keys []audit.PublicKey, witnesses []audit.WitnessKey) error {
	list, err := query.NewChecked(pasted, keys, witnesses)
	if err != nil {
		return fmt.Errorf("%s is not valid: %w", path, err)
	}
	return a.result(list, func(w *page) {
		for _, s := range list.Checkpoints {
			fmt.Fprintf(w, "Log %s; key %s signed %s with the root\n%s\n", text.Visible(s.Origin), s.Key, text.Plural(int(s.Size), "record"), s.Root)
			w.cosigned(s.Cosigned)
		}
		w.WriteString("Whether an archive has them unaltered: cocsync verify --checkpoint FILE\n")
	})
}

// checkConsistency checks a consistency proof and shows what it proves.
func (a *app) checkConsistency(c audit.Consistency, keys []audit.PublicKey, witnesses []audit.WitnessKey) error {
	old, now, err := c.Check(keys...)
	if err != nil {
		return err
	}
	_, key, err := audit.OpenAny(c.New, keys)
	if err != nil {
		return err
	}
	cosigned, err := query.NewCosigned(c.New, now, witnesses)
	if err != nil {
		return err
	}
	return a.result(query.NewConsistent(key, old, now, cosigned), func(w *page) {
		fmt.Fprintf(w, "Log %s; key %s signed\n%s with the root %s and\n%s with the root %s.\nThe first are unaltered in the second.\n",
			text.Visible(now.Origin), key.Fingerprint(), text.Plural(int(old.Size), "record"), old.Root,
			text.Plural(int(now.Size), "record"), now.Root)
		w.cosigned(cosigned)
	})
}

// checkProof checks a proof with a key and shows what it proves.
func (a *app) checkProof(b []byte, key audit.PublicKey, witnesses []audit.WitnessKey) error {
	p, err := audit.ParseProof(b)
	if err != nil {
		return err
	}
	r, c, err := p.Check(key)
	if err != nil {
		return err
	}
	cosigned, err := query.NewCosigned(p.Checkpoint, c, witnesses)
	if err != nil {
		return err
	}
	var sent []audit.Delivered
	if r.Type == audit.TypeDelivery {
		if sent, err = audit.ParseDelivered(r.Get("sent")); err != nil {
			return err
		}
	}
	return a.result(query.NewProved(p, key, r, c, cosigned), func(w *page) {
		fmt.Fprintf(w, "Record %d (counted from 0) of log %s; key %s signed %s with the root\n%s\n",
			p.Index, text.Visible(c.Origin), key.Fingerprint(), text.Plural(int(c.Size), "record"), c.Root)
		w.cosigned(cosigned)
		w.WriteString("\n")
		fmt.Fprintf(w, "%-20s %s\n", "type", r.Type)
		for _, f := range r.Fields {
			if r.Type == audit.TypeDelivery && f.Name == "sent" {
				continue // below
			}
			fmt.Fprintf(w, "%-20s %s\n", f.Name, text.Visible(f.Value)+recordTime(f))
			for _, o := range p.Openings {
				if strings.HasSuffix(f.Name, "commitment") && fmt.Sprintf("%x", o.Commitment()) == f.Value {
					fmt.Fprintf(w, "%-20s %x\n", "  to the SHA-256", o.SHA256)
				}
			}
		}
		writeDelivered(w, sent)
	})
}

// writeDelivered writes what was sent to whom, a line each.
func writeDelivered(w io.Writer, sent []audit.Delivered) {
	for _, d := range sent {
		where := ""
		if d.Channel != "" {
			where = ", in channel " + text.Visible(d.Channel)
		}
		if d.TS != "" {
			where += " as message " + text.Visible(d.TS)
		}
		fmt.Fprintf(w, "change %d was sent to %s at %s%s\n", d.Change, text.Visible(d.Notifier), d.SentAt.Format(time.RFC3339), where)
	}
}

// recordTime formats the time of a record field that holds milliseconds.
func recordTime(f audit.Field) string {
	ms, err := strconv.ParseInt(f.Value, 10, 64)
	if err != nil || f.Name != "at" && !strings.HasSuffix(f.Name, "_at") {
		return ""
	}
	return "  (" + time.UnixMilli(ms).UTC().Format(time.RFC3339) + ")"
}
