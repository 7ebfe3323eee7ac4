package cocsim

import (
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// FaultKind says what goes wrong with an answer.
type FaultKind int

const (
	// FaultNone gives the true answer, after Latency and Do: a slow service,
	// or rows that shift while a list is being paged.
	FaultNone FaultKind = iota
	// FaultStatus answers with Status and the service's own error for it.
	FaultStatus
	// FaultReset breaks the connection in the middle of the headers of the
	// answer, before the request was looked at. (Broken any earlier, a GET on a
	// kept-alive connection would be repeated by net/http unseen.)
	FaultReset
	// FaultCut announces the whole of the true answer and sends half of it.
	FaultCut
	// FaultLost does what the request asks and then breaks the connection:
	// accepted, but the caller can't know.
	FaultLost
	// FaultHTML answers as a load balancer does: Status (default 502) and a page.
	FaultHTML
	// FaultErrorCode answers with Status (default 200), Code and Message in
	// the error shape that Shape names.
	FaultErrorCode
	// FaultBody answers with Status (default 200) and Body as it stands.
	FaultBody
)

// Shape is one of the ways in which Huawei's services spell an error.
type Shape int

const (
	ShapeCode   Shape = iota // {"error_code", "error_msg", "request_id"}
	ShapeNested              // {"error": {"code", "message"}}
	ShapeFlat                // {"code", "message"}
)

// Fault makes some requests go wrong. Of several that fit a request the one
// queued first strikes.
type Fault struct {
	Path  string                   // part of path?query; "" fits all
	Match func(*http.Request) bool // nil fits all
	Skip  int                      // let so many that fit pass first
	Count int                      // then strike so many; 0 means one, below 0 all

	Kind    FaultKind
	Status  int
	Header  http.Header // added to the answer
	Code    string      // of FaultErrorCode; for Slack the word of the error
	Message string
	Shape   Shape
	Body    string

	// RetryAfter is sent as the header of that name: seconds, a date, or junk.
	RetryAfter string
	// Latency holds the answer back, or until the caller goes away.
	Latency time.Duration
	// Do runs before the request is looked at. It may change the service.
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

// take returns the fault that strikes r, nil when none does.
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

// reply is a whole answer, before it is sent.
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

// service answers requests with faults in between. COC and Slack fill it in.
type service struct {
	faults faults
	// answer does what a request asks.
	answer func(*http.Request, []byte) reply
	// refusal is the service's own error for a FaultStatus or FaultErrorCode.
	refusal func(*http.Request, *Fault) reply
	// seal adds the headers that every answer has.
	seal func(*http.Request, http.Header)
}

// serve answers r and returns the status that it sent, 0 for none.
func (s *service) serve(w http.ResponseWriter, r *http.Request) int {
	body, err := readBody(w, r)
	if err != nil {
		http.Error(w, "request body can't be read", http.StatusRequestEntityTooLarge)
		return http.StatusRequestEntityTooLarge
	}
	f := s.faults.take(r)
	if f == nil {
		return s.send(w, r, s.answer(r, body))
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
	return s.strike(w, r, body, f)
}

func (s *service) strike(w http.ResponseWriter, r *http.Request, body []byte, f *Fault) int {
	var p reply
	switch f.Kind {
	case FaultReset:
		breakOff(w)
		return 0
	case FaultLost:
		s.answer(r, body)
		breakOff(w)
		return 0
	case FaultStatus, FaultErrorCode:
		p = s.refusal(r, f)
	case FaultHTML:
		p = reply{status: or(f.Status, http.StatusBadGateway), body: []byte(htmlPage)}
		p = p.with("Content-Type", "text/html")
	case FaultBody:
		p = reply{status: or(f.Status, http.StatusOK), body: []byte(f.Body)}
		p = p.with("Content-Type", "application/json")
	default:
		p = s.answer(r, body)
	}
	for name := range f.Header {
		p = p.with(name, f.Header.Get(name))
	}
	if f.RetryAfter != "" {
		p = p.with("Retry-After", f.RetryAfter)
	}
	if f.Kind == FaultCut {
		return s.sendHalf(w, r, p)
	}
	return s.send(w, r, p)
}

// send writes p whole and returns its status.
func (s *service) send(w http.ResponseWriter, r *http.Request, p reply) int {
	maps.Copy(w.Header(), p.header)
	s.seal(r, w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body) // a caller that went away needs no answer
	return p.status
}

// sendHalf announces p whole and sends the first half of it.
func (s *service) sendHalf(w http.ResponseWriter, r *http.Request, p reply) int {
	half := p.body[:len(p.body)/2]
	maps.Copy(w.Header(), p.header)
	s.seal(r, w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
	w.WriteHeader(p.status)
	_, _ = w.Write(half)
	// net/http sees that less came than was announced and closes the connection.
	return p.status
}

// breakOff sends the beginning of an answer and resets the connection.
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

// or returns n, or the default when n is 0.
func or(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

const htmlPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n" +
	"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>elb</center>\r\n</body>\r\n</html>\r\n"
