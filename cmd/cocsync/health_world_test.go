package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cocsync/internal/cocsim"
	"cocsync/internal/query"
)

// healthWorld is a COC, a Slack, and an archive that real processes write. The clock of
// these processes is the real one plus an offset.
type healthWorld struct {
	*testing.T
	coc      *cocsim.COC
	slack    *cocsim.Slack
	hook     atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // responds instead of coc
	endpoint string                                                        // of coc
	dir      string
	config   string
	clock    string // the file with the offset
	// The settings of the configuration.
	top, schedule, watch, more, key string
	rename                          string // the watch's name; "" for runbooks
	// Settings of the queries at the end.
	db string // --db; "" uses the configuration
}

func newHealthWorld(t *testing.T) *healthWorld {
	t.Helper()
	w := &healthWorld{T: t, coc: cocsim.NewCOC(cocsim.COCOptions{}), slack: cocsim.NewSlack(cocsim.SlackOptions{}),
		dir: t.TempDir(), schedule: "@every 1h", watch: "select = { all = true }", key: "ak"}
	w.config, w.clock = filepath.Join(w.dir, "config.toml"), filepath.Join(w.dir, "clock")
	w.step(0)
	w.coc.Add(cocsim.Document{ID: "DM1", Name: "one", Versions: []cocsim.Version{{Label: "v1", Content: "a: 1\n"}}})
	cocURL, stop, err := cocsim.Listen(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if hook := w.hook.Load(); hook == nil || !(*hook)(rw, r) {
			w.coc.ServeHTTP(rw, r)
		}
	}))
	must(t, err)
	t.Cleanup(stop)
	slackURL, stop, err := cocsim.Listen(w.slack)
	must(t, err)
	t.Cleanup(stop)
	w.more = fmt.Sprintf("[[slack]]\nname = \"ops\"\ntoken = \"xoxb-1\"\nchannel = \"C0123456789\"\napi_url = %q\n", slackURL+"/api/")
	w.endpoint = cocURL
	return w
}

// witness configures a witness that responds as f.
func (w *healthWorld) witness(f func(http.ResponseWriter)) {
	w.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { f(rw) }))
	w.Cleanup(s.Close)
	w.more += fmt.Sprintf("[[witness]]\nurl = %q\nkey = \"witness.example.com/w1+1893279e+BJkuhQT3Fe0ipHhvWhlmOqybDOTPv7buEPyXVg1x/nQT\"\n", s.URL)
}

// write writes the configuration.
func (w *healthWorld) write() {
	w.Helper()
	text := w.top + fmt.Sprintf("[[account]]\nname = \"prod\"\nendpoint = %q\naccess_key = %q\nsecret_key = \"sk\"\nrequests_per_second = 0\n"+
		"[[watch]]\nname = %q\naccount = \"prod\"\nschedule = %q\nnotify = [\"ops\"]\n%s\n%s", w.endpoint, w.key,
		cmp.Or(w.rename, "runbooks"), w.schedule, w.watch, w.more)
	must(w.T, os.WriteFile(w.config, []byte(text), 0o600))
}

// step sets the clock of all processes, running ones included.
func (w *healthWorld) step(offset time.Duration) {
	w.Helper()
	must(w.T, os.WriteFile(w.clock+".new", []byte(offset.String()), 0o600))
	must(w.T, os.Rename(w.clock+".new", w.clock))
}

// at sets the clock to a time of day.
func (w *healthWorld) at(t time.Time) { w.Helper(); w.step(time.Until(t)) }

func (w *healthWorld) command(args ...string) *exec.Cmd {
	w.Helper()
	cmd := program(w.T, args...)
	cmd.Dir = w.dir
	cmd.Env = append(cmd.Env, clockFile+"="+w.clock)
	return cmd
}

