package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// WitnessKey verifies the cosignatures of a witness: https://c2sp.org/tlog-cosignature. It has
// the key's text, so keys can be compared.
type WitnessKey struct {
	name string
	hash uint32
	key  [ed25519.PublicKeySize]byte
}

// algCosignature is the type of an Ed25519 key for cosignatures, and cosignatureSize the size of
// such a cosignature: a time and a signature.
const (
	algCosignature  = 4
	cosignatureSize = 8 + ed25519.SignatureSize
)

// ParseWitnessKey parses the verifier key of a witness.
func ParseWitnessKey(line string) (k WitnessKey, err error) {
	line = strings.TrimSpace(line)
	name, rest, _ := strings.Cut(line, "+")
	hash, encoded, ok := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	id, err2 := strconv.ParseUint(hash, 16, 32)
	switch {
	case !ok || err != nil || err2 != nil || len(hash) != 8 || len(key) == 0 || name == "" || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, unicode.IsSpace):
		return k, fmt.Errorf("%q is not the verifier key of a witness: it has a name, eight digits and a key in base64, separated by +", line)
	case key[0] == 1:
		return k, fmt.Errorf("%q is the key of a log, not of a witness, whose keys have the type 4", line)
	case key[0] != algCosignature || len(key) != 1+ed25519.PublicKeySize:
		return k, fmt.Errorf("%q has the type %d, which is not supported: use the Ed25519 key of the witness, which has the type 4", line, key[0])
	}
	k = WitnessKey{name: name, hash: uint32(id), key: [ed25519.PublicKeySize]byte(key[1:])}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	if binary.BigEndian.Uint32(sum[:]) != k.hash || k.String() != line {
		return WitnessKey{}, fmt.Errorf("%q is damaged: its digits do not match its name and its key", line)
	}
	return k, nil
}

// Name returns the name of the witness.
func (k WitnessKey) Name() string { return k.name }

// KeyHash returns the id of the key. It has 32 bits and identifies nothing.
func (k WitnessKey) KeyHash() uint32 { return k.hash }

// String returns the verifier key.
func (k WitnessKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.hash, base64.StdEncoding.EncodeToString(append([]byte{algCosignature}, k.key[:]...)))
}

// Verify reports whether a signature is a cosignature of the text of a checkpoint. With it, the key
// is a note.Verifier.
func (k WitnessKey) Verify(text, signature []byte) bool {
	if len(signature) != cosignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(signature)
	return at <= math.MaxInt64 && ed25519.Verify(k.key[:], fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text), signature[8:])
}

// Cosignature is the cosignature of a checkpoint: when the witness made it, in seconds since 1970
// (8 bytes), and its Ed25519 signature.
type Cosignature []byte

// At returns when the witness made it.
func (c Cosignature) At() time.Time {
	if len(c) != cosignatureSize {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(c)), 0).UTC()
}

// Line returns the signature line of a note.
func (c Cosignature) Line(k WitnessKey) string {
	return "— " + k.name + " " + base64.StdEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, k.hash), c...)) + "\n"
}

// ErrNotCosigned means that a note has no cosignature of a witness.
var ErrNotCosigned = errors.New("it has no cosignature of this witness")

// Cosigned returns the cosignature of a witness in a signed checkpoint. The error is ErrNotCosigned
// if it has none, and another one if it is not valid.
func Cosigned(signed []byte, k WitnessKey) (Cosignature, error) {
	n, err := note.Open(signed, note.VerifierList(k))
	if _, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return nil, ErrNotCosigned
	}
	if _, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
		return nil, fmt.Errorf("the cosignature of %s does not match its key and this checkpoint", k.name)
	}
	if err != nil {
		return nil, err
	}
	if _, err := ParseCheckpoint(n.Text); err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil {
		return nil, err
	}
	return b[4:], nil // without the key's id
}
