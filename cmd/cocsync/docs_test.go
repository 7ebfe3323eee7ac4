package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"cocsync/internal/cocsim"
	"cocsync/internal/config"
)

// Every command in the documentation works, and writes the output shown below it. A fenced
// block of `console` has commands after "$ " and their output; a line "…" means omitted
// lines. A block of `sh` has only commands. They run in the order of the file, in a copy of
// one archive. After the language there may be
//
//	fresh           continue in an empty folder
//	no-run: REASON  the block does not run
//
// Commands of programs such as curl and systemctl do not run either. The names and flags of
// all cocsync commands are checked, also within lines of prose.
//
// -update writes the output of the program to the files: then read them.
func TestDocs(t *testing.T) {
	tool(t, "bash")
	w := newDocsWorld(t)
	t.Run("alerts", func(t *testing.T) { testDocsAlerts(t, w) })
	t.Run("schemas", func(t *testing.T) { testSchemas(t, w) })
	for _, file := range docsFiles(t) {
		t.Run(strings.ReplaceAll(strings.TrimPrefix(filepath.ToSlash(file), "../../"), "/", "-"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			must(t, err)
			p := docsPage{T: t, world: w, dir: w.folder(t, false), clock: docsNow}
			got := p.walk(string(text))
			if *update && got != string(text) {
				must(t, os.WriteFile(file, []byte(got), 0o600))
			}
		})
	}
}

// Each message in docs/slack.md is one that was sent for the archive, or one of the goldens;
// "…" means omitted text.
func testDocsAlerts(t *testing.T, w *docsWorld) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "slack.md"))
	must(t, err)
	var known strings.Builder
	for _, m := range w.team.Messages() {
		known.WriteString(cocsim.Render(m) + "\n")
	}
	goldens, err := filepath.Glob(filepath.Join("..", "..", "internal", "notify", "testdata", "*.txt"))
	must(t, err)
	for _, file := range goldens {
		golden, err := os.ReadFile(file)
		must(t, err)
		known.Write(golden)
	}
	blocks := regexp.MustCompile("(?s)```text\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 12 {
		t.Errorf("%d messages, want one of each kind", len(blocks))
	}
	for _, b := range blocks {
		pattern := docsPattern(docsTidy(b[1]))
		if !regexp.MustCompile(`(?m)^` + pattern).MatchString(docsTidy(known.String())) {
			t.Errorf("this message was not sent:\n%s", b[1])
		}
	}
}

// docsFiles returns README.md and the pages in docs.
func docsFiles(t *testing.T) []string {
	t.Helper()
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	must(t, err)
	return append(files, filepath.Join(root, "README.md"))
}

// docsPage is a page whose commands run.
type docsPage struct {
	*testing.T
	world *docsWorld
	dir   string
	clock time.Time // of the next command; each runs a second after the previous one
}

// walk runs a page's commands and returns the page with their output.
func (p *docsPage) walk(text string) string {
	var out strings.Builder
	var block []string
	fence, at := "", 0
	for i, line := range strings.SplitAfter(text, "\n") {
		mark := strings.HasPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence == "" && mark:
			fence, at, block = strings.TrimSpace(line), i+1, nil
		case fence != "" && mark:
			out.WriteString(strings.Join(p.block(at, strings.TrimPrefix(fence, "```"), block), ""))
			fence = ""
		case fence != "":
			block = append(block, line)
			continue
		default:
			p.prose(i+1, line)
		}
		out.WriteString(line)
	}
	if fence != "" {
		p.Errorf("line %d: the block has no end", at)
	}
	return out.String()
}

// prose checks the commands within a line, and refuses those that are never run.
func (p *docsPage) prose(n int, line string) {
	for _, m := range regexp.MustCompile("`(cocsync [^`]+)`").FindAllStringSubmatch(line, -1) {
		p.lookUp(n, m[1])
	}
	if m := regexp.MustCompile(`^(?: {4}|\t)(?:\$ )?cocsync (\w+)`).FindStringSubmatch(line); m != nil {
		if cmd, _, err := (&app{}).root().Find(m[1:]); err == nil && cmd.HasParent() {
			p.Errorf("line %d: a command in an indented block is not tested: make it a block of sh or console", n)
		}
	}
}

