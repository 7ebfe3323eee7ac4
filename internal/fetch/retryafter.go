package fetch

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxPause bounds how long a response can pause an account. One request an hour is
// harmless, and a wrong date must not stop monitoring permanently.
const maxPause = time.Hour

// retryAfter reads the header: seconds, with or without a fraction, or a date. It
// returns 0 if the header is absent or invalid or the time has passed. A date is
// compared with the response's own, so a wrong clock on this machine does not matter.
func retryAfter(h http.Header, now time.Time) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(n) {
		return bounded(n)
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	if there, err := http.ParseTime(h.Get("Date")); err == nil {
		now = there
	}
	return min(max(0, at.Sub(now)), maxPause)
}

// bounded returns a duration in seconds, at least 0 and at most maxPause.
func bounded(seconds float64) time.Duration {
	return time.Duration(min(max(0, seconds), maxPause.Seconds()) * float64(time.Second))
}

// limitOf parses the limit in the gateway's message, as in "policy user over
// ratelimit,limit:200,time:5 minute": the window, and the allowed requests a second.
// Both are 0 if the message has none.
func limitOf(message string) (window time.Duration, perSecond float64) {
	m := regexp.MustCompile(`limit: *(\d{1,15})\b.*?time: *(\d{1,15})\s*(s|minute|hour|day)`).FindStringSubmatch(message)
	if m == nil {
		return 0, 0
	}
	limit, _ := strconv.ParseFloat(m[1], 64)
	count, _ := strconv.ParseFloat(m[2], 64)
	seconds := count * map[string]float64{"s": 1, "minute": 60, "hour": 3600, "day": 86400}[m[3]]
	if limit == 0 || seconds == 0 {
		return 0, 0
	}
	return bounded(seconds), limit / seconds
}
