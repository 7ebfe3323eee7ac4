package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"cocsync/internal/query"
)

// The linker sets release, its commit and the date of that (-X main.release=v1.2.3); they
// are "" in other builds.
var release, builtCommit, builtDate string

// version returns the release, or else the version that Go recorded.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// buildJSON is version -o json.
type buildJSON struct {
	Version  string     `json:"version"`
	Commit   query.Text `json:"commit"` // null: the build did not record it
	Date     query.Text `json:"date"`   // of the commit
	Modified bool       `json:"modified"`
	Go       string     `json:"go"`
	Platform string     `json:"platform"`
}

func newBuildJSON() buildJSON {
	b := buildJSON{Version: version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	set := map[string]string{"vcs.revision": builtCommit, "vcs.time": builtDate}
	if info, ok := debug.ReadBuildInfo(); ok && builtCommit == "" {
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
	}
	b.Commit, b.Date = query.Text(set["vcs.revision"]), query.Text(set["vcs.time"])
	b.Modified = set["vcs.modified"] == "true"
	return b
}

func (a *app) versionCommand() *cobra.Command {
	return a.outputFlag(&cobra.Command{
		Use:   "version",
		Short: "print the version",
		Long: `Version prints the release, the commit and its date if the build recorded them, and the
Go version.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			b := newBuildJSON()
			return a.result(b, func(p *page) { fmt.Fprintln(p, b) })
		},
	})
}

// String returns the version in one line.
func (b buildJSON) String() string {
	parts := []string{b.Go, b.Platform}
	if b.Commit != "" {
		c := "commit " + string(b.Commit[:min(12, len(b.Commit))])
		if b.Date != "" {
			c += " of " + string(b.Date)
		}
		if b.Modified {
			c += ", modified"
		}
		parts = append([]string{c}, parts...)
	}
	return fmt.Sprintf("cocsync %s (%s)", b.Version, strings.Join(parts, ", "))
}
