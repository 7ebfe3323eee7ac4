package audit

import "crypto/sha256"

// Opening is what a commitment of a record is made of. Records commit to a content by a salted hash:
// without the salt, which is erased with the content, it says nothing about the content.
type Opening struct{ Salt, SHA256 []byte }

// typeOpening is the first line of an opening after a record.
const typeOpening = "content"

// Commitment returns the commitment.
func (o Opening) Commitment() []byte { return Commit(o.Salt, o.SHA256) }

// Commit returns the commitment to a content: SHA-256 of a salt and the SHA-256 of the content.
func Commit(salt, hash []byte) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(hash)
	return h.Sum(nil)
}
