package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
)

// Witness is a server that cosigns the heads of logs: https://c2sp.org/tlog-witness.
type Witness struct {
	URL string // its submission prefix
	Key audit.WitnessKey
}

const (
	// requestTimeout bounds a request and its response.
	requestTimeout = 10 * time.Second
	// maxResponse bounds a response in bytes: a cosignature has about 200.
	maxResponse = 64 << 10
	// maxRequests bounds the requests for one head. The first response may have the size from
	// which the second has to prove.
	maxRequests = 3
	// maxClockDifference is how far the time of a cosignature may differ from this machine's clock.
	maxClockDifference = time.Hour
)

// Failure says why a witness did not cosign a head.
type Failure string

// The failures of an attempt.
const (
	Unreachable Failure = "unreachable" // there is no response, or a temporary error
	Unknown     Failure = "unknown"     // the witness does not know the log or its key
	Conflict    Failure = "conflict"    // it has cosigned another log of that name, or a longer one
	Invalid     Failure = "invalid"     // the response is not that of a witness
)

// refusal is the error of a witness that did not cosign.
type refusal struct {
	failure Failure
	why     string
}

func (r *refusal) Error() string { return r.why }

func refuse(f Failure, format string, args ...any) error {
	return &refusal{f, fmt.Sprintf(format, args...)}
}

// client sends heads to witnesses.
type client struct {
	http *http.Client
	now  func() time.Time
}

// newClient returns a client that follows no redirects, which would send heads to another host.
func newClient(h *http.Client, now func() time.Time) client {
	c := client{&http.Client{}, now}
	if h != nil {
		*c.http = *h
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// response is a response that was read completely.
type response struct {
	status    int
	mediaType string
	body      string
}

// post sends a request to add a checkpoint.
func (c client) post(ctx context.Context, w Witness, body string) (r response, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(w.URL, "/")+"/add-checkpoint", strings.NewReader(body))
	if err != nil {
		return r, refuse(Invalid, "its URL is not valid")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return r, unreachable(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxResponse+1))
	switch {
	case err != nil:
		return r, unreachable(err)
	case len(b) > maxResponse:
		return r, refuse(Invalid, "its response has more than %d bytes", maxResponse)
	case res.StatusCode/100 == 3:
		return r, refuse(Invalid, "it redirects requests (HTTP %d), which cocsync does not follow", res.StatusCode)
	case res.StatusCode/100 == 5, res.StatusCode == http.StatusTooManyRequests:
		return r, refuse(Unreachable, "HTTP %d", res.StatusCode)
	}
	mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return response{res.StatusCode, mediaType, string(b)}, nil
}

// unreachable is the refusal of an error that prevented a response.
func unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok { // its text repeats the URL
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return refuse(Unreachable, "no response in time")
	}
	return refuse(Unreachable, "%v", err)
}

// cosign sends a signed head of a log to a witness that is known to have cosigned old records of it,
// and returns the cosignature. prove proves that the head has all of the log's first records.
func (c client) cosign(ctx context.Context, w Witness, head audit.Checkpoint, note []byte, old int64,
	prove func(old int64) ([]audit.Hash, error)) (audit.Cosignature, error) {
	old = max(0, min(old, head.Size))
	for range maxRequests {
		proof, err := prove(old)
		if err != nil {
			return nil, err
		}
		body := "old " + strconv.FormatInt(old, 10) + "\n"
		for _, h := range proof {
			body += h.String() + "\n"
		}
		r, err := c.post(ctx, w, body+"\n"+string(note))
		if err != nil {
			return nil, err
		}
		if r.status != http.StatusConflict {
			return c.result(w, head, note, r)
		}
		if old, err = conflict(head, old, r); err != nil {
			return nil, err
		}
	}
	return nil, refuse(Invalid, "each of its responses has another size of the log (HTTP 409)")
}

// conflict returns how many records the witness has cosigned, if a proof from there is possible.
func conflict(head audit.Checkpoint, old int64, r response) (int64, error) {
	text := strings.TrimSuffix(r.body, "\n")
	size, err := strconv.ParseInt(text, 10, 64)
	valid := r.mediaType == "text/x.tlog.size" && err == nil && size >= 0 && strconv.FormatInt(size, 10) == text
	switch {
	case valid && size > head.Size:
		return 0, refuse(Conflict, "it has cosigned %d records of the log, and this archive has %d", size, head.Size)
	case old == head.Size && (!valid || size == old):
		return 0, refuse(Conflict, "it has cosigned other records of the log: its first %d have another root", head.Size)
	case !valid || size == old:
		return 0, refuse(Invalid, "its response (HTTP 409) does not have the size of the log that it has cosigned")
	}
	return size, nil
}

// result returns the cosignature in a response.
func (c client) result(w Witness, head audit.Checkpoint, note []byte, r response) (audit.Cosignature, error) {
	switch r.status {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, refuse(Unknown, "it does not know the log (HTTP 404)")
	case http.StatusForbidden:
		return nil, refuse(Unknown, "it does not know the key of the log (HTTP 403)")
	case http.StatusUnprocessableEntity:
		return nil, refuse(Conflict, "it has cosigned other records of the log: they are not the first of the %d in this "+
			"archive (HTTP 422)", head.Size)
	default:
		return nil, refuse(Invalid, "HTTP %d", r.status)
	}
	text, _, _ := strings.Cut(string(note), "\n\n")
	cosignature, err := audit.Cosigned([]byte(text+"\n\n"+r.body), w.Key)
	if err != nil {
		return nil, refuse(Invalid, "its response has no valid cosignature: %v", err)
	}
	if d := cosignature.At().Sub(c.now()); d.Abs() > maxClockDifference {
		return nil, refuse(Invalid, "its cosignature is of %s, and this machine's clock says %s",
			cosignature.At().Format(time.RFC3339), c.now().UTC().Format(time.RFC3339))
	}
	return cosignature, nil
}

// Check sends a request without a checkpoint, which a witness refuses, and returns an error if the URL is
// not that of a witness that can be reached.
func Check(ctx context.Context, h *http.Client, w Witness) error {
	r, err := newClient(h, time.Now).post(ctx, w, "")
	if err != nil {
		return err
	}
	if r.status != http.StatusBadRequest {
		return fmt.Errorf("it responds to an empty request with HTTP %d, and a witness with 400", r.status)
	}
	return nil
}

// prove proves that a log at a head has its first old records. The proof leads to the signed root, so
// a conflict at a witness is not caused by stored hashes that were altered.
func prove(hashes tlog.HashReader, head audit.Checkpoint, old int64) ([]audit.Hash, error) {
	if old == 0 || old == head.Size {
		return nil, nil
	}
	proof, err := tlog.ProveTree(head.Size, old, hashes)
	if err != nil {
		return nil, err
	}
	root, err := tlog.TreeHash(old, hashes)
	if err != nil {
		return nil, err
	}
	if tlog.CheckTree(proof, head.Size, head.Root, old, root) != nil {
		return nil, fmt.Errorf("the stored hashes of the log %s are not those of its signed head", head.Origin)
	}
	return proof, nil
}
