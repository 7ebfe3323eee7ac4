package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cocsync/internal/cocsim"
)

// Each script runs the built command against its own COC and Slack on loopback, and compares
// the output word for word. COCSYNC_UPDATE_SCRIPTS=1 updates the expected output.
func TestScripts(t *testing.T) {
	testscript.RunT(scriptT{t}, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       os.Getenv("COCSYNC_UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Setup:               setUpScript,
		Condition:           scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"coc":     cocCommand,
			"slack":   slackCommand,
			"hook":    hookCommand,
			"archive": archiveCommand,
			"tidy":    tidyCommand,
			"signal":  signalCommand,
			"await":   awaitCommand,
			"disk":    diskCommand,
			"write":   writeCommand,
			"config":  configCommand,
			"same":    sameCommand,
			"traces":  tracesCommand,
			"get":     getCommand,
			"notify":  notifyCommand,
			"witness": witnessCommand,
			"clock":   clockCommand,
		},
	})
}

// The secrets of a script. No output of the program may contain one.
const (
	secretKey   = "very-secret-key"
	secretToken = "xoxb-very-secret"
	secretHook  = "VerySecretHook"
	secretSign  = "VerySecretSigningKey-32-bytes-ok"
)

// scriptT checks the log of a script, which has all output of the program.
type scriptT struct{ *testing.T }

func (t scriptT) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(scriptT{t}) })
}

// Verbose makes scripts log successful runs too.
func (scriptT) Verbose() bool { return true }

func (t scriptT) Log(args ...any) {
	t.Helper()
	text := fmt.Sprint(args...)
	// The log starts with the environment, which has the secrets.
	text = regexp.MustCompile(`(?m)^(COC_SK|SLACK_TOKEN|SLACK_WEBHOOK|HOOK_SECRET)=.*$`).ReplaceAllString(text, "")
	for _, secret := range []string{secretKey, secretToken, secretHook, secretSign} {
		if strings.Contains(text, secret) {
			t.Errorf("some output contains the secret %q", secret)
		}
	}
	if t.Failed() || testing.Verbose() {
		t.T.Log(text)
	}
}

// world is the environment of a script.
type world struct {
	coc     atomic.Pointer[cocsim.COC] // another one after `coc flat`
	slack   *cocsim.Slack
	hook    *receiver
	ahead   atomic.Int64 // nanoseconds by which COC's clock is ahead
	counted int          // messages that the script has seen
	hung    atomic.Bool  // a request arrived that gets no response
	witness *witnessServer
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func (w *world) newCOC(flat bool) *cocsim.COC {
	return cocsim.NewCOC(cocsim.COCOptions{AccessKey: "ak", SecretKey: secretKey, Flat: flat,
		Now: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }})
}

func setUpScript(env *testscript.Env) error {
	w := &world{hook: &receiver{Key: []byte(secretSign)}, slack: cocsim.NewSlack(cocsim.SlackOptions{Token: secretToken,
		Channels: []string{"C0123456789", "C0SECURITY"}, WebhookPath: "/services/" + secretHook})}
	w.coc.Store(w.newCOC(false))
	env.Values[worldKey{}] = w
	cocURL, stop, err := cocsim.Listen(swapped{w})
	if err != nil {
		return err
	}
	env.Defer(stop)
	slackURL, stop, err := cocsim.Listen(w.slack)
	if err != nil {
		return err
	}
	env.Defer(stop)
	hookURL, stop, err := cocsim.Listen(w.hook)
	if err != nil {
		return err
	}
	env.Defer(stop)
	for name, value := range map[string]string{
		"COC": cocURL, "SLACK": slackURL, "NO_COLOR": "1", "TZ": "UTC", "COC_AK": "ak", "COC_SK": secretKey,
		"SLACK_TOKEN": secretToken, "SLACK_WEBHOOK": slackURL + "/services/" + secretHook,
		"HOOK": hookURL, "HOOK_SECRET": "whsec_" + base64.StdEncoding.EncodeToString([]byte(secretSign)),
	} {
		env.Setenv(name, value)
	}
	// A script may have its own config, or lines to add.
	config := scriptConfig
	path := filepath.Join(env.WorkDir, "config.toml")
	if own, err := os.ReadFile(path); err == nil {
		config = string(own)
	}
	config = strings.NewReplacer("$COC", cocURL, "$SLACK", slackURL, "$HOOK", hookURL,
		"$QUIET", hour(-1)+"-"+hour(2)).Replace(config)
	return os.WriteFile(path, []byte(config), 0o600)
}

