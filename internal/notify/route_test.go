package notify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// touches is a change of steps by their task.
func touches(kind coc.Kind, name, risk string, items ...coc.Item) *coc.Change {
	return &coc.Change{ID: 1, Kind: kind, Document: 1, Name: name, RiskLevel: risk, Difference: coc.Difference{Items: items}}
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
	unread.Class, unread.Reason = coc.ClassUnreadable, "not YAML"
	long := touches(coc.KindVersion, "job", "", make([]coc.Item, diff.MaxItems)...)
	long.Omitted = 1
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
			s := &Sender{Routes: test.routes, Outbox: &memory{}, Notifiers: []Notifier{{Name: "ops"}, {Name: "security"}, {Name: "prod"}}}
			var got []string
			for _, n := range []string{"ops", "security", "prod"} {
				told, mention, _ := s.decide(t.Context(), &coc.Delivery{Notifier: n, Routed: n != "ops", Change: test.change})
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
	formatting.Class = coc.ClassFormatting
	same := touches(coc.KindVersion, "job", "")
	same.Class = coc.ClassUnchanged
	noted := touches(coc.KindVersion, "job", "", name)
	noted.Skipped = []string{"v2"}
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
		if got := ignored(n, test.change); got != test.want {
			t.Errorf("ignores %s %q %+v = %v, want %v", test.change.Kind, test.change.Summary, test.change.Items, got, test.want)
		}
		if ignored(&Notifier{}, test.change) {
			t.Errorf("a notifier that ignores nothing ignores %s %+v", test.change.Kind, test.change.Items)
		}
	}
}

