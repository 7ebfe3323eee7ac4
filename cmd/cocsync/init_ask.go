package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"cocsync/internal/config"
)

// prompts reads the settings of init from a terminal.
type prompts struct {
	*term.Terminal
	failed error
}

// askInit fills in the answers. An empty line means the default. The terminal's echo is off
// all the time, so a secret that is typed ahead is not shown either.
func askInit(in *os.File, out io.Writer, ans *config.Answers) (err error) {
	fd := int(in.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return fmt.Errorf("read the answers: %w", err)
	}
	defer func() { err = errors.Join(err, term.Restore(fd, state)) }()
	q := &prompts{Terminal: term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, "")}
	if width, height, err := term.GetSize(fd); err == nil && width > 0 {
		_ = q.SetSize(width, height) // only used to wrap lines
	}
	q.ask(ans)
	if q.failed != nil {
		return fmt.Errorf("read the answers: %w", q.failed)
	}
	return nil
}

func (q *prompts) ask(ans *config.Answers) {
	region := q.line("Region of COC, or its https:// endpoint", "ap-southeast-3", func(text string) config.Answers {
		return located(config.Answers{}, text)
	})
	*ans = located(*ans, region)
	fmt.Fprintln(q, "auto uses the keys of the environment, the profile file or an ECS agency.")
	if keys := q.secret("Access key: auto, env:NAME or file:PATH", "auto", func(text string) config.Answers {
		return config.Answers{AccessKey: text, SecretKey: "env:COC_SK"}
	}); keys != "auto" {
		ans.AccessKey = keys
		ans.SecretKey = q.secret("Secret key: env:NAME or file:PATH", "env:COC_SK", func(text string) config.Answers {
			return config.Answers{AccessKey: "env:COC_AK", SecretKey: text}
		})
	}
	docs := q.line("Documents to watch: all, or IDs separated by commas", "all", func(text string) config.Answers {
		return config.Answers{Documents: documentIDs(text)}
	})
	ans.Documents = documentIDs(docs)
	switch q.choice("Slack: token (bot), webhook, or none", "none", "token", "webhook") {
	case "token":
		q.askBot(ans)
	case "webhook":
		ans.Webhook = q.secret("Webhook URL: env:NAME or file:PATH", "env:SLACK_WEBHOOK_URL", func(text string) config.Answers {
			return config.Answers{Webhook: text}
		})
		fmt.Fprintln(q, "Who is notified when monitoring itself fails?")
		ans.Operators = q.choice("Operators: same (this webhook) or none", "same", "none")
	}
	page := q.line("Address of the web page, such as 127.0.0.1:8321, or none", "none", func(text string) config.Answers {
		return config.Answers{Listen: unlessNone(text)}
	})
	ans.Listen = unlessNone(page)
}

func (q *prompts) askBot(ans *config.Answers) {
	fmt.Fprintln(q, "The bot needs the scopes chat:write and files:write.")
	ans.SlackToken = q.secret("Bot token: env:NAME or file:PATH", "env:SLACK_BOT_TOKEN", func(text string) config.Answers {
		return config.Answers{SlackToken: text, Channel: "C0123456789"}
	})
	bot := config.Answers{SlackToken: "env:SLACK_BOT_TOKEN"}
	bot.Channel = q.line("Channel ID (C…)", "C0123456789", func(text string) config.Answers {
		bot.Channel = text
		return bot
	})
	ans.Channel = bot.Channel
	fmt.Fprintln(q, "Who is notified when monitoring itself fails?")
	ans.Operators = q.line("Operators: same (this channel), the ID of another channel, or none", "same", func(text string) config.Answers {
		bot.Operators = text
		return bot
	})
}

// located returns the answers with the text as endpoint if it is a URL, else as region.
func located(ans config.Answers, text string) config.Answers {
	if strings.Contains(text, "://") {
		ans.Endpoint = text
	} else {
		ans.Region = text
	}
	return ans
}

// documentIDs splits a list of ids; nil for all documents.
func documentIDs(text string) (ids []string) {
	if text == "all" {
		return nil
	}
	for id := range strings.SplitSeq(text, ",") {
		ids = append(ids, strings.TrimSpace(id))
	}
	return ids
}

func unlessNone(text string) string {
	if text == "none" {
		return ""
	}
	return text
}

// line reads lines until the config of the resulting answers has no fault.
func (q *prompts) line(what, def string, answers func(string) config.Answers) string {
	q.SetPrompt(what + " [" + def + "]: ")
	for {
		value := cmp.Or(q.kept(q.ReadLine()), def)
		if q.failed != nil || q.good(answers(value)) {
			return value
		}
	}
}

// good reports whether the config of the answers has no fault, and shows the first one.
func (q *prompts) good(ans config.Answers) bool {
	_, err := tryAnswers(ans)
	if err == nil {
		return true
	}
	var problems *config.Problems
	if errors.As(err, &problems) {
		err = fmt.Errorf("%s (%s)", problems.List[0].Fault, problems.List[0].Hint)
	}
	fmt.Fprintf(q, "%v; try again\n", err)
	return false
}

// choice reads lines until one is the default or one of the others.
func (q *prompts) choice(what, def string, others ...string) string {
	q.SetPrompt(what + " [" + def + "]: ")
	for {
		value := cmp.Or(q.kept(q.ReadLine()), def)
		if value == def || slices.Contains(others, value) || q.failed != nil {
			return value
		}
		fmt.Fprintf(q, "%q is not one of the choices; try again\n", value)
	}
}

// secret reads a line without showing it. Then it shows the location of the secret, or ***
// for a secret that was typed in.
func (q *prompts) secret(what, def string, answers func(string) config.Answers) string {
	for {
		value := cmp.Or(q.kept(q.ReadPassword(what+"; not shown ["+def+"]: ")), def)
		var shown config.Secret
		if err := shown.UnmarshalText([]byte(value)); err == nil && value != def {
			fmt.Fprintln(q, shown)
		}
		if value == def || q.failed != nil || q.good(answers(value)) {
			return value
		}
	}
}

// kept records the first error and returns the line without surrounding white space.
func (q *prompts) kept(line string, err error) string {
	q.failed = cmp.Or(q.failed, err)
	return strings.TrimSpace(line)
}
