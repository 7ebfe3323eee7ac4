package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// The errors that cobra makes for arguments and flag groups have no type, so the checks
// are here.

// noArgs refuses arguments. For a command with subcommands the argument is an unknown
// subcommand.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasSubCommands():
		return usage(hint.Wrap(fmt.Errorf("%s takes no arguments: %q", cmd.CommandPath(), args[0]), "usage: "+cmd.UseLine()))
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return usage(hint.Wrap(fmt.Errorf("unknown command %q", args[0]),
		cmp.Or(hint.DidYouMean(args[0], names), "see `"+cmd.CommandPath()+" --help`")))
}

// rangeArgs accepts between low and high arguments.
func rangeArgs(low, high int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if low <= len(args) && len(args) <= high {
			return nil
		}
		return usage(hint.Wrap(fmt.Errorf("wrong number of arguments: %d", len(args)), "usage: "+cmd.UseLine()))
	}
}

// excludeFlags makes a command refuse two flags of one group. It replaces the command's
// PreRunE. The groups are registered with cobra too, for completion.
func excludeFlags(cmd *cobra.Command, groups ...[]string) {
	for _, group := range groups {
		cmd.MarkFlagsMutuallyExclusive(group...)
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		for _, group := range groups {
			set := slices.DeleteFunc(slices.Clone(group), func(name string) bool { return !cmd.Flags().Changed(name) })
			if len(set) > 1 {
				err := fmt.Errorf("--%s cannot be used together", strings.Join(set, " and --"))
				return usage(hint.Wrap(err, "omit one of them"))
			}
		}
		return nil
	}
}

// isFlagError reports whether an error is about a flag before the command. cobra returns
// these without calling FlagErrorFunc.
func isFlagError(err error) bool {
	if exit := (*exitError)(nil); errors.As(err, &exit) {
		return false
	}
	for _, target := range []any{new(*pflag.NotExistError), new(*pflag.InvalidValueError), new(*pflag.ValueRequiredError),
		new(*pflag.InvalidSyntaxError)} {
		if errors.As(err, target) {
			return true
		}
	}
	return false
}

// flagAdvice returns a hint with similar flags if err is about an unknown one.
func flagAdvice(cmd *cobra.Command, err error) string {
	advice := "see `" + cmd.CommandPath() + " --help`"
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return advice
	}
	typed := unknown.GetSpecifiedName()
	if typed == "format" && cmd.Flags().Lookup("output") != nil {
		return "did you mean -o json?"
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return cmp.Or(hint.DidYouMean("--"+typed, names), advice)
}

// notEmpty refuses flags with an empty value: a shell variable is probably not set, and
// ignoring the flag would run a different query.
func notEmpty(cmd *cobra.Command, _ []string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		value, list := f.Value.String(), f.Value.Type() == "stringArray" || f.Value.Type() == "stringSlice"
		// An empty list is written as [].
		if err == nil && (value == "" || list && strings.Trim(value, `[]", `) == "") {
			err = usage(hint.Wrap(fmt.Errorf("--%s is empty", f.Name), "check that the shell variable is set, or omit the flag for all"))
		}
	})
	return err
}

// wordsFunc returns the completions of a word that is typed after args.
type wordsFunc func(ctx context.Context, q *query.Archive, args []string, typed string) []cobra.Completion

// completeFromArchive completes arguments from the archive. If the archive cannot be read,
// there are no completions: errors would disturb the shell.
func (a *app) completeFromArchive(words wordsFunc) cobra.CompletionFunc {
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
	docs, err := query.Collect(q.Documents(ctx))
	if err != nil {
		return nil
	}
	count := map[string]int{}
	for _, d := range docs {
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
