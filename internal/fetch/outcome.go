package fetch

import (
	"errors"

	"cocsync/internal/coc"
)

// Outcomes of a request.
const (
	outcomeOK           = "ok"
	outcomeNotFound     = "not_found"    // COC does not have that document
	outcomeThrottled    = "throttled"    // too many requests
	outcomeServerError  = "server_error" // 5xx, or a response that is not COC's and may be different next time
	outcomeNetwork      = "network"      // no complete response
	outcomeUnauthorized = "unauthorized"
	outcomeForbidden    = "forbidden"
	outcomeRefused      = "refused"
	outcomeMalformed    = "malformed" // a response that cannot be read
	outcomeStopped      = "stopped"   // the caller stopped waiting
)

// Outcomes returns all outcomes that Observe may receive.
func Outcomes() []string {
	return []string{outcomeOK, outcomeNotFound, outcomeThrottled, outcomeServerError, outcomeNetwork,
		outcomeUnauthorized, outcomeForbidden, outcomeRefused, outcomeMalformed, outcomeStopped}
}

// outcome classifies the result of one request.
func outcome(err error) string {
	var e *Error
	switch {
	case err == nil:
		return outcomeOK
	case !errors.As(err, &e):
		return outcomeStopped
	case e.Status == 0:
		return outcomeNetwork
	case tooMany(e):
		return outcomeThrottled
	case e.is(coc.ErrTemporary):
		return outcomeServerError
	case e.is(coc.ErrUnauthorized):
		return outcomeUnauthorized
	case e.is(coc.ErrForbidden):
		return outcomeForbidden
	case e.is(coc.ErrNotFound):
		return outcomeNotFound
	case e.is(coc.ErrRefused):
		return outcomeRefused
	}
	return outcomeMalformed
}
