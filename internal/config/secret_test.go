package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"cocsync/internal/hint"
)

// No format of a config shows a literal secret.
func TestSecretIsNeverShown(t *testing.T) {
	const secret = "hunter2"
	cfg := load(t, minimal+"[[slack]]\nname = \"ops\"\ntoken = \""+secret+"\"\nchannel = \"C0123456789\"\n")
	s := cfg.Slacks[0].Token
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", cfg.Slacks)
		fmt.Fprintf(&out, verb+"\n", cfg.Slacks[0])
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("secret", "plain", s, "in", cfg.Slacks[0], "pointer", &s)
	}
	if err := json.NewEncoder(&out).Encode(cfg.Slacks); err != nil {
		t.Error(err)
	}
	if err := toml.NewEncoder(&out).Encode(cfg); err != nil {
		t.Error(err)
	}
	out.WriteString(s.String())
	for _, shown := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret)} {
		if strings.Contains(out.String(), shown) {
			t.Errorf("%q in\n%s", shown, out.String())
		}
	}
	if !strings.Contains(out.String(), "***") {
		t.Errorf("no *** in\n%s", out.String())
	}
	if got, err := s.Value(); got != secret || err != nil {
		t.Errorf("Value() = %q, %v, want %q", got, err, secret)
	}
}

// No problem of a config shows a secret.
func TestFaultsHideSecrets(t *testing.T) {
	const secret = "hunter2"
	for _, text := range []string{
		"token = \"" + secret, "token = \"" + secret + "\\q\"", "token = \"" + secret + "\" x",
		"token = [\"" + secret + "\"]", "tokn = \"" + secret + "\"", "token = \"" + secret + "\"\ntoken = \"" + secret + "\"",
		"token = \"" + secret + "\\n\"", "token = '\"" + secret + "\"'", "token = \"xoxp-" + secret + "\"",
		"webhook = \"https://" + secret + "\"", "token = \"" + secret + "\"",
	} {
		_, err := parse("config.toml", []byte(minimal+"[[slack]]\nname = \"ops\"\n"+text), 0o644, nowForTests())
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("parse of\n%s\n= %v", text, err)
		}
	}
	for _, text := range []string{
		"secret = \"" + secret + "\"", "secret = \"whsec_" + secret + "\"", "secret = \"whsec_" + secret,
		"url = \"ftp://" + secret + "\"", "url = \"https://u:" + secret + "@x\"", "url = \"" + secret + "\"",
	} {
		_, err := parse("config.toml", []byte(minimal+"[[webhook]]\nname = \"bus\"\n"+text), 0o600, nowForTests())
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("parse of\n%s\n= %v", text, err)
		}
	}
}

func TestSecretValue(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) Secret {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Secret{"file:" + path}
	}
	t.Setenv("COCSYNC_TEST_SECRET", "p$ss{x}")
	t.Setenv("COCSYNC_TEST_LINES", "a\nb")
	t.Setenv("COCSYNC_TEST_EMPTY", "")
	t.Setenv("COCSYNC_TEST_QUOTES", `"hunter2"`)
	t.Setenv("COCSYNC_TEST_MARK", "\uFEFFs")
	tests := []struct {
		name   string
		secret Secret
		want   string
		fails  bool
	}{
		{"none", Secret{}, "", false},
		{"plain", Secret{"p$ss"}, "p$ss", false},
		{"environment, not expanded", Secret{"env:COCSYNC_TEST_SECRET"}, "p$ss{x}", false},
		{"environment, empty", Secret{"env:COCSYNC_TEST_EMPTY"}, "", true},
		{"environment, unset", Secret{"env:COCSYNC_TEST_UNSET"}, "", true},
		{"environment, lines", Secret{"env:COCSYNC_TEST_LINES"}, "", true},
		{"file", file("a", "s"), "s", false},
		{"file, newline", file("b", "s\n"), "s", false},
		{"file, CRLF", file("c", "s\r\n"), "s", false},
		{"file, two newlines", file("d", "s\n\n"), "", true},
		{"file, empty", file("e", "\n"), "", true},
		{"file, longest", file("f", strings.Repeat("s", maxSecret)), strings.Repeat("s", maxSecret), false},
		{"file, too long", file("g", strings.Repeat("s", maxSecret+1)), "", true},
		{"file, missing", Secret{"file:" + dir + "/none"}, "", true},
		{"directory", Secret{"file:" + dir}, "", true},
		// A byte order mark, quotation marks and a space were sent as a part of the secret.
		{"file, byte order mark", file("h", "\uFEFFs\n"), "s", false},
		{"file, only a byte order mark", file("i", "\uFEFF\n"), "", true},
		{"file, quotes", file("j", "\"s\"\n"), "", true},
		{"file, single quotes", file("k", "'s'"), "", true},
		{"file, quotes and a byte order mark", file("l", "\uFEFF\"s\"\r\n"), "", true},
		{"file, typographic quotes", file("m", "\u201cs\u201d\n"), "", true},
		{"file, a quote within", file("n", "s\"s\n"), "s\"s", false},
		{"file, one quote", file("o", "\""), "\"", false},
		{"file, UTF-16", file("p", "\xff\xfes\x00\n\x00"), "", true},
		{"file, a space at the end", file("q", "s \n"), "", true},
		{"environment, quotes", Secret{"env:COCSYNC_TEST_QUOTES"}, "", true},
		{"environment, byte order mark", Secret{"env:COCSYNC_TEST_MARK"}, "s", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.secret.Value()
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("Value() of %s = %.40q, %v, want %.40q", tt.secret, got, err, tt.want)
			}
			if err != nil && (hint.Of(err) == "" || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("Value() of %s = %v, want a hint and no secret", tt.secret, err)
			}
		})
	}
}

