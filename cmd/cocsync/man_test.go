package main

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// TestMan writes the man pages of all commands to the folder COCSYNC_MAN, with the version
// COCSYNC_MAN_VERSION; `make man` and releases use it. The generator is a test because only
// this package has the commands, and the program does not need the generator.
func TestMan(t *testing.T) {
	dir := cmp.Or(os.Getenv("COCSYNC_MAN"), t.TempDir())
	must(t, os.MkdirAll(dir, 0o755))
	root := manual(t)
	must(t, doc.GenManTree(root, &doc.GenManHeader{
		Section: "1", Source: "cocsync " + cmp.Or(os.Getenv("COCSYNC_MAN_VERSION"), version()), Manual: "User Commands",
	}, dir))
	walkCommands(root, func(c *cobra.Command) {
		if c.IsAvailableCommand() || !c.HasParent() {
			checkManPage(t, c, filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		}
	})
}

// manual returns the commands with their help as Markdown, for cobra/doc.
func manual(t *testing.T) *cobra.Command {
	t.Helper()
	more, err := os.ReadFile("testdata/man.md")
	must(t, err)
	root := (&app{}).root()
	walkCommands(root, func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		c.Long = markdownOf(c.Long)
	})
	root.Long += "\n\n" + string(more)
	return root
}

// markdownOf writes columns and indented lines of a help text as code blocks, and escapes
// Markdown's special characters in the other lines.
func markdownOf(help string) string {
	special := regexp.MustCompile(`[\\*_<>\[\]]`)
	var b strings.Builder
	before := false
	for line := range strings.SplitSeq(help, "\n") {
		laidOut := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") || strings.Contains(line, "   ")
		if laidOut != before && line != "" {
			b.WriteString("\n")
			before = laidOut
		}
		if laidOut {
			b.WriteString("    " + line + "\n")
		} else {
			b.WriteString(special.ReplaceAllString(line, `\$0`) + "\n")
		}
	}
	return b.String()
}

// checkManPage checks that a command's page has all flags, and that groff has no warnings.
func checkManPage(t *testing.T, c *cobra.Command, file string) {
	t.Helper()
	page, err := os.ReadFile(file)
	must(t, err)
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && !strings.Contains(string(page), `--`+f.Name) {
			t.Errorf("%s has no --%s", file, f.Name)
		}
	})
	if c.HasParent() == strings.Contains(string(page), "EXIT STATUS") {
		t.Errorf("%s: exit statuses are in the page of cocsync only", file)
	}
	if _, err := exec.LookPath("groff"); err != nil {
		return
	}
	var wrong bytes.Buffer
	cmd := exec.Command("groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z", file)
	cmd.Stderr = &wrong
	if err := cmd.Run(); err != nil || wrong.Len() > 0 {
		t.Errorf("groff %s: %v\n%s", file, err, wrong.String())
	}
}

func walkCommands(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		walkCommands(sub, f)
	}
}
