package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// Error is a failed call. errors.Is tells its class: one of coc's ErrNotFound,
// ErrRefused, ErrTemporary, ErrUnauthorized, ErrForbidden and ErrMalformed. It has no
// secret and no control characters.
type Error struct {
	Op        string // what was requested
	Status    int    // of HTTP; 0 if there was no response
	Code      string // COC's or the gateway's, such as COC.00042101
	Message   string // COC's or the gateway's, or the network error
	Note      string // how to fix it
	RequestID string
	Action    string // the IAM action that the call needs, of ErrForbidden
	// External reports a response that is not COC's: not JSON, or an error without a
	// code. A proxy, a captive portal or another service may have sent it.
	External bool
	// RetryAfter is the pause that COC asked for with this response; 0 if it asked for
	// none.
	RetryAfter time.Duration
	// Until is the end of the account's pause if it is later than the call could wait;
	// else zero.
	Until time.Time

	class  error
	window time.Duration // of the limit that was reached, if the message has it
	pace   float64       // requests a second that this limit allows
	final  bool          // the call sends nothing after it
}

// Error says what was requested, what the response was and, if known, how to fix it.
func (e *Error) Error() string {
	text := e.Op + ": " + e.Reason()
	if e.Note != "" {
		text += "; " + e.Note
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Reason is the response of COC or the network without what differs between two
// responses to the same request.
func (e *Error) Reason() string {
	if e.Status == 0 {
		return e.Message
	}
	text := strings.TrimSpace(fmt.Sprintf("HTTP %d %s", e.Status, e.Code))
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Unwrap returns the class.
func (e *Error) Unwrap() error { return e.class }

func (e *Error) is(class error) bool { return errors.Is(e.class, class) }

// PausedUntil is the end of the account's pause; zero if COC asked for none that
// outlasts the call.
func (e *Error) PausedUntil() time.Time { return e.Until }

// forOp returns the same error for another call, for which nothing was sent.
func (e *Error) forOp(op string) *Error {
	copied := *e
	copied.Op, copied.final = op, true
	return &copied
}

// Codes that do not mean the same as their status. Older gateways use APIG instead of
// APIGW.
const (
	codeNoDocument  = "COC.00042101"
	codeBadValue    = "COC.00010002"
	codeBadValue2   = "COC.00014002"
	codeBadKey      = "APIGW.0301"
	codeNotAllowed  = "APIGW.0302"
	codeNotAllowed2 = "APIGW.0306"
	codeTooMany     = "APIGW.0308"
)

// classify returns the class of an error response; nil if the response may have a
// document. code is "" if the body has none.
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
	// A redirect, or a refusal without COC's code: perhaps a proxy's, or the endpoint
	// belongs to another service. It proves nothing.
	return coc.ErrMalformed
}

// Signatures are refused if the clock differs by 15 minutes. From five minutes on the
// user is warned.
const (
	clockWord = 5 * time.Minute
	clockEnd  = "15 minutes"
)

// clockNote returns by how much this machine's clock differs from COC's; "" if it
// differs by little or COC sent no time.
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

// maxText bounds, in characters, what an error quotes from a response.
const maxText = 300

// minSecret is the minimum length of a secret that is removed from a text. Shorter
// ones would match ordinary words.
const minSecret = 6

// minPart is the minimum length of the prefix of a secret that is removed: a gateway
// may truncate what it quotes.
const minPart = 12

// redact removes the key pair and the signature from a text: a gateway may quote what
// it was sent, also escaped or truncated.
func redact(s string, kp KeyPair) string {
	for _, secret := range []string{kp.SecretKey, kp.SecurityToken, kp.AccessKey} {
		for _, form := range []string{secret, url.QueryEscape(secret), strings.ReplaceAll(secret, "/", `\/`)} {
			s = removePart(s, form)
		}
	}
	// A signature is 64 hexadecimal digits. What is quoted after its name may be truncated;
	// a request id has 32.
	if len(s) < 64 && !strings.Contains(strings.ToLower(s), "signature") {
		return s
	}
	signature := regexp.MustCompile(`(?i)(signature[ =:"'\\\t%]*)[0-9a-f]{4,}|[0-9a-f]{64,}`)
	return signature.ReplaceAllString(s, "${1}"+hidden)
}

// removePart removes a secret from a text, or its prefix if it is truncated.
func removePart(s, secret string) string {
	if len(secret) < minSecret {
		return s
	}
	for n := min(len(secret), len(s)); n >= min(len(secret), minPart); n-- {
		s = strings.ReplaceAll(s, secret[:n], hidden)
	}
	return s
}

// foreign makes a text from a response safe to show.
func foreign(s string, kp KeyPair) string {
	if len(s) > 16*maxText { // twice the final length: a secret that is truncated here is truncated again
		s = s[:16*maxText]
	}
	s = redact(s, kp)
	if len(s) > 8*maxText { // enough for maxText
		s = s[:8*maxText]
	}
	return text.Truncate(text.Visible(s), maxText)
}
