package notify

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// touches is a change with these items.
func touches(kind coc.Kind, name, risk string, items ...coc.Item) *coc.Change {
	return &coc.Change{Key: key(1), Ref: fmt.Sprint(1), Kind: kind, Document: key(1), Name: name, RiskLevel: risk,
		Difference: coc.Difference{Items: items}}
}

// The first route that fits a change decides, unless it continues; after the last one the
// watch's own notifiers are notified.
func TestRoutes(t *testing.T) {
	script := coc.Item{Op: "changed", Path: "steps[a].inputs.content", Step: "a", Task: "hwc:runbook:scripts@1.0.0", Old: "x", New: "y"}
	timeout := coc.Item{Op: "changed", Path: "steps[b].inputs.timeout", Step: "b", Task: "hwc:runbook:suspend@1.0.0", Old: "1", New: "2"}
	security := Route{Tasks: []string{"hwc:runbook:scripts"}, Notify: []string{"security"}, Mention: []string{"S0SEC"}, Continue: true}
	prod := Route{Names: []string{"prod-*"}, Notify: []string{"prod"}}
	alarm := Route{Kinds: []coc.Kind{coc.KindRewritten, coc.KindDeleted}, Mention: []string{"U0ONCALL"}}
	high := Route{RiskLevels: []string{"HIGH"}, Notify: []string{"ops", "prod"}, Mention: []string{"U0BOSS"}}
	replaced := coc.Item{Op: "changed", Path: "steps[a].action", Step: "a", Task: "hwc:runbook:sleep@1.0.0",
		Old: "hwc:runbook:scripts@1.0.0", New: "hwc:runbook:sleep@1.0.0"}
	unread := touches(coc.KindVersion, "job", "")
	unread.Class, unread.Reason = coc.ClassUnreadable, "not YAML"
	long := touches(coc.KindVersion, "job", "", make([]coc.Item, diff.MaxItems)...)
	long.Omitted = 1
	for name, test := range map[string]struct {
		routes []Route
		change *coc.Change
		want   string // of ops (the watch's own), security and prod (which only routes name)
	}{
		"no routes":           {nil, touches(coc.KindVersion, "job", "", script), "ops"},
		"as well":             {[]Route{security, prod}, touches(coc.KindVersion, "job", "", timeout, script), "ops security:S0SEC"},
		"neither":             {[]Route{security, prod}, touches(coc.KindVersion, "job", "", timeout), "ops"},
		"instead":             {[]Route{security, prod}, touches(coc.KindVersion, "prod-job", "", timeout), "prod"},
		"both":                {[]Route{security, prod}, touches(coc.KindVersion, "prod-job", "", script), "security:S0SEC prod"},
		"first wins":          {[]Route{prod, security}, touches(coc.KindVersion, "prod-job", "", script), "prod"},
		"a removed task":      {[]Route{security}, touches(coc.KindVersion, "job", "", replaced), "ops security:S0SEC"},
		"only a mention":      {[]Route{alarm}, touches(coc.KindDeleted, "job", ""), "ops:U0ONCALL"},
		"mention of no other": {[]Route{alarm}, touches(coc.KindVersion, "job", "", script), "ops"},
		"risk in any case":    {[]Route{high}, touches(coc.KindVersion, "job", "high", script), "ops:U0BOSS prod:U0BOSS"},
		"mentioned by two, once": {[]Route{security, security, {Notify: []string{"security"},
			Mention: []string{"S0SEC", "U1"}}}, touches(coc.KindVersion, "job", "", script), "security:S0SEC,U1"},
		"all conditions": {[]Route{{Names: []string{"job"}, Paths: []string{"steps[*].inputs.timeout"},
			Notify: []string{"prod"}}}, touches(coc.KindVersion, "job", "", timeout), "prod"},
		"not all conditions": {[]Route{{Names: []string{"other"}, Paths: []string{"steps[*].inputs.timeout"},
			Notify: []string{"prod"}}}, touches(coc.KindVersion, "job", "", timeout), "ops"},
		// The differences are not all known, so every route that may match does.
		"unread structure": {[]Route{security, {Tasks: []string{"x"}, Notify: []string{"prod"}}}, unread, "ops security:S0SEC prod"},
		"too many to know": {[]Route{{Paths: []string{"x"}, Notify: []string{"prod"}}}, long, "ops prod"},
		"deleted has none": {[]Route{security}, touches(coc.KindDeleted, "job", ""), "ops"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Sender{Routes: test.routes, Outbox: &memory{}, Notifiers: []Notifier{{Name: "ops"}, {Name: "security"}, {Name: "prod"}}}
			var got []string
			for _, n := range []string{"ops", "security", "prod"} {
				wanted, mention, _ := s.decide(t.Context(), &coc.Delivery{Notifier: n, Routed: n != "ops", Change: test.change})
				if wanted {
					got = append(got, strings.TrimSuffix(n+":"+strings.Join(mention, ","), ":"))
				}
			}
			if d := cmp.Diff(test.want, strings.Join(got, " ")); d != "" {
				t.Errorf("recipients (-want +got):\n%s", d)
			}
		})
	}
}

// Only a new version whose differences are all known and all ignored is not sent.
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