// sync runs a sync and returns its exit status.
func (w *healthWorld) sync(args ...string) int {
	w.Helper()
	w.write()
	cmd := w.command(append([]string{"-c", w.config, "sync"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.Logf("sync: %v\n%s", err, out)
	}
	return cmd.ProcessState.ExitCode()
}

// process is a running program and what it has logged.
type process struct {
	*exec.Cmd
	lines chan string
}

// start starts a process that keeps running, such as the daemon.
func (w *healthWorld) start(command string) *process {
	w.Helper()
	w.write()
	p := &process{w.command("-c", w.config, command), make(chan string, 1000)}
	pipe, err := p.StderrPipe()
	must(w.T, err)
	must(w.T, p.Start())
	go func() {
		for s := bufio.NewScanner(pipe); s.Scan(); {
			select {
			case p.lines <- s.Text():
			default: // no test waits for them any more
			}
		}
		close(p.lines)
	}()
	w.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

// await waits until the process logs a line with the text.
func (w *healthWorld) await(p *process, text string) {
	w.Helper()
	late := time.After(patience)
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				w.Fatalf("the process ended before it logged %q", text)
			}
			if strings.Contains(line, text) {
				return
			}
		case <-late:
			w.Fatalf("the process did not log %q", text)
		}
	}
}

// end sends the process a signal and waits for its end.
func (p *process) end(s syscall.Signal) {
	if p.ProcessState == nil {
		_ = p.Process.Signal(s) // it may have ended
		_ = p.Wait()            // by the signal
	}
}

// hang makes COC not respond to requests whose address contains the text, until the test
// ends. It returns a channel that is closed at the first such request, and a function that
// lets the next one through.
func (w *healthWorld) hang(text string) (begun <-chan struct{}, next chan<- struct{}) {
	began, more := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	hook := func(_ http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.String(), text) {
			return false
		}
		if once.CompareAndSwap(false, true) {
			close(began)
		}
		select {
		case <-more:
			return false
		case <-r.Context().Done():
			return true
		}
	}
	w.hook.Store(&hook)
	return began, more
}

// answer sets COC's response to all requests whose address contains the text.
func (w *healthWorld) answer(text string, status int, body string, header ...string) {
	hook := func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.String(), text) {
			return false
		}
		for i := 0; i+1 < len(header); i += 2 {
			rw.Header().Set(header[i], header[i+1])
		}
		rw.WriteHeader(status)
		io.WriteString(rw, body)
		return true
	}
	w.hook.Store(&hook)
}

// verdict is the common result of all checks.
type verdict struct {
	kinds []query.ProblemKind // sorted, each once
	copy  bool
	text  string
	stale map[string]bool // watches with problems
}

