package fetch

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxQuiet bounds how long an answer can silence an account. Asking once an hour
// hurts nobody, and a wrong date must not stop the watching for ever.
const maxQuiet = time.Hour

// retryAfter reads the header: seconds, with or without a fraction, or a date.
// It returns 0 when it says nothing, or a time that has passed. A date is
// compared with the answer's own, so that a wrong clock here does no harm.
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
	return min(max(0, at.Sub(now)), maxQuiet)
}

// bounded is so many seconds, at least 0 and at most maxQuiet.
func bounded(seconds float64) time.Duration {
	return time.Duration(min(max(0, seconds), maxQuiet.Seconds()) * float64(time.Second))
}

// limitOf reads the limit that the gateway's message names, as in "policy user
// over ratelimit,limit:200,time:5 minute": the window, and how many requests a
// second it allows. Both are 0 when it names none.
func limitOf(message string) (window time.Duration, perSecond float64) {
	_, rest, ok := strings.Cut(message, "limit:")
	limit, rest := leadingNumber(rest)
	_, rest, found := strings.Cut(rest, "time:")
	count, unit := leadingNumber(rest)
	if !ok || !found || limit <= 0 || count <= 0 {
		return 0, 0
	}
	unit = strings.TrimSpace(unit)
	for _, u := range []struct {
		name    string
		seconds float64
	}{{"s", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}} {
		if strings.HasPrefix(unit, u.name) {
			return bounded(count * u.seconds), limit / (count * u.seconds)
		}
	}
	return 0, 0
}

// leadingNumber takes a whole number off the front, 0 when there is none.
func leadingNumber(s string) (float64, string) {
	s = strings.TrimLeft(s, " ")
	end := 0
	for end < len(s) && '0' <= s[end] && s[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil {
		return 0, s
	}
	return float64(n), s[end:]
}
