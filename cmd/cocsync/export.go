package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/notify"
	"cocsync/internal/query"
	"cocsync/internal/term"
	"cocsync/internal/text"
)

func (a *app) exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "write the archive in the format of another program",
		Long: `Export writes the archive in formats of other programs. Nothing is masked: the output
contains all secrets in the documents.`,
		Args: noArgs,
		RunE: showHelp,
	}
	cmd.AddCommand(a.exportGitCommand(), a.exportFolderCommand(), a.exportEventsCommand(), a.exportTableCommand())
	return cmd
}

func (a *app) exportGitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "git",
		Short: "write all versions as a git fast-import stream",
		Long: `Git writes a stream for git fast-import. The branch main gets one commit for each
version, rewrite, deletion and restoration of a document, in the order in which cocsync
recorded them. Each document is a file ACCOUNT/NAME.yaml with the document's first name.
Author and date are those of the version, or unknown if they are not certain.

Exports of the same archive have the same commits. A later export has the same commits
and new ones after them, so an import into the same repository adds only the new ones.
After a content was erased, the commits from that content on differ.

The files in main are always COC's newest versions. A rewrite of an older version, or a
version that arrived late, is a commit on a side branch that is merged without changing
main: see git log --graph.`,
		Example: `  git init -q --bare -b main runbooks.git
  cocsync export git | git -C runbooks.git fast-import --quiet
  git -C runbooks.git log -p main -- prod/restart-unhealthy-nodes.yaml`,
		Args: noArgs,
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, _ []string) error {
			if term.IsTerminal(a.out) {
				return usage(hint.Wrap(errors.New("the stream is not written to a terminal"), "cocsync export git | git -C DIR fast-import"))
			}
			return q.ExportGit(ctx, a.out)
		}),
	}
}

func (a *app) exportFolderCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dir FOLDER",
		Short: "write the newest versions, or those at a time, as files",
		Long: `Dir writes the newest version of each document to ACCOUNT/NAME.yaml in FOLDER, which
must be empty or not exist. With --at it writes the newest versions at that time: a date
(the end of that day), an RFC 3339 time or an age such as 7d. Documents that did not
exist in COC at that time are left out.`,
		Example: `  cocsync export dir runbooks
  cocsync export dir as-of-march --at 2026-03-31`,
		Args: rangeArgs(1, 1),
		RunE: a.withArchive(func(ctx context.Context, q *query.Archive, args []string) error {
			n, err := q.ExportFolder(ctx, args[0])
			if err != nil && n == 0 {
				return hint.Wrap(fmt.Errorf("export: %w", err), "choose a folder that is empty or does not exist")
			}
			a.info(text.Plural(n, "document") + " written to " + text.Visible(args[0]))
			return err
		}),
	}
	a.atFlag(cmd, "newest versions at `TIME`")
	return cmd
}

func (a *app) exportEventsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "jsonl",
		Short: "write all events as JSON lines",
		Long: `Jsonl writes every recorded change and notice as one line of JSON, in the format
described in docs/events.md, in the order in which they were seen. Unlike in events sent
to webhooks, nothing is masked and no diff is truncated.`,
		Example: `  cocsync export jsonl | jq -c 'select(.type == "change.rewritten") | .data | {name, version, seen_at}'`,
		Args:    noArgs,
		RunE:    a.withArchive(a.exportEvents),
	}
}

func (a *app) exportEvents(ctx context.Context, q *query.Archive, _ []string) error {
	w := bufio.NewWriter(a.out)
	put := func(line []byte, err error) error {
		if err != nil {
			return err
		}
		w.Write(line)
		return w.WriteByte('\n')
	}
	err := q.EachEvent(ctx,
		func(c *coc.Change, old, now []byte) error { return put(notify.Event(c, old, now)) },
		func(n *coc.Notice) error { return put(notify.NoticeEvent(n)) })
	return errors.Join(err, w.Flush())
}

func (a *app) exportTableCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "csv",
		Short: "write all changes as CSV",
		Long: `Csv writes every change as a row, newest first, in UTF-8, separated by commas. Times are
RFC 3339, UTC; unknown values are empty. A cell that a spreadsheet would run as a formula
(one that starts with = + - @, a tab or a newline) gets the prefix '.`,
		Example: `  cocsync export csv > changes.csv`,
		Args:    noArgs,
		RunE:    a.withArchive(a.exportTable),
	}
}

func (a *app) exportTable(ctx context.Context, q *query.Archive, _ []string) error {
	w := csv.NewWriter(a.out)
	err := w.Write([]string{"id", "kind", "account", "document_id", "name", "version", "previous", "made_at", "seen_at", "by",
		"risk_level", "added", "removed", "summary", "note", "backfill", "late"})
	if err != nil {
		return err
	}
	for c, failed := range q.Log(ctx, query.Log{}) {
		if err = failed; err != nil {
			break
		}
		row := []string{strconv.FormatInt(c.Key.ID, 10), string(c.Kind), c.Account, c.DocumentID, c.Name, c.Version, c.Previous,
			query.Time{Time: c.MadeAt}.String(), query.Time{Time: c.SeenAt}.String(), c.By, c.RiskLevel, strconv.Itoa(c.Added),
			strconv.Itoa(c.Removed),
			c.Summary, c.Note(), strconv.FormatBool(c.Backfill), strconv.FormatBool(c.Late)}
		for i := range row {
			row[i] = tableCell(row[i])
		}
		if err = w.Write(row); err != nil {
			break
		}
	}
	w.Flush()
	return errors.Join(err, w.Error())
}

// tableCell prevents spreadsheets from running a text as a formula.
// https://owasp.org/www-community/attacks/CSV_Injection
func tableCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
