package diff

import (
	"strings"
	"testing"
)

// A rename is reported if there is one, and of two values with the same content the
// one with the more similar name; a value that only looks like every other step or
// parameter is not renamed.
func TestRenamed(t *testing.T) {
	const plain, empty = "{type: string, description: ''}", "{task: hwc:runbook:suspend@1.0.0, inputs: {}, outputs: []}"
	inputs := func(pairs ...string) string {
		return "inputs:\n  " + strings.Join(pairs, "\n  ") + "\n"
	}
	steps := func(steps ...string) string {
		return "steps:\n- " + strings.Join(steps, "\n- ") + "\n"
	}
	suspend := func(name string) string { return strings.Replace(empty, "{", "{name: "+name+", ", 1) }
	call := func(name, service, api string) string {
		return "{name: " + name + ", task: hwc:runbook:executeAPI@1.0.0, inputs: {service: " + service + ", api_name: " + api +
			", region: cn-north-4, query: '{}', body: '{}', timeout: 30}, outputs: []}"
	}
	script := func(name, text string, timeout string) string {
		return "{name: " + name + ", task: hwc:runbook:scripts@1.0.0, inputs: {script: \"" + text + "\", timeout: " + timeout + "}}"
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"the parameter of the likest name",
			inputs("region: "+plain, "user: "+plain, "node_ip: "+plain), inputs("user: "+plain, "node_ips: "+plain),
			"parameter region removed, parameter node_ip renamed to node_ips"},
		{"two parameters crosswise",
			inputs("src_region: "+plain, "dst_host: "+plain), inputs("dst_hostname: "+plain, "src_region_id: "+plain),
			"parameter dst_host renamed to dst_hostname, parameter src_region renamed to src_region_id"},
		{"the step of the likest name",
			steps(suspend("drain"), suspend("approve")), steps(suspend("wait_ticket"), suspend("drain"), suspend("approve_rollout")),
			"step wait_ticket added, approve renamed to approve_rollout"},
		{"another call elsewhere",
			steps(call("query_servers", "ECS", "ListServersDetails"), suspend("b")),
			steps(suspend("b"), call("delete_volume", "EVS", "DeleteVolume")),
			"step delete_volume added, step query_servers removed"},
		{"another call in its place",
			steps(suspend("a"), call("query_servers", "ECS", "ListServersDetails"), suspend("b")),
			steps(suspend("a"), call("delete_volume", "EVS", "DeleteVolume"), suspend("b")),
			"step delete_volume added, step query_servers removed"},
		{"the same call in its place",
			steps(suspend("a"), call("query_servers", "ECS", "ListServersDetails"), suspend("b")),
			steps(suspend("a"), call("servers", "ECS", "ListServersDetails"), suspend("b")),
			"query_servers renamed to servers"},
		{"a new script in its place",
			steps(suspend("a"), script("restart_agent", "a\\nb\\nc", "300"), suspend("b")),
			steps(suspend("a"), script("restart_agents", "x\\ny", "400"), suspend("b")),
			"restart_agent renamed to restart_agents, script changed in restart_agents, timeout 300 → 400 in restart_agents"},
		{"another wait in its place",
			steps(suspend("a"), "{name: wait_healthy, task: hwc:runbook:suspend@1.0.0, inputs: {timeout: 420}}", suspend("b")),
			steps(suspend("a"), "{name: settle, task: hwc:runbook:suspend@1.0.0, inputs: {timeout: 180}}", suspend("b")),
			"wait_healthy renamed to settle, timeout 420 → 180 in settle"},
		{"another script in its place",
			steps(suspend("a"), script("drain", "a\\nb\\nc", "300"), suspend("b")),
			steps(suspend("a"), script("report", "x\\ny", "300"), suspend("b")),
			"step report added, step drain removed"},
		{"a script of another kind in its place",
			steps(suspend("a"), script("stop_app", "systemctl stop\\nsleep 5", "60"), suspend("b")),
			steps(suspend("a"), "{name: backup_db, task: hwc:runbook:scripts@1.0.0, inputs: {script_uuid: SC202509, timeout: 60}}", suspend("b")),
			"step backup_db added, step stop_app removed"},
		{"a script with a line changed, elsewhere",
			steps(script("cleanup_logs", "a1\\nb1\\nc1\\nd1\\ne1\\nf1", "300"), suspend("a"), suspend("b")),
			steps(suspend("a"), suspend("b"), script("purge_files", "a1\\nb1\\nc2\\nd1\\ne1\\nf1", "300")),
			"cleanup_logs renamed to purge_files and moved after b, script changed in purge_files"},
		{"a name that some readers take for a boolean",
			steps("{name: on, task: t@1, inputs: {timeout: 30}}", "{name: off, task: t@1, inputs: {timeout: 30}}"),
			steps("{name: off, task: t@1, inputs: {timeout: 30}}", "{name: 'on', task: t@1, inputs: {timeout: 60}}"),
			"on moved after off, name on → \"on\" in on, timeout 30 → 60 in on"},
		{"one of two of a name",
			steps(suspend("a"), suspend("a")), steps(suspend("a"), suspend("a2")),
			"a renamed to a2"},
		{"the first of two of a name",
			steps(suspend("a"), suspend("b"), suspend("a")), steps(suspend("a2"), suspend("b"), suspend("a")),
			"a renamed to a2"},
		{"a name that was added",
			steps("{task: hwc:runbook:suspend@1.0.0, inputs: {timeout: 30}, description: wait}"),
			steps("{name: wait, task: hwc:runbook:suspend@1.0.0, inputs: {timeout: 30}, description: wait}"),
			"name added in wait"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := Read([]byte(tt.old)), Read([]byte(tt.new))
			if got := Compare(a, b).Summary; got != tt.want {
				t.Errorf("Compare(\n%s,\n%s)\n got %s\nwant %s", tt.old, tt.new, got, tt.want)
			}
			checkPair(t, a, b)
		})
	}
}
