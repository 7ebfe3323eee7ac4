package cocsim

import (
	"bytes"
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const documentsPath = "/v1/documents"

// requestID is the header with the id of a request, which the gateway assigns.
const requestID = "X-Request-Id"

// setHeaders adds the headers that every response of the gateway has.
func (c *COC) setHeaders(r *http.Request, h http.Header) {
	h.Set(requestID, r.Header.Get(requestID))
	h.Set("Date", c.now().UTC().Format(http.TimeFormat))
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json;charset=UTF-8")
	}
}

// respond checks r as the gateway does and handles it.
func (c *COC) respond(r *http.Request, body []byte) reply {
	if why := c.gate.check(r, body); why != "" {
		return failure(r, http.StatusUnauthorized, "APIGW.0301", "Incorrect IAM authentication information: "+why)
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), documentsPath)
	id, err := url.PathUnescape(strings.TrimPrefix(rest, "/"))
	ok = ok && err == nil && (rest == "" || rest[0] == '/') && !strings.Contains(strings.TrimPrefix(rest, "/"), "/")
	if !ok || r.Method != http.MethodGet {
		return failure(r, http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment")
	}
	if id == "" {
		return c.list(r)
	}
	return c.get(r, id)
}

// failure is an error in the format of the gateway and COC. Only the gateway's own has
// the request.
func failure(r *http.Request, status int, code, message string) reply {
	m := map[string]string{"error_code": code, "error_msg": message}
	if strings.HasPrefix(code, "APIGW.") {
		m["request_id"] = r.Header.Get(requestID)
	}
	return reply{status: status, body: encode(m)}
}

// refusal is the error of a fault that has no error of its own.
func (c *COC) refusal(r *http.Request, f *Fault) reply {
	status := cmp.Or(f.Status, http.StatusOK)
	code, message := gatewayError(status)
	if f.Code != "" {
		code, message = f.Code, ""
	}
	return failure(r, status, code, cmp.Or(f.Message, message))
}

// gatewayError is the gateway's default error for a status.
func gatewayError(status int) (code, message string) {
	switch status {
	case http.StatusUnauthorized:
		return "APIGW.0301", "Incorrect IAM authentication information: verify aksk signature fail"
	case http.StatusForbidden:
		return "APIGW.0302", "You do not have permission to access the API"
	case http.StatusTooManyRequests:
		return "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute"
	}
	return "APIGW.0203", "Backend timeout"
}

func wrongParameter(r *http.Request, message string) reply {
	return failure(r, http.StatusBadRequest, "COC.00010002", message)
}

func forbidden(r *http.Request, action string) reply {
	return failure(r, http.StatusForbidden, "APIGW.0302", "Policy doesn't allow "+action+" to be performed.")
}

// list returns one page of documents, the newest first.
func (c *COC) list(r *http.Request) reply {
	query := r.URL.Query()
	limit, ok := parseCount(query.Get("limit"), defaultLimit)
	offset, ok2 := parseCount(query.Get("offset"), 0)
	public, ok3 := documentType(query.Get("document_type"))
	if !ok || !ok2 || !ok3 || limit < 1 {
		return wrongParameter(r, "The parameter is incorrect")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forbidden[ActionList] {
		return forbidden(r, ActionList)
	}
	matching := c.selected(public, query.Get("name_like"), query.Get("creator"), query.Get("enterprise_project_id"))
	offset = min(offset, len(matching))
	page := matching[offset:min(offset+min(limit, maxLimit), len(matching))]
	var b bytes.Buffer
	b.WriteString(`{"total":` + strconv.Itoa(len(matching)) + `,"data":[`)
	for i, rec := range page {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(c.mangled(documentsPath, rec.listRow(), ""))
	}
	b.WriteString(`]}`)
	return reply{status: http.StatusOK, body: b.Bytes()}
}

// selected returns the documents that match, the newest first. c.mu is held.
func (c *COC) selected(public bool, nameLike, creator, project string) []*record {
	all, ok := c.lists[public]
	if !ok {
		for _, rec := range slices.Backward(c.order) {
			if rec.public() == public {
				all = append(all, rec)
			}
		}
		c.lists[public] = all
	}
	if nameLike == "" && creator == "" && project == "" {
		return all
	}
	var matching []*record
	for _, rec := range all {
		if strings.Contains(rec.Name, nameLike) && fits(creator, rec.Creator) && fits(project, rec.Project) {
			matching = append(matching, rec)
		}
	}
	return matching
}

func (rec *record) public() bool { return rec.Type == "PUBLIC" }

// documentType parses the parameter document_type; none means private ones.
func documentType(s string) (public, ok bool) {
	switch s {
	case "", "PRIVATE", "NORMAL":
		return false, true
	case "PUBLIC":
		return true, true
	}
	return false, false
}

func fits(want, got string) bool { return want == "" || want == got }

// parseCount parses a number that is not negative.
func parseCount(s string, def int) (int, bool) {
	if s == "" {
		return def, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0
}

// get returns one document and the content of one version of it.
func (c *COC) get(r *http.Request, id string) reply {
	query := r.URL.Query()
	public, ok := documentType(query.Get("document_type"))
	if !ok {
		return wrongParameter(r, "The parameter is incorrect")
	}
	c.mu.Lock()
	if c.forbidden[ActionGet] {
		c.mu.Unlock()
		return forbidden(r, ActionGet)
	}
	rec := c.docs[id]
	if rec == nil || rec.deleted || rec.public() != public || len(rec.Versions) == 0 {
		c.mu.Unlock()
		return failure(r, http.StatusBadRequest, "COC.00042101", "The document does not exist")
	}
	v, ok := rec.version(query.Get("version"))
	tail := rec.responseTail()
	c.mu.Unlock()
	if !ok {
		return wrongParameter(r, "The document version does not exist")
	}
	// The text is computed without the lock: it may be large, or lazy.
	b := responseBody(v, tail)
	c.mu.Lock()
	b = c.mangled(r.URL.Path, b, v.Raw)
	c.mu.Unlock()
	if !c.opts.Flat {
		b = slices.Concat([]byte(`{"data":`), b, []byte(`}`))
	}
	return reply{status: http.StatusOK, body: b}
}

// version returns the version with a label, the newest for "".
func (rec *record) version(label string) (Version, bool) {
	for _, v := range slices.Backward(rec.Versions) {
		if label == "" || v.Label == label {
			return v, true
		}
	}
	return Version{}, false
}
