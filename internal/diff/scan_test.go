package diff

import (
	"fmt"
	"strings"
	"testing"
)

// outlineText writes parts, a line each.
func outlineText(parts []Part, indent string) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%s%s %d-%d", indent, p.Name, p.Lines.From, p.Lines.To)
		for _, s := range []string{p.Task, p.Description, p.Value} {
			if s != "" {
				b.WriteString(" | " + s)
			}
		}
		for _, f := range p.Fields {
			fmt.Fprintf(&b, " | %s=%s@%d", f.Name, f.Value, f.Lines.From)
			for _, f := range f.Fields {
				fmt.Fprintf(&b, " .%s=%s@%d", f.Name, f.Value, f.Lines.From)
			}
		}
		b.WriteString("\n" + outlineText(p.Parts, indent+"  "))
	}
	return b.String()
}

func TestParts(t *testing.T) {
	parts, all, why := Read([]byte(`meta:
  name: restart
inputs:
  - param_name: nodes
    type: list
outputs: []
steps:
  - name: stop
    task: hwc:runbook:scripts@1.0.0
    description: |
      stop the
      service
    inputs: {timeout: 30}
    outputs:
    - name: failed
      selector: .x
    - just: a key
    after: [a, {b: c}]
  - just a word
  - name: stop
    task: wait
`)).Parts()
	if !all || why != "" {
		t.Fatalf("all %v, why %q", all, why)
	}
	const want = `meta 1-2 | name=restart@2
inputs 3-5
  nodes 4-5 | param_name=nodes@4 | type=list@5
outputs 6-6
steps 7-21
  stop 8-18 | hwc:runbook:scripts@1.0.0 | stop the service | inputs=@13 .timeout=30@13 | outputs=@14 .failed={name: "failed", selector: ".x"}@15 .1={just: "a key"}@17 | after=["a", {b: "c"}]@18
  1 19-19 | just a word
  stop 20-21 | wait
`
	if got := outlineText(parts, ""); got != want {
		t.Errorf("Parts:\n%s\nwant\n%s", got, want)
	}
	if _, _, why := Read([]byte("a: [")).Parts(); why == "" {
		t.Error("what cannot be read has an outline")
	}
	if parts, _, why := Read([]byte("- just\n- a list\n")).Parts(); len(parts) != 1 || parts[0].Value != `["just", "a list"]` {
		t.Errorf("a list has the outline %+v, %s", parts, why)
	}
	long := "steps:\n" + strings.Repeat("  - {a: 1}\n", 2*maxParts)
	if parts, all, why := Read([]byte(long)).Parts(); all || why != "" || len(parts[0].Parts) == 0 || len(parts[0].Parts) > maxParts {
		t.Errorf("of %d steps, complete is %v, %q, %d parts", 2*maxParts, all, why, len(parts))
	}
}
