package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"

	"cocsync/internal/hint"
	"cocsync/internal/text"
)

// Backups are encrypted with age: https://age-encryption.org/v1.

// ageHead is how an encrypted file starts.
const ageHead = "age-encryption.org/v1\n"

// parseRecipients parses public keys.
func parseRecipients(list []string) (keys []age.Recipient, err error) {
	for _, line := range list {
		var found []age.Recipient
		if strings.HasPrefix(line, "ssh-") {
			var key age.Recipient
			key, err = agessh.ParseRecipient(line)
			found = []age.Recipient{key}
		} else {
			found, err = age.ParseRecipients(strings.NewReader(line))
		}
		if err != nil {
			return nil, usage(hint.Wrap(fmt.Errorf("--encrypt-to: %w", err),
				"give a public key: age1…, as `age-keygen` prints it, or the line of an SSH key of type ssh-ed25519 or ssh-rsa"))
		}
		keys = append(keys, found...)
	}
	return keys, nil
}

// encryptFile writes an encrypted copy of a file to a new file.
func encryptFile(from, to string, recipients []age.Recipient) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return newFile(to, func(out io.Writer) error {
		w, err := age.Encrypt(out, recipients...)
		if err == nil {
			_, err = io.Copy(w, in)
		}
		if err != nil {
			return fmt.Errorf("encrypt: %w", err)
		}
		return w.Close()
	})
}

// isEncrypted reports whether a file is encrypted with age.
func isEncrypted(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() { // opening a pipe blocks
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(ageHead))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == ageHead
}

// decryptFile decrypts a file to a new file with the private key in a file.
func decryptFile(from, to, identity string) error {
	if identity == "" {
		return usage(hint.Wrap(fmt.Errorf("%s is encrypted", text.Visible(from)), "give the file with the private key: --identity FILE"))
	}
	keys, err := readIdentities(identity)
	if err != nil {
		return fmt.Errorf("--identity: %w", err)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := age.Decrypt(in, keys...)
	if err != nil {
		return hint.Wrap(fmt.Errorf("decrypt %s: %w", text.Visible(from), err), "give the private key of one of the recipients")
	}
	return newFile(to, func(out io.Writer) error {
		if _, err := io.Copy(out, r); err != nil {
			return fmt.Errorf("decrypt %s: %w", text.Visible(from), err)
		}
		return nil
	})
}

// readIdentities reads private keys: a file of age-keygen, or an SSH key without a passphrase.
func readIdentities(path string) ([]age.Identity, error) {
	b, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(b, []byte("-----BEGIN")) {
		keys, err := age.ParseIdentities(bytes.NewReader(b))
		if err != nil { // the error of age may have a line of the file, which is secret
			err = fmt.Errorf("%s is neither a file of age-keygen nor an SSH key", text.Visible(path))
		}
		return keys, err
	}
	key, err := agessh.ParseIdentity(b)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("%s: %w", text.Visible(path), err),
			"an SSH key with a passphrase does not work here: make a copy without one with `ssh-keygen -p -N ''`, or decrypt the file with age")
	}
	return []age.Identity{key}, nil
}

// newFile writes and syncs a new file that only its owner can read. After an error it is removed.
func newFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
