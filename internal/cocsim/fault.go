package cocsim

import (
	"cmp"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// FaultKind is what goes wrong with a response.
type FaultKind int

const (
	// FaultNone sends the true response, after Latency and Do: a slow service, or rows
	// that move while a list is being paged.
	FaultNone FaultKind = iota
	// FaultStatus responds with Status (default 200) and an error: Code and Message, or the
	// service's own for the status.
	FaultStatus
	// FaultReset breaks the connection in the middle of the headers of the response,
	// before the request is handled. (If it broke earlier, net/http would repeat a GET on
	// a kept-alive connection unseen.)
	FaultReset
	// FaultCut announces the whole true response and sends half of it.
	FaultCut
	// FaultLost handles the request and then breaks the connection: accepted, but the
	// caller does not know.
	FaultLost
	// FaultHTML responds as a load balancer does: Status (default 502) and a page.
	FaultHTML
	// FaultBody responds with Status (default 200) and Body unchanged.
	FaultBody
)

// Fault makes some requests fail. Of several that match a request the one queued first
// applies.
type Fault struct {
	Path  string                   // part of path?query; "" matches all
	Match func(*http.Request) bool // nil matches all
	Skip  int                      // number of matching requests that pass first
	Count int                      // number of requests that then fail; 0 means one, below 0 all

	Kind    FaultKind
	Status  int
	Header  http.Header // added to the response
	Code    string      // for Slack its error code
	Message string
	Body    string

	// RetryAfter is sent as the header of that name: seconds, a date, or junk.
	RetryAfter string
	// Latency delays the response, or until the caller closes the connection.
	Latency time.Duration
	// Do runs before the request is handled. It may change the service.
	Do func()
}

// faults are the faults queued for one service. The zero value has none.
type faults struct {
	mu   sync.Mutex
	list []*Fault
}

func (q *faults) add(f Fault) {
	if f.Count == 0 {
		f.Count = 1
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, &f)
}

func (q *faults) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = nil
}

// take returns the fault for r, nil if there is none.
func (q *faults) take(r *http.Request) *Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, f := range q.list {
		if !strings.Contains(r.URL.RequestURI(), f.Path) || f.Match != nil && !f.Match(r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Count > 0 {
			f.Count--
		}
		hit := *f
		if f.Count == 0 {
			q.list = append(q.list[:i:i], q.list[i+1:]...)
		}
		return &hit
	}
	return nil
}

// reply is a complete response, before it is sent.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (p reply) with(name, value string) reply {
	p.header = maps.Clone(p.header)
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

// service handles requests with faults. COC and Slack set it up.
type service struct {
	faults faults
	// respond handles a request.
	respond func(*http.Request, []byte) reply
	// refusal is the error for a FaultStatus.
	refusal func(*http.Request, *Fault) reply
	// setHeaders adds the headers that every response has.
	setHeaders func(*http.Request, http.Header)
}

// serve responds to r and returns the status that it sent, 0 for none.
func (s *service) serve(w http.ResponseWriter, r *http.Request) int {
	body, err := readBody(w, r)
	if err != nil {
		http.Error(w, "request body cannot be read", http.StatusRequestEntityTooLarge)
		return http.StatusRequestEntityTooLarge
	}
	f := s.faults.take(r)
	if f == nil {
		f = &Fault{}
	}
	if f.Latency > 0 {
		t := time.NewTimer(f.Latency)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return 0
		}
	}
	if f.Do != nil {
		f.Do()
	}
	return s.sendFault(w, r, body, f)
}

// sendFault responds with a fault, or without one if f is of FaultNone.
func (s *service) sendFault(w http.ResponseWriter, r *http.Request, body []byte, f *Fault) int {
	var p reply
	switch f.Kind {
	case FaultReset:
		breakOff(w)
		return 0
	case FaultLost:
		s.respond(r, body)
		breakOff(w)
		return 0
	case FaultStatus:
		p = s.refusal(r, f)
	case FaultHTML:
		p = reply{status: cmp.Or(f.Status, http.StatusBadGateway), body: []byte(htmlPage)}
		p = p.with("Content-Type", "text/html")
	case FaultBody:
		p = reply{status: cmp.Or(f.Status, http.StatusOK), body: []byte(f.Body)}
		p = p.with("Content-Type", "application/json")
	default:
		p = s.respond(r, body)
	}
	for name := range f.Header {
		p = p.with(name, f.Header.Get(name))
	}
	if f.RetryAfter != "" {
		p = p.with("Retry-After", f.RetryAfter)
	}
	if f.Kind == FaultCut {
		return s.send(w, r, p, len(p.body)/2)
	}
	return s.send(w, r, p, len(p.body))
}

// send announces the whole of p, writes n bytes of its body and returns its status. net/http
// closes the connection if that is less.
func (s *service) send(w http.ResponseWriter, r *http.Request, p reply, n int) int {
	maps.Copy(w.Header(), p.header)
	s.setHeaders(r, w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body[:n]) // the caller closed the connection
	return p.status
}

// breakOff sends the start of a response and resets the connection.
func breakOff(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // a recorder, or HTTP/2: nothing to break
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nDate: "))
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

const htmlPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n" +
	"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>elb</center>\r\n</body>\r\n</html>\r\n"
