package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key is the secret of an archive. It signs the heads of all its logs; two further keys
// recognize erased contents and authenticate frozen messages.
type Key struct {
	signing          ed25519.PrivateKey
	erasure, message []byte
	previous         []PublicKey // the keys that it replaced, the oldest first
}

// keySize is the size of the erasure and the message key in bytes, that of SHA-256.
const keySize = sha256.Size

// NewKey makes a key.
func NewKey() (*Key, error) {
	_, signing, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	k := &Key{signing: signing, erasure: make([]byte, keySize), message: make([]byte, keySize)}
	rand.Read(k.erasure) // it never fails: https://pkg.go.dev/crypto/rand#Read
	rand.Read(k.message)
	return k, nil
}

// Successor makes a key that replaces this one. Erased contents are still recognized with it; frozen
// messages are not.
func (k *Key) Successor() (*Key, error) {
	next, err := NewKey()
	if err != nil {
		return nil, err
	}
	next.erasure, next.previous = k.erasure, append(slices.Clone(k.previous), k.Public())
	return next, nil
}

// Previous returns the public keys that this one replaced, the oldest first.
func (k *Key) Previous() []PublicKey { return k.previous }

// Public returns the public half of the signing key.
func (k *Key) Public() PublicKey { return PublicKey(k.signing.Public().(ed25519.PublicKey)) }

// Sign signs a checkpoint under the name of its log. More keys sign it, too.
func (k *Key) Sign(c Checkpoint, more ...*Key) ([]byte, error) {
	return k.SignText(c.Origin, c.Text(), more...)
}

// SignText signs a text, which ends with a line feed, under a name: the result is a note,
// https://c2sp.org/signed-note. More keys sign it, too.
func (k *Key) SignText(name, text string, more ...*Key) ([]byte, error) {
	var signers []note.Signer
	for _, k := range append([]*Key{k}, more...) {
		v, err := note.NewVerifier(k.Public().Verifier(name))
		if err != nil {
			return nil, err
		}
		signers = append(signers, signer{v, k.signing})
	}
	return note.Sign(&note.Note{Text: text}, signers...)
}

// signer is a note.Signer of a key under a name.
type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

// Erased returns a keyed hash of the SHA-256 of an erased content, by which it is recognized if COC
// serves it again. Without the key it says nothing about the content.
func (k *Key) Erased(hash []byte) []byte { return keyedHash(k.erasure, hash) }

// ErasureID identifies the key of Erased, which a successor keeps.
func (k *Key) ErasureID() []byte { return keyedHash(k.erasure, []byte("cocsync erasure key"))[:8] }

// Authenticate returns the code that a frozen message must have.
func (k *Key) Authenticate(message []byte) []byte { return keyedHash(k.message, message) }

func keyedHash(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}

// PublicKey verifies what a Key signed. It is an Ed25519 key of 32 bytes.
type PublicKey ed25519.PublicKey

// Verifier returns the verifier key of a log, as in
// https://pkg.go.dev/golang.org/x/mod/sumdb/note: its name, a hash, and the key.
func (p PublicKey) Verifier(origin string) string {
	line, err := note.NewEd25519VerifierKey(origin, ed25519.PublicKey(p))
	if err != nil {
		return "" // not a key of 32 bytes
	}
	return line
}

// Equal reports whether two keys are the same.
func (p PublicKey) Equal(o PublicKey) bool { return bytes.Equal(p, o) }

// Fingerprint identifies the key with 32 hexadecimal digits: the first half of the SHA-256
// of its bytes.
func (p PublicKey) Fingerprint() string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:16])
}

// ParseVerifier parses a verifier key, and returns the name of its log and the key.
func ParseVerifier(line string) (origin string, p PublicKey, err error) {
	line = strings.TrimSpace(line)
	v, err := note.NewVerifier(line)
	if err != nil {
		return "", nil, fmt.Errorf("%q is not a verifier key: it has a name, eight digits and a key in base64, separated by +", line)
	}
	// NewVerifier has checked that the third part is one byte for Ed25519, and the key.
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(line, "+", 3)[2])
	if err != nil {
		return "", nil, err
	}
	return v.Name(), PublicKey(raw[1:]), nil
}

// keyHead is the first line of a key file.
const keyHead = "cocsync key v1"

// Write writes a new key file that only its owner can read, and syncs it. It never
// overwrites a file. After an error there is no file.
func (k *Key) Write(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString
	_, err = fmt.Fprintf(f, "%s\nsigning %s\nerasure %s\nmessage %s\n", keyHead, text(k.signing.Seed()), text(k.erasure), text(k.message))
	for _, p := range k.previous {
		_, err2 := fmt.Fprintf(f, "previous %s\n", text(p))
		err = errors.Join(err, err2)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// maxKey bounds a key file in bytes.
const maxKey = 4096

// ReadKey reads a key file.
func ReadKey(path string) (*Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKey {
		return nil, fmt.Errorf("%s is not a key file", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k, err := parseKey(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// parseKey parses a key file. Its errors do not contain the text, which is secret.
func parseKey(text string) (*Key, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 4 || lines[0] != keyHead {
		return nil, fmt.Errorf("it is not a key file: a key file has four lines or more and starts with %q", keyHead)
	}
	var parts [][]byte
	names := []string{"signing", "erasure", "message"}
	for i, line := range lines[1:] {
		name := "previous"
		if i < len(names) {
			name = names[i]
		}
		encoded, ok := strings.CutPrefix(line, name+" ")
		b, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || err != nil || len(b) != keySize {
			return nil, fmt.Errorf("line %d is not the %s key: 32 bytes in base64", i+2, name)
		}
		parts = append(parts, b)
	}
	k := &Key{signing: ed25519.NewKeyFromSeed(parts[0]), erasure: parts[1], message: parts[2]}
	for _, p := range parts[len(names):] {
		k.previous = append(k.previous, PublicKey(p))
	}
	return k, nil
}
