package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cocsync/internal/cocsim"
)

// docsNow is the Monday on which the commands of the documentation run.
var docsNow = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// docsStory returns the times of the events of cocsim.Story.
func docsStory() []time.Time {
	on := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, time.UTC)
	}
	return []time.Time{on(10, 12, 13, 5), on(11, 17, 15, 42), on(11, 18, 3, 12), on(11, 19, 9, 30), on(11, 19, 16, 20),
		on(11, 20, 10, 5), on(11, 22, 18, 0)}
}

// docsWorld is the environment for the commands of the documentation: a COC and a Slack at
// docsNow, and the archive of a team that has watched the built-in jobs since September.
type docsWorld struct {
	coc, slack string // their addresses
	team       *cocsim.Slack
	archive    string // the folder with the archive, its key and its config
	bin        string // the folder with the program
	clock      atomic.Pointer[time.Time]
}

// docsConfig is the configuration in README, with the addresses of the services.
const docsConfig = `database = "cocsync.db"
operators = ["ops"]

[[account]]
name = "prod"
endpoint = "$COC"
requests_per_second = 0
connections = 1

[[watch]]
name = "runbooks"
account = "prod"
schedule = "0 8 * * *"
select = { all = true }
notify = ["ops"]

[[slack]]
name = "ops"
token = "env:SLACK_BOT_TOKEN"
channel = "C0123456789"
api_url = "$SLACK/api/"
`

func newDocsWorld(t *testing.T) *docsWorld {
	t.Helper()
	w := &docsWorld{archive: t.TempDir(), bin: t.TempDir()}
	begun := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	w.clock.Store(&begun)
	now := func() time.Time { return *w.clock.Load() }
	coc := cocsim.NewCOC(cocsim.COCOptions{AccessKey: "ak", SecretKey: secretKey, Now: now})
	for _, d := range cocsim.Jobs(begun) {
		coc.Add(d)
	}
	w.team = cocsim.NewSlack(cocsim.SlackOptions{Token: secretToken, Channels: []string{"C0123456789"}})
	var stop func()
	var err error
	w.coc, stop, err = cocsim.Listen(coc)
	must(t, err)
	t.Cleanup(stop)
	w.slack, stop, err = cocsim.Listen(w.team)
	must(t, err)
	t.Cleanup(stop)
	self, err := os.Executable()
	must(t, err)
	must(t, os.Symlink(self, filepath.Join(w.bin, "cocsync")))
	config := strings.NewReplacer("$COC", w.coc, "$SLACK", w.slack).Replace(docsConfig)
	must(t, os.WriteFile(filepath.Join(w.archive, "config.toml"), []byte(config), 0o600))
	w.live(t, coc, begun, now)
	return w
}

// live plays the story, with a sync on each Monday, on each day of the last week and after
// each event.
func (w *docsWorld) live(t *testing.T, coc *cocsim.COC, begun time.Time, now func() time.Time) {
	t.Helper()
	t.Setenv("HUAWEICLOUD_SDK_AK", "ak")
	t.Setenv("HUAWEICLOUD_SDK_SK", secretKey)
	t.Setenv("SLACK_BOT_TOKEN", secretToken)
	sync := func(at time.Time) {
		w.clock.Store(&at)
		var said bytes.Buffer
		a := &app{stdin: strings.NewReader(""), out: &said, err: &said, now: now}
		if err := a.run(t.Context(), []string{"-c", filepath.Join(w.archive, "config.toml"), "sync"}); err != nil {
			t.Fatalf("sync at %s: %v\n%s", at, err, said.String())
		}
	}
	story, times := cocsim.Story(), docsStory()
	for day := begun; day.Before(docsNow); day = day.AddDate(0, 0, 1) {
		if day.Weekday() == time.Monday || day.Equal(begun) || docsNow.Sub(day) < 7*24*time.Hour {
			sync(day)
		}
		for len(times) > 0 && times[0].Before(day.AddDate(0, 0, 1)) {
			w.clock.Store(&times[0])
			story[0].Do(coc)
			sync(times[0].Add(2 * time.Minute))
			story, times = story[1:], times[1:]
		}
	}
	w.clock.Store(&docsNow)
}

// folder creates a copy of the archive's folder, or an empty one.
func (w *docsWorld) folder(t *testing.T, empty bool) string {
	t.Helper()
	dir := t.TempDir()
	if !empty {
		must(t, os.CopyFS(dir, os.DirFS(w.archive)))
		// CopyFS makes files readable by others.
		for _, name := range []string{"config.toml", "cocsync.db", "cocsync.db.key"} {
			must(t, os.Chmod(filepath.Join(dir, name), 0o600))
		}
	}
	return dir
}

// run runs a shell command at the given time and returns its output, as if the archive were
// in /var/lib/cocsync.
func (w *docsWorld) run(ctx context.Context, dir, line string, at time.Time) (string, error) {
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir, cmd.WaitDelay = dir, patience
	cmd.Env = append(os.Environ(), "PATH="+w.bin+":"+os.Getenv("PATH"), asProgram+"=1", asOf+"="+at.Format(time.RFC3339),
		"NO_COLOR=1", "TZ=UTC", "HOME="+dir, "PAGER=cat", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"LC_ALL=C.UTF-8", "COCSYNC_CONFIG=",
		"HUAWEICLOUD_SDK_AK=ak", "HUAWEICLOUD_SDK_SK="+secretKey, "SLACK_BOT_TOKEN="+secretToken)
	out, err := cmd.CombinedOutput()
	err = errors.Join(err, w.settle(dir))
	return strings.NewReplacer(dir, "/var/lib/cocsync", w.coc, "https://coc-intl.myhuaweicloud.com").Replace(string(out)), err
}

// settle adds the addresses of the test's services to a config that init wrote.
func (w *docsWorld) settle(dir string) error {
	path := filepath.Join(dir, "config.toml")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	here := strings.NewReplacer(
		`region = "ap-southeast-3"`, `endpoint = "`+w.coc+`"`+"\nrequests_per_second = 0\nconnections = 1",
		"channel = \"C0123456789\"\ndetail", "channel = \"C0123456789\"\napi_url = \""+w.slack+"/api/\"\ndetail",
	).Replace(string(text))
	return errors.Join(err, os.WriteFile(path, []byte(here), 0o600))
}