// block runs a block's commands and returns the block with their output.
func (p *docsPage) block(n int, info string, lines []string) []string {
	language, how, _ := strings.Cut(info, " ")
	if language != "sh" && language != "console" {
		p.data(n, language, strings.Join(lines, ""))
		return lines
	}
	reason, idle := strings.CutPrefix(how, "no-run:")
	switch {
	case idle && strings.TrimSpace(reason) == "":
		p.Errorf("line %d: no-run needs a reason", n)
	case how == "fresh":
		p.dir = p.world.folder(p.T, true)
	case how != "" && !idle:
		p.Errorf("line %d: %q is neither fresh nor no-run: REASON", n, how)
	}
	var out []string
	for _, c := range commands(language == "console", lines) {
		out = append(out, c.lines...)
		line := c.line()
		p.lookUp(n, line)
		if idle || line == "" {
			out = append(out, c.shown...)
			continue
		}
		out = append(out, p.command(n, line, c.shown, language == "console")...)
	}
	return out
}

// data checks a block without commands. "…" means omitted text.
func (p *docsPage) data(n int, language, text string) {
	if regexp.MustCompile(`(?m)^(\$ )?cocsync [a-z]+( |$)`).MatchString(text) && language != "text" {
		p.Errorf("line %d: a command in a block of %q: make it one of sh or console", n, language)
	}
	switch {
	case strings.Contains(text, "…"):
	case language == "json" && !json.Valid([]byte(text)):
		p.Errorf("line %d: this is not valid JSON", n)
	case language == "toml":
		path := filepath.Join(p.TempDir(), "config.toml")
		must(p.T, os.WriteFile(path, []byte(text), 0o600))
		// An excerpt of a config may refer to the rest of it.
		if _, err := config.Load(path); err != nil && regexp.MustCompile(`invalid TOML|unknown key|must be `).MatchString(err.Error()) {
			p.Errorf("line %d: %v", n, err)
		}
	}
}

// command runs a command, compares its output with the documented one and returns the
// output.
func (p *docsPage) command(n int, line string, shown []string, compare bool) []string {
	first, _, _ := strings.Cut(line, " ")
	switch {
	case slices.Contains(docsOthers(), first):
		return shown
	case !slices.Contains(docsTools(), first):
		p.Errorf("line %d: %q: the test cannot run %s: mark the block no-run: REASON", n, line, first)
		return shown
	}
	if strings.Contains(line, "jq ") {
		if _, err := exec.LookPath("jq"); err != nil {
			if os.Getenv("CI") == "true" {
				p.Errorf("jq not found, and CI needs it: apt-get install jq")
			}
			p.Logf("line %d: jq not found, so this did not run: %s", n, line)
			return shown
		}
	}
	ctx, cancel := context.WithTimeout(p.Context(), patience)
	defer cancel()
	got, err := p.world.run(ctx, p.dir, line, p.clock)
	p.clock = p.clock.Add(time.Second)
	if strings.Contains(got, secretKey) || strings.Contains(got, secretToken) {
		p.Errorf("line %d: %s: it writes a secret", n, line)
	}
	if err != nil {
		p.Errorf("line %d: %s: %v\n%s", n, line, err, got)
		return shown
	}
	want, blank := trimBlank(shown)
	got, _ = trimBlank(strings.SplitAfter(got, "\n"))
	if !compare || alikeText(docsTidy(want), docsTidy(got)) {
		return shown
	}
	if *update && !strings.Contains(want, "…\n") {
		return append([]string{got}, blank...)
	}
	p.Errorf("line %d: %s (-shown +written):\n%s", n, line, cmp.Diff(docsTidy(want), docsTidy(got)))
	return shown
}

