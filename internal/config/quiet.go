package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"cocsync/internal/hint"
	"cocsync/internal/schedule"
)

const (
	minThread = time.Minute
	maxThread = 30 * 24 * time.Hour
)

// ThreadFor returns how long a document's thread is used before a new one is
// begun; 0 when nothing goes into threads.
func (s Slack) ThreadFor() (time.Duration, error) {
	const advice = `write a span from "1m" to "30d", such as "12h", or "" for no threads`
	d, err := span(s.Thread, advice)
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

// Quiet are the hours of a day in which little is told. The zero value is none.
type Quiet struct {
	// From and To are since midnight, To up to 24 hours. They are never equal; To
	// is less than From when the hours pass midnight.
	From, To time.Duration
	In       *time.Location
}

// Quiet returns the quiet hours.
func (s Slack) Quiet() (q Quiet, err error) {
	if s.QuietHours == "" {
		return Quiet{}, nil
	}
	if q.In, err = schedule.Zone(s.Timezone); err != nil {
		return Quiet{}, err
	}
	if q.From, q.To, err = quietHours(s.QuietHours); err != nil {
		return Quiet{}, err
	}
	return q, nil
}

const quietAdvice = `write them as "22:00-07:00", or "" for none`

// quietHours reads 22:00-07:00. "" is 0, 0.
func quietHours(text string) (from, to time.Duration, err error) {
	if text == "" {
		return 0, 0, nil
	}
	begin, end, _ := strings.Cut(text, "-")
	from, ok := clock(begin)
	to, ok2 := clock(end)
	const day = 24 * time.Hour
	switch {
	case !ok || !ok2 || from == day:
		return 0, 0, hint.Wrap(fmt.Errorf("%s is no span of hours", quote(text)), quietAdvice)
	case from == to || to-from == day:
		return 0, 0, hint.Wrap(fmt.Errorf("%s ends where it begins", quote(text)), quietAdvice)
	}
	return from, to, nil
}

// clock reads the time of a day, 00:00 to 24:00.
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