// If the configuration changes while changes are pending, they are sent to the notifiers that
// it names then.
func TestRoutesFixedWhileWaiting(t *testing.T) {
	route := []Route{{Names: []string{"job-*"}, Notify: []string{"security"}}}
	sent := func(b *bench) string {
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
		for range 2 { // what one worker adds for another is due at once
			if err := b.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) { // a route is added
		b := setUp(t, byToken("ops", testChannel), byToken("security", "C0OTHER"))
		b.out.queue("ops", edit(1, 1, 1))
		b.Routes = route
		drain(t, b)
		if got, want := sent(b), "C0OTHER job-1 v1 → v2"; got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	})
	synctest.Test(t, func(t *testing.T) { // and removed
		b := setUp(t, byToken("ops", testChannel), byToken("security", "C0OTHER"))
		b.Routes = route
		if err := b.out.Hold(t.Context(), "security", "is_archived", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		b.out.queue("ops", edit(1, 1, 1))
		b.out.add(coc.Delivery{Notifier: "security", Routed: true, DueAt: time.Now(), Change: edit(1, 1, 1)})
		if err := b.Drain(t.Context()); err == nil || sent(b) != "" {
			t.Fatalf("Drain = %v, sent %q", err, sent(b))
		}
		b.Routes = nil
		if err := b.out.Hold(t.Context(), "security", "", time.Time{}); err != nil {
			t.Fatal(err)
		}
		drain(t, b)
		if got, want := sent(b), testChannel+" job-1 v1 → v2"; got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	})
}

// Fault: a notifier requested the heads of accounts of which a route sent all changes to another one.
func TestHeadsOfDroppedChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, byHook("ops"), byHook("security"))
		b.wire.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		b.Routes = []Route{{Names: []string{"job-2"}, Notify: []string{"security"}}}
		dropped := edit(2, 2, 1)
		dropped.Account = "test"
		b.out.queue("ops", edit(1, 1, 1))
		b.out.queue("ops", dropped)
		for range 2 {
			if err := b.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := strings.Join(b.out.headsOf, " "), "prod test"; got != want {
			t.Errorf("the heads of %q were requested, want %q", got, want)
		}
	})
}

// A route to notifiers that are not sent such changes fits nothing.
func TestRouteToOtherKinds(t *testing.T) {
	security := byToken("security", "C0OTHER")
	security.Kinds = []coc.Kind{coc.KindRewritten}
	s := &Sender{Notifiers: []Notifier{byToken("ops", testChannel), security}, Outbox: &memory{},
		Routes: []Route{{Names: []string{"prod-*"}, Notify: []string{"security"}}, {Notify: []string{"gone"}}}}
	c := touches(coc.KindDeleted, "prod-db", "")
	if wanted, _, _ := s.decide(t.Context(), &coc.Delivery{Notifier: "ops", Change: c}); !wanted {
		t.Error("no one is notified that prod-db was deleted")
	}
}

// A route by task or path fits all parts of a new document, and of a step that was added or
// removed as a whole.
func TestRoutesOfWholes(t *testing.T) {
	s := &Sender{Outbox: &memory{contents: map[coc.Key]contents{key(1): {now: []byte(oldJob)}}},
		Notifiers: []Notifier{{Name: "ops"}, {Name: "security"}}}
	receives := func(c *coc.Change, r Route) bool {
		r.Notify, r.Continue = []string{"security"}, true
		s.Routes = []Route{r}
		wanted, _, _ := s.decide(t.Context(), &coc.Delivery{Notifier: "security", Routed: true, Change: c})
		return wanted
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
		if got := receives(test.change, test.route); got != test.want {
			t.Errorf("%s fits %+v = %v, want %v", test.change.Kind, test.route, got, test.want)
		}
	}
}

// A change of the risk level or the name is routed by the old value too.
func TestRoutesOfSettings(t *testing.T) {
	s := &Sender{Outbox: &memory{}, Notifiers: []Notifier{{Name: "ops"}, {Name: "boss"}},
		Routes: []Route{{RiskLevels: []string{"HIGH"}, Notify: []string{"boss"}}, {Names: []string{"prod-*"}, Notify: []string{"boss"}}}}
	for _, it := range []coc.Item{{Op: "changed", Path: "risk_level", Old: "HIGH", New: "LOW"},
		{Op: "changed", Path: "name", Old: "prod-db", New: "db"}} {
		c := touches(coc.KindMetadata, "db", "LOW", it)
		if wanted, _, _ := s.decide(t.Context(), &coc.Delivery{Notifier: "boss", Routed: true, Change: c}); !wanted {
			t.Errorf("%s %s → %s is not routed by its old value", it.Path, it.Old, it.New)
		}
	}
	if c := touches(coc.KindMetadata, "db", "LOW", coc.Item{Op: "changed", Path: "risk_level", Old: "HIGH", New: "LOW"}); !urgent(c) {
		t.Error("that a high risk was lowered is not urgent")
	}
}

// Only the paths are ignored: no formatting in addition, no deeper field of the same name, and
// no step whose name looks like a path.
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

// A notifier that ignores a change gets no delivery of it from another notifier.
func TestIgnoredStaysIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ops := byToken("ops", testChannel)
		ops.IgnorePaths = []string{"meta"}
		b := setUp(t, ops, byToken("other", "C0OTHER"))
		b.Routes = []Route{{Names: []string{"none"}, Notify: []string{"other"}}}
		b.out.contents[key(1)] = contents{old: []byte("meta: 1\n"), now: []byte("meta: 2\n")}
		c := edit(1, 1, 1)
		c.Items = []coc.Item{{Op: "changed", Path: "meta", Old: "1", New: "2"}}
		b.out.queue("ops", c)
		b.out.queue("other", c)
		stop := b.start(t, nil)
		time.Sleep(time.Hour)
		stop()
		if got := fmt.Sprint(b.out.states()); got != "[dropped sent]" {
			t.Errorf("deliveries are %s, want dropped and sent", got)
		}
	})
}
