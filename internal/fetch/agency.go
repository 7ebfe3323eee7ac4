package fetch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"cocsync/internal/coc"
)

const (
	// metadataURL is the address of an ECS's metadata service.
	metadataURL = "http://169.254.169.254"
	// refreshBefore is how long before they expire credentials are fetched again, as in
	// the official SDK.
	refreshBefore = 40 * time.Minute
	// refreshPause is how long no request is sent to the service after it failed or
	// returned credentials that expire soon.
	refreshPause = time.Minute
	// metadataTimeout bounds a request to the metadata service. On an ECS it responds at
	// once; elsewhere it never does.
	metadataTimeout = 3 * time.Second
	maxMetadata     = 64 << 10
)

// Agency gets temporary credentials from an ECS's metadata service and caches them
// until shortly before they expire.
type Agency struct {
	BaseURL string // "": the service's fixed address
	Now     func() time.Time

	mu      sync.Mutex // held during a refresh, which takes a few seconds at most
	kept    KeyPair
	failed  error     // of the newest refresh
	retryAt time.Time // a refresh before then is pointless
}

// Format hides the cached key pair with every verb.
func (a *Agency) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("ECS agency")) }

// KeyPair is a Source. It returns the cached key pair while it is valid and not refused, else
// a new one from the service.
func (a *Agency) KeyPair(ctx context.Context, refused KeyPair) (KeyPair, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if refused.AccessKey != "" && a.kept.same(refused) {
		a.kept, a.retryAt = KeyPair{}, time.Time{}
	}
	if now := a.Now(); a.kept.ExpiresAt.Sub(now) < refreshBefore && !now.Before(a.retryAt) {
		k, err := a.fetch(ctx)
		if ctx.Err() != nil {
			return KeyPair{}, context.Cause(ctx)
		}
		a.failed, a.retryAt = err, a.Now().Add(refreshPause)
		if err == nil {
			a.kept = k
		}
	}
	if a.failed != nil && !a.Now().Before(a.kept.ExpiresAt) {
		return KeyPair{}, a.failed
	}
	return a.kept, nil
}

// fetch asks the service for a token, if it supports tokens, then for credentials.
func (a *Agency) fetch(ctx context.Context) (KeyPair, error) {
	token, err := a.ask(ctx, http.MethodPut, "/meta-data/latest/api/token", "X-Metadata-Token-Ttl-Seconds", "21600")
	var status statusError
	if errors.As(err, &status) && (status == 404 || status == 405 || status == 503) {
		token, err = nil, nil // an older service has and needs none
	}
	if err != nil {
		return KeyPair{}, err
	}
	body, err := a.ask(ctx, http.MethodGet, "/openstack/latest/securitykey", "X-Metadata-Token", strings.TrimSpace(string(token)))
	if errors.As(err, &status) && status == 404 {
		return KeyPair{}, absent{"ECS agency: the ECS has no agency"}
	}
	if err != nil {
		return KeyPair{}, err
	}
	var answer struct {
		Credential KeyPair `json:"credential"`
	}
	// The decoder's error is not shown: it may quote what it read.
	if json.Unmarshal(body, &answer) != nil || answer.Credential.ExpiresAt.IsZero() {
		return KeyPair{}, fmt.Errorf("ECS agency: the metadata service's response has no credentials with an expiry time: %w", coc.ErrTemporary)
	}
	return answer.Credential, nil
}

// statusError is the HTTP status of a failed request to the metadata service.
type statusError int

func (s statusError) Error() string {
	return fmt.Sprintf("ECS agency: the metadata service returned HTTP %d", int(s))
}

// Unwrap makes it temporary: the service belongs to the machine and recovers.
func (s statusError) Unwrap() error { return coc.ErrTemporary }

// ask sends one request with one header, which is left out if its value is empty.
func (a *Agency) ask(ctx context.Context, method, path, header, value string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, cmp.Or(a.BaseURL, metadataURL)+path, nil)
	if err != nil {
		return nil, errors.New("ECS agency: the metadata service's address is not a valid URL")
	}
	if value != "" {
		r.Header.Set(header, value)
	}
	var body []byte
	client := http.Client{ // without a proxy
		Transport:     &http.Transport{DialContext: (&net.Dialer{Timeout: metadataTimeout}).DialContext, DisableKeepAlives: true},
		Timeout:       metadataTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, statusError(resp.StatusCode)
		}
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxMetadata))
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	if err != nil { // most likely this machine is not an ECS
		return nil, absent{"ECS agency: the metadata service does not respond: " + err.Error()}
	}
	return body, nil
}
