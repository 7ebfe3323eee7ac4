package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
)

// Guard restricts access to the site.
type Guard struct {
	// Token returns the token that clients must send: as a bearer token, or as the password
	// of any user in a browser. A nil Token disables the check.
	Token func() (string, error)
	// Host is the accepted host name, in addition to localhost and IP addresses; "" for
	// none.
	Host string
}

// policy is the Content-Security-Policy of every response. It allows no content of other
// sites, no inline styles or scripts, and no framing.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxURL is the maximum length of a request URI in bytes.
const maxURL = 8 << 10

// wrap returns a handler that checks requests before it calls next.
func (g Guard) wrap(next http.Handler, log *slog.Logger) http.Handler {
	refused := refusals{log: log}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "private, no-cache")
		defer func() {
			if p := recover(); p != nil {
				log.Error("handler panicked", "path", r.URL.Path, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
				http.Error(w, "internal error; see cocsync's log for details", http.StatusInternalServerError)
			}
		}()
		refused.report()
		switch {
		case !g.accepts(r.Host):
			http.Error(w, "unknown host name; if the name is yours, set page_url in the configuration", http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "this site is read-only", http.StatusMethodNotAllowed)
		case len(r.RequestURI) > maxURL:
			http.Error(w, "the address is too long", http.StatusRequestURITooLong)
		case foreign(r.Header):
			http.Error(w, "requests from pages of other sites are refused; follow a link or enter the address", http.StatusForbidden)
		case !open(r.URL.Path) && !g.admits(r, log):
			if r.Header.Get("Authorization") != "" {
				refused.add(r)
			}
			h.Set("WWW-Authenticate", `Basic realm="cocsync: the token is the password", charset="UTF-8"`)
			http.Error(w, "a token is required: send it as Authorization: Bearer, or enter it as the password in a browser", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// foreign reports whether a page of another site sent the request, other than by a link
// that the user followed: https://www.w3.org/TR/fetch-metadata/.
func foreign(h http.Header) bool {
	link := h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
	return h.Get("Sec-Fetch-Site") == "cross-site" && !link
}

// open reports whether an address needs no token.
func open(path string) bool { return path == healthyPath || path == readyPath }

// accepts reports whether a Host header names this site. Other names are refused because a
// foreign site could resolve its name to this machine and read pages through a browser
// (DNS rebinding). IP addresses are safe.
func (g Guard) accepts(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return strings.EqualFold(name, "localhost") || g.Host != "" && strings.EqualFold(name, g.Host)
}

// admits reports whether a request has the token.
func (g Guard) admits(r *http.Request, log *slog.Logger) bool {
	if g.Token == nil {
		return true
	}
	want, err := g.Token()
	if err != nil || want == "" {
		log.Error("all requests refused, the token cannot be read", "err", err)
		return false
	}
	scheme, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") { // case-insensitive: RFC 9110, section 11.1
		_, got, _ = r.BasicAuth()
	}
	// Hashes, because the time of ConstantTimeCompare depends on the length.
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
