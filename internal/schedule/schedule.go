// Package schedule parses the schedule of a watch: a cron expression and a time zone,
// as in config.toml and the archive. It runs nothing.
package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zones also if the system has none

	"github.com/robfig/cron/v3"

	"cocsync/internal/hint"
)

// Parse returns the schedule of a cron expression in a time zone.
func Parse(spec, timezone string) (cron.Schedule, error) {
	loc, err := Zone(timezone)
	if err != nil {
		return nil, err
	}
	s, err := parseCron(spec)
	if err != nil {
		return nil, err
	}
	if spec, ok := s.(*cron.SpecSchedule); ok {
		spec.Location = loc
	}
	return s, nil
}

// Interval returns the time between the next two runs of a schedule; 0 if there are
// fewer than two.
func Interval(s cron.Schedule, now time.Time) time.Duration {
	first := s.Next(now)
	second := s.Next(first)
	if first.IsZero() || second.IsZero() {
		return 0
	}
	return second.Sub(first)
}

// Zone returns a time zone by its IANA name.
func Zone(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	// "" would be UTC, and Local another zone on each machine.
	if err != nil || name == "" || name == "Local" {
		return nil, hint.Wrap(fmt.Errorf("unknown time zone %s", strconv.Quote(name)), "write an IANA name, such as Asia/Shanghai or UTC")
	}
	return loc, nil
}

const (
	maxSchedule    = 256
	scheduleAdvice = "write five fields (minute hour day month weekday), @hourly, @daily, @weekly, @monthly, or @every 90s"
)

// parseCron parses a schedule of five fields, a descriptor or @every.
func parseCron(text string) (s cron.Schedule, err error) {
	text = strings.TrimSpace(text)
	// The library panics on "TZ=UTC" without a space.
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, hint.Wrap(errors.New("it is not valid"), scheduleAdvice)
		}
	}()
	switch {
	case text == "" || len(text) > maxSchedule:
		return nil, hint.Wrap(errors.New("it is empty or too long"), scheduleAdvice)
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="):
		return nil, hint.Wrap(errors.New("it must not name a time zone"), `write timezone = "Asia/Shanghai" next to it`)
	}
	if every, ok := strings.CutPrefix(text, "@every "); ok {
		// The library reads a negative time as one second, and drops fractions.
		d, err := time.ParseDuration(strings.TrimSpace(every))
		if err != nil || d < time.Second || d%time.Second != 0 {
			return nil, hint.Wrap(errors.New("@every must be whole seconds, at least one"), "write @every 90s or @every 5m")
		}
		return cron.Every(d), nil
	}
	if s, err = cron.ParseStandard(text); err != nil {
		return nil, hint.Wrap(err, scheduleAdvice)
	}
	return s, nil
}
