package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"cocsync/internal/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cocsync/internal/hint"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man [COMMAND…]",
		Short: "show the manual, or write it as a page for man",
		Long: `Man shows the manual of cocsync, or of one of its commands, on a terminal. In a pipe or
file it writes the page itself, in the macros of man(7).`,
		Example: `  cocsync man
  cocsync man notify list
  cocsync man > /usr/local/share/man/man1/cocsync.1`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeCommands,
		RunE: func(cmd *cobra.Command, args []string) error {
			about := cmd.Root()
			for _, name := range args {
				next := subcommand(about, name)
				if next == nil {
					return usage(unknownCommand(about, name))
				}
				about = next
			}
			return a.man(manual(about))
		},
	}
}

// man shows a page, by man itself if it is there.
func (a *app) man(text string) error {
	path, err := exec.LookPath("man")
	if err != nil || !term.IsTerminal(a.out) {
		return a.print(func(p *page) error {
			_, err := p.WriteString(text)
			return err
		})
	}
	cmd := exec.Command(path, "-l", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), a.out, a.err
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("man: %w", err)
	}
	// As with the pager, Ctrl-C is for man, which has the terminal.
	signal.Ignore(os.Interrupt)
	defer signal.Reset(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		return hint.Wrap(fmt.Errorf("man -l -: %w", err), "`cocsync man | cat` writes the page itself")
	}
	return nil
}

func subcommand(c *cobra.Command, name string) *cobra.Command {
	for _, sub := range c.Commands() {
		if sub.Name() == name && told(sub) {
			return sub
		}
	}
	return nil
}

// told reports whether a command has a place in the manual.
func told(c *cobra.Command) bool { return c.IsAvailableCommand() || c.Name() == "help" }

func completeCommands(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	about := cmd.Root()
	for _, name := range args {
		if about = subcommand(about, name); about == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	var list []cobra.Completion
	for _, sub := range about.Commands() {
		if told(sub) {
			list = append(list, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// manual is the page of a command: of cocsync itself with all commands, else of that
// one alone.
func manual(c *cobra.Command) string {
	var r roff
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	r.title(name)
	r.section("NAME")
	r.WriteString(roffText(name+" - "+c.Short) + "\n")
	r.section("SYNOPSIS")
	if c.HasParent() {
		r.verbatim(c.UseLine())
		r.section("DESCRIPTION")
		r.command(c)
		r.commands(c)
	} else {
		r.verbatim("cocsync [-c FILE] COMMAND")
		r.section("DESCRIPTION")
		r.text(c.Long)
		r.flags("OPTIONS", c.PersistentFlags())
		r.commands(c)
		for _, sub := range c.Commands() {
			r.tree(sub)
		}
		r.surroundings()
	}
	r.section("SEE ALSO")
	if c.HasParent() {
		r.WriteString(".BR cocsync (1)\n")
	} else {
		r.WriteString(".BR git (1),\n.BR sqlite3 (1)\n")
	}
	return r.String()
}

// commands lists the commands right below one, if it has any.
func (r *roff) commands(c *cobra.Command) {
	if !c.HasAvailableSubCommands() {
		return
	}
	r.section("COMMANDS")
	for _, sub := range c.Commands() {
		if told(sub) {
			r.item(strings.TrimPrefix(sub.CommandPath(), "cocsync "), sub.Short)
		}
	}
}

// tree writes a section for a command, and for those below it.
func (r *roff) tree(c *cobra.Command) {
	if !told(c) {
		return
	}
	r.section(strings.TrimPrefix(c.CommandPath(), "cocsync "))
	r.WriteString(roffText(strings.ToUpper(c.Short[:1])+c.Short[1:]+".") + "\n")
	r.verbatim("  " + c.UseLine())
	r.command(c)
	for _, sub := range c.Commands() {
		r.tree(sub)
	}
}

// command writes what a command's help says.
func (r *roff) command(c *cobra.Command) {
	r.text(c.Long)
	r.flags("Options", c.NonInheritedFlags())
	if c.Example != "" {
		r.subsection("Examples")
		r.verbatim(c.Example)
	}
}

// flags lists flags, but for help, which every command has.
func (r *roff) flags(head string, flags *pflag.FlagSet) {
	begun := false
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if !begun {
			r.subsection(head)
			begun = true
		}
		name, text := pflag.UnquoteUsage(f)
		head := "--" + f.Name
		if f.Shorthand != "" {
			head = "-" + f.Shorthand + ", " + head
		}
		if name != "" {
			head += " " + name
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" {
			text += " (default " + f.DefValue + ")"
		}
		r.item(head, text)
	})
}

// surroundings tells of files, the environment and exit statuses.
func (r *roff) surroundings() {
	r.section("FILES")
	r.item("./config.toml, /etc/cocsync/config.toml", "The configuration, where neither --config nor COCSYNC_CONFIG names another. `cocsync init` writes one that explains itself.")
	r.item("cocsync.db", "The archive, or whatever the configuration's database names; beside it its -wal and -shm while it is open, its .lock, the .key that signs its log, and a copy from before each migration.")
	r.item("~/.huaweicloud/credentials", "Where a key pair is looked for that neither the configuration nor the environment has.")
	r.section("ENVIRONMENT")
	for _, e := range [][2]string{
		{"COCSYNC_CONFIG", "The configuration, unless --config names it."},
		{"HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK, HUAWEICLOUD_SDK_SECURITY_TOKEN", "A key pair for accounts whose configuration names none, as Huawei Cloud's SDKs read it."},
		{"HUAWEICLOUD_SDK_CREDENTIALS_FILE", "Another file than ~/.huaweicloud/credentials."},
		{"whatever the configuration names as env:NAME", "Tokens, webhooks and keys, read when they are used."},
		{"PAGER, LESS", "What shows long answers on a terminal, and how. An empty PAGER is none."},
		{"NO_COLOR", "If not empty, no colours unless --color always."},
		{"TERM", "If dumb, neither colours nor a pager."},
		{"TZ", "The zone in which times are shown, and in which a bare date is a day."},
	} {
		r.item(e[0], e[1])
	}
	r.section("EXIT STATUS")
	r.item("0", "It is done.")
	r.item("1", "It failed. Of `diff --exit-code`: the two differ.")
	r.item("2", "The command line is wrong. Of `diff --exit-code`: any trouble.")
	r.item("3", "Of run, sync and verify: the archive is not what was observed, somebody altered it. No other try mends that.")
}
