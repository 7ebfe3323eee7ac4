package cocsim

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxVersions is how many versions COC keeps of a document, from the API
// reference. What happens to the 101st is not published; here the oldest
// version is no longer listed or served.
const maxVersions = 100

// The IAM actions that Forbid can take away.
const (
	ActionList = "coc:document:listDocument"
	ActionGet  = "coc:document:getDocument"
)

// Document is a custom job with its history.
type Document struct {
	ID          string // "DM…"; made up when empty
	Name        string
	Description string
	RiskLevel   string // LOW, MEDIUM, HIGH; LOW when empty
	Creator     string
	Modifier    string // "" until the first update, served as null
	Project     string // enterprise_project_id; "0" when empty
	Type        string // PUBLIC, or private by any other word
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
	// Raw, when set, is served as the JSON token of the content just as it
	// stands: escapes, lone surrogates and broken UTF-8 included.
	Raw string
	// Lazy, when set, stands in for Content, so that a large synthetic history
	// need not be held. It must always return the same.
	Lazy func() string
}

// Text returns the content, wherever it comes from.
func (v Version) Text() string {
	if v.Lazy != nil {
		return v.Lazy()
	}
	return v.Content
}

// COCOptions are the settings of a COC. The zero value is a COC that lets
// everybody in.
type COCOptions struct {
	// AccessKey and SecretKey are the pair that signatures must be made with,
	// SecurityToken the token that must come with it, if any. Signatures are
	// not checked when AccessKey is empty.
	AccessKey, SecretKey, SecurityToken string
	// Now is the service's clock; time.Now when nil.
	Now func() time.Time
	// DefaultLimit is the length of a list page when none is asked for (10),
	// MaxLimit the longest that is given (100).
	DefaultLimit, MaxLimit int
	// Flat leaves out the envelope "data" around one document.
	Flat bool
}

// Request is one request that a COC answered.
type Request struct {
	Method     string
	Path       string
	Query      string
	At         time.Time
	Status     int  // 0 when the connection was broken instead
	Authorized bool // the signature was good, or none is asked for
}

// COC is a stand-in for COC's document API. It may be used and changed by many
// goroutines at once.
type COC struct {
	opts  COCOptions
	now   func() time.Time
	gate  gate
	serve service

	mu        sync.Mutex
	docs      map[string]*record
	order     []*record          // those that are not deleted, oldest first
	lists     map[bool][]*record // PUBLIC ones and others, newest first; made when first asked for
	added     int                // records ever made
	forbidden map[string]bool
	mangle    func(path string, v map[string]any)

	logMu    sync.Mutex
	requests []Request
	answered int // requests ever, for their ids
}

// record is a document as the COC holds it.
type record struct {
	Document
	place   int // among all ever added
	last    int // the highest N of a label vN ever given
	deleted bool
	row     []byte // its row in lists, made when first asked for
	tail    []byte // its answer after the content, likewise
}

// NewCOC returns an empty COC.
func NewCOC(opts COCOptions) *COC {
	opts.DefaultLimit = or(opts.DefaultLimit, 10)
	opts.MaxLimit = or(opts.MaxLimit, 100)
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
	c.serve = service{answer: c.answer, refusal: c.refusal, seal: c.seal}
	return c
}

// ServeHTTP answers as COC does behind its gateway.
func (c *COC) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, about := c.noted(r)
	about.seen.Status = c.serve.serve(w, r)
	c.log(about.seen)
}

// maxRequests bounds the log of requests; the older half goes when it is full.
const maxRequests = 1 << 18

func (c *COC) log(r Request) {
	c.logMu.Lock()
	defer c.logMu.Unlock()
	if len(c.requests) == maxRequests {
		c.requests = append(c.requests[:0], c.requests[maxRequests/2:]...)
	}
	c.requests = append(c.requests, r)
}

// Requests returns what was asked since the start or ResetRequests, in the
// order in which the answers ended.
func (c *COC) Requests() []Request {
	c.logMu.Lock()
	defer c.logMu.Unlock()
	return slices.Clone(c.requests)
}

// ResetRequests forgets the requests so far.
func (c *COC) ResetRequests() {
	c.logMu.Lock()
	defer c.logMu.Unlock()
	c.requests = nil
}

// Fail queues a fault.
func (c *COC) Fail(f Fault) { c.serve.faults.add(f) }

// ClearFaults drops the faults that are still queued.
func (c *COC) ClearFaults() { c.serve.faults.clear() }

// Forbid has requests that need the IAM action answered with 403.
func (c *COC) Forbid(action string) { c.setForbidden(action, true) }

// Allow takes Forbid back.
func (c *COC) Allow(action string) { c.setForbidden(action, false) }

func (c *COC) setForbidden(action string, forbidden bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forbidden[action] = forbidden
}

// Mangle has fn alter every row of a list and every document before it is
// sent: times as strings, nulls, missing and unknown fields. path is that of
// the request; nil sends them as they are again. fn must not call the COC.
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

// Find returns the id of the oldest document of that name.
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
