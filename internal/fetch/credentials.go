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

// KeyPair is what requests are signed with. However it is printed, it shows
// nothing of itself.
type KeyPair struct {
	AccessKey     string
	SecretKey     string
	SecurityToken string    // of temporary credentials
	ExpiresAt     time.Time // zero: never
}

const hidden = "***"

// String hides the key pair.
func (KeyPair) String() string { return hidden }

// GoString hides the key pair from %#v.
func (KeyPair) GoString() string { return hidden }

// Format hides the key pair from every verb: %d would print the fields.
func (KeyPair) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue hides the key pair from slog.
func (KeyPair) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON hides the key pair from encoding/json.
func (KeyPair) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// keyID tells key pairs apart, without being one.
type keyID [sha256.Size]byte

// id is over all but the end, which may differ between two readings of a pair.
func (k KeyPair) id() keyID {
	return sha256.Sum256([]byte(k.AccessKey + "\x00" + k.SecretKey + "\x00" + k.SecurityToken))
}

func (k KeyPair) same(o KeyPair) bool { return k.id() == o.id() }

// check finds what no key pair holds before it is sent anywhere.
func (k KeyPair) check() error {
	for _, part := range []struct{ name, value string }{
		{"access key", k.AccessKey}, {"secret key", k.SecretKey}, {"security token", k.SecurityToken},
	} {
		if part.value == "" && part.name != "security token" {
			return fmt.Errorf("the %s is empty", part.name)
		}
		for _, b := range []byte(part.value) {
			if b <= ' ' || b >= 0x7f || b == ',' {
				return fmt.Errorf("the %s holds a space, a line break or another character that has no place in one", part.name)
			}
		}
	}
	return nil
}

// Source is where key pairs come from. It is asked before each request, so that
// keys can be changed while the program runs. An error that wraps
// coc.ErrTemporary may be gone at the next call.
type Source interface {
	KeyPair(ctx context.Context) (KeyPair, error)
}

// forgetter is a source that keeps key pairs, and can be told that one of them
// was refused.
type forgetter interface{ forget(KeyPair) }

// Func is a source made of a function.
type Func func(context.Context) (KeyPair, error)

// KeyPair calls the function.
func (f Func) KeyPair(ctx context.Context) (KeyPair, error) { return f(ctx) }

// Static is a source that always has the same key pair.
func Static(k KeyPair) Source {
	return Func(func(context.Context) (KeyPair, error) { return k, nil })
}

// absent is the error of a source that has nothing to offer, after which a chain
// asks the next one. Any other error, such as half a key pair, ends the chain:
// going on could mean another account's keys.
type absent struct{ why string }

func (a absent) Error() string { return a.why }

// Chain asks one source after the other and takes the first key pair.
type Chain []Source

// DefaultChain is the order of Huawei Cloud's SDKs: environment, profile file,
// ECS agency.
func DefaultChain() Source { return Chain{Env{}, Profile{}, &Agency{}} }

// KeyPair returns the first key pair, or what each source lacks.
func (c Chain) KeyPair(ctx context.Context) (KeyPair, error) {
	var lacks []string
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
		lacks = append(lacks, err.Error())
	}
	err := fmt.Errorf("no key pair found (%s); set %s and %s, or access_key and secret_key in the configuration, "+
		"or write a profile file, or give the ECS an agency", strings.Join(lacks, "; "), envAccess, envSecret)
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
