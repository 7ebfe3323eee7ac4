package coc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Form says how the bytes of a content must be read.
type Form int

const (
	// FormText is the normal case: the bytes are the text, valid UTF-8.
	FormText Form = 0
	// FormToken is a content that no Unicode text can represent exactly (lone surrogates,
	// invalid UTF-8): the bytes are the raw JSON string token as COC sent it, with its
	// quotes.
	FormToken Form = 1
)

// Content is the text of one version, byte for byte.
type Content struct {
	Bytes []byte
	Form  Form
}

// Hash is the identity of a content.
type Hash [sha256.Size]byte

// Hash returns the SHA-256 of the bytes. For a raw token a 0xFF byte, which is in no
// text, is hashed first, so a token and a text never share a hash.
func (c Content) Hash() Hash {
	if c.Form == FormText {
		return sha256.Sum256(c.Bytes)
	}
	h := sha256.New()
	h.Write([]byte{0xFF})
	h.Write(c.Bytes)
	return Hash(h.Sum(nil))
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash parses what String returns.
func ParseHash(s string) (h Hash, err error) {
	b, err := hex.DecodeString(s)
	if err == nil && copy(h[:], b) != len(b) || len(b) != len(h) {
		err = fmt.Errorf("%q is not a SHA-256", s)
	}
	return h, err
}