// A rotated secret is used without a restart.
func TestSecretIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for _, want := range []string{"one", "two"} {
		if err := os.WriteFile(path, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := (Secret{"file:" + path}).Value(); got != want || err != nil {
			t.Errorf("Value() = %q, %v, want %q", got, err, want)
		}
	}
}

// A literal secret is accepted only in a file that no one else can read.
func TestPlainSecretNeedsPrivateFile(t *testing.T) {
	path := write(t, minimal+"[[slack]]\nname = \"ops\"\nwebhook = \"https://hooks.slack.com/services/x\"\n")
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("Load of a file of mode %o = %v", mode, err)
		}
	}
}

// A webhook's URL, unlike its secret, may be in a file that others can read.
func TestPlainWebhook(t *testing.T) {
	text := minimal + "[[webhook]]\nname = \"bus\"\nurl = \"https://example.com/hook\"\nsecret = \"%s\"\n"
	_, err := parse("config.toml", fmt.Appendf(nil, text, "env:S"), 0o644, nowForTests())
	if err != nil {
		t.Errorf("plain url: %v", err)
	}
	_, err = parse("config.toml", fmt.Appendf(nil, text, testKey(24)), 0o644, nowForTests())
	if err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("plain secret in an open file: %v", err)
	}
	if _, err = parse("config.toml", fmt.Appendf(nil, text, testKey(24)), 0o600, nowForTests()); err != nil {
		t.Errorf("plain secret: %v", err)
	}
}

// Load reads no secret, because offline commands need none. CheckSecrets reports
// every missing one with its line.
func TestCheckSecrets(t *testing.T) {
	t.Setenv("COCSYNC_TEST_HOOK", "hooks.slack.com/services/hunter2")
	t.Setenv("COCSYNC_TEST_TOKEN", "xoxb-1")
	t.Setenv("COCSYNC_TEST_KEY", "whsec_hunter2")
	cfg := load(t, `[[account]]
name = "prod"
region = "cn-north-4"
access_key = "env:COCSYNC_TEST_UNSET"
secret_key = "file:none"

[[watch]]
name = "jobs"
account = "prod"
select = { all = true }

[[slack]]
name = "good"
token = "env:COCSYNC_TEST_TOKEN"
channel = "C0123456789"

[[slack]]
name = "ops"
webhook = "env:COCSYNC_TEST_HOOK"

[[webhook]]
name = "bus"
url = "env:COCSYNC_TEST_HOOK"
secret = "env:COCSYNC_TEST_KEY"

[[webhook]]
name = "car"
url = "https://example.com/?q=1"
secret = "env:COCSYNC_TEST_UNSET"
`)
	var got []string
	for _, p := range cfg.CheckSecrets() {
		got = append(got, fmt.Sprintf("%d %s", p.Line, p.Fault))
		if p.Hint == "" || strings.Contains(p.Error(), "hunter2") {
			t.Errorf("problem %v", p)
		}
	}
	want := []string{
		`4 account "prod": access_key: environment variable COCSYNC_TEST_UNSET is not set, or empty`,
		`5 account "prod": secret_key: stat ` + filepath.Dir(cfg.Database) + `/none: no such file or directory`,
		`19 slack "ops": webhook: the value of env:COCSYNC_TEST_HOOK is not a valid https URL`,
		`23 webhook "bus": url: the value of env:COCSYNC_TEST_HOOK is not a valid https URL`,
		`24 webhook "bus": secret: the value of env:COCSYNC_TEST_KEY is not a valid signing secret`,
		`29 webhook "car": secret: environment variable COCSYNC_TEST_UNSET is not set, or empty`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("CheckSecrets:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Warnings report what is valid and may surprise.
func TestWarnings(t *testing.T) {
	cfg := load(t, minimal+`notify = ["ops"]

[[slack]]
name = "ops"
token = "env:T"
channel = "#ops"

[[slack]]
name = "idle"
webhook = "env:W"

[[webhook]]
name = "bus"
url = "https://example.com"
secret = "env:W"

[[webhook]]
name = "routed"
url = "https://example.com"
secret = "env:W"

[[route]]
notify = ["routed"]
`)
	var got []string
	for _, p := range cfg.Warnings() {
		got = append(got, fmt.Sprintf("%d %s", p.Line, p.Fault))
		if p.Hint == "" {
			t.Errorf("%v has no hint", p)
		}
	}
	want := []string{
		"0 no one is notified when monitoring itself fails",
		`15 slack "ops": "#ops" is a channel's name`,
		`18 slack "idle": nothing is sent to it`,
		`22 webhook "bus": nothing is sent to it`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("Warnings:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := Default().Warnings(); len(got) > 0 {
		t.Errorf("Default().Warnings() = %v", got)
	}
}
