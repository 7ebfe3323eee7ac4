package schedule

import (
	"testing"
	"time"
)

// The interval of a schedule is the time between its next two runs; it bounds how late
// a cycle may be.
func TestInterval(t *testing.T) {
	now := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC) // a Friday
	for _, test := range []struct {
		spec, zone string
		want       time.Duration
	}{
		{"*/5 * * * *", "UTC", 5 * time.Minute},
		{"@every 90s", "UTC", 90 * time.Second},
		{"0 2 * * *", "Asia/Shanghai", 24 * time.Hour},
		{"0 2 * * *", "Europe/Berlin", 47 * time.Hour}, // 02:00 does not exist on the 29th
		{"30 0 * * *", "Europe/Berlin", 24 * time.Hour},
		{"0 12 29 3 *", "Europe/Berlin", 365 * 24 * time.Hour},
		{"0 0 30 2 *", "UTC", 0}, // never
	} {
		s, err := Parse(test.spec, test.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := Interval(s, now); got != test.want {
			t.Errorf("Interval(%q in %s) = %v, want %v", test.spec, test.zone, got, test.want)
		}
	}
}

// The archive may have any text: Parse returns an error and does not panic.
func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ spec, zone string }{
		{"", "UTC"}, {"* * * *", "UTC"}, {"@every -5m", "UTC"}, {"@every 1ms", "UTC"}, {"TZ=UTC", "UTC"},
		{"TZ=UTC * * * * *", "UTC"}, {"\x00", "UTC"}, {"* * * * *", ""}, {"* * * * *", "Local"}, {"* * * * *", "../etc/passwd"},
	} {
		if s, err := Parse(test.spec, test.zone); err == nil {
			t.Errorf("Parse(%q, %q) = %v, want an error", test.spec, test.zone, s)
		}
	}
}
