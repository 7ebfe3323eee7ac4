package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// release is set by the linker (-X main.release=v1.2.3); "" for other builds.
var release string

// version says which build this is: the release, else what Go recorded.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print which build this is",
		Long: `Version prints the release, the commit and its date where the build recorded
them, and which Go it was built with.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			parts := []string{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if c := commit(); c != "" {
				parts = append([]string{c}, parts...)
			}
			_, err := fmt.Fprintf(a.out, "cocsync %s (%s)\n", version(), strings.Join(parts, ", "))
			return err
		},
	}
}

// commit names the commit that was built and its date; "" where the build did
// not record them.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	revision := set["vcs.revision"]
	if revision == "" {
		return ""
	}
	text := "commit " + revision[:min(12, len(revision))]
	if set["vcs.modified"] == "true" {
		text += " and more"
	}
	if at := set["vcs.time"]; at != "" {
		text += " of " + at
	}
	return text
}
