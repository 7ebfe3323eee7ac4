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

// Guard says who may read.
type Guard struct {
	// Token returns what opens the page: a bearer token, or in a browser the password
	// of any user. nil: everybody who reaches it may read.
	Token func() (string, error)
	// Host is the name under which people reach the page, besides localhost and IP
	// addresses; "" for none.
	Host string
}

// policy is the Content-Security-Policy of every answer: nothing from elsewhere,
// nothing inline, nothing around it.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxURL bounds what is asked, in bytes.
const maxURL = 8 << 10

// wrap puts the guard before a handler.
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
				log.Error("page broke", "path", r.URL.Path, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
				http.Error(w, "this page broke; cocsync's log says how", http.StatusInternalServerError)
			}
		}()
		refused.report()
		switch {
		case !g.ours(r.Host):
			http.Error(w, "this page is not served under that name; where it is yours, write it into page_url", http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "everything here is read only", http.StatusMethodNotAllowed)
		case len(r.RequestURI) > maxURL:
			http.Error(w, "this address is too long", http.StatusRequestURITooLong)
		case foreign(r.Header):
			http.Error(w, "the page of another site requested this: open it through a link, or enter its address", http.StatusForbidden)
		case !open(r.URL.Path) && !g.admits(r, log):
			if r.Header.Get("Authorization") != "" {
				refused.add(r)
			}
			h.Set("WWW-Authenticate", `Basic realm="cocsync: the token is the password", charset="UTF-8"`)
			http.Error(w, "this page asks for its token: as Authorization: Bearer, or as the password in a browser", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// foreign reports whether a browser asks for a page of another site, and not because a
// person follows a link to here: https://www.w3.org/TR/fetch-metadata/.
func foreign(h http.Header) bool {
	link := h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
	return h.Get("Sec-Fetch-Site") == "cross-site" && !link
}

// open reports whether an address says so little that everybody may ask.
func open(path string) bool { return path == healthyPath || path == readyPath }

// ours reports whether a Host header names this page. A name that somebody else
// points at this machine does not: with it a page of theirs could read this one in a
// browser here (DNS rebinding). An IP address can't be pointed elsewhere.
func (g Guard) ours(host string) bool {
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
		log.Error("page opened to nobody, its token cannot be read", "err", err)
		return false
	}
	scheme, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") { // its case is free: RFC 9110, section 11.1
		_, got, _ = r.BasicAuth()
	}
	// Hashed, so that the time it takes tells not even the length.
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
