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

// Tweak makes one realistic edit to a job and describes it. A text that is not a job
// gets another line. The result always differs, and is the same for the same content
// and random source.
func Tweak(content string, rng *rand.Rand) (edited, what string) {
	j, ok := cutJob(content)
	if !ok {
		n := rng.IntN(1_000_000)
		return content + fmt.Sprintf("\n# checked %06d\n", n), "a comment at the end"
	}
	tweaks := []func(*jobText, *rand.Rand) string{
		tweakTimeout, tweakTimeout, tweakParam, tweakParam, tweakDescription,
		tweakTask, tweakName, tweakAdd, tweakRemove, tweakMove,
	}
	what = tweaks[rng.IntN(len(tweaks))](&j, rng)
	if edited = j.String(); what == "" || edited == content {
		what = tweakDescription(&j, rng)
		edited = j.String()
	}
	return edited, what
}

// replaceIn replaces the first match in a random step by the result of fn for its
// first group, and reports whether there was one.
func replaceIn(j *jobText, rng *rand.Rand, pattern string, fn func(string) string) bool {
	re := regexp.MustCompile(pattern)
	from := rng.IntN(len(j.steps))
	for k := range j.steps {
		i := (from + k) % len(j.steps)
		if m := re.FindStringSubmatchIndex(j.steps[i]); m != nil {
			s := j.steps[i]
			j.steps = slices.Clone(j.steps)
			j.steps[i] = s[:m[2]] + fn(s[m[2]:m[3]]) + s[m[3]:]
			return true
		}
	}
	return false
}

// other returns a number that differs from the one in s.
func other(s string, rng *rand.Rand) string {
	n := fmt.Sprint(30 * (1 + rng.IntN(60)))
	if n == s {
		return n + "0"
	}
	return n
}

func tweakTimeout(j *jobText, rng *rand.Rand) string {
	if !replaceIn(j, rng, `\n      timeout: (\d+)\n`, func(s string) string { return other(s, rng) }) {
		return ""
	}
	return "a timeout changed"
}

func tweakParam(j *jobText, rng *rand.Rand) string {
	if !replaceIn(j, rng, `"param_value":"(\w+)"`, func(s string) string { return other(s, rng) }) {
		return ""
	}
	return "a script parameter changed"
}

func tweakTask(j *jobText, rng *rand.Rand) string {
	fn := func(s string) string { return fmt.Sprintf("1.%d.%d", rng.IntN(9)+1, rng.IntN(9)) }
	if !replaceIn(j, rng, `task: [\w:]+@(\d+\.\d+\.\d+)\n`, fn) {
		return ""
	}
	return "a task's version changed"
}

func tweakName(j *jobText, rng *rand.Rand) string {
	fn := func(string) string { return stepName(rng) }
	if !replaceIn(j, rng, `^  - name: ([^\n]+)\n`, fn) {
		return ""
	}
	return "a step renamed"
}

func tweakDescription(j *jobText, rng *rand.Rand) string {
	m := regexp.MustCompile(`\n  description: [^\n]*\n`).FindStringIndex(j.head)
	line := fmt.Sprintf("\n  description: reviewed in week %d, ticket OPS-%05d\n", 1+rng.IntN(52), rng.IntN(100_000))
	if m == nil || j.head[m[0]:m[1]] == line {
		j.head = fmt.Sprintf("# ticket OPS-%05d\n", rng.IntN(100_000)) + j.head
		return "a comment added"
	}
	j.head = j.head[:m[0]] + line + j.head[m[1]:]
	return "the description changed"
}

func tweakAdd(j *jobText, rng *rand.Rand) string {
	at := rng.IntN(len(j.steps))
	j.steps = slices.Insert(slices.Clone(j.steps), at, newStep(rng))
	return "a step added"
}

func tweakRemove(j *jobText, rng *rand.Rand) string {
	if len(j.steps) < 3 {
		return ""
	}
	at := rng.IntN(len(j.steps) - 1) // the last may have no newline
	j.steps = slices.Delete(slices.Clone(j.steps), at, at+1)
	return "a step removed"
}

func tweakMove(j *jobText, rng *rand.Rand) string {
	if len(j.steps) < 3 {
		return ""
	}
	at := rng.IntN(len(j.steps) - 2)
	j.steps = slices.Clone(j.steps)
	j.steps[at], j.steps[at+1] = j.steps[at+1], j.steps[at]
	return "a step moved"
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
