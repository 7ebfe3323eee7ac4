package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/query"
	"cocsync/internal/text"
)

// completing completes arguments from the archive. If that cannot be read, there are no
// completions: errors would disturb the shell.
func (a *app) completing(words func(ctx context.Context, q *query.Archive, args []string, typed string) []cobra.Completion) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
		if q, err := a.archive(cmd.Context()); err == nil {
			list = words(cmd.Context(), q, args, typed)
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// documentWords are the documents: each by its name if that is unique, else by its ID. Names
// with control characters are left out.
func documentWords(ctx context.Context, q *query.Archive, _ []string, _ string) (list []cobra.Completion) {
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

// documentWord completes a document as the only argument.
func documentWord(ctx context.Context, q *query.Archive, args []string, typed string) []cobra.Completion {
	if len(args) > 0 {
		return nil
	}
	return documentWords(ctx, q, args, typed)
}

// versionWord completes a document and, after DOC@, a version.
func versionWord(ctx context.Context, q *query.Archive, args []string, typed string) (list []cobra.Completion) {
	i := strings.LastIndex(typed, "@")
	if len(args) > 0 || i < 0 {
		return documentWord(ctx, q, args, typed)
	}
	for _, label := range labels(ctx, q, typed[:i]) {
		list = append(list, typed[:i+1]+label)
	}
	return list
}

// diffWords also completes the versions of the first argument's document, or other
// documents if no version has the typed prefix.
func diffWords(ctx context.Context, q *query.Archive, args []string, typed string) []cobra.Completion {
	if len(args) != 1 {
		return versionWord(ctx, q, args, typed)
	}
	list := labels(ctx, q, args[0])
	if len(list) > 0 && !slices.ContainsFunc(list, func(l string) bool { return strings.HasPrefix(l, typed) }) {
		return versionWord(ctx, q, nil, typed)
	}
	return list
}

// labels returns the versions of a document that have a content, newest first.
func labels(ctx context.Context, q *query.Archive, spec string) (list []string) {
	doc, _, err := q.Split(ctx, spec)
	if err != nil {
		return nil
	}
	all, err := q.Versions(ctx, doc)
	if err != nil {
		return nil
	}
	for _, r := range slices.Backward(all) {
		if r.Archived && text.Visible(r.Version) == r.Version {
			list = append(list, r.Version)
		}
	}
	return list
}

// completeNotifier completes the configured notifiers.
func (a *app) completeNotifier(_ *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	if cfg, err := a.config(); err == nil && len(args) == 0 {
		names = cfg.Notifiers()
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
