package web_test

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rulesFolder is the directory of the alert rules.
var rulesFolder = filepath.Join("..", "..", "contrib", "prometheus")

// promtool runs Prometheus's promtool. It skips the test if promtool is not installed.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is not installed, but CI requires it: install Debian's package prometheus")
		}
		t.Skip("promtool is not installed; it is in Debian's package prometheus")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "FAILED") {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// promtool accepts the metrics, their names and help texts.
func TestPromtoolAcceptsMetrics(t *testing.T) {
	w := request(t, handler(t, liveSite(t)), "/metrics")
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics returns %d: %s", w.Code, w.Body)
	}
	promtool(t, w.Body.String(), "check", "metrics")
}

// The alert rules are valid, and each fires exactly in the cases of its tests.
func TestPromtoolAcceptsRules(t *testing.T) {
	promtool(t, "", "check", "rules", filepath.Join(rulesFolder, "cocsync.rules.yml"))
	promtool(t, "", "test", "rules", filepath.Join(rulesFolder, "cocsync.test.yml"))
}

// The rules use existing metrics. Each rule has a test in which it fires, a severity, and a
// description that names a command of cocsync.
func TestRulesMatchMetrics(t *testing.T) {
	rules, err := os.ReadFile(filepath.Join(rulesFolder, "cocsync.rules.yml"))
	must(t, err)
	cases, err := os.ReadFile(filepath.Join(rulesFolder, "cocsync.test.yml"))
	must(t, err)
	families := scraped(t, handler(t, liveSite(t)))
	for _, name := range regexp.MustCompile(`cocsync_\w+`).FindAllString(string(rules)+string(cases), -1) {
		if families[name] == nil {
			t.Errorf("the rules or their tests use the unknown metric %s; known are %v", name, slices.Sorted(maps.Keys(families)))
		}
	}
	alerts := strings.Split(string(rules), "- alert: ")[1:]
	if len(alerts) == 0 {
		t.Fatal("no alerts")
	}
	for _, rule := range alerts {
		name, _, _ := strings.Cut(rule, "\n")
		if !strings.Contains(string(cases), `alertname="`+name+`",alertstate="firing"`) {
			t.Errorf("no test in cocsync.test.yml in which %s fires", name)
		}
		for _, part := range []string{"severity: ", "summary: ", "description: "} {
			if !strings.Contains(rule, part) {
				t.Errorf("%s has no %s", name, part)
			}
		}
		_, description, _ := strings.Cut(rule, "description: ")
		if !regexp.MustCompile("`cocsync [a-z]+").MatchString(description) {
			t.Errorf("the description of %s names no command of cocsync", name)
		}
	}
}
