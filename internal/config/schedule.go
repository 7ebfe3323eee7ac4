package config

import (
	"errors"
	"fmt"
	"regexp"
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
// if versions are not checked again.
func (w Watch) AuditEvery() (time.Duration, error) {
	return duration(w.Audit, `write a duration such as "30d" or "12h", or "" for never`)
}

const (
	minThread = time.Minute
	maxThread = 30 * 24 * time.Hour
)

// ThreadFor returns how long a document's thread is used before a new one starts;
// 0 if there are no threads.
func (s Slack) ThreadFor() (time.Duration, error) {
	const advice = `write a duration from "1m" to "30d", such as "12h", or "" for no threads`
	d, err := duration(s.Thread, advice)
	switch {
	case err != nil || s.Thread == "":
		return 0, err
	case d < minThread:
		return 0, hint.Wrap(fmt.Errorf("%s is less than a minute", quote(s.Thread)), advice)
	case d > maxThread:
		return 0, hint.Wrap(fmt.Errorf("%s is more than 30 days", quote(s.Thread)), advice)
	}
	return d, nil
}

// Quiet are the hours of a day in which only some kinds are sent. The zero value is
// none.
type Quiet struct {
	// From and To are since midnight, To up to 24 hours. They are never equal; To
	// is less than From if the hours pass midnight.
	From, To time.Duration
	In       *time.Location
}

// Quiet returns the quiet hours.
func (s Slack) Quiet() (Quiet, error) {
	const (
		advice = `write them as "22:00-07:00", or "" for none`
		day    = 24 * time.Hour
	)
	if s.QuietHours == "" {
		return Quiet{}, nil
	}
	begin, end, _ := strings.Cut(s.QuietHours, "-")
	from, ok := clock(begin)
	to, ok2 := clock(end)
	switch {
	case !ok || !ok2 || from == day:
		return Quiet{}, hint.Wrap(fmt.Errorf("%s is not a range of hours", quote(s.QuietHours)), advice)
	case from == to || to-from == day:
		return Quiet{}, hint.Wrap(fmt.Errorf("%s ends where it starts", quote(s.QuietHours)), advice)
	}
	zone, err := schedule.Zone(s.Timezone)
	if err != nil {
		return Quiet{}, err
	}
	return Quiet{from, to, zone}, nil
}

// clock parses the time of a day, 00:00 to 24:00.
func clock(text string) (time.Duration, bool) {
	if text == "24:00" {
		return 24 * time.Hour, true
	}
	if !regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d$`).MatchString(text) {
		return 0, false
	}
	d, err := time.ParseDuration(strings.Replace(text, ":", "h", 1) + "m")
	return d, err == nil
}

// duration parses a positive duration; "" is 0.
func duration(text, advice string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := parseDays(text)
	if err != nil || d <= 0 {
		return 0, hint.Wrap(fmt.Errorf("%s is not a valid duration", quote(text)), advice)
	}
	return d, nil
}

// parseDays parses a duration that may start with days: 30d, 1d12h, 12h.
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
