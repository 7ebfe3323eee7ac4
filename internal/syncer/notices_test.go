package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// failure returns the lines of the newest failure notice, and how many there
// are.
func (w *world) failure() (lines []string, n int) {
	w.t.Helper()
	for _, d := range w.due("oncall") {
		if d.Notice != nil && d.Notice.Kind == coc.NoticeFailure {
			lines = d.Notice.Lines
			n++
		}
	}
	return lines, n
}

func (w *world) wantFailures(want int) {
	w.t.Helper()
	if _, n := w.failure(); n != want {
		w.t.Errorf("notified of failures %d times, want %d: %q", n, want, w.notices("oncall"))
	}
}

// stop runs a cycle that is stopped when it requests the list, so long after the
// one before.
func (w *world) stop(after time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	w.coc.hook = func(string) { cancel() }
	w.now = w.now.Add(after)
	c, err := w.s.Run(ctx, w.w, Options{})
	if err != nil || c.Outcome != coc.CycleStopped {
		w.t.Fatalf("Run = %+v, %v, want it stopped", c, err)
	}
	w.coc.hook = nil
}

// die runs a cycle whose process is killed before its end.
func (w *world) die(after time.Duration) {
	w.t.Helper()
	real := w.s.Store
	w.s.Store = &killed{Store: real}
	w.now = w.now.Add(after)
	if _, err := w.s.Run(w.t.Context(), w.w, Options{}); !errors.Is(err, errKilled) {
		w.t.Fatalf("Run = %v, want it killed", err)
	}
	w.s.Store = real
}

// Two failures an hour apart are enough, also when no cycle was ever good.
func TestHourWithoutAGoodCycleFromTheFirstOn(t *testing.T) {
	w := newWorld(t)
	w.coc.fail["list"] = coc.ErrTemporary
	w.cycle()
	w.now = w.now.Add(54 * time.Minute)
	w.cycle()
	w.wantFailures(0) // 59 minutes
	w = newWorld(t)
	w.coc.fail["list"] = coc.ErrTemporary
	w.cycle()
	w.now = w.now.Add(55 * time.Minute)
	w.cycle()
	w.wantFailures(1)
	if lines, _ := w.failure(); !slices.Contains(lines, "No cycle of this watch has been good so far.") {
		t.Errorf("lines %q", lines)
	}
}

// Cycles that were stopped were not good either: the hour continues.
func TestStoppedCyclesCountForTheHour(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.stop(5 * time.Minute)
	w.stop(5 * time.Minute)
	w.wantFailures(0)
	w.now = w.now.Add(50 * time.Minute)
	w.coc.fail["list"] = coc.ErrTemporary
	w.cycle()
	w.wantFailures(1)
}

// A process that is killed or stopped in every cycle ends none that could report it: the
// next one reports it at its start.
func TestCyclesThatNeverEndAreReported(t *testing.T) {
	for name, end := range map[string]func(*world, time.Duration){"stopped": (*world).stop, "killed": (*world).die} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.coc.put("DM1", "a\n")
			w.cycle()
			good := w.now
			for range 6 {
				end(w, 11*time.Minute)
			}
			w.wantFailures(0) // the first of them began 55 minutes ago
			pokes := 0
			w.s.DeliveriesDue = func() { pokes++ }
			end(w, 11*time.Minute)
			lines, n := w.failure()
			if n != 1 || !strings.Contains(lines[0], "Since "+good.Add(11*time.Minute).Format(time.RFC3339)) || pokes == 0 {
				t.Errorf("notified %d times, %q, the sender woken %d times", n, lines, pokes)
			}
			end(w, 11*time.Minute)
			w.wantFailures(1)
			w.cycle()
			w.wantRecovery()
		})
	}
}

// Stops are reported only if no cycle between them was good: people restart daemons.
func TestRestartsAreNoFailure(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	w.stop(5 * time.Minute)
	w.now = w.now.Add(3 * 24 * time.Hour) // a weekend
	w.stop(5 * time.Minute)
	w.cycle()
	w.stop(5 * time.Minute)
	w.stop(5 * time.Minute)
	w.now = w.now.Add(3 * 24 * time.Hour)
	w.cycle()
	if got := w.notices("oncall"); len(got) != 0 {
		t.Errorf("notices %q, want none", got)
	}
}

// The failure of a cycle is reported also when earlier cycles never ended.
func TestCauseIsReportedAfterStops(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	w.cycle()
	for range 4 {
		w.stop(30 * time.Minute)
	}
	w.wantFailures(1)
	w.coc.fail["list"] = coc.ErrUnauthorized
	w.cycle()
	w.cycle()
	w.wantFailures(2)
}

// keyless is a COC whose key pair cannot be read.
type keyless struct {
	*fakeCOC
	err error
}

func (k *keyless) KeyID(context.Context) (string, error) { return "", k.err }

// noKeys makes each call fail because the key pair cannot be read.
func (w *world) noKeys(err error) {
	w.coc.fail["list"], w.coc.fail["DM1"], w.coc.fail["DM2"] = err, err, err
	w.w.Account.COC = &keyless{w.coc, err}
}

// keys makes it readable again.
func (w *world) keys() {
	w.coc.fail = map[string]error{}
	w.w.Account.COC = w.coc
}

