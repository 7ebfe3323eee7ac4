package cocsim

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// jobText is a job split at its steps, so that edits need no YAML parser and leave
// every other byte unchanged.
type jobText struct {
	head  string   // up to and including the line "steps:"
	steps []string // each from its "  - name:" to the next
}

func cutJob(content string) (jobText, bool) {
	head, rest, ok := strings.Cut(content, "\nsteps:\n")
	if !ok || !strings.HasPrefix(rest, "  - name: ") {
		return jobText{}, false
	}
	j := jobText{head: head + "\nsteps:\n"}
	for {
		i := strings.Index(rest[1:], "\n  - name: ")
		if i < 0 {
			j.steps = append(j.steps, rest)
			return j, true
		}
		j.steps = append(j.steps, rest[:i+2])
		rest = rest[i+2:]
	}
}

func (j jobText) String() string { return j.head + strings.Join(j.steps, "") }

// tweak is an edit that replaces the group of a pattern in one step.
type tweak struct {
	what, pattern string
	text          func(old string, rng *rand.Rand) string
}

func tweaks() []tweak {
	return []tweak{
		{"a timeout changed", `\n      timeout: (\d+)\n`, other},
		{"a script parameter changed", `"param_value":"(\w+)"`, other},
		{"a task's version changed", `task: [\w:]+@(\d+\.\d+\.\d+)\n`, func(_ string, rng *rand.Rand) string {
			return fmt.Sprintf("1.%d.%d", rng.IntN(9)+1, rng.IntN(9))
		}},
		{"a step renamed", `^  - name: ([^\n]+)\n`, func(_ string, rng *rand.Rand) string { return stepName(rng) }},
	}
}

// Tweak makes one realistic edit to a job and describes it. A text that is not a job
// gets another line. The result always differs, and is the same for the same content
// and random source.
func Tweak(content string, rng *rand.Rand) (edited, what string) {
	j, ok := cutJob(content)
	if !ok {
		return content + fmt.Sprintf("\n# checked %06d\n", rng.IntN(1_000_000)), "a comment at the end"
	}
	tweaks := tweaks()
	n, at := rng.IntN(9), rng.IntN(len(j.steps))
	switch {
	case n < len(tweaks):
		t := tweaks[n]
		if m := regexp.MustCompile(t.pattern).FindStringSubmatchIndex(j.steps[at]); m != nil {
			s := j.steps[at]
			j.steps[at], what = s[:m[2]]+t.text(s[m[2]:m[3]], rng)+s[m[3]:], t.what
		}
	case n < 6:
		j.steps, what = slices.Insert(j.steps, at, newStep(rng)), "a step added"
	case n < 8 && at+1 < len(j.steps): // the last may have no newline
		j.steps, what = slices.Delete(j.steps, at, at+1), "a step removed"
	case at+2 < len(j.steps):
		j.steps[at], j.steps[at+1], what = j.steps[at+1], j.steps[at], "a step moved"
	}
	edited = j.String()
	if what == "" || edited == content {
		return fmt.Sprintf("# ticket OPS-%05d\n", rng.IntN(100_000)) + content, "a comment added"
	}
	return edited, what
}

// other returns a number that differs from the one in s.
func other(s string, rng *rand.Rand) string {
	n := fmt.Sprint(30 * (1 + rng.IntN(60)))
	if n == s {
		return n + "0"
	}
	return n
}

func stepName(rng *rand.Rand) string {
	verbs := []string{"check", "drain", "restart", "patch", "verify", "snapshot", "notify", "resize", "collect", "clean"}
	things := []string{"nodes", "disk", "pool", "service", "database", "queue", "certificate", "cache", "logs", "agent"}
	return fmt.Sprintf("%s_%s_%d", verbs[rng.IntN(len(verbs))], things[rng.IntN(len(things))], rng.IntN(1000))
}

// newStep generates a step that runs a script or calls an API.
func newStep(rng *rand.Rand) string {
	name := stepName(rng)
	if rng.IntN(2) == 0 {
		return fmt.Sprintf(`  - name: %s
    description: %s
    task: hwc:runbook:scripts@1.0.0
    inputs:
      script_uuid: SC%014d%08x
      instance_list: "{{$globals.instance_list}}"
      execute_user: root
      timeout: %d
      script_params: '[{"param_name":"target","param_value":"%x"},{"param_name":"tries","param_value":"%d"}]'
    outputs: []
`, name, strings.ReplaceAll(name, "_", " "), 20250101000000+rng.IntN(900000), rng.Uint32(), 30*(1+rng.IntN(60)), rng.Uint32(), rng.IntN(9))
	}
	return fmt.Sprintf(`  - name: %s
    task: hwc:runbook:executeAPI@1.0.0
    inputs:
      service: ECS
      api_name: ListServersDetails
      region: cn-north-4
      path_params: '{"project_id":"%016x%016x"}'
      query: '{"limit":"%d"}'
      body: "{}"
      timeout: %d
    outputs:
      - name: servers
        selector: .servers
        type: String
`, name, rng.Uint64(), rng.Uint64(), rng.IntN(100), 30*(1+rng.IntN(60)))
}
