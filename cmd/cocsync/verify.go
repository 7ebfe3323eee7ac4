package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/audit"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
	"cocsync/internal/witness"
)

func (a *app) verifyCommand() *cobra.Command {
	var deep bool
	var external, keys, witnesses []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "verify the archive against its logs",
		Long: `Verify checks the whole archive: the file and its schema, each content against its
SHA-256, each recorded row against its leaf, each log against its newest checkpoint and
the head file, and the signatures. With --deep it also recomputes derived data
(differences and the index of lines) and compares it.

Without --key the signatures are checked with the key file of the archive (signing_key).
If it cannot be read, as on another machine, they are checked with the keys in the archive,
so someone who can write it can rebuild it with another key. Give the verifier keys that
you noted earlier (cocsync audit keys), or the key file.

Someone who has the key can rebuild everything. Only a checkpoint stored elsewhere can
show that this did not happen. Give one with --checkpoint: a file, a note pasted from a
message, or a size and a root. Those in witness_dir are always compared.

A witness signs only heads that extend those it signed before. With --witness the result
says how many records of each log the witness with that verifier key has cosigned, and
when. Stored cosignatures are always checked.

The exit status is 3 if there are faults; each is written on its own line. It is 4 if there
are none, but a restore lost records of an external checkpoint, and 1 if the archive cannot
be read. A note, such as one of times that run backwards, is not a fault.`,
		Example: `  cocsync verify
  cocsync verify --key keys.txt --checkpoint checkpoint.txt
  cocsync --db copy.db verify --deep --checkpoint '1234 5Yk2…='`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.verify(cmd.Context(), external, keys, witnesses, deep)
		},
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "also recompute and compare derived data")
	cmd.Flags().StringArrayVar(&keys, "key", nil, "a verifier key, or a `FILE` with some; may be repeated")
	cmd.Flags().StringArrayVar(&external, "checkpoint", nil, "an external checkpoint: a `FILE`, a note, or a size and a root; may be repeated")
	witnessFlag(cmd, &witnesses)
	return a.outputFlag(cmd)
}

// witnessFlag adds the flag for the verifier keys of witnesses.
func witnessFlag(cmd *cobra.Command, list *[]string) {
	cmd.Flags().StringArrayVar(list, "witness", nil, "the verifier `KEY` of a witness; may be repeated")
}

