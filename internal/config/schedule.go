package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"cocsync/internal/hint"
	"cocsync/internal/schedule"
)

// Cron returns when the watch runs: its schedule in its timezone.
func (w Watch) Cron() (cron.Schedule, error) { return schedule.Parse(w.Schedule, w.Timezone) }

// AuditEvery returns the longest that a version goes unchecked against COC; 0
// when versions are never checked again.
func (w Watch) AuditEvery() (time.Duration, error) {
	return span(w.Audit, `write a span such as "30d" or "12h", or "" for never`)
}

// span reads a span of time, 0 when there is none.
func span(text, advice string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := parseDays(text)
	if err != nil || d <= 0 {
		return 0, hint.Wrap(fmt.Errorf("%s is no span of time", quote(text)), advice)
	}
	return d, nil
}

// parseDays reads a duration that may begin with days: 30d, 1d12h, 12h.
func parseDays(text string) (time.Duration, error) {
	const (
		day     = 24 * time.Hour
		maxDays = 36500 // a hundred years; time.Duration holds 292
	)
	days, rest, ok := strings.Cut(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil || n > maxDays {
		return 0, errors.New("not a number of days")
	}
	if rest == "" {
		return time.Duration(n) * day, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d >= day {
		return 0, errors.New("not a part of a day")
	}
	return time.Duration(n)*day + d, nil
}
