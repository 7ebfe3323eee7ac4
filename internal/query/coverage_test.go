package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

// clock returns a time in minutes after noon.
func clock(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// span returns a period in minutes after noon.
func span(from, to int) Period { return Period{Time{clock(from)}, Time{clock(to)}} }

// ran returns cycles of "BEGIN-END how" in minutes after noon: good, unlisted (good, but
// not the whole list), failed, partly (failed, but the whole list), stopped, died, named.
func ran(t *testing.T, text string) (list []coc.Cycle) {
	t.Helper()
	for word := range strings.SplitSeq(text, ", ") {
		var from, to int
		var how string
		if text == "" {
			break
		}
		if _, err := fmt.Sscanf(word, "%d-%d %s", &from, &to, &how); err != nil {
			t.Fatalf("cycle %q: %v", word, err)
		}
		c := coc.Cycle{StartedAt: clock(from), EndedAt: clock(to), Requests: 1,
			Complete: how == "good" || how == "partly" || how == "named", Partial: how == "named"}
		switch how {
		case "good", "unlisted", "named":
			c.Outcome = coc.CycleGood
		case "failed", "partly":
			c.Outcome, c.Err = coc.CycleFailed, "HTTP 503 (request 0a1b)"
		case "stopped":
			c.Outcome, c.Err = coc.CycleStopped, "stopped"
		case "died":
			c.Outcome, c.EndedAt, c.Err = coc.CycleStopped, time.Time{}, "its end was not recorded"
		default:
			t.Fatalf("cycle %q ended how?", word)
		}
		list = append(list, c)
	}
	return list
}

// every returns good cycles of one minute.
func every(minutes, from, to int) string {
	var words []string
	for at := from; at <= to; at += minutes {
		words = append(words, fmt.Sprintf("%d-%d good", at, at+1))
	}
	return strings.Join(words, ", ")
}

// A gap is a period without a good cycle that read the whole list, much longer than the normal
// interval.
func TestGaps(t *testing.T) {
	for _, tt := range []struct {
		name, cycles string
		from, to     int // the watch's life
		interval     time.Duration
		want         string // FROM-TO tried/listed
	}{
		{"all is well", every(5, 0, 100), 0, 105, 5 * time.Minute, ""},
		{"none ran", "", 0, 60, time.Minute, "0-60 0/0"},
		{"none ran for too short to say", "", 0, 10, time.Minute, ""},
		{"the daemon stood still", every(5, 0, 20) + ", " + every(5, 60, 90), 0, 92, 5 * time.Minute, "21-60 0/0"},
		{"three intervals exactly are none", every(5, 0, 20) + ", " + every(5, 36, 60), 0, 62, 5 * time.Minute, ""},
		{"a rare watch may be away for longer", every(60, 0, 600), 0, 700, time.Hour, ""},
		{"it began late", every(5, 30, 60), 0, 62, 5 * time.Minute, "0-30 0/0"},
		{"it ended early", every(5, 0, 30), 0, 90, 5 * time.Minute, "31-90 0/0"},
		{"one failure is none", every(5, 0, 20) + ", 25-26 failed, " + every(5, 30, 50), 0, 52, 5 * time.Minute, ""},
		{"many are one", every(5, 0, 10) + ", 15-16 failed, 20-21 partly, 25-26 stopped, 30-30 died, " + every(5, 35, 60), 0,
			62, 5 * time.Minute, "11-35 4/1"},
		{"a list that moved shows no absence", every(5, 0, 10) +
			", 15-16 unlisted, 20-21 unlisted, 25-26 unlisted, 30-31 good", 0, 32, 5 * time.Minute, "11-30 3/0"},
		{"documents by name are not the watch", every(5, 0, 10) + ", 20-21 named, 30-31 named, 40-41 good, 45-46 good", 0, 47,
			5 * time.Minute, "11-40 0/0"},
		{"a long cycle is no gap", "0-120 good, 121-122 good, 126-127 good", 60, 128, 5 * time.Minute, ""},
		{"it runs on behind the end", every(5, 0, 20) + ", 25-300 good", 0, 60, 5 * time.Minute, ""},
		{"one cycle alone has no interval", "30-31 good", 0, 60, time.Minute, "0-30 0/0 31-60 0/0"},
		{"the shorter of two in the middle", "0-1 good, 5-6 good, 500-501 good", 0, 502, 5 * time.Minute, "6-500 0/0"},
		{"a clock that went back", "50-51 good, 20-21 good, 55-56 good", 10, 57, time.Minute, "10-50 0/0"},
	} {
		c, err := cover(attest(rows(ran(t, tt.cycles)), nil, clock(0)), span(tt.from, tt.to), clock(-500), nil)
		must(t, err)
		var got []string
		for _, g := range c.Gaps {
			got = append(got, fmt.Sprintf("%v-%v %d/%d", g.Since.Sub(noon).Minutes(), g.Until.Sub(noon).Minutes(), g.Cycles, g.Complete))
		}
		if c.Interval.Duration != tt.interval || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: interval %v, gaps %q; want %v, %q", tt.name, c.Interval, got, tt.interval, tt.want)
		}
	}
}

