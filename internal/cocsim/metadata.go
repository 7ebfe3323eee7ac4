package cocsim

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Credentials are a temporary key pair of an ECS agency.
type Credentials struct {
	Access, Secret, SecurityToken string
	ExpiresAt                     time.Time
}

// Metadata is a fake of the metadata service of an ECS.
type Metadata struct {
	// NoTokens makes it an older service without access tokens. It is set before the
	// first request.
	NoTokens bool

	mu     sync.Mutex
	creds  Credentials
	tokens int // tokens that were issued
	asked  int // number of requests that returned credentials
}

// NewMetadata returns a service that returns creds. Without a key there is no agency,
// and the credentials are not found.
func NewMetadata(creds Credentials) *Metadata { return &Metadata{creds: creds} }

// Set changes the credentials that are returned from now on.
func (m *Metadata) Set(creds Credentials) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.creds = creds
}

// Served returns how often credentials were returned.
func (m *Metadata) Served() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// ServeHTTP responds as http://169.254.169.254 does.
func (m *Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "PUT /meta-data/latest/api/token":
		m.token(w, r)
	case "GET /openstack/latest/securitykey":
		m.securityKey(w, r)
	default:
		http.Error(w, "404 Not Found", http.StatusNotFound)
	}
}

func (m *Metadata) token(w http.ResponseWriter, r *http.Request) {
	if m.NoTokens {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get("X-Metadata-Token-Ttl-Seconds"))
	if err != nil || ttl < 1 || ttl > 21600 {
		http.Error(w, "400 Bad Request", http.StatusBadRequest)
		return
	}
	m.tokens++
	_, _ = w.Write([]byte(metadataToken(m.tokens)))
}

func metadataToken(n int) string { return digits("metadata token", n)[:40] }

func (m *Metadata) securityKey(w http.ResponseWriter, r *http.Request) {
	if !m.NoTokens && !m.knows(r.Header.Get("X-Metadata-Token")) {
		http.Error(w, "401 Unauthorized", http.StatusUnauthorized)
		return
	}
	if m.creds.Access == "" {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	m.asked++
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(encode(map[string]any{"credential": map[string]string{
		"access": m.creds.Access, "secret": m.creds.Secret, "securitytoken": m.creds.SecurityToken,
		"expires_at": m.creds.ExpiresAt.UTC().Format("2006-01-02T15:04:05.000000Z"),
	}}))
}

// knows reports whether the token was issued.
func (m *Metadata) knows(token string) bool {
	for n := 1; n <= m.tokens; n++ {
		if token == metadataToken(n) {
			return true
		}
	}
	return false
}
