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

// rulesFolder is where the alert rules lie.
var rulesFolder = filepath.Join("..", "..", "contrib", "prometheus")

// promtool runs Prometheus's own tool, where it is there.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is not there, and CI has to have it: install Debian's package prometheus")
		}
		t.Skip("not run: promtool is not there; it is in Debian's package prometheus")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "FAILED") {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Prometheus reads the metrics and finds nothing to say against their names and words.
func TestPromtoolTakesTheMetrics(t *testing.T) {
	w := answered(t, handler(t, liveSite(t)), "/metrics")
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", w.Code, w.Body)
	}
	promtool(t, w.Body.String(), "check", "metrics")
}

// The alert rules are rules, and each fires when it should and not otherwise.
func TestPromtoolTakesTheRules(t *testing.T) {
	promtool(t, "", "check", "rules", filepath.Join(rulesFolder, "cocsync.rules.yml"))
	promtool(t, "", "test", "rules", filepath.Join(rulesFolder, "cocsync.test.yml"))
}

// The rules ask for metrics that there are; each has a case in which it fires, and says
// what is wrong, how bad that is, and which command of cocsync helps.
func TestRulesFitTheMetrics(t *testing.T) {
	rules, err := os.ReadFile(filepath.Join(rulesFolder, "cocsync.rules.yml"))
	must(t, err)
	cases, err := os.ReadFile(filepath.Join(rulesFolder, "cocsync.test.yml"))
	must(t, err)
	families := scraped(t, handler(t, liveSite(t)))
	for _, name := range regexp.MustCompile(`cocsync_\w+`).FindAllString(string(rules)+string(cases), -1) {
		if families[name] == nil {
			t.Errorf("the rules or their cases name %s; there are %v", name, slices.Sorted(maps.Keys(families)))
		}
	}
	alerts := strings.Split(string(rules), "- alert: ")[1:]
	if len(alerts) == 0 {
		t.Fatal("there are no alerts")
	}
	for _, rule := range alerts {
		name, _, _ := strings.Cut(rule, "\n")
		if !strings.Contains(string(cases), `alertname="`+name+`",alertstate="firing"`) {
			t.Errorf("no case of cocsync.test.yml has %s fire", name)
		}
		for _, part := range []string{"severity: ", "summary: ", "description: "} {
			if !strings.Contains(rule, part) {
				t.Errorf("%s has no %s", name, part)
			}
		}
		_, description, _ := strings.Cut(rule, "description: ")
		if !regexp.MustCompile("`cocsync [a-z]+").MatchString(description) {
			t.Errorf("%s names no command of cocsync that helps", name)
		}
	}
}
