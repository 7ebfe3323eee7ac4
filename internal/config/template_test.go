package config

import (
	"slices"
	"strings"
	"testing"
)

// `init` writes a config that loads and has the answers.
func TestNew(t *testing.T) {
	tests := []struct {
		name string
		a    Answers
		want func(*Config) bool
	}{
		{"documents and a token", Answers{Region: "eu-west-101", Documents: []string{"DM1", "DM2"}, SlackToken: "env:T",
			Channel: "C0123456789"}, func(c *Config) bool {
			return c.Accounts[0].Region == "eu-west-101" && slices.Equal(c.Watches[0].Documents, []string{"DM1", "DM2"}) &&
				c.Watches[0].Select == nil && c.Slacks[0].Token == Secret{"env:T"} && c.Slacks[0].Channel == "C0123456789" &&
				slices.Equal(c.Watches[0].Notify, []string{"ops"}) && slices.Equal(c.Operators, []string{"ops"})
		}},
		{"all and a webhook", Answers{Region: "cn-north-4", SelectAll: true, Webhook: "env:W"}, func(c *Config) bool {
			return c.Watches[0].Select.All && c.Slacks[0].Webhook == Secret{"env:W"} && !c.Slacks[0].Token.IsSet()
		}},
		{"endpoint, keys, no notifier", Answers{Endpoint: "http://localhost:1", AccessKey: "env:A", SecretKey: "env:S",
			SelectAll: true}, func(c *Config) bool {
			a := c.Accounts[0]
			return a.Endpoint == "http://localhost:1" && a.Region == "" && a.AccessKey == Secret{"env:A"} && a.SecretKey == Secret{"env:S"} &&
				len(c.Slacks) == 0 && len(c.Watches[0].Notify) == 0
		}},
		{"texts that need escapes", Answers{Region: "cn-north-4", SelectAll: true, Webhook: `a"b\c'<&>` + "\u2028é"}, func(c *Config) bool {
			return c.Slacks[0].Webhook == Secret{`a"b\c'<&>` + "\u2028é"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, err := New(tt.a)
			if err != nil {
				t.Fatal(err)
			}
			if cfg := load(t, string(text)); !tt.want(cfg) {
				t.Errorf("config is %+v, from\n%s", cfg, text)
			}
		})
	}
}

// The comments of a new config are valid when they are uncommented.
func TestNewComments(t *testing.T) {
	text, err := New(Answers{Region: "cn-north-4", SelectAll: true})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Replace(uncomment(string(text)), "notify = []", `notify = ["ops"]`, 1)
	if cfg := load(t, all); len(cfg.Slacks) != 1 || !cfg.Accounts[0].AccessKey.IsSet() {
		t.Errorf("config is %+v, from\n%s", cfg, all)
	}
}
