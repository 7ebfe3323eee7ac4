package fetch

import (
	"bytes"
	"cmp"

	"cocsync/internal/coc"
)

// envelope has the members of a response's outer object that cocsync knows, as raw
// values: nil if absent.
type envelope struct {
	root        []byte // the whole value
	data, total []byte
	// Members of an error: of COC, of its siblings, and nested.
	errorCode, errorMsg, requestID, code, message, nested []byte
}

// parse reads a body without what surrounds its JSON value, and reports whether it is
// JSON. The body is read once: validating it also finds the members.
func parse(body []byte) (envelope, bool) {
	root := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	e := envelope{root: root}
	if err := walk(root, e.take); err != nil {
		return envelope{}, false
	}
	return e, true
}

// open reads a value that is known to be JSON.
func open(v []byte) envelope {
	e := envelope{root: v}
	_ = walk(v, e.take)
	return e
}

// take is called by walk for each member. It never stops it.
func (e *envelope) take(key, value []byte) bool {
	if key == nil { // an element of an array
		return true
	}
	switch string(name(key)) {
	case "data":
		e.data = value
	case "total":
		e.total = value
	case "error_code":
		e.errorCode = value
	case "error_msg":
		e.errorMsg = value
	case "request_id":
		e.requestID = value
	case "code":
		e.code = value
	case "message":
		e.message = value
	case "error":
		e.nested = value
	}
	return true
}

// failure is an error in one of the formats that COC, its gateway and its siblings
// use.
type failure struct{ code, message, requestID string }

// readFailure returns the error in a response, or the zero failure. If the status is a
// success, only error_code counts: code and message may be anything then.
func readFailure(e envelope, status int) failure {
	f := e.failure(status >= 400)
	if f.code == "" && status >= 400 && isObject(e.nested) {
		inner := open(e.nested).failure(true)
		f.code, f.message = inner.code, inner.message
	}
	return f
}

// failure reads the error fields of the object itself, and those of siblings if
// requested.
func (e envelope) failure(siblings bool) failure {
	f := failure{coc.OrEmpty(textOf(e.errorCode)), coc.OrEmpty(textOf(e.errorMsg)), coc.OrEmpty(textOf(e.requestID))}
	if siblings && f.code == "" {
		f.code, f.message = coc.OrEmpty(textOf(e.code)), cmp.Or(f.message, coc.OrEmpty(textOf(e.message)))
	}
	return f
}