// trimBlank removes the blank lines between commands.
func trimBlank(lines []string) (text string, blank []string) {
	n := len(lines)
	for n > 0 && strings.TrimSpace(lines[n-1]) == "" {
		n--
	}
	return strings.Join(lines[:n], ""), lines[n:]
}

// docsTools are the programs that a page's commands may start with, and docsOthers those
// that the test does not run: they build, install, or use the network or another daemon.
func docsTools() []string {
	return []string{"cocsync", "jq", "git", "cp", "mv", "mkdir", "cat", "head", "ls", "echo", "sha256sum", "source", "diff"}
}

func docsOthers() []string {
	return []string{"curl", "sudo", "make", "go", "systemctl", "journalctl", "docker", "podman", "apt", "export", "openssl", "promtool"}
}

// docsCommand is a command with its original lines and the documented output.
type docsCommand struct{ lines, shown []string }

// commands splits a block into commands. Text before the first command of a console block
// has an empty command.
func commands(console bool, lines []string) (list []docsCommand) {
	goesOn := false
	for _, l := range lines {
		begins := !console || strings.HasPrefix(l, "$ ")
		switch last := len(list) - 1; {
		case goesOn:
			list[last].lines = append(list[last].lines, l)
		case begins:
			list = append(list, docsCommand{lines: []string{l}})
		case last < 0:
			list = append(list, docsCommand{shown: []string{l}})
		default:
			list[last].shown = append(list[last].shown, l)
		}
		goesOn = (begins || goesOn) && strings.HasSuffix(l, "\\\n")
	}
	return list
}

// line returns the command in one line, "" for a comment.
func (c docsCommand) line() string {
	line := strings.ReplaceAll(strings.TrimPrefix(strings.Join(c.lines, ""), "$ "), "\\\n", " ")
	line, _, _ = strings.Cut(line, "  #")
	if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
		return ""
	}
	return line
}

// lookUp refuses unknown commands and flags in every part of a pipeline.
func (p *docsPage) lookUp(n int, line string) {
	for _, part := range regexp.MustCompile(`[|;&<>]+|\$\(`).Split(line, -1) {
		args := words(part)
		if at := slices.Index(args, "sudo"); at == 0 {
			args = args[1:]
		}
		if len(args) < 2 || args[0] != "cocsync" && !strings.HasSuffix(args[0], "/cocsync") {
			continue
		}
		root := (&app{err: io.Discard}).root()
		cmd, rest, err := root.Traverse(args[1:])
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err == nil && cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
			err = fmt.Errorf("no command %q", cmd.Flags().Arg(0))
		}
		var bare *pflag.ValueRequiredError // `cocsync log --path` only refers to the flag
		if err != nil && !errors.Is(err, pflag.ErrHelp) && !errors.As(err, &bare) {
			p.Errorf("line %d: %s: %v", n, part, err)
		}
	}
}

// docsTidy replaces text that differs between archives, in addition to tidy: keys, roots and
// signatures.
func docsTidy(text string) string {
	text = tidied(text)
	for _, r := range []struct{ pattern, with string }{
		{`cocsync/[0-9a-f]{16}`, "cocsync/ORIGIN"},
		{`key [0-9a-f]{32}`, "key ID"},
		{`[A-Za-z0-9+/]{43}=`, "ROOT"},
		{`(commitment +)[0-9a-f]{64}`, "${1}COMMITMENT"},
		{`— (\S+) [A-Za-z0-9+/]{80,}=*`, "— $1 SIGNATURE"},
		{`[0-9a-f]{7,}\.\.[0-9a-f]{7,}`, "COMMITS"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return text
}

// alikeText compares texts. A line "…" in the first matches any lines.
func alikeText(want, got string) bool {
	return regexp.MustCompile(`^` + docsPattern(want) + `$`).MatchString(got)
}

// docsPattern returns a regular expression for such a text.
func docsPattern(text string) string {
	var pattern strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(`(?:.*\n)+?`)
			continue
		}
		pattern.WriteString(regexp.QuoteMeta(line))
	}
	return pattern.String()
}