// ask runs a query and returns its output.
func (w *healthWorld) ask(args ...string) (stdout, stderr string, status int) {
	w.Helper()
	where := []string{"-c", w.config}
	if w.db != "" {
		where = []string{"--db", w.db}
	}
	cmd := w.command(append(where, args...)...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); cmd.ProcessState == nil {
		w.Fatalf("%v: %v", args, err)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}

// verdict runs status, its JSON, healthcheck, /-/ready, /metrics and the health page, and
// fails if their results differ.
func (w *healthWorld) verdict() (v verdict) {
	w.Helper()
	var s query.Status
	stdout, stderr, _ := w.ask("status", "-o", "json")
	if err := json.Unmarshal([]byte(stdout), &s); err != nil {
		w.Fatalf("status -o json: %v\n%s", err, stderr)
	}
	v.copy, v.stale = s.Copy, map[string]bool{}
	for _, p := range s.Problems {
		v.kinds = append(v.kinds, p.Kind)
	}
	healthy := len(s.Problems) == 0 && !s.Copy
	v.text, stderr, _ = w.ask("status")
	headline, rest, _ := strings.Cut(v.text, "\n")
	if strings.HasPrefix(headline, "All is well.") != healthy || s.Copy != strings.HasPrefix(headline, "As of ") ||
		strings.Count("\n"+rest, "\n! ") != len(s.Problems) {
		w.Errorf("status of %d problems (copy: %t) says\n%s%s", len(s.Problems), s.Copy, v.text, stderr)
	}
	if absurd.MatchString(v.text) {
		w.Errorf("status has a time that is none:\n%s", v.text)
	}
	w.healthcheck(&v, healthy)
	w.page(s, v, healthy)
	slices.Sort(v.kinds)
	v.kinds = slices.Compact(v.kinds)
	return v
}

// absurd matches ages and durations that result from absent times.
var absurd = regexp.MustCompile(`\d{5,} (days|hours)|-\d+h|every a moment|0001-01-01|1970-01-01`)

func (w *healthWorld) healthcheck(v *verdict, healthy bool) {
	w.Helper()
	stdout, stderr, status := w.ask("healthcheck")
	if (status == 0) != healthy || (stdout != "") != healthy {
		w.Errorf("healthcheck exits with %d, %q, %q; status is healthy: %t", status, stdout, stderr, healthy)
	}
	var h query.Health
	stdout, _, status = w.ask("healthcheck", "-o", "json")
	if err := json.Unmarshal([]byte(stdout), &h); err != nil || h.Healthy != healthy || (status == 0) != healthy ||
		len(h.Problems) != len(v.kinds) {
		w.Errorf("healthcheck -o json exits with %d, %v:\n%s", status, err, stdout)
	}
	for _, x := range h.Watches {
		v.stale[x.Watch] = x.Stale != ""
	}
}

// page compares /-/ready, /metrics and the health page with status.
func (w *healthWorld) page(s query.Status, v verdict, healthy bool) {
	w.Helper()
	where := []string{"-c", w.config}
	if w.db != "" {
		where = []string{"--db", w.db}
	}
	cmd := w.command(append(where, "web", "--listen", "127.0.0.1:0")...)
	out, err := cmd.StdoutPipe()
	must(w.T, err)
	must(w.T, cmd.Start())
	p := &process{Cmd: cmd}
	defer p.end(syscall.SIGTERM)
	line, err := bufio.NewReader(out).ReadString('\n')
	must(w.T, err)
	url := regexp.MustCompile(`http://[^ ]+`).FindString(line)
	code, body := w.get(url + "-/ready")
	if (code == http.StatusOK) != healthy || code != http.StatusOK && code != http.StatusServiceUnavailable ||
		!healthy && strings.Count(body, "\n") != 1+len(s.Problems) {
		w.Errorf("/-/ready returns %d %q; status is healthy: %t, with %d problems", code, body, healthy, len(s.Problems))
	}
	_, metrics := w.get(url + "metrics")
	for _, kind := range query.ProblemKinds() {
		n := 0
		for _, p := range s.Problems {
			if p.Kind == kind {
				n++
			}
		}
		w.metric(metrics, fmt.Sprintf("cocsync_problems{kind=%q}", kind), n)
	}
	for watch, stale := range v.stale {
		w.metric(metrics, fmt.Sprintf("cocsync_watch_stale{watch=%q}", watch), bit(stale))
	}
	w.metric(metrics, "cocsync_healthy", bit(healthy))
	code, body = w.get(url + "health")
	if code != http.StatusOK || strings.Contains(body, "All is well.") != healthy ||
		strings.Count(body, `<span class="fix">`) != len(s.Problems) || absurd.MatchString(body) {
		w.Errorf("the health page of %d problems returns %d\n%s", len(s.Problems), code, body)
	}
	// The pages showed a last good cycle in the future as "a moment ago".
	if slices.Contains(v.kinds, query.ProblemClock) && strings.Contains(body, "a moment ago") {
		w.Errorf("the health page has a time in the future for one of now:\n%s", body)
	}
}

func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}

func (w *healthWorld) get(url string) (status int, body string) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, url, nil)
	must(w.T, err)
	a, err := http.DefaultClient.Do(r)
	must(w.T, err)
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	must(w.T, err)
	return a.StatusCode, string(text)
}

func (w *healthWorld) metric(all, name string, want int) {
	w.Helper()
	if line := fmt.Sprintf("\n%s %d\n", name, want); !strings.Contains(all, line) {
		w.Errorf("metrics: want %q", strings.TrimSpace(line))
	}
}

// until runs status until it has exactly these problems.
func (w *healthWorld) until(want ...query.ProblemKind) {
	w.Helper()
	slices.Sort(want)
	late := time.Now().Add(patience)
	for {
		var s query.Status
		stdout, _, _ := w.ask("status", "-o", "json")
		must(w.T, json.Unmarshal([]byte(stdout), &s))
		var kinds []query.ProblemKind
		for _, p := range s.Problems {
			kinds = append(kinds, p.Kind)
		}
		slices.Sort(kinds)
		if slices.Equal(kinds, want) {
			return
		}
		if time.Now().After(late) {
			w.Fatalf("problems %q, want %q", kinds, want)
		}
	}
}
