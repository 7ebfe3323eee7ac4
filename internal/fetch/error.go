package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// Error is a call that brought nothing. errors.Is tells its class: one of coc's
// ErrNotFound, ErrRefused, ErrTemporary, ErrUnauthorized, ErrForbidden and
// ErrMalformed. It holds no secret, and no control characters.
type Error struct {
	Op        string // what was asked
	Status    int    // of HTTP; 0 when no answer came
	Code      string // COC's or the gateway's, such as COC.00042101
	Message   string // theirs, or what went wrong on the way
	Note      string // what a person can do about it
	RequestID string
	Action    string // the IAM action that the call needs, of ErrForbidden
	// External reports a response that is not COC's: no JSON, or an error without a
	// code. A proxy or a captive portal may have sent it, or another service.
	External bool
	// RetryAfter is how long COC asked to be left alone with this answer; 0 when
	// it did not say.
	RetryAfter time.Duration
	// Until is when the account may be asked again, where that is later than
	// the call could wait; else zero.
	Until time.Time

	class  error
	window time.Duration // of the limit that was hit, where the message names it
	pace   float64       // requests a second that this limit allows
	held   bool          // nothing was sent: an earlier answer forbids it
}

// Error says what was asked, what was answered and, where known, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + ": ")
	if e.Status != 0 {
		fmt.Fprintf(&b, "HTTP %d", e.Status)
		if e.Code != "" {
			b.WriteString(" " + e.Code)
		}
		if e.Message != "" {
			b.WriteString(": ")
		}
	}
	b.WriteString(e.Message)
	if e.Note != "" {
		b.WriteString("; " + e.Note)
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Reason is what COC or the network answered, without what differs between two
// responses to the same request.
func (e *Error) Reason() string {
	switch {
	case e.Status == 0:
		return e.Message
	case e.Message == "":
		return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", e.Status, e.Code))
	}
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", e.Status, e.Code)) + ": " + e.Message
}

// Unwrap returns the class.
func (e *Error) Unwrap() error { return e.class }

func (e *Error) is(class error) bool { return errors.Is(e.class, class) }

// LeaveAloneUntil is when the account may be asked again; zero when COC asked
// for no quiet that outlasts the call.
func (e *Error) LeaveAloneUntil() time.Time { return e.Until }

// again is the same error for another call, to which nothing was sent.
func (e *Error) again(op string) *Error {
	copied := *e
	copied.Op, copied.held = op, true
	return &copied
}

// The codes that mean something else than their status. Older gateways write
// APIG where newer ones write APIGW.
const (
	codeNoDocument  = "COC.00042101"
	codeBadValue    = "COC.00010002"
	codeBadValue2   = "COC.00014002"
	codeBadKey      = "APIGW.0301"
	codeNotAllowed  = "APIGW.0302"
	codeNotAllowed2 = "APIGW.0306"
	codeTooMany     = "APIGW.0308"
)

// classify sorts an answer that is not a document, nil when it may be one. code
// is "" when the body holds none that can be read.
func classify(status int, code string) error {
	if rest, old := strings.CutPrefix(code, "APIG."); old {
		code = "APIGW." + rest
	}
	switch {
	case status == http.StatusUnauthorized, code == codeBadKey:
		return coc.ErrUnauthorized
	case status == http.StatusForbidden, code == codeNotAllowed, code == codeNotAllowed2:
		return coc.ErrForbidden
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500,
		code == codeTooMany:
		return coc.ErrTemporary
	case status == http.StatusOK && code == "":
		return nil
	case code == codeNoDocument && (status == http.StatusBadRequest || status == http.StatusOK):
		return coc.ErrNotFound
	case code == codeNoDocument, code == codeBadValue, code == codeBadValue2, strings.HasPrefix(code, "APIGW."):
		return coc.ErrRefused
	case code != "" && (status >= 400 || status == http.StatusOK):
		return coc.ErrTemporary // COC's codes are not published
	}
	// A redirect, or a refusal that is not in COC's words: perhaps a proxy's,
	// or the endpoint is another service's. It settles nothing.
	return coc.ErrMalformed
}

// note says what a person can do about an answer, as far as its class tells.
func note(e *Error, action string) string {
	switch {
	case e.is(coc.ErrUnauthorized):
		return "check the access key and the secret key; they are left alone for five minutes, because COC locks a key pair that keeps failing"
	case e.is(coc.ErrForbidden):
		return "the user needs the IAM action " + action
	}
	return ""
}

// The clock may be off by 15 minutes before signatures are refused. From five on
// it is worth a word.
const (
	clockWord = 5 * time.Minute
	clockEnd  = "15 minutes"
)

// clockNote says by how much the clock here differs from COC's, "" when by
// little or when COC did not tell its time.
func clockNote(here, there time.Time) string {
	off := here.Sub(there).Round(time.Second)
	if there.IsZero() || off.Abs() <= clockWord {
		return ""
	}
	way := "ahead of"
	if off < 0 {
		way = "behind"
	}
	return fmt.Sprintf("the clock here is %s %s COC's, and signing allows %s: set the clock", off.Abs(), way, clockEnd)
}

// maxText bounds what of a foreign text goes into an error, in characters.
const maxText = 300

// minSecret is the fewest characters of a secret that are looked for in a text. What
// is shorter is left, or every other word would go.
const minSecret = 6

// minPart is the fewest characters of the beginning of a secret that are taken out:
// a gateway may cut off what it quotes.
const minPart = 12

// redact takes the key pair and the signature out of a text: a gateway may quote what
// it was sent, also escaped or cut off.
func redact(s string, kp KeyPair) string {
	for _, secret := range []string{kp.SecretKey, kp.SecurityToken, kp.AccessKey} {
		s = removePart(s, secret)
		for _, form := range []string{url.QueryEscape(secret), strings.ReplaceAll(secret, "/", `\/`)} {
			if form != secret {
				s = removePart(s, form)
			}
		}
	}
	return removeSignature(s)
}

// A signature is 64 hexadecimal digits. What is quoted after its name may be cut off;
// a request id has 32.
const (
	signatureDigits = 64
	minDigits       = 4
)

// removeSignature takes hexadecimal digits out that are a signature by their number or
// by the word before them.
func removeSignature(s string) string {
	var b strings.Builder
	for at := 0; at < len(s); {
		n := 0
		for at+n < len(s) && isHex(s[at+n]) {
			n++
		}
		if n >= signatureDigits || n >= minDigits && namesSignature(s[:at]) {
			b.WriteString(hidden)
			at += n
			continue
		}
		n = max(n, 1)
		b.WriteString(s[at : at+n])
		at += n
	}
	return b.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// namesSignature reports whether a text ends with the word signature and what may
// be between it and its value.
func namesSignature(s string) bool {
	s = strings.ToLower(s[max(0, len(s)-32):])
	return strings.HasSuffix(strings.TrimRight(s, " =:\"'\\\t%"), "signature") // the digits of an escape follow %
}

// removePart takes a secret out of a text, and its beginning where it is cut off.
func removePart(s, secret string) string {
	if len(secret) < minSecret {
		return s
	}
	s = strings.ReplaceAll(s, secret, hidden)
	if len(secret) <= minPart {
		return s
	}
	var b strings.Builder
	for {
		at := strings.Index(s, secret[:minPart])
		if at < 0 {
			return b.String() + s
		}
		n := minPart
		for n < len(secret) && at+n < len(s) && s[at+n] == secret[n] {
			n++
		}
		b.WriteString(s[:at] + hidden)
		s = s[at+n:]
	}
}

// foreign makes a text of others fit to be shown.
func foreign(s string, kp KeyPair) string {
	if len(s) > 16*maxText { // twice what is left: a secret that this cuts is cut again
		s = s[:16*maxText]
	}
	s = redact(s, kp)
	if len(s) > 8*maxText { // enough for maxText
		s = s[:8*maxText]
	}
	return text.Truncate(text.Visible(s), maxText)
}
