package fetch

import (
	"errors"

	"cocsync/internal/coc"
)

// What became of a request.
const (
	outcomeOK           = "ok"
	outcomeNotFound     = "not_found"    // COC does not have that document
	outcomeThrottled    = "throttled"    // too many requests
	outcomeServerError  = "server_error" // 5xx, or an answer that is not COC's and may be another one next time
	outcomeNetwork      = "network"      // no whole answer
	outcomeUnauthorized = "unauthorized"
	outcomeForbidden    = "forbidden"
	outcomeRefused      = "refused"
	outcomeMalformed    = "malformed" // an answer that can't be understood
	outcomeStopped      = "stopped"   // whoever asked waits no longer
)

// Outcomes are all that Observe may hear.
func Outcomes() []string {
	return []string{outcomeOK, outcomeNotFound, outcomeThrottled, outcomeServerError, outcomeNetwork,
		outcomeUnauthorized, outcomeForbidden, outcomeRefused, outcomeMalformed, outcomeStopped}
}

// outcome sorts what came of sending one request.
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
