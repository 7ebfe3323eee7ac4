package audit

import (
	"errors"
	"fmt"
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
	if c.Size, err = parseSize(lines[1]); err != nil {
		return c, err
	}
	c.Root, err = ParseRoot(lines[2])
	return c, err
}

// maxSize is the largest number of leaves. Package tlog computes with twice as many, and does not
// return if they are more than an int64.
const maxSize = 1 << 60

// parseSize parses a number of leaves in its only form.
func parseSize(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxSize || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("%q is not a valid log size", text)
	}
	return n, nil
}

// ParseRoot parses a root in base64, as in checkpoints and messages.
func ParseRoot(text string) (Hash, error) {
	root, err := tlog.ParseHash(text)
	if err != nil || root.String() != text {
		return Hash{}, fmt.Errorf("%q is not a valid root: it has 44 characters and ends with =", text)
	}
	return root, nil
}

// ErrSignature means that a note has no valid signature of the key.
var ErrSignature = errors.New("it is not signed by this key")

// OpenText verifies a note that a key signed under a name, and returns its text.
func OpenText(signed []byte, name string, p PublicKey) (text string, err error) {
	if p == nil {
		return "", fmt.Errorf("%w: there is no key", ErrSignature)
	}
	v, err := note.NewVerifier(p.Verifier(name))
	if err != nil { // its name has a space or +
		return "", fmt.Errorf("%w: %w", ErrSignature, err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	var other *note.UnverifiedNoteError
	switch {
	case errors.As(err, &other):
		return "", ErrSignature // of other keys only
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return n.Text, nil
}

// Open verifies a signed checkpoint, and returns it. The key must have signed it under the
// name of the log.
func Open(signed []byte, p PublicKey) (c Checkpoint, err error) {
	if c, err = Peek(signed); err != nil {
		return c, err
	}
	text, err := OpenText(signed, c.Origin, p)
	if err != nil {
		return Checkpoint{}, err
	}
	return ParseCheckpoint(text)
}

// OpenAny is Open with one of several keys. It returns the key that signed the checkpoint.
func OpenAny(signed []byte, keys []PublicKey) (c Checkpoint, key PublicKey, err error) {
	err = ErrSignature
	for _, key = range keys {
		if c, err = Open(signed, key); err == nil {
			return c, key, nil
		}
	}
	return c, nil, err
}

// Peek parses a signed checkpoint without verifying its signature.
func Peek(signed []byte) (Checkpoint, error) {
	text, _, ok := strings.Cut(string(signed), "\n\n")
	if !ok {
		return Checkpoint{}, errors.New("a signed checkpoint has an empty line before its signatures")
	}
	return ParseCheckpoint(text + "\n")
}
