package config

import (
	"testing"
	"time"

	"cocsync/internal/hint"
)

// nowForTests is the time after which schedules must have a next time.
func nowForTests() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }

func TestCron(t *testing.T) {
	tests := []struct{ schedule, zone, want string }{
		{"*/5 * * * *", "UTC", "2026-06-01T00:05:00Z"},
		{" 30 9 * * 1-5 ", "Asia/Shanghai", "2026-06-01T01:30:00Z"},
		{"@daily", "Asia/Shanghai", "2026-06-01T16:00:00Z"},
		{"@every 90s", "Asia/Shanghai", "2026-06-01T00:01:30Z"},
		{"@every 1h30m", "UTC", "2026-06-01T01:30:00Z"},
		{"0 0 29 2 *", "UTC", "2028-02-29T00:00:00Z"},
	}
	for _, tt := range tests {
		s, err := Watch{Schedule: tt.schedule, Timezone: tt.zone}.Cron()
		if err != nil {
			t.Errorf("Cron of %q: %v", tt.schedule, err)
			continue
		}
		if got := s.Next(nowForTests()).UTC().Format(time.RFC3339); got != tt.want {
			t.Errorf("%q in %s runs next at %s, want %s", tt.schedule, tt.zone, got, tt.want)
		}
	}
}

// The library panics on some of these and misreads others.
func TestCronRefuses(t *testing.T) {
	tests := []struct{ schedule, zone string }{
		{"", "UTC"},
		{"TZ=UTC", "UTC"},
		{"TZ=UTC * * * * *", "UTC"},
		{"CRON_TZ=", "UTC"},
		{" CRON_TZ=UTC * * * * *", "UTC"},
		{"* * * *", "UTC"},
		{"0 * * * * *", "UTC"},
		{"60 * * * *", "UTC"},
		{"*/0 * * * *", "UTC"},
		{"@reboot", "UTC"},
		{"@every", "UTC"},
		{"@every -5m", "UTC"},
		{"@every 0s", "UTC"},
		{"@every 500ms", "UTC"},
		{"@every 1500ms", "UTC"},
		{"* * * * *", ""},
		{"* * * * *", "Local"},
		{"* * * * *", "Mars/Phobos"},
		{"* * * * *", "../etc/passwd"},
	}
	for _, tt := range tests {
		s, err := Watch{Schedule: tt.schedule, Timezone: tt.zone}.Cron()
		if err == nil || hint.Of(err) == "" {
			t.Errorf("Cron of %q in %q = %v, %v, want an error with a hint", tt.schedule, tt.zone, s, err)
		}
	}
}

func TestAuditEvery(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		audit string
		want  time.Duration // below 0: an error
	}{
		{"", 0},
		{"30d", 30 * day},
		{"1d12h", 36 * time.Hour},
		{"12h", 12 * time.Hour},
		{"36500d23h", 36500*day + 23*time.Hour},
		{"36501d", -1},
		{"30", -1},
		{"0d", -1},
		{"-1d", -1},
		{"d", -1},
		{"1d-1h", -1},
		{"1d25h", -1},
		{"1.5d", -1},
		{"99999999999999999999d", -1},
		{"never", -1},
	}
	for _, tt := range tests {
		got, err := Watch{Audit: tt.audit}.AuditEvery()
		if tt.want < 0 {
			if err == nil {
				t.Errorf("AuditEvery of %q = %v, want an error", tt.audit, got)
			}
		} else if got != tt.want || err != nil {
			t.Errorf("AuditEvery of %q = %v, %v, want %v", tt.audit, got, err, tt.want)
		}
	}
}