// Each cycle that started in the period counts once, by outcome.
func TestCoverageCounts(t *testing.T) {
	cycles := ran(t, "0-11 good, 10-11 good, 15-16 unlisted, 20-21 failed, 25-26 stopped, 30-30 died, 35-36 named")
	c, err := cover(attest(rows(cycles), nil, clock(0)), span(10, 40), clock(-500), nil)
	must(t, err)
	got := [...]int{c.Cycles.Good, c.Cycles.Incomplete, c.Cycles.Failed, c.Cycles.Stopped, c.Cycles.Unended, c.Cycles.ByName, c.Requests}
	if want := [...]int{2, 1, 1, 1, 1, 1, 6}; got != want {
		t.Errorf("good, unlisted, failed, stopped, unended, named, requests = %v, want %v", got, want)
	}
}

// Errors that differ only in a request id or a time are one reason.
func TestFailuresAreCountedByReason(t *testing.T) {
	cycles := ran(t, "0-1 failed, 5-6 failed, 10-11 failed, 15-16 stopped, 20-21 named")
	c, err := cover(attest(rows(cycles), nil, clock(0)), span(5, 25), clock(-500), nil)
	must(t, err)
	got := c.failures.list(map[string]int{
		"get document \"DM-1\": cut (request 0a)":                              1,
		"get document \"DM-1\": cut (request 0b)":                              2,
		"nothing was asked: paused until 2026-03-01T12:00:00Z, because":        1,
		"nothing was asked: paused until 2026-03-01T20:05:00.5+08:00, because": 1,
		"HTTP 503": 1,
	})
	want := []Failure{{"HTTP 503", 3}, {"get document \"DM-1\": cut", 3}, {"nothing was asked: paused until …, because", 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

// A watch has no gap after it was removed from the configuration; a watch that never followed a
// document has one.
func TestLifeOfAWatch(t *testing.T) {
	period := span(0, 100)
	spans := func(from, to int) []Period { return []Period{span(from, to)} }
	for _, tt := range []struct {
		name     string
		first    int
		followed []Period
		cycles   string
		want     Period
	}{
		{"there all the time", -500, spans(0, 100), every(5, 0, 95), span(0, 100)},
		{"new in the period", 30, spans(30, 100), every(5, 30, 95), span(30, 100)},
		{"taken out", -500, spans(0, 40), every(5, 0, 35), span(0, 40)},
		{"its last document left", -500, spans(0, 40), every(5, 0, 80), span(0, 81)},
		{"never followed any", 10, nil, "10-11 failed", span(10, 100)},
	} {
		cycles := ran(t, tt.cycles)
		last := cycles[len(cycles)-1]
		got := activePeriod(period, clock(tt.first), tt.followed, later(last.StartedAt, last.EndedAt))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestUnion(t *testing.T) {
	s := span
	got := union([]Period{s(5, 8), s(0, 2), s(2, 3), s(6, 7), s(9, 10)})
	if diff := cmp.Diff([]Period{s(0, 3), s(5, 8), s(9, 10)}, got); diff != "" {
		t.Errorf("union (-want +got):\n%s", diff)
	}
}
