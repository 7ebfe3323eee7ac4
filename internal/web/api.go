package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// apiRoot is the prefix of all API addresses. docs/api.md is the contract of the API.
const apiRoot = "/api/v1"

// Limits of one API response.
const (
	defaultChanges = 200
	maxChanges     = 5000
	defaultMatches = 1000
	maxMatches     = 10000
	maxContext     = 100000   // lines around a change
	maxResponse    = 64 << 20 // bytes
)

// noteHeader is a header field for each note that the command line prints to stderr. The
// value is a JSON string in ASCII.
const noteHeader = "Cocsync-Note"

// endpoint is an address of the API.
type endpoint struct {
	path   string // below apiRoot, as a pattern of net/http
	params []parameter
	query  func(context.Context, *request) (any, error) // returns a value to encode as JSON, or a download
}

// download is a response that is not JSON.
type download struct {
	name string // the suggested file name
	body []byte
}

// api registers the API.
func (s *Site) api(mux *http.ServeMux) {
	list := endpoints()
	for _, e := range list {
		mux.HandleFunc("GET "+apiRoot+e.path, func(w http.ResponseWriter, r *http.Request) { s.respond(w, r, e) })
	}
	mux.HandleFunc("GET /api/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, hint.Wrap(coc.NotFound("no API at %q", r.URL.Path), "the addresses are "+addresses(list)))
	})
}

func addresses(list []endpoint) string {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = apiRoot + e.path
	}
	return strings.Join(names, ", ")
}

// respond runs the query of an endpoint and writes its complete result, or an error.
func (s *Site) respond(w http.ResponseWriter, r *http.Request, e endpoint) {
	q := s.request(r)
	var err error
	var v any
	if q.values, err = readQuery(r.URL.RawQuery, e.params); err == nil {
		v, err = e.query(r.Context(), q)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	body := bounded{max: maxResponse}
	if _, ok := v.(download); !ok {
		err = query.Write(&body, v)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	for _, note := range q.notes {
		w.Header().Add(noteHeader, query.ASCII(text.Visible(note)))
	}
	if d, ok := v.(download); ok {
		sendFile(w, d.name, "text/plain", d.body)
		return
	}
	send(w, http.StatusOK, "application/json; charset=utf-8", body.Bytes())
}

func send(w http.ResponseWriter, status int, typ string, body []byte) {
	w.Header().Set("Content-Type", typ)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // an error means that the client disconnected
}

// errorBody is the body of an error response.
type errorBody struct {
	Error string  `json:"error"`
	Hint  *string `json:"hint"` // how to fix it
}

// refuse writes an error response with the texts of the command line.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, what, fix := s.judge(r, err)
	if status == 0 {
		return
	}
	out := errorBody{Error: what}
	if fix != "" {
		out.Hint = &fix
	}
	var body bytes.Buffer
	if err := query.Write(&body, out); err != nil { // cannot happen: both fields are strings
		s.Log.Error("error not written", "path", r.URL.Path, "err", err)
	}
	send(w, status, "application/json; charset=utf-8", body.Bytes())
}

// judge returns the status, text and hint of an error. The status is 0 if the client
// disconnected.
func (s *Site) judge(r *http.Request, err error) (status int, what, fix string) {
	what, fix = err.Error(), hint.Of(err)
	var invalid badRequest
	switch ctx := r.Context(); {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return http.StatusServiceUnavailable, fmt.Sprintf("the query took longer than %s", maxTime),
			"narrow the query, or run it with `cocsync` on the command line, which has no such limit"
	case ctx.Err() != nil:
		return 0, "", ""
	case errors.As(err, &invalid), errors.Is(err, query.ErrBadQuery), errors.Is(err, query.ErrAmbiguous):
		return http.StatusBadRequest, what, fix
	case errors.Is(err, coc.ErrNotFound), errors.Is(err, query.ErrUnavailable), errors.Is(err, coc.ErrErased):
		return http.StatusNotFound, what, fix
	}
	s.Log.Error("query failed", "path", r.URL.Path, "err", err)
	return http.StatusInternalServerError, what, fix
}

// bounded is a buffer with a maximum size in bytes.
type bounded struct {
	bytes.Buffer
	max int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.max {
		return 0, badRequest{hint.Wrap(fmt.Errorf("the result is longer than %d MiB", b.max>>20),
			"narrow the query, or run it with `cocsync` on the command line, which has no such limit")}
	}
	return b.Buffer.Write(p)
}
