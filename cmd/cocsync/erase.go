package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

func (a *app) eraseCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "erase DOC@REF | HASH --reason TEXT",
		Short: "remove one content permanently",
		Long: `Erase removes one content, given by a version of a document or by its SHA-256 or a unique
prefix of that, and everything derived from it: its lines, the differences of its changes,
the messages that report them, and its SHA-256. All accounts that have the content are
listed, and each is erased separately. What remains is a signed record with the versions, a
salted hash, the size rounded up to 256 bytes, you, and the reason. Pending messages are
written again without it, and operators are notified. Then the database file is rewritten
so that no trace is left in it; this temporarily needs twice as much disk space again.

It first shows what is affected and asks for confirmation: type yes. While the daemon runs,
the daemon does the work; both need the key of the archive. If COC serves the content again,
it is recognized with the key: it is neither stored nor shown.

It does not affect COC, messages that were posted, exports, backups, or proofs and bundles
that were made before. Other versions may have the same text: ` + "`cocsync grep -F TEXT`" + `
finds them.`,
		Example: `  cocsync erase rotate-database-password@v3 --reason 'a password, ticket 4711'`,
		Args:    rangeArgs(1, 1),
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

func (a *app) erase(ctx context.Context, ref, reason string) error {
	path, keyFile, _, err := a.target()
	if err != nil {
		return err
	}
	list, key, err := a.erasable(ctx, path, ref, cmp.Or(keyFile, db.KeyFile(path)))
	if err != nil {
		return err
	}
	var all, stored []coc.Key
	for _, e := range list {
		a.showErasure(e)
		all = append(all, e.Content)
		if e.ErasedAt.IsZero() {
			stored = append(stored, e.Content)
		}
	}
	if len(stored) > 0 {
		if !a.confirmed("Erase it permanently?") {
			return errors.New("nothing was erased")
		}
		if err := a.requestErasures(ctx, path, key, stored, reason); err != nil {
			return err
		}
	}
	if err := a.awaitErasures(ctx, all); err != nil { // an earlier request may not be finished
		return err
	}
	return a.showErased(ctx, path, list)
}

// showErased shows which contents were erased. uses is what contained them before.
func (a *app) showErased(ctx context.Context, path string, uses []query.Erasure) error {
	q, err := query.Open(ctx, path)
	if err != nil {
		return err
	}
	defer q.Close() // it only read
	for i := range uses {
		e := &uses[i]
		now, err := q.Erasure(ctx, e.Content)
		if err != nil {
			return err
		}
		if now.ErasedAt.IsZero() {
			return fmt.Errorf("the content of account %s is not erased: its request was removed", text.Visible(string(e.Account)))
		}
		e.ErasedAt, e.ErasedBy, e.Reason, e.Size = now.ErasedAt, now.ErasedBy, now.Reason, now.Size
	}
	if a.json() {
		return query.Write(a.out, uses)
	}
	for _, e := range uses {
		fmt.Fprintf(a.out, "erased %s\n", erasedVersions(e))
	}
	return nil
}

// erasable returns what contains the content that a reference names, by account, and the key of
// the archive.
func (a *app) erasable(ctx context.Context, path, ref, keyFile string) ([]query.Erasure, *audit.Key, error) {
	q, err := query.Open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close() // it only read
	key, err := audit.ReadKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = hint.Wrap(fmt.Errorf("the key file %s is missing: it signs an erasure, and recognizes the content if COC still serves it",
			text.Visible(keyFile)),
			"put it back; if it is lost: `cocsync audit rotate-key --lost`")
	}
	if errors.Is(err, fs.ErrPermission) {
		err = hint.Wrap(err, "run this as the user who runs cocsync: the key signs an erasure")
	}
	if err != nil {
		return nil, nil, err
	}
	hash, err := q.ContentHash(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	list, err := q.Erasures(ctx, hash, coc.Hash(key.Erased(hash[:])))
	return list, key, err
}

