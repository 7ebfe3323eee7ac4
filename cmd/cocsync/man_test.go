package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// No text of a page is taken for a request or an escape.
func TestRoffText(t *testing.T) {
	for text, want := range map[string]string{
		"plain":          "plain",
		".TH x":          `\&.TH x`,
		"'so":            `\(aqso`,
		`a\b`:            `a\eb`,
		"--since 7d":     `\-\-since 7d`,
		"`cocsync` ^~":   `\(gacocsync\(ga \(ha\(ti`,
		"  .indented":    "  .indented",
		"“注册” → v3.. ok": "“注册” → v3.. ok",
	} {
		if got := roffText(text); got != want {
			t.Errorf("roffText(%q) = %q, want %q", text, got, want)
		}
	}
}

// The manual has every command and every flag, and groff finds nothing wrong with it.
func TestManual(t *testing.T) {
	root := (&app{}).root()
	page := manual(root)
	walk(root, func(c *cobra.Command) {
		name := strings.TrimPrefix(c.CommandPath(), "cocsync ")
		if told(c) && c.HasParent() && !strings.Contains(page, "\n.SH "+roffWord(name)+"\n") {
			t.Errorf("the manual has no section %s", name)
		}
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if told(c) && !f.Hidden && f.Name != "help" && !strings.Contains(manual(c), roffInline("--"+f.Name)) {
				t.Errorf("the page of %s has no --%s", name, f.Name)
			}
		})
	})
	if page != manual((&app{}).root()) {
		t.Error("the manual is not the same each time")
	}
	groff := tool(t, "groff")
	var wrong bytes.Buffer
	cmd := exec.Command(groff, "-man", "-Tutf8", "-Kutf8", "-ww", "-z")
	cmd.Stdin, cmd.Stderr = strings.NewReader(page), &wrong
	if err := cmd.Run(); err != nil || wrong.Len() > 0 {
		t.Errorf("groff: %v\n%s", err, wrong.String())
	}
}

func walk(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		walk(sub, f)
	}
}
