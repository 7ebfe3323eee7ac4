package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"cocsync/internal/term"

	"github.com/spf13/cobra"

	"cocsync/internal/config"
	"cocsync/internal/hint"
)

func (a *app) initCommand() *cobra.Command {
	var ans config.Answers
	cmd := &cobra.Command{
		Use:   "init",
		Short: "write a commented config",
		Long: `Init writes a config to ./config.toml, or where -c says, and checks it. It never
overwrites a file. On a terminal it asks what the flags leave open; elsewhere
what is not said keeps its default. What is typed for a secret is not shown.

Secrets are best left out of the file: say where they are, as env:NAME or
file:PATH. Without keys, cocsync looks where Huawei Cloud's own tools do: the
environment (HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK), ~/.huaweicloud/credentials,
an ECS agency.`,
		Example: `  cocsync init
  cocsync init --region ap-southeast-3 --slack-token env:SLACK_BOT_TOKEN --channel C0123456789`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().NFlag() == 0 || cmd.Flags().NFlag() == 1 && a.configFlag != "" {
				if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(f) {
					if err := askInit(f, a.err, &ans); err != nil {
						return err
					}
				}
			}
			return a.init(ans)
		},
	}
	f := cmd.Flags()
	f.StringVar(&ans.Region, "region", "", "region of COC: cn-north-4, ap-southeast-3, eu-west-101")
	f.StringVar(&ans.Endpoint, "endpoint", "", "`URL` of COC, instead of a region")
	f.StringVar(&ans.AccessKey, "access-key", "", "where the access key is: env:NAME or file:PATH")
	f.StringVar(&ans.SecretKey, "secret-key", "", "where the secret key is")
	f.StringSliceVar(&ans.Documents, "documents", nil, "`IDS` of the documents to watch (default: all that COC lists)")
	f.StringVar(&ans.SlackToken, "slack-token", "", "where the bot token is: env:NAME or file:PATH")
	f.StringVar(&ans.Webhook, "webhook", "", "where an incoming webhook's URL is, instead of a token")
	f.StringVar(&ans.Channel, "channel", "", "`ID` of the Slack channel, for a token")
	f.StringVar(&ans.Operators, "operators", "", "who is notified when monitoring itself fails: same, none, or with a token the `ID` of another channel (default same)")
	f.StringVar(&ans.Listen, "listen", "", "`ADDRESS` of the page in a browser, such as 127.0.0.1:8321 (default no page)")
	return cmd
}

func (a *app) init(ans config.Answers) error {
	if err := excluded(ans); err != nil {
		return err
	}
	path := cmp.Or(a.configFlag, "config.toml")
	text, err := tryAnswers(ans)
	if err != nil {
		return hint.Wrap(fmt.Errorf("nothing is written, because an answer is wrong:\n%w", err), "run `cocsync init` again")
	}
	// O_EXCL: whoever has a config keeps it. 0600: it may come to hold secrets.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return hint.Wrap(err, "init overwrites nothing: name another file with -c, or remove this one")
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	with := "" // the flag that names the file, where one is needed
	if a.configFlag != "" {
		with = " -c " + path
	}
	fmt.Fprintf(a.out, `%s is written. Next:
  cocsync%[2]s check            all faults at once, missing secrets included
  cocsync%[2]s check --online   ask COC and Slack
  cocsync%[2]s sync             archive everything once, with a progress bar
  cocsync%[2]s run              the daemon
`, path, with)
	return nil
}

// excluded refuses answers that exclude each other.
func excluded(ans config.Answers) error {
	switch own := ans.Operators != "" && ans.Operators != "same" && ans.Operators != "none"; {
	case ans.SlackToken != "" && ans.Webhook != "":
		return usage(errors.New("--slack-token and --webhook are both given: a notifier has one of them"))
	case ans.Region != "" && ans.Endpoint != "":
		return usage(errors.New("--region and --endpoint are both given: an account has one of them"))
	case ans.Channel != "" && ans.SlackToken == "":
		return usage(errors.New("--channel goes with --slack-token: a webhook has its own channel"))
	case own && ans.SlackToken == "":
		return usage(errors.New("--operators with a channel goes with --slack-token: a webhook has its own channel"))
	}
	return nil
}

// tryAnswers makes the config of the answers, with defaults for those that are absent,
// and checks it.
func tryAnswers(ans config.Answers) ([]byte, error) {
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
	return text, tryConfig(text)
}

// tryConfig checks a config before it is written.
func tryConfig(text []byte) error {
	dir, err := os.MkdirTemp("", "cocsync-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	_, err = config.Load(path)
	var problems *config.Problems
	if errors.As(err, &problems) {
		for i := range problems.List {
			problems.List[i].File = "the new config"
		}
	}
	return err
}