func (a *app) requestErasures(ctx context.Context, path string, key *audit.Key, contents []coc.Key, reason string) error {
	d, err := db.OpenShared(ctx, path)
	if err != nil {
		return err
	}
	for _, c := range contents {
		if err = d.RequestErasure(ctx, key, c, person(), reason, a.now()); errors.Is(err, db.ErrAskedToErase) {
			err = nil
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, d.Close())
}

const (
	// erasePoll is how often the daemon looks for requests, and a request for its end.
	erasePoll = 500 * time.Millisecond
	// refusedPause is the pause between two log lines about requests that were refused.
	refusedPause = time.Minute
	// eraseRetry is the pause after the files could not be rewritten.
	eraseRetry = 30 * time.Second
	// eraseSilence is how long the command says nothing about the process that it waits for.
	eraseSilence = 2 * time.Second
	// eraseWait is how long the command waits for readers of older states to end.
	eraseWait = time.Minute
)

// awaitErasures waits until contents are erased: by the process that has the archive open for
// writing, or by this one if there is none.
func (a *app) awaitErasures(ctx context.Context, contents []coc.Key) error {
	said, begun := false, a.now()
	for ended := begun.Add(eraseWait); ; {
		d, err := a.openExclusive(ctx, db.Options{Command: "erase"})
		switch {
		case err == nil:
			return a.eraseHere(ctx, d, contents, ended)
		case errors.Is(err, db.ErrLocked):
			if !said && a.now().Sub(begun) > eraseSilence {
				said = true
				fmt.Fprintf(a.err, "requested; waiting for %s\n", a.holder())
			}
			var done bool
			if done, err = a.erasureDone(ctx, contents); done {
				return err
			}
		case errors.Is(err, db.ErrAltered):
			return err
		case ctx.Err() != nil:
		default:
			return hint.Wrap(fmt.Errorf("it was requested, and is not erased: %w", err), "the next `cocsync run` or `cocsync sync` erases it")
		}
		if err != nil && ctx.Err() == nil && a.now().After(ended) {
			return stillInFile(err)
		}
		select {
		case <-ctx.Done():
			return notComplete("interrupted")
		case <-time.After(erasePoll):
		}
	}
}

// eraseHere erases contents in this process, and waits until ended for readers of older states.
func (a *app) eraseHere(ctx context.Context, d *db.DB, contents []coc.Key, ended time.Time) error {
	operators, err := a.operators()
	if err != nil {
		return err
	}
	e := &eraser{db: d, operators: operators, now: a.now, log: a.logger(slog.LevelError)}
	err = e.erase(ctx)
	for errors.Is(err, db.ErrReaders) && a.now().Before(ended) && ctx.Err() == nil {
		time.Sleep(erasePoll)
		err = e.erase(ctx)
	}
	switch {
	case err == nil:
		return failedErasure(ctx, d, contents)
	case ctx.Err() != nil:
		return notComplete("interrupted")
	}
	return stillInFile(err)
}

// holder names the process that has the archive open for writing.
func (a *app) holder() string {
	path, err := a.database()
	if err != nil {
		return db.Process{}.String()
	}
	p, _, _ := db.Holder(path) // it is only a name
	return p.String()
}

// notComplete is the error of an erasure that is requested.
func notComplete(why string) error {
	return hint.Wrap(errors.New(why+"; the erasure is requested, and not complete"),
		"the daemon, or the next `cocsync sync`, completes it; `cocsync status` says when it is not")
}

func stillInFile(err error) error {
	return hint.Wrap(fmt.Errorf("the files of the archive may still contain the bytes: %w", err),
		"end the programs that read the archive, or free disk space; the daemon, or the next `cocsync sync`, continues")
}

// erasureDone reports whether another process has erased the contents, or cannot.
func (a *app) erasureDone(ctx context.Context, contents []coc.Key) (done bool, err error) {
	path, _, _, err := a.target()
	if err != nil {
		return true, err
	}
	d, err := db.OpenReader(ctx, path)
	if err != nil {
		return true, err
	}
	defer d.Close() // it only read
	if err := failedErasure(ctx, d, contents); err != nil {
		return true, err
	}
	requests, err := requested(ctx, d, contents)
	requests = slices.DeleteFunc(requests, func(q db.ErasureRequest) bool { return q.State == db.ErasureFailed })
	if err != nil || len(requests) == 0 {
		return true, err
	}
	if requests[0].Err != "" {
		err = errors.New(requests[0].Err)
	}
	return false, err
}

// requested returns the requests for contents that are not finished.
func requested(ctx context.Context, d *db.DB, contents []coc.Key) (list []db.ErasureRequest, err error) {
	for _, c := range contents {
		q, err := d.ErasureRequest(ctx, c)
		if err == nil {
			list = append(list, q)
		} else if !errors.Is(err, coc.ErrNotFound) {
			return nil, err
		}
	}
	return list, nil
}

// failedErasure returns the error of the first of the contents that could not be erased.
func failedErasure(ctx context.Context, d *db.DB, contents []coc.Key) error {
	list, err := requested(ctx, d, contents)
	for _, q := range list {
		if q.State == db.ErasureFailed && !q.Erased {
			err = errors.Join(err, fmt.Errorf("the content of account %s was not erased: %s", text.Visible(q.Account), q.Err))
		}
	}
	return err
}

// operators returns the notifiers of the operators; none with --db.
func (a *app) operators() ([]string, error) {
	if a.dbFlag != "" {
		fmt.Fprintln(a.err, "operators are not notified: --db does not read the configuration")
		return nil, nil
	}
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	return cfg.Operators, nil
}

// erasedVersions names the versions with a content.
func erasedVersions(e query.Erasure) string {
	var list []string
	for _, p := range e.Versions {
		list = append(list, text.Visible(p.Version)+" of "+text.Visible(p.Name)+" ("+text.Visible(p.Account)+"/"+text.Visible(p.DocumentID)+")")
	}
	return strings.Join(list, ", ")
}

// showErasure writes what erasing removes.
func (a *app) showErasure(e query.Erasure) {
	w := &page{a.output().Writer(a.err), time.Local}
	defer w.Flush()
	if !e.ErasedAt.IsZero() {
		fmt.Fprintf(w, "account %s: erased %s by %s: %s\n", text.Visible(string(e.Account)), w.time(e.ErasedAt.Time),
			text.Visible(string(e.ErasedBy)), text.Visible(string(e.Reason)))
		return
	}
	fmt.Fprintf(w, "account %s, a content of %s; this removes\n", text.Visible(string(e.Account)), text.Plural(e.Size, "byte"))
	for _, p := range e.Versions {
		fmt.Fprintf(w, "  the content of %s of %s (%s)\n", text.Visible(p.Version), text.Visible(p.Name), text.Visible(p.DocumentID))
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

// eraser does the erasures that were requested, in the process that keeps the logs.
type eraser struct {
	db        *db.DB
	operators []string
	queued    func() // called after a notice was queued; may be nil
	now       func() time.Time
	log       *slog.Logger
	rewritten bool // only the write-ahead log is to be emptied
	refused   int  // requests that are not logged yet
	loggedAt  time.Time
}

// run does what is requested until ctx ends.
func (e *eraser) run(ctx context.Context) {
	for pause := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = erasePoll
		if err := e.erase(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("erasure not complete; it is tried again", "err", err)
			pause = eraseRetry
		}
	}
}

// erase does what is requested. An error says that the files still contain the bytes.
func (e *eraser) erase(ctx context.Context) error {
	due, refused, err := e.db.DueErasures(ctx)
	if err != nil {
		return err
	}
	e.logRefused(refused)
	var erased []coc.Key
	for _, q := range due {
		done := q.Erased && q.State == db.ErasureErased
		if !done {
			if done, err = e.content(ctx, q); err != nil {
				return err
			}
		}
		if done {
			erased = append(erased, q.Content)
		}
	}
	if len(erased) == 0 {
		return nil
	}
	if err := e.clean(ctx); err != nil {
		for _, c := range erased {
			err = errors.Join(err, e.db.SetErasureError(ctx, c, err))
		}
		return err
	}
	return e.db.RemoveErasureRequests(ctx, erased)
}

// logRefused logs how many requests were refused, at most once in refusedPause: who can write only the
// database must not be able to fill the log.
func (e *eraser) logRefused(n int) {
	e.refused += n
	if now := e.now(); e.refused > 0 && now.Sub(e.loggedAt).Abs() >= refusedPause {
		e.log.Error("requested erasures refused", "requests", e.refused,
			"err", "they are not signed with the key of the archive, or it is missing; `cocsync status` shows them")
		e.refused, e.loggedAt = 0, now
	}
}

// content erases one content. A request that cannot be done has failed.
func (e *eraser) content(ctx context.Context, q db.ErasureRequest) (done bool, err error) {
	uses, err := e.db.Erasure(ctx, q.Content)
	if err != nil {
		return false, err
	}
	n := coc.NewNotice{Notify: e.operators, Notice: coc.Notice{Kind: coc.NoticeErased, At: e.now(), Title: "A content was erased",
		Lines: []string{"Account " + q.Account, "By " + q.Person + ": " + q.Reason}}}
	for _, p := range uses.Places {
		n.Lines = append(n.Lines, p.Version+" of "+p.Name+" ("+p.DocumentID+")")
	}
	err = e.db.Erase(ctx, q, n, e.now())
	if errors.Is(err, db.ErrAltered) || ctx.Err() != nil {
		return false, err
	}
	if err != nil {
		e.log.Error("content not erased", "account", q.Account, "content", q.Content.ID, "err", err)
		return false, e.db.SetErasureError(ctx, q.Content, err)
	}
	e.rewritten = false
	e.log.Info("content erased", "account", q.Account, "person", q.Person, "versions", len(uses.Places))
	if e.queued != nil {
		e.queued()
	}
	return true, nil
}

// clean removes what was erased from the files.
func (e *eraser) clean(ctx context.Context) error {
	if !e.rewritten {
		if err := e.db.Rewrite(ctx); err != nil {
			return err
		}
		e.rewritten = true
	}
	return e.db.EmptyWAL(ctx)
}
