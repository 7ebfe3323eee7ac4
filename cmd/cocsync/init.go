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
	f.StringVar(&ans.Region, "region", "", "region of COC, such as cn-north-4, ap-southeast-3 or eu-west-101")
	f.StringVar(&ans.Endpoint, "endpoint", "", "`URL` of COC, instead of a region")
	f.StringVar(&ans.AccessKey, "access-key", "", "location of the access key: env:NAME or file:PATH")
	f.StringVar(&ans.SecretKey, "secret-key", "", "location of the secret key: env:NAME or file:PATH")
	f.StringSliceVar(&ans.Documents, "documents", nil, "`IDS` of the documents to watch (default: all)")
	f.StringVar(&ans.SlackToken, "slack-token", "", "location of the bot token: env:NAME or file:PATH")
	f.StringVar(&ans.Webhook, "webhook", "", "location of a webhook's URL, instead of a token")
	f.StringVar(&ans.Channel, "channel", "", "`ID` of the Slack channel, with a token")
	f.StringVar(&ans.Operators, "operators", "", "channel for monitoring failures: same, none, or, with a token, a channel `ID` (default same)")
	f.StringVar(&ans.Listen, "listen", "", "`ADDRESS` of the web page, such as 127.0.0.1:8321 (default: no page)")
	return cmd
}

func (a *app) init(ans config.Answers) error {
	if err := excluded(ans); err != nil {
		return err
	}
	path := cmp.Or(a.configFlag, "config.toml")
	text, err := tryAnswers(ans)
	if err != nil {
		return hint.Wrap(fmt.Errorf("no config was written, because an answer is invalid:\n%w", err), "run `cocsync init` again")
	}
	// O_EXCL: never overwrite a config. 0600: it may contain secrets.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return hint.Wrap(err, "init never overwrites a file: choose another one with -c, or remove this one")
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

// excluded refuses answers that exclude each other.
func excluded(ans config.Answers) error {
	switch own := ans.Operators != "" && ans.Operators != "same" && ans.Operators != "none"; {
	case ans.SlackToken != "" && ans.Webhook != "":
		return usage(errors.New("--slack-token and --webhook cannot be used together: a notifier has only one of them"))
	case ans.Region != "" && ans.Endpoint != "":
		return usage(errors.New("--region and --endpoint cannot be used together: an account has only one of them"))
	case ans.Channel != "" && ans.SlackToken == "":
		return usage(errors.New("--channel needs --slack-token: a webhook has a fixed channel"))
	case own && ans.SlackToken == "":
		return usage(errors.New("--operators with a channel needs --slack-token: a webhook has a fixed channel"))
	}
	return nil
}

// tryAnswers builds the config from the answers, with defaults for absent ones, and checks
// it.
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
