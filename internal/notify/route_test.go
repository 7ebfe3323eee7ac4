package notify

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// touches is a change of steps by their task.
func touches(kind coc.Kind, name, risk string, items ...coc.Item) *coc.Change {
	return &coc.Change{ID: 1, Kind: kind, Document: 1, Name: name, RiskLevel: risk, Derived: coc.Derived{Items: items}}
}

// A change goes where the first route that fits it says, and on where that says
// so; in the end to those whom the watch names.
func TestRoutes(t *testing.T) {
	script := coc.Item{Op: "changed", Path: "steps[a].inputs.content", Step: "a", Task: "hwc:runbook:scripts@1.0.0", Old: "x", New: "y"}
	timeout := coc.Item{Op: "changed", Path: "steps[b].inputs.timeout", Step: "b", Task: "hwc:runbook:suspend@1.0.0", Old: "1", New: "2"}
	security := Route{Tasks: []string{"hwc:runbook:scripts"}, Notify: []string{"security"}, Mention: []string{"S0SEC"}, Continue: true}
	prod := Route{Names: []string{"prod-*"}, Notify: []string{"prod"}}
	alarm := Route{Kinds: []coc.Kind{coc.KindRewritten, coc.KindDeleted}, Mention: []string{"U0ONCALL"}}
	high := Route{RiskLevels: []string{"HIGH"}, Notify: []string{"ops", "prod"}, Mention: []string{"U0BOSS"}}
	replaced := coc.Item{Op: "changed", Path: "steps[a].action", Step: "a", Task: "hwc:runbook:sleep@1.0.0", Old: "hwc:runbook:scripts@1.0.0", New: "hwc:runbook:sleep@1.0.0"}
	unread := touches(coc.KindVersion, "job", "")
	unread.Note = "not YAML"
	long := touches(coc.KindVersion, "job", "", make([]coc.Item, diff.MaxItems)...)
	for name, test := range map[string]struct {
		routes []Route
		change *coc.Change
		want   string // of ops (the watch's own), security and prod (which only routes name)
	}{
		"no routes":              {nil, touches(coc.KindVersion, "job", "", script), "ops"},
		"as well":                {[]Route{security, prod}, touches(coc.KindVersion, "job", "", timeout, script), "ops security:S0SEC"},
		"neither":                {[]Route{security, prod}, touches(coc.KindVersion, "job", "", timeout), "ops"},
		"instead":                {[]Route{security, prod}, touches(coc.KindVersion, "prod-job", "", timeout), "prod"},
		"both":                   {[]Route{security, prod}, touches(coc.KindVersion, "prod-job", "", script), "security:S0SEC prod"},
		"first wins":             {[]Route{prod, security}, touches(coc.KindVersion, "prod-job", "", script), "prod"},
		"a task that went":       {[]Route{security}, touches(coc.KindVersion, "job", "", replaced), "ops security:S0SEC"},
		"mention alone":          {[]Route{alarm}, touches(coc.KindDeleted, "job", ""), "ops:U0ONCALL"},
		"mention of no other":    {[]Route{alarm}, touches(coc.KindVersion, "job", "", script), "ops"},
		"risk in any case":       {[]Route{high}, touches(coc.KindVersion, "job", "high", script), "ops:U0BOSS prod:U0BOSS"},
		"mentioned by two, once": {[]Route{security, security, {Notify: []string{"security"}, Mention: []string{"S0SEC", "U1"}}}, touches(coc.KindVersion, "job", "", script), "security:S0SEC,U1"},
		"all conditions":         {[]Route{{Names: []string{"job"}, Paths: []string{"steps[*].inputs.timeout"}, Notify: []string{"prod"}}}, touches(coc.KindVersion, "job", "", timeout), "prod"},
		"not all conditions":     {[]Route{{Names: []string{"other"}, Paths: []string{"steps[*].inputs.timeout"}, Notify: []string{"prod"}}}, touches(coc.KindVersion, "job", "", timeout), "ops"},
		// Nobody knows what differs, so whoever might have to hear of it does.
		"unread structure": {[]Route{security, {Tasks: []string{"x"}, Notify: []string{"prod"}}}, unread, "ops security:S0SEC prod"},
		"too many to know": {[]Route{{Paths: []string{"x"}, Notify: []string{"prod"}}}, long, "ops prod"},
		"deleted has none": {[]Route{security}, touches(coc.KindDeleted, "job", ""), "ops"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Sender{Routes: test.routes}
			var got []string
			for _, n := range []string{"ops", "security", "prod"} {
				told, mention := s.aim(&coc.Delivery{Notifier: n, Routed: n != "ops", Change: test.change})
				if told {
					got = append(got, strings.TrimSuffix(n+":"+strings.Join(mention, ","), ":"))
				}
			}
			if d := cmp.Diff(test.want, strings.Join(got, " ")); d != "" {
				t.Errorf("aims (-want +got):\n%s", d)
			}
		})
	}
}

// Only a new version whose differences are all known and all ignored is not told.
func TestIgnores(t *testing.T) {
	timeout := coc.Item{Op: "changed", Path: "steps[b].inputs.timeout", Step: "b"}
	name := coc.Item{Op: "changed", Path: "meta.description"}
	formatting := touches(coc.KindVersion, "job", "")
	formatting.Summary = "formatting only (comments)"
	same := touches(coc.KindVersion, "job", "")
	same.Summary = unchanged
	noted := touches(coc.KindVersion, "job", "", name)
	noted.Note = "v2 could not be had and is passed over"
	for _, test := range []struct {
		change *coc.Change
		want   bool
	}{
		{touches(coc.KindVersion, "job", "", name), true},
		{touches(coc.KindVersion, "job", "", name, timeout), true},
		{touches(coc.KindVersion, "job", "", name, coc.Item{Op: "added", Path: "steps[c]"}), false},
		{touches(coc.KindRewritten, "job", "", name), false},
		{touches(coc.KindNew, "job", "", name), false},
		{touches(coc.KindMetadata, "job", "", name), false},
		{touches(coc.KindDeleted, "job", ""), false},
		{noted, false},
		{formatting, true},
		{same, false},
		{touches(coc.KindVersion, "job", ""), false},
	} {
		n := &Notifier{IgnorePaths: []string{"meta.description", "steps[*].inputs.timeout"}, IgnoreFormatting: true}
		if got := n.ignores(test.change); got != test.want {
			t.Errorf("ignores %s %q %+v = %v, want %v", test.change.Kind, test.change.Summary, test.change.Items, got, test.want)
		}
		if none := (&Notifier{}).ignores(test.change); none {
			t.Errorf("a notifier that ignores nothing ignores %s %+v", test.change.Kind, test.change.Items)
		}
	}
}
