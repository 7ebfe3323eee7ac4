package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/query"
	"cocsync/internal/text"
)

// Completions come from the archive. If it cannot be read, there are none: errors would
// disturb the shell.

// completeDocuments completes documents for any number of arguments.
func (a *app) completeDocuments(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	if q, err := a.archive(cmd.Context()); err == nil {
		names = documentCompletions(cmd.Context(), q)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeDocument completes a document as the only argument.
func (a *app) completeDocument(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeDocuments(cmd, args, typed)
}

// completeVersion completes documents and, after DOC@, versions.
func (a *app) completeVersion(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	i := strings.LastIndex(typed, "@")
	if len(args) > 0 || i < 0 {
		return a.completeDocument(cmd, args, typed)
	}
	var list []cobra.Completion
	for _, label := range a.labels(cmd.Context(), typed[:i]) {
		list = append(list, typed[:i+1]+label)
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeDiff also completes the versions of the first argument's document, or other
// documents if no version has the typed prefix.
func (a *app) completeDiff(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return a.completeVersion(cmd, args, typed)
	}
	labels := a.labels(cmd.Context(), args[0])
	if len(labels) > 0 && !slices.ContainsFunc(labels, func(l cobra.Completion) bool { return strings.HasPrefix(string(l), typed) }) {
		return a.completeVersion(cmd, nil, typed)
	}
	return labels, cobra.ShellCompDirectiveNoFileComp
}

// completeNotifier completes the configured notifiers.
func (a *app) completeNotifier(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	if cfg, err := a.config(); err == nil && len(args) == 0 {
		names = append(names, cfg.Notifiers()...)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeKinds completes kinds of change that are not yet in the list.
func completeKinds(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ",")+1]
	given := strings.Split(before, ",")
	var list []cobra.Completion
	for _, k := range query.Kinds() {
		if !slices.Contains(given, k) {
			list = append(list, before+k)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// labels returns the versions of a document that have a content, newest first.
func (a *app) labels(ctx context.Context, spec string) []cobra.Completion {
	q, err := a.archive(ctx)
	if err != nil {
		return nil
	}
	doc, _, err := q.Split(ctx, spec)
	if err != nil {
		return nil
	}
	all, err := q.Versions(ctx, doc)
	if err != nil {
		return nil
	}
	var list []cobra.Completion
	for i := range all {
		r := all[len(all)-1-i]
		if label := r.Version; r.Archived && text.Visible(label) == label {
			list = append(list, label)
		}
	}
	return list
}

// documentCompletions returns each document by its name if that is unique, else by its ID.
// Names with control characters are left out.
func documentCompletions(ctx context.Context, q *query.Archive) (list []cobra.Completion) {
	var docs []query.Document
	count := map[string]int{}
	for d, err := range q.Documents(ctx) {
		if err != nil {
			return nil
		}
		docs = append(docs, d)
		count[d.Name]++
	}
	for _, d := range docs {
		word, about := d.Name, d.DocumentID
		if word == "" || count[word] > 1 {
			word, about = about, word
		}
		if text.Visible(word) == word {
			list = append(list, cobra.CompletionWithDesc(word, text.Visible(about)))
		}
	}
	return list
}
