package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"cocsync/internal/config"
)

// questions asks a person on a terminal for the answers of init.
type questions struct {
	*term.Terminal
	failed error
}

// askInit fills the answers in. An empty line takes the default. The terminal shows
// nothing automatically meanwhile: a secret that is typed ahead is not shown either.
func askInit(in *os.File, out io.Writer, ans *config.Answers) (err error) {
	fd := int(in.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return fmt.Errorf("read the answers: %w", err)
	}
	defer func() { err = errors.Join(err, term.Restore(fd, state)) }()
	q := &questions{Terminal: term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, "")}
	if width, height, err := term.GetSize(fd); err == nil && width > 0 {
		_ = q.SetSize(width, height) // it only wraps lines
	}
	q.ask(ans)
	if q.failed != nil {
		return fmt.Errorf("read the answers: %w", q.failed)
	}
	return nil
}

func (q *questions) ask(ans *config.Answers) {
	region := q.line("Region of COC, or its https:// endpoint", "ap-southeast-3")
	if strings.Contains(region, "://") {
		ans.Endpoint = region
	} else {
		ans.Region = region
	}
	if keys := q.secret("Access key: auto (environment, profile file, ECS agency), env:NAME or file:PATH", "auto"); keys != "auto" {
		ans.AccessKey = keys
		ans.SecretKey = q.secret("Secret key: env:NAME or file:PATH", "env:COC_SK")
	}
	if docs := q.line("Documents to watch: all, or ids with commas between", "all"); docs != "all" {
		for id := range strings.SplitSeq(docs, ",") {
			ans.Documents = append(ans.Documents, strings.TrimSpace(id))
		}
	}
	const failure = "Who is notified when monitoring itself fails: "
	switch how := q.line("Slack: token (bot), webhook, or none", "none"); how {
	case "token":
		ans.SlackToken = q.secret("Bot token (scopes chat:write and files:write): env:NAME or file:PATH", "env:SLACK_BOT_TOKEN")
		ans.Channel = q.line("Channel ID (C…)", "C0123456789")
		ans.Operators = q.line(failure+"same (this channel), the ID of another channel, or none", "same")
	case "webhook":
		ans.Webhook = q.secret("Webhook URL: env:NAME or file:PATH", "env:SLACK_WEBHOOK_URL")
		ans.Operators = q.line(failure+"same (this webhook) or none", "same")
	}
	if page := q.line("Address of the page in a browser, such as 127.0.0.1:8321, or none", "none"); page != "none" {
		ans.Listen = page
	}
}

// line reads a line.
func (q *questions) line(what, def string) string {
	q.SetPrompt(what + " [" + def + "]: ")
	return cmp.Or(q.kept(q.ReadLine()), def)
}

// secret reads a line that is not shown, and then shows where the secret is, or *** for
// one that was typed in.
func (q *questions) secret(what, def string) string {
	for {
		value := cmp.Or(q.kept(q.ReadPassword(what+"; not shown ["+def+"]: ")), def)
		var shown config.Secret
		if err := shown.UnmarshalText([]byte(value)); err == nil && value != def {
			fmt.Fprintln(q, shown)
		}
		err := config.CheckKey(value)
		if err == nil || value == def || q.failed != nil {
			return value
		}
		fmt.Fprintf(q, "%v; try again\n", err)
	}
}

// kept keeps the first failure and returns the line without the space around it.
func (q *questions) kept(line string, err error) string {
	q.failed = cmp.Or(q.failed, err)
	return strings.TrimSpace(line)
}
