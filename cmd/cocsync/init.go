package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cocsync/internal/config"
	"cocsync/internal/hint"
)

func (a *app) initCommand() *cobra.Command {
	var ans config.Answers
	cmd := &cobra.Command{
		Use:   "init",
		Short: "write a commented config",
		Long: `Init writes a config to ./config.toml, or to the file given by -c, and checks it. It
never overwrites a file. On a terminal it asks for settings that are not given by flags;
otherwise they keep their defaults. Typed secrets are not shown.

It is best not to write secrets to the file, but to give their location as env:NAME or
file:PATH. Without keys, cocsync uses the same sources as Huawei Cloud's own tools: the
environment (HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK), ~/.huaweicloud/credentials, an
ECS agency.`,
		Example: `  cocsync init
  cocsync init --region ap-southeast-3 --slack-token env:SLACK_BOT_TOKEN --channel C0123456789`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().NFlag() == 0 || cmd.Flags().NFlag() == 1 && a.configFlag != "" {
				if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
					if err := askInit(f, a.err, &ans); err != nil {
						return err
					}
				}
			}
			return a.init(ans)
		},
	}
	f := cmd.Flags()
	f.StringVar(&ans.Region, "region", "", "region of COC, such as cn-north-4, ap-southeast-3 or eu-west-101")
	f.StringVar(&ans.Endpoint, "endpoint", "", "`URL` of COC, instead of a region")
	f.StringVar(&ans.AccessKey, "access-key", "", "location of the access key: env:NAME or file:PATH")
	f.StringVar(&ans.SecretKey, "secret-key", "", "location of the secret key: env:NAME or file:PATH")
	f.StringSliceVar(&ans.Documents, "documents", nil, "`IDS` of the documents to watch (default: all)")
	f.StringVar(&ans.SlackToken, "slack-token", "", "location of the bot token: env:NAME or file:PATH")
	f.StringVar(&ans.Webhook, "webhook", "", "location of a webhook's URL, instead of a token")
	f.StringVar(&ans.Channel, "channel", "", "`ID` of the Slack channel, with a token")
	f.StringVar(&ans.Operators, "operators", "",
		"channel for monitoring failures: same, none, or, with a token, a channel `ID` (default same)")
	f.StringVar(&ans.Listen, "listen", "", "`ADDRESS` of the web page, such as 127.0.0.1:8321 (default: no page)")
	return cmd
}

func (a *app) init(ans config.Answers) error {
	if err := checkCombinations(ans); err != nil {
		return err
	}
	path := cmp.Or(a.configFlag, "config.toml")
	text, err := buildConfig(ans)
	if err != nil {
		return hint.Wrap(fmt.Errorf("no config was written, because a setting is invalid:\n%w", err), "run `cocsync init` again")
	}
	err = createFile(path, text, 0o600) // it may contain secrets
	if errors.Is(err, os.ErrExist) {
		return hint.Wrap(err, "init never overwrites a file: choose another one with -c, or remove this one")
	}
	if err != nil {
		return err
	}
	with := "" // the flag for the config file, if needed
	if a.configFlag != "" {
		with = " -c " + path
	}
	fmt.Fprintf(a.out, `%s is written. Next:
  cocsync%[2]s check            check the config and its secrets
  cocsync%[2]s check --online   also test COC and Slack
  cocsync%[2]s sync             archive everything once, with a progress bar
  cocsync%[2]s run              run the daemon
`, path, with)
	return nil
}

// checkCombinations refuses answers that exclude each other.
func checkCombinations(ans config.Answers) error {
	operatorsChannel := ans.Operators != "" && ans.Operators != "same" && ans.Operators != "none"
	switch {
	case ans.SlackToken != "" && ans.Webhook != "":
		return usage(errors.New("--slack-token and --webhook cannot be used together: a notifier has only one of them"))
	case ans.Region != "" && ans.Endpoint != "":
		return usage(errors.New("--region and --endpoint cannot be used together: an account has only one of them"))
	case ans.Channel != "" && ans.SlackToken == "":
		return usage(errors.New("--channel needs --slack-token: a webhook has a fixed channel"))
	case operatorsChannel && ans.SlackToken == "":
		return usage(errors.New("--operators with a channel needs --slack-token: a webhook has a fixed channel"))
	}
	return nil
}

// buildConfig builds the config from the answers, with defaults for absent ones, and checks
// it.
func buildConfig(ans config.Answers) ([]byte, error) {
	if ans.Operators == "same" {
		ans.Operators = ""
	}
	if ans.Region == "" && ans.Endpoint == "" {
		ans.Region = "ap-southeast-3"
	}
	ans.SelectAll = len(ans.Documents) == 0
	text, err := config.New(ans)
	if err != nil {
		return nil, err
	}
	return text, config.CheckText("the new config", text)
}

