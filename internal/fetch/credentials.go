package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// KeyPair signs requests. No format shows its keys. The tags are the names in the metadata
// service's responses.
type KeyPair struct {
	AccessKey     string    `json:"access"`
	SecretKey     string    `json:"secret"`
	SecurityToken string    `json:"securitytoken"` // of temporary credentials
	ExpiresAt     time.Time `json:"expires_at"`    // zero: never
}

const hidden = "***"

// Format hides the key pair from every verb.
func (KeyPair) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue hides the key pair from slog.
func (KeyPair) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON hides the key pair from encoding/json.
func (KeyPair) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// keyID identifies a key pair without revealing it.
type keyID [sha256.Size]byte

// id covers everything except the expiry time, which may differ between two reads of one pair.
func (k KeyPair) id() keyID {
	return sha256.Sum256([]byte(k.AccessKey + "\x00" + k.SecretKey + "\x00" + k.SecurityToken))
}

func (k KeyPair) same(o KeyPair) bool { return k.id() == o.id() }

// check rejects an invalid key pair before it is sent.
func (k KeyPair) check() error {
	for _, part := range []struct{ name, value string }{
		{"access key", k.AccessKey}, {"secret key", k.SecretKey}, {"security token", k.SecurityToken},
	} {
		if part.value == "" && part.name != "security token" {
			return fmt.Errorf("the %s is empty", part.name)
		}
		for _, b := range []byte(part.value) {
			if b <= ' ' || b >= 0x7f || b == ',' {
				return fmt.Errorf("the %s has a space, a line break or another invalid character", part.name)
			}
		}
	}
	return nil
}

// Source returns a key pair. It is called before each request, so that keys can change
// while the program runs. refused is the pair that COC has just refused, else the zero value:
// a source that caches it drops it. An error that wraps coc.ErrTemporary may be gone at the
// next call.
type Source func(ctx context.Context, refused KeyPair) (KeyPair, error)

// Static is a source that always has the same key pair.
func Static(k KeyPair) Source {
	return func(context.Context, KeyPair) (KeyPair, error) { return k, nil }
}

// absent is the error of a source that has no key pair, after which a chain tries the
// next one. Any other error, such as half a key pair, ends the chain: the next source
// could have another account's keys.
type absent struct{ why string }

func (a absent) Error() string { return a.why }

// DefaultChain is the order of Huawei Cloud's SDKs: environment, profile file,
// ECS agency.
func DefaultChain() Source { return chain(env, profile, (&Agency{Now: time.Now}).KeyPair) }

// chain tries sources in order and returns the first key pair, or an error that says what
// each source is missing.
func chain(sources ...Source) Source {
	return func(ctx context.Context, refused KeyPair) (KeyPair, error) {
		var missing []string
		for _, source := range sources {
			k, err := source(ctx, refused)
			if err == nil || !errors.As(err, new(absent)) {
				return k, err
			}
			missing = append(missing, err.Error())
		}
		return KeyPair{}, fmt.Errorf("no key pair found (%s); set %s and %s, or access_key and secret_key in the configuration, "+
			"or write a profile file, or give the ECS an agency", strings.Join(missing, "; "), envAccess, envSecret)
	}
}
