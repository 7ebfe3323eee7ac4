package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zones also where the system has none

	"github.com/robfig/cron/v3"

	"cocsync/internal/hint"
)

// Cron returns when the watch runs: its schedule in its timezone.
func (w Watch) Cron() (cron.Schedule, error) {
	loc, err := zone(w.Timezone)
	if err != nil {
		return nil, err
	}
	s, err := parseCron(w.Schedule)
	if err != nil {
		return nil, err
	}
	if spec, ok := s.(*cron.SpecSchedule); ok {
		spec.Location = loc
	}
	return s, nil
}

// zone returns a time zone by its IANA name.
func zone(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	// "" would be UTC, and Local another zone on each machine.
	if err != nil || name == "" || name == "Local" {
		return nil, hint.Wrap(fmt.Errorf("unknown time zone %s", quote(name)), "write an IANA name, such as Asia/Shanghai or UTC")
	}
	return loc, nil
}

const (
	maxSchedule    = 256
	scheduleAdvice = "write five fields (minute hour day month weekday), @hourly, @daily, @weekly, @monthly, or @every 90s"
)

// parseCron reads a schedule of five fields, a descriptor or @every.
func parseCron(text string) (s cron.Schedule, err error) {
	text = strings.TrimSpace(text)
	// The library panics on "TZ=UTC" without a space.
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, hint.Wrap(errors.New("it cannot be read"), scheduleAdvice)
		}
	}()
	switch {
	case text == "" || len(text) > maxSchedule:
		return nil, hint.Wrap(errors.New("it is empty or too long"), scheduleAdvice)
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="):
		return nil, hint.Wrap(errors.New("a time zone has no place in it"), `write timezone = "Asia/Shanghai" beside it`)
	}
	if every, ok := strings.CutPrefix(text, "@every "); ok {
		// The library takes a negative time for one second, and drops fractions.
		d, err := time.ParseDuration(strings.TrimSpace(every))
		if err != nil || d < time.Second || d%time.Second != 0 {
			return nil, hint.Wrap(errors.New("@every takes whole seconds, at least one"), "write @every 90s or @every 5m")
		}
		return cron.Every(d), nil
	}
	if s, err = cron.ParseStandard(text); err != nil {
		return nil, hint.Wrap(err, scheduleAdvice)
	}
	return s, nil
}

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