// prompts reads the settings of init from a terminal.
type prompts struct {
	*term.Terminal
	ans    config.Answers
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
	q := &prompts{ans: *ans, Terminal: term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, "")}
	if width, height, err := term.GetSize(fd); err == nil && width > 0 {
		_ = q.SetSize(width, height) // only used to wrap lines
	}
	q.ask()
	if q.failed != nil {
		return fmt.Errorf("read the answers: %w", q.failed)
	}
	*ans = q.ans
	return nil
}

func (q *prompts) ask() {
	q.line("Region of COC, or its https:// endpoint", "ap-southeast-3", func(ans *config.Answers, text string) {
		ans.Region, ans.Endpoint = text, ""
		if strings.Contains(text, "://") {
			ans.Region, ans.Endpoint = "", text
		}
	})
	fmt.Fprintln(q, "auto uses the keys of the environment, the profile file or an ECS agency.")
	keys := q.secret("Access key: auto, env:NAME or file:PATH", "auto", func(ans *config.Answers, text string) {
		ans.AccessKey, ans.SecretKey = text, "env:COC_SK"
	})
	if keys == "auto" {
		q.ans.AccessKey, q.ans.SecretKey = "", ""
	} else {
		q.secret("Secret key: env:NAME or file:PATH", "env:COC_SK", func(ans *config.Answers, text string) { ans.SecretKey = text })
	}
	q.line("Documents to watch: all, or IDs separated by commas", "all", func(ans *config.Answers, text string) {
		ans.Documents = nil
		for id := range strings.SplitSeq(text, ",") {
			if text != "all" {
				ans.Documents = append(ans.Documents, strings.TrimSpace(id))
			}
		}
	})
	const who = "Who is notified when monitoring itself fails?\n"
	setOperators := func(ans *config.Answers, text string) { ans.Operators = text }
	switch q.choice("Slack: token (bot), webhook, or none", "none", "token", "webhook") {
	case "token":
		fmt.Fprintln(q, "The bot needs the scopes chat:write and files:write.")
		q.secret("Bot token: env:NAME or file:PATH", "env:SLACK_BOT_TOKEN", func(ans *config.Answers, text string) {
			ans.SlackToken, ans.Channel = text, "C0123456789"
		})
		q.line("Channel ID (C…)", "C0123456789", func(ans *config.Answers, text string) { ans.Channel = text })
		fmt.Fprint(q, who)
		q.line("Operators: same (this channel), the ID of another channel, or none", "same", setOperators)
	case "webhook":
		q.secret("Webhook URL: env:NAME or file:PATH", "env:SLACK_WEBHOOK_URL", func(ans *config.Answers, text string) { ans.Webhook = text })
		fmt.Fprint(q, who)
		q.ans.Operators = q.choice("Operators: same (this webhook) or none", "same", "none")
	}
	q.line("Address of the web page, such as 127.0.0.1:8321, or none", "none", func(ans *config.Answers, text string) {
		ans.Listen = text
		if text == "none" {
			ans.Listen = ""
		}
	})
}

// line reads lines until the answers with one of them are valid.
func (q *prompts) line(what, def string, set func(*config.Answers, string)) {
	q.SetPrompt(what + " [" + def + "]: ")
	q.read(def, q.ReadLine, q.validator(def, set))
}

// choice reads lines until one is the default or one of the others.
func (q *prompts) choice(what, def string, others ...string) string {
	q.SetPrompt(what + " [" + def + "]: ")
	return q.read(def, q.ReadLine, func(value string) error {
		if value == def || slices.Contains(others, value) {
			return nil
		}
		return fmt.Errorf("%q is not one of the choices", value)
	})
}

// secret is line without showing what is typed. Then it shows the location of the secret, or
// *** for a secret that was typed in.
func (q *prompts) secret(what, def string, set func(*config.Answers, string)) string {
	return q.read(def, func() (string, error) {
		value, err := q.ReadPassword(what + "; not shown [" + def + "]: ")
		var shown config.Secret
		value = strings.TrimSpace(value)
		if shown.UnmarshalText([]byte(value)) == nil && value != "" && value != def {
			fmt.Fprintln(q, shown)
		}
		return value, err
	}, q.validator(def, set))
}

// read reads values until one is accepted; an empty one is the default.
func (q *prompts) read(def string, read func() (string, error), accept func(value string) error) string {
	for {
		line, err := read()
		q.failed = cmp.Or(q.failed, err)
		value := cmp.Or(strings.TrimSpace(line), def)
		err = accept(value)
		if err == nil || q.failed != nil {
			return value
		}
		fmt.Fprintf(q, "%v; try again\n", err)
	}
}

// validator returns a function that applies a value if the resulting config is valid; the
// default is always accepted.
func (q *prompts) validator(def string, set func(*config.Answers, string)) func(string) error {
	return func(value string) error {
		ans := q.ans
		set(&ans, value)
		if value != def && q.failed == nil {
			_, err := buildConfig(ans)
			if problems := (*config.Problems)(nil); errors.As(err, &problems) {
				return fmt.Errorf("%s (%s)", problems.List[0].Fault, problems.List[0].Hint)
			}
			if err != nil {
				return err
			}
		}
		q.ans = ans
		return nil
	}
}
