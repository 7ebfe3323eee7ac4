package audit

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a tree head: the log's name, its number of leaves, and their root.
// Signed, it is a note as in https://c2sp.org/tlog-checkpoint.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// Text returns what is signed.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// ParseCheckpoint parses what Text writes. It ignores further lines, which the format
// allows.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return c, errors.New("a checkpoint has three lines: origin, size and root")
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, fmt.Errorf("%q is not a valid log size", lines[1])
	}
	c.Root, err = ParseRoot(lines[2])
	return c, err
}

// ParseRoot parses a root in base64, as in checkpoints and messages.
func ParseRoot(text string) (Hash, error) {
	root, err := tlog.ParseHash(text)
	if err != nil || root.String() != text {
		return Hash{}, fmt.Errorf("%q is not a valid root: it has 44 characters and ends with =", text)
	}
	return root, nil
}

// Key is a private key of a log, and its name.
type Key struct {
	Public  string // the key that verifies what Key signed, as a note's verifier key
	private string
	signer  note.Signer
}

// ID identifies the key with eight hexadecimal digits.
func (k *Key) ID() string { return KeyID(k.Public) }

// KeyID returns the ID of a public key; "" if the key is invalid.
func KeyID(public string) string {
	v, err := note.NewVerifier(public)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%08x", v.KeyHash())
}

// Sign signs a checkpoint.
func (k *Key) Sign(c Checkpoint) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Text()}, k.signer)
}

// Open verifies a signed checkpoint with a public key, and returns it.
func Open(signed []byte, public string) (c Checkpoint, err error) {
	v, err := note.NewVerifier(public)
	if err != nil {
		return c, fmt.Errorf("public key: %w", err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return c, err
	}
	return ParseCheckpoint(n.Text)
}

// Peek parses a signed checkpoint without verifying its signature.
func Peek(signed []byte) (Checkpoint, error) {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	return ParseCheckpoint(string(text) + "\n")
}

// NewKey makes a key for a log with a name.
func NewKey(origin string) (*Key, error) {
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, err
	}
	return ParseKey(private, public)
}

// ParseKey parses a private key, and its public one.
func ParseKey(private, public string) (*Key, error) {
	k := &Key{private: strings.TrimSpace(private), Public: strings.TrimSpace(public)}
	var err error
	if k.signer, err = note.NewSigner(k.private); err != nil {
		return nil, errors.New("it is not a signing key") // its text is secret
	}
	v, err := note.NewVerifier(k.Public)
	if err != nil {
		return nil, fmt.Errorf("its public half: %w", err)
	}
	if v.KeyHash() != k.signer.KeyHash() || v.Name() != k.signer.Name() {
		return nil, errors.New("its two halves do not belong together")
	}
	return k, nil
}

// WriteKey writes a new key to a file that only its owner can read: the private half
// and the public one, a line each. It never overwrites a file.
func WriteKey(path string, k *Key) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(k.private + "\n" + k.Public + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// ReadKey reads a file of WriteKey.
func ReadKey(path string) (*Key, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	private, public, _ := strings.Cut(string(b), "\n")
	k, err := ParseKey(private, public)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}