// readWitnesses parses the verifier keys of witnesses.
func readWitnesses(list []string) (keys []audit.WitnessKey, err error) {
	for _, text := range list {
		key, err := audit.ParseWitnessKey(text)
		if err != nil {
			return nil, usage(hint.Wrap(fmt.Errorf("--witness: %w", err), "give the verifier key that the operator of the witness publishes"))
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (a *app) verify(ctx context.Context, external, keys, witnesses []string, deep bool) error {
	check := query.Verification{Deep: deep}
	for _, text := range external {
		checkpoints, err := readExternal("--checkpoint", text)
		if err != nil {
			return err
		}
		check.External = append(check.External, checkpoints...)
	}
	var err error
	if check.Keys, err = readKeys(keys); err != nil {
		return err
	}
	if check.Witnesses, err = readWitnesses(witnesses); err != nil {
		return err
	}
	q, err := a.archive(ctx)
	if err != nil {
		return err
	}
	own, err := a.ownKey()
	if err != nil {
		return err
	}
	heads, err := a.readHead(ctx, q, check.Keys, own)
	if err != nil {
		return err
	}
	check.HeadFile = heads.err
	check.External = append(check.External, heads.list...)
	stored, unused, err := a.storedNotes(ctx, q)
	if err != nil {
		return err
	}
	check.External = append(check.External, stored...)
	show := a.output().Progress()
	v, err := q.Verify(ctx, check, func(now query.Progress) { show.Update("checking "+now.What, now.Done, now.Total, "") })
	show.End()
	if err != nil {
		return err
	}
	v.Notes = append(v.Notes, unused...)
	err = a.result(v, func(p *page) {
		p.verdict(v, len(external)+len(stored) > 0)
		if v.Good && len(check.Keys) == 0 && own == nil {
			p.WriteString("The signatures were checked with the key in the archive itself; --key checks whether it is the one that you noted.\n")
		}
	})
	if !v.Good {
		advice := "keep the file as it is, as evidence; restore a backup that verifies, and check it against the checkpoints in your channels"
		if check.HeadFile != nil && len(v.Faults) == 1 {
			advice = "put the head file back; if it is lost, move away what is in its place: `cocsync audit trust --reason TEXT`"
		}
		return errors.Join(err, alteredError(v, advice))
	}
	if len(v.Lost) > 0 {
		return errors.Join(err, &exitError{exitLost, fmt.Errorf("%s: the archive is consistent, and a restore lost records of it",
			text.Plural(len(v.Lost), "checkpoint"))})
	}
	return err
}

// readKeys returns the public keys of verifier keys and files of them. A file may also be the
// signing key.
func readKeys(list []string) (keys []audit.PublicKey, err error) {
	for _, text := range list {
		lines := []string{text}
		if _, _, err := audit.ParseVerifier(text); err != nil {
			if key, err := audit.ReadKey(text); err == nil {
				keys = append(keys, key.Public())
				continue
			}
			b, err := readSmall(text)
			if err != nil {
				return nil, hint.Wrap(fmt.Errorf("--key: %w", err), "give a verifier key as `cocsync audit keys` prints it, or a file with some")
			}
			lines = strings.Split(strings.TrimSpace(string(b)), "\n")
		}
		for _, line := range lines {
			_, key, err := audit.ParseVerifier(line)
			if err != nil {
				return nil, fmt.Errorf("--key: %w", err)
			}
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// maxSmall is the maximum size of a file with keys, checkpoints or a proof, in bytes.
const maxSmall = 16 << 20

// readSmall reads a file with keys, checkpoints or a proof. It can be a pipe, such as that of
// <(cocsync audit keys). A pipe that no process writes is empty: opening it does not block.
func readSmall(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder", text.Visible(path))
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) == 0:
		return nil, fmt.Errorf("%s is empty", text.Visible(path))
	case len(b) > maxSmall:
		return nil, fmt.Errorf("%s has more than %s", text.Visible(path), text.Size(maxSmall))
	case bytes.HasPrefix(b, []byte("\xFF\xFE")), bytes.HasPrefix(b, []byte("\xFE\xFF")):
		return nil, hint.Wrap(fmt.Errorf("%s is UTF-16, and not UTF-8", text.Visible(path)),
			"PowerShell's > alters what a program writes; write the file with > in the Command Prompt (cmd)")
	}
	return b, nil
}

// readExternal reads checkpoints: a file of them, notes, or size and root as in an event.
func readExternal(flag, arg string) (list []query.External, err error) {
	if size, root, ok := strings.Cut(strings.TrimSpace(arg), " "); ok {
		if n, err := strconv.ParseInt(size, 10, 64); err == nil {
			x := query.External{Size: n, Name: "checkpoint of " + size + " records"}
			if x.Root, err = audit.ParseRoot(strings.TrimSpace(root)); err != nil {
				err = usage(hint.Wrap(fmt.Errorf("%s: %w", flag, err), "copy the complete size and root"))
			}
			return []query.External{x}, err
		}
	}
	name := "the pasted checkpoint"
	if !strings.Contains(arg, "\n") {
		b, err := readSmall(arg)
		if err != nil {
			return nil, hint.Wrap(fmt.Errorf("%s: %w", flag, err), "give a file, or the text of a signed checkpoint")
		}
		name, arg = arg, string(b)
	}
	found, err := audit.ParsePasted(arg)
	for i, p := range found {
		x := query.External{Origin: p.Origin, Size: p.Size, Root: p.Root, Note: p.Note, Name: name}
		if len(found) > 1 {
			x.Name = fmt.Sprintf("%s, number %d", name, i+1)
		}
		list = append(list, x)
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", flag, text.Visible(name), err)
	}
	return list, err
}

// ownKey returns the public key of the archive's key file; nil if it is not there or this user
// may not read it.
func (a *app) ownKey() (audit.PublicKey, error) {
	key, err := a.readOwnKey()
	if key == nil {
		return nil, err
	}
	return key.Public(), nil
}

// readOwnKey reads the archive's key file; it returns nil if it is not there or this user may not
// read it.
func (a *app) readOwnKey() (*audit.Key, error) {
	path, file, _, err := a.target()
	if err != nil {
		return nil, err
	}
	key, err := audit.ReadKey(cmp.Or(file, db.KeyFile(path)))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil, nil
	case err != nil:
		return nil, hint.Wrap(fmt.Errorf("signing key: %w", err), db.KeyAdvice)
	}
	return key, nil
}

// noHead returns an error if the head file is missing, and the key is there.
func (a *app) noHead() error {
	path, _, file, err := a.target()
	if err != nil {
		return nil // the command reports it
	}
	if _, err := os.Stat(cmp.Or(file, db.HeadFile(path))); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if key, _ := a.readOwnKey(); key == nil {
		return nil
	}
	return errMissingHead
}

var errMissingHead = errors.New("it is missing, and the key exists: whether the database is an older copy is unknown")

// heads are the heads of the head file as checkpoints that the archive must contain.
type heads struct {
	list []query.External
	err  error // why it cannot be compared
}

// readHead reads the head file, which own or one of some keys signed. A missing one has no heads,
// as that of a copy, but it must not be missing next to the key.
func (a *app) readHead(ctx context.Context, q *query.Archive, keys []audit.PublicKey, own audit.PublicKey) (h heads, err error) {
	path, _, file, err := a.target()
	if err != nil {
		return h, err
	}
	who, err := q.Identity(ctx)
	if err != nil {
		return h, err
	}
	switch keys = slices.Clone(keys); {
	case own != nil:
		keys = append(keys, own)
		if key, err := a.readOwnKey(); err == nil && key != nil { // a process was killed while it replaced the key
			keys = append(keys, key.Previous()...)
		}
	case len(keys) == 0:
		keys = append(keys, who.PublicKey)
	}
	var found *witness.Heads
	for _, key := range keys {
		if found, h.err = witness.Read(cmp.Or(file, db.HeadFile(path)), who.Name, key); found != nil || !errors.Is(h.err, audit.ErrSignature) {
			break
		}
	}
	switch {
	case errors.Is(h.err, fs.ErrNotExist) && own != nil:
		h.err = errMissingHead
	case errors.Is(h.err, witness.ErrUnsigned), errors.Is(h.err, fs.ErrNotExist), errors.Is(h.err, fs.ErrPermission):
		h.err = nil
	}
	if h.err != nil || found == nil {
		return h, nil
	}
	for i := range found.Logs {
		l := &found.Logs[i]
		c, signed, err := l.Checkpoint()
		if err != nil {
			return h, err
		}
		x := query.External{Origin: c.Origin, Size: c.Size, Root: c.Root, Name: "the head of account " + l.Account + " in the head file"}
		if signed {
			x.Note = []byte(l.Note)
		}
		h.list = append(h.list, x)
	}
	return h, nil
}

// storedNotes returns the checkpoints in the configured witness_dir, and which files of it are not used.
func (a *app) storedNotes(ctx context.Context, q *query.Archive) (list []query.External, unused []string, err error) {
	if a.dbFlag != "" {
		return nil, nil, nil
	}
	cfg, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	who, err := q.Identity(ctx)
	if err != nil || cfg.WitnessDir == "" {
		return nil, nil, err
	}
	list, unused = a.noteFolder(cfg).checkpoints(who.Name, 0)
	return list, unused, nil
}

// cosigned writes what witnesses have cosigned.
func (p *page) cosigned(list []query.CosignedLog) {
	for _, c := range list {
		p.Prose("", term.Green, c.String())
	}
}

// verdict writes the result of a verification.
func (p *page) verdict(v query.Verdict, external bool) {
	for _, c := range v.Counts {
		if c.Count > 0 {
			fmt.Fprintf(p, "%9d %s\n", c.Count, c.What)
		}
	}
	for _, l := range v.Logs {
		fmt.Fprintf(p, "log %s: %s, root %s\n", text.Visible(string(l.Origin)), text.Plural(int(l.Size), "record"), l.Root)
		if l.Key == "" {
			p.WriteString("not signed\n")
		} else {
			fmt.Fprintf(p, "signed by key %s\n", l.Key)
		}
	}
	for _, x := range v.External {
		p.Prose("", term.Green, x)
	}
	for _, x := range v.Lost {
		p.Prose("", term.Alarm, "LOST "+x)
	}
	p.cosigned(v.Cosigned)
	for _, n := range v.Notes {
		p.Prose("", term.Plain, "NOTE "+n)
	}
	for _, f := range v.Faults {
		p.Prose("", term.Alarm, "FAULT "+f)
	}
	if v.More > 0 {
		fmt.Fprintf(p, "and %s\n", text.Plural(v.More, "more fault"))
	}
	if v.Good {
		p.WriteString("consistent in itself\n")
		if !external {
			p.WriteString("Only an external checkpoint (--checkpoint) can show whether the archive was rebuilt or replaced as a whole.\n")
		}
	}
}

// verifyEvery is the maximum age of the last complete verification while the archive is
// written. A verification reads everything and takes seconds for 100,000 versions.
const verifyEvery = 24 * time.Hour
