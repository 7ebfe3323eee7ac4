package fetch

import (
	"bytes"
	"cmp"

	"cocsync/internal/coc"
)

// envelope holds the members of an answer's outer object that cocsync knows, as raw
// values: nil where absent.
type envelope struct {
	root        []byte // the whole value
	data, total []byte
	// What an error may have: of COC, of its siblings, and nested.
	errorCode, errorMsg, requestID, code, message, nested []byte
}

// parse reads a body without what surrounds its JSON value, and reports whether it is
// one. The body is read once: what validates it also finds the members.
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

// take is for walk: it never ends it.
func (e *envelope) take(key, value []byte) bool {
	if key == nil { // an element
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

// failure is an error in one of the shapes that COC, its gateway and its
// siblings use.
type failure struct{ code, message, requestID string }

// readFailure finds an error in an answer; the zero failure when there is none.
// With a status of success only error_code counts: code and message may be anything
// there.
func readFailure(e envelope, status int) failure {
	f := e.failure(status >= 400)
	if f.code == "" && status >= 400 && isObject(e.nested) {
		inner := open(e.nested).failure(true)
		f.code, f.message = inner.code, inner.message
	}
	return f
}

// failure reads the error fields of the object itself; those of siblings as well if
// asked.
func (e envelope) failure(siblings bool) failure {
	f := failure{coc.Said(textOf(e.errorCode)), coc.Said(textOf(e.errorMsg)), coc.Said(textOf(e.requestID))}
	if siblings && f.code == "" {
		f.code, f.message = coc.Said(textOf(e.code)), cmp.Or(f.message, coc.Said(textOf(e.message)))
	}
	return f
}
