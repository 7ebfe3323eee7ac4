package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cocsync/internal/cocsim"
)

// asProgram makes the test binary be cocsync, so that tests can start and kill
// real processes of it.
const asProgram = "COCSYNC_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"cocsync": main})
}

// program returns a command that runs cocsync as a process of its own.
func program(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "NO_COLOR=1")
	return cmd
}

// Each script runs the built command against a COC and a Slack of its own on
// loopback, and compares what it says word for word.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       os.Getenv("COCSYNC_UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Setup:               setUpScript,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"coc":    cocCommand,
			"slack":  slackCommand,
			"tables": tablesCommand,
		},
	})
}

// world is what a script runs against.
type world struct {
	coc   *cocsim.COC
	slack *cocsim.Slack
}

type worldKey struct{}

func setUpScript(env *testscript.Env) error {
	w := &world{
		coc:   cocsim.NewCOC(cocsim.COCOptions{AccessKey: "ak", SecretKey: "very-secret-key"}),
		slack: cocsim.NewSlack(cocsim.SlackOptions{Token: "xoxb-very-secret", Channels: []string{"C0123456789"}}),
	}
	for name, h := range map[string]interface {
		start() (string, func(), error)
	}{"COC": cocService{w.coc}, "SLACK": slackService{w.slack}} {
		url, stop, err := h.start()
		if err != nil {
			return err
		}
		env.Defer(stop)
		env.Setenv(name, url)
	}
	env.Values[worldKey{}] = w
	env.Setenv("NO_COLOR", "1")
	env.Setenv("TZ", "UTC")
	env.Setenv("COC_AK", "ak")
	env.Setenv("COC_SK", "very-secret-key")
	env.Setenv("SLACK_TOKEN", "xoxb-very-secret")
	config := strings.NewReplacer("$COC", env.Getenv("COC"), "$SLACK", env.Getenv("SLACK")).Replace(scriptConfig)
	return os.WriteFile(filepath.Join(env.WorkDir, "config.toml"), []byte(config), 0o600)
}

type cocService struct{ *cocsim.COC }

func (s cocService) start() (string, func(), error) { return cocsim.Listen(s.COC) }

type slackService struct{ *cocsim.Slack }

func (s slackService) start() (string, func(), error) { return cocsim.Listen(s.Slack) }

// scriptConfig is what a script finds as config.toml.
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
select = { all = true }
notify = ["ops"]

[[slack]]
name = "ops"
token = "env:SLACK_TOKEN"
channel = "C0123456789"
api_url = "$SLACK/api/"
`

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// cocCommand changes what COC holds:
//
//	coc add NAME FILE...         a document, each file a version
//	coc edit NAME FILE WHO       a new version
//	coc rewrite NAME LABEL FILE  in place, with update_time moved
//	coc delete NAME
//	coc fail STATUS              answer every request with it; 0: no more
//	coc forbid ACTION
func cocCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: coc VERB NAME ...")
	}
	c := worldOf(ts).coc
	id, _ := c.Find(args[1])
	switch verb := args[0]; verb {
	case "add":
		doc := cocsim.Document{Name: args[1], ID: "DM-" + args[1], Creator: "COC-li.wei", RiskLevel: "LOW"}
		for i, f := range args[2:] {
			at := time.Date(2026, 3, 1+i, 12, 0, 0, 0, time.UTC)
			doc.Versions = append(doc.Versions, cocsim.Version{Content: ts.ReadFile(f), CreatedAt: at})
		}
		c.Add(doc)
	case "edit":
		c.Edit(id, ts.ReadFile(args[2]), args[3])
	case "rewrite":
		c.Rewrite(id, args[2], ts.ReadFile(args[3]))
		c.Touch(id)
	case "delete":
		c.Delete(id)
	case "fail":
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		c.ClearFaults()
		if status == 0 {
			return
		}
		c.Fail(cocsim.Fault{Kind: cocsim.FaultStatus, Status: status, Count: -1})
	case "forbid":
		c.Forbid(args[1])
	default:
		ts.Fatalf("unknown verb %q", verb)
	}
}

// slackCommand shows what Slack got since it was last asked:
//
//	slack messages       on the script's stdout
//	slack refuse WORD    refuse every post with that error from now on
//	slack accept
func slackCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: slack VERB")
	}
	s := worldOf(ts).slack
	switch args[0] {
	case "messages":
		var b strings.Builder
		for _, m := range s.Messages() {
			b.WriteString(cocsim.Render(m) + "\n")
			if who := cocsim.Mentions(m); len(who) > 0 {
				ts.Fatalf("the message mentions or links %q", who)
			}
		}
		ts.Check(os.WriteFile(ts.MkAbs("messages"), []byte(b.String()), 0o600))
	case "refuse":
		s.Refuse("C0123456789", args[1])
	case "accept":
		s.Refuse("C0123456789", "")
	default:
		ts.Fatalf("unknown verb %q", args[0])
	}
}

// tablesCommand makes a file no longer readable as an archive:
//
//	tables damage FILE    overwrites its first page
func tablesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || args[0] != "damage" {
		ts.Fatalf("usage: tables damage FILE")
	}
	f, err := os.OpenFile(ts.MkAbs(args[1]), os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteAt([]byte(strings.Repeat("broken! ", 512)), 0)
	ts.Check(err)
	ts.Check(f.Close())
}
