package cocsync_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// tool returns where a program is. Without it the test does not run, which is a failure
// in CI.
func tool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed, and CI needs it: apt-get install %s", name, pkg)
	}
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// mostExposed is what systemd may say of the unit, from 0 to 10: 2.0 is "OK".
const mostExposed = 2.0

// The unit is one that systemd takes, and leaves little of the machine open.
func TestUnit(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	text, err := os.ReadFile("contrib/systemd/cocsync.service")
	if err != nil {
		t.Fatal(err)
	}
	// The program does not lie here where it will; any other does.
	unit := filepath.Join(t.TempDir(), "cocsync.service")
	here := strings.ReplaceAll(string(text), "/usr/local/bin/cocsync", "/bin/true")
	if err := os.WriteFile(unit, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", unit).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	found := regexp.MustCompile(`Overall exposure level for cocsync.service: ([0-9.]+)`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("systemd-analyze security says no level:\n%s", out)
	}
	level, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil || level > mostExposed {
		t.Errorf("the unit's exposure is %v, %v, want at most %v:\n%s", level, err, mostExposed, out)
	}
}

// What the image is made of is there.
func TestContainerfile(t *testing.T) {
	text, err := os.ReadFile("contrib/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	copied := 0
	for _, m := range regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`).FindAllStringSubmatch(string(text), -1) {
		for _, name := range strings.Fields(m[1]) {
			copied++
			if _, err := os.Stat(name); err != nil {
				t.Error(err)
			}
		}
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if copied < 5 || wanted == nil || !strings.Contains(string(text), "golang:"+string(wanted[1])+" ") {
		t.Errorf("%d files are copied, and go.mod wants Go %s", copied, wanted)
	}
}

// The unit referred to a manual page that no step of its installation installed.
func TestUnitsManualIsInstalled(t *testing.T) {
	unit, err := os.ReadFile("contrib/systemd/cocsync.service")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := regexp.MustCompile(`man:([a-z-]+)\(([0-9])\)`).FindAllSubmatch(unit, -1)
	if len(pages) == 0 {
		t.Error("the unit refers to no page")
	}
	for _, p := range pages {
		step := fmt.Sprintf("man/*.%s /usr/local/share/man/man%[1]s/", p[2])
		if !strings.Contains(string(unit), step) || !strings.Contains(string(guide), step) {
			t.Errorf("the steps in the unit and in docs/operations.md do not both install %s(%s)", p[1], p[2])
		}
	}
}