// Whatever the configuration becomes while changes wait, somebody hears of them:
// those whom it names then.
func TestRoutesFixedWhileWaiting(t *testing.T) {
	route := []Route{{Names: []string{"job-*"}, Notify: []string{"security"}}}
	told := func(b *bench) string {
		var list []string
		for _, m := range b.slack.Messages() {
			text, _, _ := strings.Cut(m.Text, ",")
			list = append(list, m.Channel+" "+text)
		}
		slices.Sort(list)
		return strings.Join(list, "; ")
	}
	drain := func(t *testing.T, b *bench) {
		t.Helper()
		for range 2 { // what one lane brings another is due at once
			if err := b.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) { // a route comes
		b := setUp(t, byToken("ops", testChannel), byToken("security", "C0OTHER"))
		b.out.tell("ops", edit(1, 1, 1))
		b.Routes = route
		drain(t, b)
		if got, want := told(b), "C0OTHER job-1 v1 → v2"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
	synctest.Test(t, func(t *testing.T) { // and goes
		b := setUp(t, byToken("ops", testChannel), byToken("security", "C0OTHER"))
		b.Routes = route
		if err := b.out.Hold(t.Context(), "security", "is_archived", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		b.out.tell("ops", edit(1, 1, 1))
		b.out.add(coc.Delivery{Notifier: "security", Routed: true, DueAt: time.Now(), Change: edit(1, 1, 1)})
		if err := b.Drain(t.Context()); err == nil || told(b) != "" {
			t.Fatalf("Drain = %v, told %q", err, told(b))
		}
		b.Routes = nil
		if err := b.out.Hold(t.Context(), "security", "", time.Time{}); err != nil {
			t.Fatal(err)
		}
		drain(t, b)
		if got, want := told(b), testChannel+" job-1 v1 → v2"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// A route to those who are told of no such change takes it from nobody.
func TestRouteToTheDeaf(t *testing.T) {
	security := byToken("security", "C0OTHER")
	security.Kinds = []coc.Kind{coc.KindRewritten}
	s := &Sender{Notifiers: []Notifier{byToken("ops", testChannel), security}, Outbox: &memory{},
		Routes: []Route{{Names: []string{"prod-*"}, Notify: []string{"security"}}, {Notify: []string{"gone"}}}}
	c := touches(coc.KindDeleted, "prod-db", "")
	if told, _, _ := s.decide(t.Context(), &coc.Delivery{Notifier: "ops", Change: c}); !told {
		t.Error("nobody hears that prod-db was deleted")
	}
}

// A route by task or path has an eye on all that a new document, or a step that
// came or went as a whole, brings or takes.
func TestRoutesOfWholes(t *testing.T) {
	s := &Sender{Outbox: &memory{contents: map[int64]contents{1: {now: []byte(oldJob)}}}, Notifiers: []Notifier{{Name: "ops"}, {Name: "security"}}}
	hears := func(c *coc.Change, r Route) bool {
		r.Notify, r.Continue = []string{"security"}, true
		s.Routes = []Route{r}
		told, _, _ := s.decide(t.Context(), &coc.Delivery{Notifier: "security", Routed: true, Change: c})
		return told
	}
	fresh := touches(coc.KindNew, "job", "")
	step := touches(coc.KindVersion, "job", "", coc.Item{Op: "added", Path: "steps[b]", Step: "b", Task: "hwc:runbook:scripts@1.0.0"})
	for _, test := range []struct {
		change *coc.Change
		route  Route
		want   bool
	}{
		{fresh, Route{Tasks: []string{"hwc:runbook:scripts"}}, true},
		{fresh, Route{Tasks: []string{"hwc:other:thing"}}, false},
		{fresh, Route{Paths: []string{"steps[*].inputs.password"}}, true},
		{step, Route{Paths: []string{"steps[*].inputs"}}, true},
		{step, Route{Paths: []string{"steps[c].inputs"}}, false},
		{step, Route{Paths: []string{"steps[*].inputs"}, Tasks: []string{"hwc:other:thing"}}, false},
	} {
		if got := hears(test.change, test.route); got != test.want {
			t.Errorf("%s fits %+v = %v, want %v", test.change.Kind, test.route, got, test.want)
		}
	}
}

// A document that just lost its high risk, or its name, is still what it was for
// those who follow it by that.
func TestRoutesOfSettings(t *testing.T) {
	s := &Sender{Outbox: &memory{}, Notifiers: []Notifier{{Name: "ops"}, {Name: "boss"}},
		Routes: []Route{{RiskLevels: []string{"HIGH"}, Notify: []string{"boss"}}, {Names: []string{"prod-*"}, Notify: []string{"boss"}}}}
	for _, it := range []coc.Item{{Op: "changed", Path: "risk_level", Old: "HIGH", New: "LOW"}, {Op: "changed", Path: "name", Old: "prod-db", New: "db"}} {
		c := touches(coc.KindMetadata, "db", "LOW", it)
		if told, _, _ := s.decide(t.Context(), &coc.Delivery{Notifier: "boss", Routed: true, Change: c}); !told {
			t.Errorf("%s %s → %s reaches nobody who follows by it", it.Path, it.Old, it.New)
		}
	}
	if c := touches(coc.KindMetadata, "db", "LOW", coc.Item{Op: "changed", Path: "risk_level", Old: "HIGH", New: "LOW"}); !urgent(c) {
		t.Error("that a high risk was lowered is not urgent")
	}
}

// What is ignored is nothing but what the paths say: no formatting besides, nothing
// deeper that has the name, and no step whose name looks like a path.
func TestIgnoresNoMore(t *testing.T) {
	n := &Notifier{IgnorePaths: []string{"steps[*].description"}}
	for _, test := range []struct {
		path     string
		old, now string
		want     bool
	}{
		{"steps[a].description", "steps:\n- name: a\n  description: hi\n", "steps:\n- name: a\n  description: ho\n", true},
		{"steps[a].description", "steps:\n- name: a\n  description: hi\n", "# new\nsteps:\n- name: a\n  description: ho\n", false},
		{`steps["a].description[b"].inputs.script`, "", "", false},
		{"steps[a].inputs.script_params[x].description", "", "", false},
		{"steps[a].inputs.description.command", "", "", false},
	} {
		formatting := diff.Compare(diff.Read([]byte(test.old)), diff.Read([]byte(test.now))).Formatting
		c := touches(coc.KindVersion, "job", "", coc.Item{Op: "changed", Path: test.path})
		c.Formatting = formatting
		if got := ignored(n, c); got != test.want {
			t.Errorf("a change of %s is ignored: %v, want %v", test.path, got, test.want)
		}
	}
}

// One that ignores a change is not brought back to it by those who are told.
func TestIgnoredStaysIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ops := byToken("ops", testChannel)
		ops.IgnorePaths = []string{"meta"}
		b := setUp(t, ops, byToken("other", "C0OTHER"))
		b.Routes = []Route{{Names: []string{"none"}, Notify: []string{"other"}}}
		b.out.contents[1] = contents{old: []byte("meta: 1\n"), now: []byte("meta: 2\n")}
		c := edit(1, 1, 1)
		c.Items = []coc.Item{{Op: "changed", Path: "meta", Old: "1", New: "2"}}
		b.out.tell("ops", c)
		b.out.tell("other", c)
		stop := b.start(t, nil)
		time.Sleep(time.Hour)
		stop()
		if got := fmt.Sprint(b.out.states()); got != "[dropped sent]" {
			t.Errorf("deliveries are %s, want dropped and sent", got)
		}
	})
}
