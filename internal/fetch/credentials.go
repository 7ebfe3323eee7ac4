package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"cocsync/internal/coc"
)

// KeyPair signs requests. No format shows its keys.
type KeyPair struct {
	AccessKey     string
	SecretKey     string
	SecurityToken string    // of temporary credentials
	ExpiresAt     time.Time // zero: never
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

// id covers everything except the end, which may differ between two reads of one pair.
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

// Source returns key pairs. It is called before each request, so that keys can change
// while the program runs. An error that wraps coc.ErrTemporary may be gone at the next
// call.
type Source interface {
	KeyPair(ctx context.Context) (KeyPair, error)
}

// forgetter is a source that caches key pairs. It drops one that was refused.
type forgetter interface{ forget(KeyPair) }

// Func is a function as a Source.
type Func func(context.Context) (KeyPair, error)

// KeyPair calls the function.
func (f Func) KeyPair(ctx context.Context) (KeyPair, error) { return f(ctx) }

// Static is a source that always has the same key pair.
func Static(k KeyPair) Source {
	return Func(func(context.Context) (KeyPair, error) { return k, nil })
}

// absent is the error of a source that has no key pair, after which a chain tries the
// next one. Any other error, such as half a key pair, ends the chain: the next source
// could have another account's keys.
type absent struct{ why string }

func (a absent) Error() string { return a.why }

// Chain tries its sources in order and returns the first key pair.
type Chain []Source

// DefaultChain is the order of Huawei Cloud's SDKs: environment, profile file,
// ECS agency.
func DefaultChain() Source { return Chain{Env{}, Profile{}, &Agency{}} }

// KeyPair returns the first key pair, or an error that says what each source is
// missing.
func (c Chain) KeyPair(ctx context.Context) (KeyPair, error) {
	var missing []string
	var class error
	for _, s := range c {
		k, err := s.KeyPair(ctx)
		if err == nil {
			return k, nil
		}
		if !errors.As(err, new(absent)) {
			return KeyPair{}, err
		}
		if errors.Is(err, coc.ErrTemporary) {
			class = coc.ErrTemporary
		}
		missing = append(missing, err.Error())
	}
	err := fmt.Errorf("no key pair found (%s); set %s and %s, or access_key and secret_key in the configuration, "+
		"or write a profile file, or give the ECS an agency", strings.Join(missing, "; "), envAccess, envSecret)
	if class != nil {
		return KeyPair{}, fmt.Errorf("%w: %w", err, class)
	}
	return KeyPair{}, err
}

func (c Chain) forget(k KeyPair) {
	for _, s := range c {
		if f, ok := s.(forgetter); ok {
			f.forget(k)
		}
	}
}
