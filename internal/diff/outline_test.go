package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// outlineLines writes an outline for a comparison.
func outlineLines(groups []Group) string {
	var b strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&b, "%s %s", strings.Join(g.Ops(), "+"), g.Title)
		if s := g.Became(); s != "" {
			b.WriteString(": " + s)
		}
		b.WriteByte('\n')
		for _, f := range g.Fields {
			old, new := f.Values()
			fmt.Fprintf(&b, "  %s %s: %q → %q\n", f.Op, f.Name, old, new)
		}
	}
	return b.String()
}

func TestOutlineGroupsByPart(t *testing.T) {
	for _, tt := range []struct {
		fact  string
		items []coc.Item
		want  string
	}{
		{"a step's fields are below it, and a task whose version changed shows only the version", []coc.Item{
			{Op: Changed, Path: "steps[wait].task", Step: "wait", Old: "hwc:runbook:suspend@1.0.0", New: "hwc:runbook:suspend@1.1.0"},
			{Op: Changed, Path: "steps[wait].inputs.timeout", Step: "wait", Old: "30", New: "60"},
			{Op: Changed, Path: "steps[run].task", Step: "run", Old: "hwc:runbook:suspend@1.0.0", New: "hwc:runbook:scripts@1.0.0"},
			{Op: Changed, Path: "steps[go].task", Step: "go", Old: "suspend", New: "suspend@1.0.0"},
		}, `changed step wait
  changed task: "hwc:runbook:suspend@1.0.0" → "@1.1.0"
  changed inputs.timeout: "30" → "60"
changed step run
  changed task: "hwc:runbook:suspend@1.0.0" → "hwc:runbook:scripts@1.0.0"
changed step go
  changed task: "suspend" → "suspend@1.0.0"
`},
		{"renamed and moved at once is one line, the name first", []coc.Item{
			{Op: Moved, Path: "steps[b]", Step: "b", Old: "first", New: "after drain"},
			{Op: Renamed, Path: "steps[b]", Step: "b", Old: "a a", New: "b"},
			{Op: Added, Path: "steps[b].inputs.x", Step: "b", New: "1"},
		}, `renamed+moved step b: renamed from "a a", moved after drain (was first)
  added inputs.x: "" → "1"
`},
		{"a removed step and an added one at its position are two", []coc.Item{
			{Op: Removed, Path: "steps[1]", Step: "twin"},
			{Op: Changed, Path: "steps[1].inputs.x", Step: "twin", Old: "1", New: "2"},
			{Op: Removed, Path: "steps[1]", Step: "twin"},
			{Op: Added, Path: "steps[2]"},
		}, `removed step twin at steps[1]
changed step twin at steps[1]
  changed inputs.x: "1" → "2"
removed step twin at steps[1]
added steps[2]
`},
		{"a step within a step says where", []coc.Item{
			{Op: Changed, Path: "steps[a].branches[0].steps[c].inputs.x", Step: "c", Old: "1", New: "2"},
			{Op: Added, Path: `mainSteps["roll back"]`, Step: "roll back"},
		}, `changed step c in steps[a].branches[0]
  changed inputs.x: "1" → "2"
added step "roll back"
`},
		{"the JSON in a step's inputs is no step, even where it looks like one", []coc.Item{
			{Op: Changed, Path: "steps[call].inputs.body.steps[x].force", Step: "call", Old: "false", New: "true"},
			{Op: Changed, Path: "steps[2].inputs.body.steps[x].force", Step: "twin", Old: "false", New: "true"},
		}, `changed step call
  changed inputs.body.steps[x].force: "false" → "true"
changed step twin at steps[2]
  changed inputs.body.steps[x].force: "false" → "true"
`},
		{"parameters and outputs are parts, and added or removed ones show their fields", []coc.Item{
			{Op: Added, Path: "inputs.timeout", New: `{type: "int", default: 30, "a.b": ["x, }", {y: 1}], description: ""}`},
			{Op: Removed, Path: "inputs.plain", Old: "30"},
			{Op: Added, Path: "inputs.cut", New: `{type: "int", description: "it is lo…`},
			{Op: Added, Path: "inputs.text", New: `{"type": "int"}`},
			{Op: Changed, Path: "inputs.nodes.default", Old: `"30"`, New: "30"},
			{Op: Removed, Path: "outputs[id]", Old: `{name: "id"}`},
			{Op: Changed, Path: "outputs[0].value", Old: "1", New: "2"},
		}, `added parameter timeout
  added type: "" → "\"int\""
  added default: "" → "30"
  added ["a.b"]: "" → "[\"x, }\", {y: 1}]"
  added description: "" → "\"\""
removed parameter plain
added parameter cut
added parameter text
changed parameter nodes
  changed default: "\"30\"" → "30"
removed output id
  removed name: "\"id\"" → ""
changed outputs[0]
  changed value: "1" → "2"
`},
		{"anything else belongs to its top-level key", []coc.Item{
			{Op: Changed, Path: "meta.description", Old: "a", New: "b"},
			{Op: Changed, Path: `meta["a.b"].c`, Old: "a", New: "b"},
			{Op: Changed, Path: "risk_level", Old: "LOW", New: "HIGH"},
			{Op: Changed, Path: "", Old: "a", New: "b"},
			{Op: Moved, Path: "[x]", Old: "first", New: "after y"},
			{Op: Changed, Path: "steps", Old: "a", New: "b"},
			{Op: Removed, Path: "inputs", Old: "{}"},
			{Op: Moved, Path: "x[a]", Old: "after first", New: "first"},
		}, `changed meta
  changed description: "a" → "b"
  changed ["a.b"].c: "a" → "b"
changed risk_level
changed content
moved x: moved after y (was first)
changed steps
removed inputs
changed x
  moved [a]: "after first" → "first"
`},
	} {
		if diff := cmp.Diff(tt.want, outlineLines(Outline(tt.items))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.fact, diff)
		}
	}
}

// For any stored path, no item is lost or repeated.
func FuzzOutlineLosesNothing(f *testing.F) {
	f.Add("steps[a].inputs.x", "a", "{type: \"x\"}", uint8(0))
	f.Add(`steps["a]`, "a]", `{"a": "b\"}`, uint8(1))
	f.Add("inputs[", "", "{a: [}, b: {]}", uint8(0))
	f.Add("a..b[].[0]…", "b", "{: }", uint8(2))
	f.Fuzz(func(t *testing.T, path, step, value string, op uint8) {
		ops := []string{Added, Removed, Changed, Renamed, Moved, "other"}
		items := []coc.Item{
			{Op: ops[int(op)%len(ops)], Path: path, Step: step, Old: value, New: value},
			{Op: Changed, Path: "steps[a].b", Step: "a", Old: value},
			{Op: Removed, Path: path, Old: path},
		}
		kept := map[coc.Item]int{}
		for _, g := range Outline(items) {
			if len(g.Whole) == 0 && len(g.Fields) == 0 {
				t.Errorf("group %q holds nothing", g.Path)
			}
			if !strings.HasPrefix(path, g.Path) && g.Path != "steps[a]" {
				t.Errorf("group %q is no prefix of %q", g.Path, path)
			}
			expanded := len(g.Whole) > 0 && g.Whole[0].Op != Changed && len(g.Fields) > 0
			for _, item := range g.Whole {
				kept[item]++
			}
			for _, f := range g.Fields {
				if !expanded || f.Item == items[1] {
					kept[f.Item]++
				}
			}
		}
		for _, item := range items {
			if kept[item] == 0 {
				t.Errorf("Outline lost %+v of %+v", item, items)
			}
		}
	})
}
