package cocsim

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// The length of a list page if none is requested, and the maximum.
const defaultLimit, maxLimit = 10, 100

// maxVersions is how many versions COC keeps of a document, from the API reference.
// What happens to the 101st is not published; here the oldest version is no longer
// listed or served.
const maxVersions = 100

// The IAM actions that Forbid can remove.
const (
	ActionList = "coc:document:listDocument"
	ActionGet  = "coc:document:getDocument"
)

// Document is a custom job with its history.
type Document struct {
	ID          string // "DM…"; generated if empty
	Name        string
	Description string
	RiskLevel   string // LOW, MEDIUM, HIGH; LOW if empty
	Creator     string
	Modifier    string // "" until the first update, served as null
	Project     string // enterprise_project_id; "0" if empty
	Type        string // PUBLIC; anything else means private
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Versions    []Version // oldest first
}

// Version is one version of a document.
type Version struct {
	Label     string // v1, v2, …
	UUID      string
	CreatedAt time.Time
	Content   string
	// Raw, if set, is served as the exact JSON token of the content: escapes, lone
	// surrogates and invalid UTF-8 included.
	Raw string
	// Lazy, if set, replaces Content, so that a large synthetic history need not be in
	// memory. It must always return the same.
	Lazy func() string
}

// Text returns the content from its source.
func (v Version) Text() string {
	if v.Lazy != nil {
		return v.Lazy()
	}
	return v.Content
}

// COCOptions are the settings of a COC. The zero value accepts every request.
type COCOptions struct {
	// AccessKey and SecretKey are the pair that signatures must be made with,
	// SecurityToken the token that must be sent with it, if any. Signatures are not
	// checked if AccessKey is empty.
	AccessKey, SecretKey, SecurityToken string
	// Now is the service's clock; time.Now if nil.
	Now func() time.Time
	// Flat leaves out the envelope "data" around one document.
	Flat bool
}

// Request is one request that a COC received.
type Request struct {
	Method string
	Path   string
	Query  string
	At     time.Time
	Status int // 0 if the connection was broken instead
}

// COC is a fake of COC's document API. It is safe for concurrent use.
type COC struct {
	opts  COCOptions
	now   func() time.Time
	gate  gate
	serve service

	mu        sync.Mutex
	docs      map[string]*record
	order     []*record          // those that are not deleted, oldest first
	lists     map[bool][]*record // PUBLIC ones and others, newest first; built at the first request
	added     int                // number of records ever created
	forbidden map[string]bool
	mangle    func(path string, v map[string]any)

	logMu        sync.Mutex
	requests     []Request
	requestCount int // for the ids of requests
}

// record is a document in the COC.
type record struct {
	Document
	index   int // among all ever added
	last    int // the highest N of a label vN so far
	deleted bool
	row     []byte // its row in lists, built at the first request
	tail    []byte // its response after the content, likewise
}

// NewCOC returns an empty COC.
func NewCOC(opts COCOptions) *COC {
	c := &COC{
		opts: opts,
		now:  clock(opts.Now),
		gate: gate{
			accessKey: opts.AccessKey, secretKey: opts.SecretKey,
			securityToken: opts.SecurityToken, now: clock(opts.Now),
		},
		docs:      map[string]*record{},
		lists:     map[bool][]*record{},
		forbidden: map[string]bool{},
	}
	c.serve = service{respond: c.respond, refusal: c.refusal, setHeaders: c.setHeaders}
	return c
}

// ServeHTTP responds as COC does behind its gateway.
func (c *COC) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.logMu.Lock()
	c.requestCount++
	r.Header.Set(requestID, digits("request", c.requestCount)[:32])
	c.logMu.Unlock()
	seen := Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, At: c.now()}
	seen.Status = c.serve.serve(w, r)
	c.log(seen)
}

// maxRequests bounds the log of requests; the older half is dropped when it is full.
const maxRequests = 1 << 18

func (c *COC) log(r Request) {
	c.logMu.Lock()
	defer c.logMu.Unlock()
	if len(c.requests) == maxRequests {
		c.requests = append(c.requests[:0], c.requests[maxRequests/2:]...)
	}
	c.requests = append(c.requests, r)
}

// Requests returns the requests since the start or ResetRequests, in the order in
// which their responses ended.
func (c *COC) Requests() []Request {
	c.logMu.Lock()
	defer c.logMu.Unlock()
	return slices.Clone(c.requests)
}

// ResetRequests clears the log of requests.
func (c *COC) ResetRequests() {
	c.logMu.Lock()
	defer c.logMu.Unlock()
	c.requests = nil
}

// Fail queues a fault.
func (c *COC) Fail(f Fault) { c.serve.faults.add(f) }

// ClearFaults drops the faults that are still queued.
func (c *COC) ClearFaults() { c.serve.faults.clear() }

// Forbid makes requests that need the IAM action fail with 403.
func (c *COC) Forbid(action string) { c.setForbidden(action, true) }

// Allow undoes Forbid.
func (c *COC) Allow(action string) { c.setForbidden(action, false) }

func (c *COC) setForbidden(action string, forbidden bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forbidden[action] = forbidden
}

// Mangle has fn change every row of a list and every document before it is sent: times
// as strings, nulls, missing and unknown fields. path is that of the request; nil
// sends them unchanged again. fn must not call the COC.
func (c *COC) Mangle(fn func(path string, v map[string]any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mangle = fn
}

// Document returns a document that was not deleted.
func (c *COC) Document(id string) (Document, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rec := c.docs[id]
	if rec == nil || rec.deleted {
		return Document{}, false
	}
	return rec.clone(), true
}

func (rec *record) clone() Document {
	d := rec.Document
	d.Versions = slices.Clone(d.Versions)
	return d
}

// IDs returns the ids of the documents that were not deleted, oldest first.
func (c *COC) IDs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]string, len(c.order))
	for i, rec := range c.order {
		ids[i] = rec.ID
	}
	return ids
}

// Find returns the id of the oldest document with a name.
func (c *COC) Find(name string) (id string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rec := range c.order {
		if rec.Name == name {
			return rec.ID, true
		}
	}
	return "", false
}
