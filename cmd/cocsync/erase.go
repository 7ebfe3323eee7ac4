package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

func (a *app) eraseCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "erase HASH --reason TEXT",
		Short: "remove one content permanently",
		Long: `Erase removes one content, given by its SHA-256 or a unique prefix of it, and everything
derived from it: its lines, the differences of its changes, and the messages that report
them. Its hash and size, the reason, and the record that these versions existed are kept.
Pending messages are rewritten without it. Then the database file is rewritten so that no
trace of the content is left in it; this temporarily needs as much disk space again.

It first shows what is affected and asks for confirmation: type yes. It needs exclusive
access to the archive: stop the daemon first.

It does not affect COC, messages that were posted, exports, or copies of the file. Other
versions may have the same text: ` + "`cocsync grep -F TEXT`" + ` finds them, and
` + "`cocsync show DOC@REF --meta`" + ` shows their hashes.`,
		Example: `  cocsync show rotate-database-password@v3 --meta | grep SHA-256
  cocsync erase 3f786850e387 --reason 'a password, ticket 4711'`,
		Args: rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usage(hint.Wrap(errors.New("--reason is missing"), "add --reason TEXT: the archive keeps it in place of the content"))
			}
			return a.erase(cmd.Context(), args[0], reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "reason (`TEXT`); it is kept in the archive")
	return a.outputFlag(cmd)
}

// openExclusive opens an existing archive for the only process that may write it.
func (a *app) openExclusive(ctx context.Context, o db.Options) (*db.DB, error) {
	path, err := a.database()
	if err != nil {
		return nil, err
	}
	if a.dbFlag == "" {
		cfg, err := a.config()
		if err != nil {
			return nil, err
		}
		o.Key, o.Head = cfg.SigningKey, cfg.HeadFile
		if o.Compare == nil {
			o.Compare = a.compareNotes(cfg)
		}
	}
	r, err := query.Open(ctx, path) // OpenWith would create a missing file
	if err != nil {
		return nil, err
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	o.Report = a.reportHead
	return a.closeAtExit(db.OpenWith(ctx, path, o))
}

func (a *app) erase(ctx context.Context, prefix, reason string) error {
	d, err := a.openExclusive(ctx, db.Options{Command: "erase"})
	if err != nil {
		return err
	}
	hash, err := findHash(ctx, d, prefix)
	if err != nil {
		return err
	}
	q := query.New(d)
	e, err := q.Erasure(ctx, hash)
	if err != nil {
		return err
	}
	a.showErasure(e)
	if !a.confirmed("Erase it permanently?") {
		return errors.New("nothing was erased")
	}
	if e.ErasedAt.IsZero() {
		if err := d.Erase(ctx, hash, reason, a.now()); err != nil {
			return err
		}
	}
	if err := d.Scrub(ctx); err != nil {
		return hint.Wrap(err, "the content is erased, but its bytes may still be in the file: free as much disk space as the file needs and run the command again")
	}
	after, err := q.Erasure(ctx, hash)
	if err != nil {
		return err
	}
	if a.json() {
		e.ErasedAt, e.Reason = after.ErasedAt, after.Reason // the other fields are from before the erasure
		return query.Write(a.out, e)
	}
	fmt.Fprintf(a.out, "erased %s\n", hash)
	return nil
}

// confirmed asks a question and reports whether the answer is yes.
func (a *app) confirmed(question string) bool {
	fmt.Fprint(a.err, question+" Type yes: ")
	line, _ := bufio.NewReader(a.stdin).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}

// minHash is the minimum length of the prefix of a hash.
const minHash = 8

// findHash returns the hash of the content with that prefix.
func findHash(ctx context.Context, d *db.DB, prefix string) (coc.Hash, error) {
	wrong := func(format string, args ...any) error {
		return hint.Wrap(fmt.Errorf(format, args...), "`cocsync show DOC@REF --meta` shows the SHA-256 of a version")
	}
	prefix = strings.ToLower(prefix)
	if strings.Trim(prefix, "0123456789abcdef") != "" || len(prefix) < minHash || len(prefix) > 64 {
		return coc.Hash{}, usage(wrong("%q is not a valid SHA-256 or a prefix of at least %d digits", prefix, minHash))
	}
	list, err := d.Hashes(ctx, prefix)
	switch {
	case err != nil:
	case len(list) == 1:
		return list[0], nil
	case len(list) == 0:
		err = wrong("no content %s in the archive", prefix)
	default:
		err = wrong("%s is the prefix of %d hashes", prefix, len(list))
	}
	return coc.Hash{}, err
}

// showErasure writes what erasing removes.
func (a *app) showErasure(e query.Erasure) {
	w := &page{a.output().Writer(a.err), time.Local}
	defer w.Flush()
	fmt.Fprintf(w, "content %s, %d bytes", e.SHA256, e.Size)
	if !e.ErasedAt.IsZero() {
		fmt.Fprintf(w, ", erased %s (%s); only the file is still to be rewritten\n",
			w.time(e.ErasedAt.Time), text.Visible(e.Reason))
		return
	}
	fmt.Fprintln(w, "; this removes")
	for _, p := range e.Versions {
		fmt.Fprintf(w, "  the content of %s of %s (%s/%s)\n", text.Visible(p.Version),
			text.Visible(p.Name), text.Visible(p.Account), text.Visible(p.DocumentID))
	}
	fmt.Fprintf(w, "  its lines in the differences of %s\n", text.Plural(e.Changes, "change"))
	if e.Sent > 0 {
		fmt.Fprintf(w, "  the stored text of %s; posted messages stay in the channel\n",
			text.Plural(e.Sent, "message"))
	}
	if e.Waiting > 0 {
		fmt.Fprintf(w, "  %s, which are pending and will be rewritten\n",
			text.Plural(e.Waiting, "message"))
	}
	for _, c := range e.Copies {
		fmt.Fprintf(w, "This copy, made before a migration, still has it: %s\n", text.Visible(c))
	}
}
