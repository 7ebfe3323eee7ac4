package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// apiRoot is where the API begins. docs/api.md is its contract.
const apiRoot = "/api/v1"

// The most that one answer of the API holds.
const (
	usualChanges = 200
	mostChanges  = 5000
	usualMatches = 1000
	mostMatches  = 10000
	mostContext  = 100000   // lines around a change
	maxAnswer    = 64 << 20 // bytes
)

// noteHeader brings what is to be known beside an answer, and what the command line
// says on stderr: a JSON string of ASCII for each note.
const noteHeader = "Cocsync-Note"

// endpoint is an address of the API.
type endpoint struct {
	path   string // below apiRoot, as a pattern of net/http
	params []parameter
	answer func(context.Context, *apiRequest) (any, error) // to be written as JSON, or a download
}

// download is an answer that is no JSON.
type download struct {
	name string // of the file that it becomes
	body []byte
}

// jsonStream writes an answer as JSON, row by row.
type jsonStream func(io.Writer) error

// apiRequest is a request of a program. Its parameters were checked.
type apiRequest struct {
	*query.Archive
	request *http.Request
	values  url.Values
	params  []parameter
	notes   []string
}

// path is a part of the address: {doc}, {ref} or {id}.
func (q *apiRequest) path(name string) string { return q.request.PathValue(name) }

// api serves programs.
func (s *Site) api(mux *http.ServeMux) {
	list := endpoints()
	for _, e := range list {
		mux.HandleFunc("GET "+apiRoot+e.path, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, e) })
	}
	mux.HandleFunc("GET /api/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, hint.Wrap(coc.NotFound("there is no address %q", r.URL.Path), "there are "+addresses(list)))
	})
}

func addresses(list []endpoint) string {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = apiRoot + e.path
	}
	return strings.Join(names, ", ")
}

// answer answers at one address: all of the answer, or an error.
func (s *Site) answer(w http.ResponseWriter, r *http.Request, e endpoint) {
	q := &apiRequest{request: r, params: e.params}
	q.Archive = s.archive(&q.notes)
	var err error
	if q.values, err = readQuery(r.URL.RawQuery, e.params); err != nil {
		s.refuse(w, r, err)
		return
	}
	v, err := e.answer(r.Context(), q)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if d, ok := v.(download); ok {
		for _, note := range q.notes {
			w.Header().Add(noteHeader, query.ASCII(text.Visible(note)))
		}
		sendFile(w, d.name, "text/plain", d.body)
		return
	}
	body := bounded{most: maxAnswer}
	write, ok := v.(jsonStream)
	if !ok {
		write = func(w io.Writer) error { return query.Write(w, v) }
	}
	if err := write(&body); err != nil {
		s.refuse(w, r, err)
		return
	}
	for _, note := range q.notes {
		w.Header().Add(noteHeader, query.ASCII(text.Visible(note)))
	}
	send(w, http.StatusOK, "application/json; charset=utf-8", body.Bytes())
}

func send(w http.ResponseWriter, status int, typ string, body []byte) {
	w.Header().Set("Content-Type", typ)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // who went away needs no answer
}

// refusal is an answer that is none.
type refusal struct {
	Error string  `json:"error"`
	Hint  *string `json:"hint"` // how to fix it
}

// refuse answers with an error, in the words of the command line.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, what, fix := s.judge(r, err)
	if status == 0 {
		return
	}
	out := refusal{Error: what}
	if fix != "" {
		out.Hint = &fix
	}
	var body bytes.Buffer
	if err := query.Write(&body, out); err != nil { // two texts: this can't fail
		s.Log.Error("error not written", "path", r.URL.Path, "err", err)
	}
	send(w, status, "application/json; charset=utf-8", body.Bytes())
}

// judge returns the status, text and hint of an error. The status is 0 if the client is
// gone.
func (s *Site) judge(r *http.Request, err error) (status int, what, fix string) {
	what, fix = err.Error(), hint.Of(err)
	var invalid asked
	switch ctx := r.Context(); {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return http.StatusServiceUnavailable, fmt.Sprintf("the answer was not found within %s", maxTime),
			"ask for less, or ask `cocsync` on the command line, which has no such limit"
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

// bounded is a buffer that takes no more than so much.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, asked{hint.Wrap(fmt.Errorf("the answer is longer than %d MiB", b.most>>20),
			"ask for less, or ask `cocsync` on the command line, which has no such limit")}
	}
	return b.Buffer.Write(p)
}
