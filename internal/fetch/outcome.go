package fetch

import (
	"errors"
	"maps"
	"slices"

	"cocsync/internal/coc"
)

// classOutcomes are the outcomes of a request whose response is an error, by its class.
func classOutcomes() map[error]string {
	return map[error]string{
		coc.ErrTemporary:    "server_error", // 5xx, or not COC's and perhaps different next time
		coc.ErrUnauthorized: "unauthorized",
		coc.ErrForbidden:    "forbidden",
		coc.ErrNotFound:     "not_found", // COC does not have that document
		coc.ErrRefused:      "refused",
		coc.ErrMalformed:    "malformed", // the response cannot be read
	}
}

// Outcomes returns all outcomes that Observe may receive.
func Outcomes() []string {
	return append(slices.Sorted(maps.Values(classOutcomes())), "ok", "throttled", "network", "stopped")
}

// outcome classifies the result of one request.
func outcome(err error) string {
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return "ok"
	case !ok:
		return "stopped" // the caller stopped waiting
	case e.Status == 0:
		return "network" // no complete response
	case tooMany(e):
		return "throttled"
	}
	for class, name := range classOutcomes() {
		if e.is(class) {
			return name
		}
	}
	return ""
}
