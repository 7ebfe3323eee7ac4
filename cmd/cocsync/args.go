package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cocsync/internal/hint"
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

// exclusive makes a command refuse two flags of one group. It replaces the command's
// PreRunE. The groups are registered with cobra too, for completion.
func exclusive(cmd *cobra.Command, groups ...[]string) {
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
	for _, target := range []any{new(*pflag.NotExistError), new(*pflag.InvalidValueError), new(*pflag.ValueRequiredError), new(*pflag.InvalidSyntaxError)} {
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
	for word := range strings.FieldsSeq(cmd.Flags().FlagUsages()) {
		if strings.HasPrefix(word, "--") {
			names = append(names, word)
		}
	}
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