// hour returns the full hour in UTC, a number of hours from now.
func hour(from int) string {
	return time.Now().UTC().Add(time.Duration(from) * time.Hour).Format("15:00")
}

// scriptConfig is the default config.toml of a script.
const scriptConfig = `database = "cocsync.db"
operators = ["ops"]

[[account]]
name = "prod"
endpoint = "$COC"
access_key = "env:COC_AK"
secret_key = "env:COC_SK"
requests_per_second = 0

[[watch]]
name = "runbooks"
account = "prod"
schedule = "@every 1h"
select = { all = true }
notify = ["ops"]

[[slack]]
name = "ops"
token = "env:SLACK_TOKEN"
channel = "C0123456789"
api_url = "$SLACK/api/"
checkpoints = "never"
`

// tidyCommand writes the output of the last run again, with values that differ between runs
// replaced, so that cmp can compare it.
func tidyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: tidy")
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	fmt.Fprint(ts.Stdout(), tidy(ts, stdout))
	fmt.Fprint(ts.Stderr(), tidy(ts, stderr))
}

func tidy(ts *testscript.TestScript, text string) string {
	return tidied(strings.NewReplacer(ts.Getenv("COC"), "http://coc", ts.Getenv("SLACK"), "http://slack",
		ts.Getenv("WORK"), "WORK").Replace(text))
}

