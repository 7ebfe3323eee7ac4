package fetch

import (
	"bytes"
	"cmp"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// envelope has the members of a response's outer object that cocsync knows; nil or empty
// if absent.
type envelope struct {
	root  jsontext.Value // the whole value
	Data  jsontext.Value `json:"data"`
	Total string         `json:"total"`
	// An error of COC, of its siblings, and nested.
	ErrorCode string         `json:"error_code"`
	ErrorMsg  string         `json:"error_msg"`
	RequestID string         `json:"request_id"`
	Code      string         `json:"code"`
	Message   string         `json:"message"`
	Nested    jsontext.Value `json:"error"`
}

// parse reads a body without what surrounds its JSON value, and reports whether it is
// JSON. Any value other than an object has no members.
func parse(body []byte) (e envelope, isJSON bool) {
	root := jsontext.Value(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF"))))
	if json.Unmarshal(root, &e, tolerant()) != nil && !root.IsValid(lenient()) {
		return envelope{}, false
	}
	e.root = root
	return e, true
}

// failure is an error in one of the formats that COC, its gateway and its siblings
// use.
type failure struct{ code, message, requestID string }

// readFailure returns the error in a response, or the zero failure. If the status is a
// success, only error_code counts: code and message may be anything then.
func readFailure(e envelope, status int) failure {
	f := e.failure(status >= 400)
	if f.code == "" && status >= 400 && e.Nested.Kind() == '{' {
		inner, _ := parse(e.Nested)
		nested := inner.failure(true)
		f.code, f.message = nested.code, nested.message
	}
	return f
}

// failure reads the error fields of the object itself, and those of siblings if
// requested.
func (e envelope) failure(siblings bool) failure {
	f := failure{e.ErrorCode, e.ErrorMsg, e.RequestID}
	if siblings && f.code == "" {
		f.code, f.message = e.Code, cmp.Or(f.message, e.Message)
	}
	return f
}