// Missing credentials are reported at once, but a temporary failure of an agency's service
// only when it lasts, as one of COC.
func TestMissingCredentialsAreReported(t *testing.T) {
	for _, tt := range []struct {
		name  string
		class error
		after int // cycles
	}{{"not set", coc.ErrUnauthorized, 1}, {"agency down", coc.ErrTemporary, coc.BrokenAfter}} {
		for _, byID := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, by id %v", tt.name, byID), func(t *testing.T) {
				w := newWorld(t)
				w.coc.put("DM1", "a\n")
				w.coc.put("DM2", "a\n")
				if byID {
					w.w.Select, w.w.Documents = nil, []string{"DM1", "DM2"}
				}
				w.noKeys(fmt.Errorf("read the credentials: %s: %w", tt.name, tt.class))
				for range tt.after - 1 {
					w.cycle()
					w.wantFailures(0)
				}
				for range 4 {
					w.cycle()
					lines, n := w.failure()
					text := strings.Join(lines, "\n")
					if n != 1 || !strings.Contains(text, tt.name) || !strings.Contains(text, "give account prod a key pair") {
						t.Errorf("notified %d times, %q, want once, with cause and fix", n, text)
					}
				}
				w.keys()
				w.cycle()
				w.wantRecovery()
			})
		}
	}
}

// One failure of an agency's service is not reported, and its end is no recovery; an hour of
// failures is reported, however few cycles that is.
func TestTemporarilyMissingCredentialsAreNotReported(t *testing.T) {
	w := newWorld(t)
	w.coc.put("DM1", "a\n")
	hiccup := fmt.Errorf("read the credentials: HTTP 500: %w", coc.ErrTemporary)
	for range 3 {
		w.cycle()
		w.noKeys(hiccup)
		w.cycle()
		w.cycle()
		w.keys()
	}
	w.cycle()
	if got := w.notices("oncall"); len(got) != 0 {
		t.Errorf("notices %q, want none", got)
	}
	w.noKeys(hiccup)
	w.cycle()
	w.now = w.now.Add(55 * time.Minute)
	w.cycle()
	w.wantFailures(1)
}

// A permission without which nothing works is a matter of the credentials; one
// that only some documents want may come from an enterprise project.
func TestMissingPermissionIsReportedAtOnce(t *testing.T) {
	denied := fmt.Errorf("403; the user needs the IAM action coc:document:x: %w", coc.ErrForbidden)
	for _, tt := range []struct {
		name  string
		byID  bool
		fails []string
		want  int
	}{
		{"the list", false, []string{"list"}, 1},
		{"every document", false, []string{"DM1", "DM2"}, 1},
		{"every document by id", true, []string{"DM1", "DM2"}, 1},
		{"one document", false, []string{"DM1"}, 0},
		{"one document by id", true, []string{"DM2"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.coc.put("DM1", "a\n")
			w.coc.put("DM2", "a\n")
			if tt.byID {
				w.w.Select, w.w.Documents = nil, []string{"DM1", "DM2"}
			}
			for _, what := range tt.fails {
				w.coc.fail[what] = denied
			}
			w.cycle()
			w.wantFailures(tt.want)
			lines, _ := w.failure()
			text := strings.Join(lines, "\n")
			if tt.want > 0 && (!strings.Contains(text, "coc:document:x") || !strings.Contains(text, "grant the user of account prod")) {
				t.Errorf("%q, want the action and the fix", text)
			}
			w.cycle()
			w.wantFailures(tt.want)
		})
	}
}

// The message holds the cause and the fix, in lines that no notifier cuts.
func TestFailureNamesItsFix(t *testing.T) {
	long := strings.Repeat("COC says much, ", 20)
	for _, tt := range []struct {
		name  string
		err   error
		after int // cycles
		want  []string
	}{
		{"hint", hint.Wrap(fmt.Errorf("no way: %w", coc.ErrTemporary), "open the firewall"), 3,
			[]string{"no way", "To fix it: open the firewall"}},
		{"key pair", fmt.Errorf("401: %s; the clock is off (request 1): %w", long, coc.ErrUnauthorized), 1,
			[]string{"the clock is off (request 1)", "To fix it: check access_key and secret_key of account prod"}},
		{"outage", fmt.Errorf("503: %w", coc.ErrTemporary), 3, []string{"503", "Each cycle tries again"}},
		{"proxy", fmt.Errorf("a page of HTML: %w", coc.ErrMalformed), 3, []string{"a page of HTML", "cocsync check --online shows"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.coc.put("DM1", "a\n")
			w.cycle()
			w.coc.fail["list"] = tt.err
			for range tt.after {
				w.wantFailures(0)
				w.cycle()
			}
			lines, n := w.failure()
			text := strings.Join(lines, "\n")
			for _, want := range tt.want {
				if n != 1 || !strings.Contains(text, want) {
					t.Errorf("%d notices, %q, want %q", n, text, want)
				}
			}
			for _, l := range lines {
				if utf8.RuneCountInString(l) > lineMax {
					t.Errorf("line %q is longer than %d", l, lineMax)
				}
			}
		})
	}
}

// Each watch of an account reports its own failure.
func TestEachWatchReportsOnce(t *testing.T) {
	w := newWorld(t)
	w.coc.fail["list"] = coc.ErrUnauthorized
	for range 3 {
		w.w.Name = "first"
		w.cycle()
		w.w.Name = "second"
		w.cycle()
	}
	w.wantFailures(2)
}

func TestFold(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"short", "short"},
		{"two\nlines\n", "two|lines"},
		{strings.Repeat("é", lineMax), strings.Repeat("é", lineMax)},
		{strings.Repeat("é", lineMax+1), strings.Repeat("é", lineMax) + "|é"},
		{strings.Repeat("a", 200) + "; " + strings.Repeat("b", 100), strings.Repeat("a", 200) + ";|" + strings.Repeat("b", 100)},
		{"x; " + strings.Repeat("word ", 60), "x; " + strings.TrimSpace(strings.Repeat("word ", 47)) + "|" +
			strings.TrimSpace(strings.Repeat("word ", 13))},
		{"", ""},
	} {
		if got := strings.Join(fold(tt.text), "|"); got != tt.want {
			t.Errorf("fold(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