// tidied returns a text with values that differ between runs replaced.
func tidied(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{`(?m)(request[s]?), [0-9.µmsh]+$`, "$1, TIME"},
		{`(?m)^.*; no response for 2s\n`, ""}, // on a busy machine
		{`([Rr]equest:? +)[0-9a-f]{32}`, "${1}ID"},
		{`(?m)time=\S+`, "time=NOW"},
		{`[0-9.]+ [KMG]iB`, "SIZE"},
		{`(a moment|\d+ (second|minute)s?) ago`, "just now"},
		{`(version=|"version":")[^" ]+`, "${1}VERSION"},
		{`(pid=|"pid":|pid )\d+`, "${1}PID"},
		{`1h0m[0-9]s|59m5[0-9]s`, "1h0m0s"},
		{`127\.0\.0\.1:\d+`, "HOST"},
		{` log \d+ [A-Za-z0-9+/]{43}= key [0-9a-f]{32}`, " log HEAD"},
		{`"log": ?\{[^}]*\}`, `"log":HEAD`},
		{"cocsync/[0-9a-f]{16}/", "cocsync/ARCHIVE/"},
		{"(root `|\"root\": \")[A-Za-z0-9+/]{43}=", "${1}ROOT"},
		{"(key `|\"key\": \")[0-9a-f]{32}", "${1}KEY"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	text = regexp.MustCompile(`20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?( \+0000|Z| UTC)?`).ReplaceAllStringFunc(text, recent)
	// Both times may differ by a second.
	text = regexp.MustCompile(`(Made: +NOW\n)Seen: +NOW\n`).ReplaceAllString(text, "$1")
	return strings.ReplaceAll(text, "made NOW, seen NOW", "made NOW")
}

// recent replaces a time within two hours of now by NOW.
func recent(stamp string) string {
	at, err := time.Parse("2006-01-02 15:04", strings.Replace(stamp[:16], "T", " ", 1))
	if err != nil || time.Since(at).Abs() > 2*time.Hour {
		return stamp
	}
	return "NOW"
}

// slackCommand reads and changes the state of Slack:
//
//	slack messages       write the new messages as shown to users; they may have only the
//	                     expected mentions and links
//	slack last           write the last message as shown to users, with all its values
//	slack code           write its code block
//	slack files          write the names and the contents of all files
//	slack wait N         wait until there are N messages in total
//	slack refuse WORD    refuse every post with that error from now on
//	slack accept
func slackCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: slack VERB")
	}
	w := worldOf(ts)
	switch args[0] {
	case "messages":
		all := w.slack.Messages()
		list := slices.Clone(all[w.counted:])
		// Two channels receive messages concurrently, each in its own order.
		slices.SortStableFunc(list, func(a, b cocsim.Message) int { return strings.Compare(a.Channel, b.Channel) })
		for _, m := range list {
			for _, who := range cocsim.Mentions(m) {
				if !slices.Contains(args[1:], who) {
					ts.Fatalf("the message mentions or links %q", who)
				}
			}
			text := cocsim.Render(m)
			if m.Channel != "C0123456789" {
				text = "(in " + m.Channel + ")\n" + text
			}
			if m.ThreadTS != "" {
				text = "(in the thread)\n" + text
			}
			fmt.Fprint(ts.Stdout(), tidy(ts, text), "\n\n")
		}
		w.counted = len(all)
	case "files":
		for _, f := range w.slack.Files() {
			where := "in the channel"
			if f.ThreadTS != "" {
				where = "in a thread"
			}
			fmt.Fprintf(ts.Stdout(), "%s, %s, %s:\n%s", f.Name, f.Title, where, f.Content)
		}
	case "code", "last":
		all := w.slack.Messages()
		show := map[string]func(cocsim.Message) string{"code": cocsim.Code, "last": cocsim.Render}[args[0]]
		fmt.Fprint(ts.Stdout(), show(all[len(all)-1]))
	case "wait":
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		ts.Check(w.slack.Wait(ctx, number(ts, args[1])))
	case "refuse":
		w.slack.Refuse("C0123456789", args[1])
	case "accept":
		w.slack.Refuse("C0123456789", "")
	default:
		ts.Fatalf("unknown verb %q", args[0])
	}
}

// hookCommand reads and changes the state of the webhook receiver, which accepts only signed
// events:
//
//	hook events         write the received events, as JSON
//	hook refuse STATUS  refuse every event from now on; 0 accepts them again
func hookCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: hook VERB")
	}
	w := worldOf(ts)
	switch args[0] {
	case "events":
		for _, e := range w.hook.Events() {
			var b bytes.Buffer
			ts.Check(json.Indent(&b, e.Body, "", "  "))
			fmt.Fprintln(ts.Stdout(), tidy(ts, b.String()))
		}
	case "refuse":
		w.hook.Refuse(number(ts, args[1]))
	default:
		ts.Fatalf("unknown verb %q", args[0])
	}
}

// sameCommand compares two files byte for byte. Unlike cmp, it never updates the expected
// one:
//
//	same FILE FILE
func sameCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same FILE FILE")
	}
	if got, want := ts.ReadFile(args[0]), ts.ReadFile(args[1]); got != want {
		ts.Fatalf("%s is %.300q\n%s is %.300q", args[0], got, args[1], want)
	}
}

// configCommand writes the script's config to a file, for another archive:
//
//	config FILE DATABASE
func configCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: config FILE DATABASE")
	}
	text := strings.Replace(ts.ReadFile("config.toml"), `database = "cocsync.db"`, `database = "`+args[1]+`"`, 1)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// scriptCondition evaluates [root], [litewitness]: whether it can be built, and [mount]: whether a
// small disk can be mounted.
func scriptCondition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "litewitness":
		return hasLitewitness()
	case "mount":
	default:
		return false, fmt.Errorf("unknown condition %q", name)
	}
	dir, err := os.MkdirTemp("", "cocsync-mount-*")
	if err != nil {
		return false, err
	}
	defer os.Remove(dir)
	return mount(dir, "64k") == nil && unmount(dir) == nil, nil
}
