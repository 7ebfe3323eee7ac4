package config

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
)

//go:embed template.toml
var templateText string

// Answers are the values of a new config. An empty one leaves the key at its default,
// or as a comment.
type Answers struct {
	Region   string // or
	Endpoint string
	// AccessKey and SecretKey say where they are; "" means the environment, the
	// profile file and the ECS agency.
	AccessKey, SecretKey string

	Documents []string // ids; or
	SelectAll bool     // every document that COC lists

	SlackToken string // where it is; or
	Webhook    string // where it is; neither: no notifier
	Channel    string // for a token

	// Operators are notified when monitoring itself fails: "" is the notifier, "none"
	// is no one, else the ID of a channel, for a token.
	Operators string
	Listen    string // address of the page; "" for none
}

// New returns a commented config with the answers. It is valid if they are.
func New(a Answers) ([]byte, error) {
	t, err := template.New("config").Funcs(template.FuncMap{"toml": quoteTOML}).Parse(templateText)
	if err != nil {
		return nil, fmt.Errorf("write config: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, a); err != nil {
		return nil, fmt.Errorf("write config: %w", err)
	}
	return b.Bytes(), nil
}

// quoteTOML writes a text or a list of texts. JSON strings are TOML strings, except for
// the DEL character, which TOML requires to be escaped.
func quoteTOML(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\x7f", `\u007f`), nil
}
