// Package otherverifier tests that docs/audit-log.md is complete: a verifier of whole archives
// that is written from that page, and shares no code with cocsync, accepts its archives and
// finds each alteration. It consists of tests only.
package otherverifier

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	_ "modernc.org/sqlite"
)

// run verifies: DATABASE KEYS-FILE [CHECKPOINT-FILE…]. KEYS-FILE has verifier keys, one a line. A
// checkpoint file has signed checkpoints, or is a head file. The status is 0, 1 if something
// cannot be read, or 3 if there are faults.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) < 2 {
		fmt.Fprintln(stderr, "usage: verifier DATABASE KEYS-FILE [CHECKPOINT-FILE…]")
		return 1
	}
	v := &verifier{out: stdout, external: map[string][]checkpoint{}}
	if err := v.verify(args[0], args[1], args[2:]); err != nil {
		fmt.Fprintln(stderr, "verifier:", err)
		return 1
	}
	if v.faults > 0 {
		return 3
	}
	fmt.Fprintln(stdout, "no faults")
	return 0
}

// verifier is a verification of one archive.
type verifier struct {
	tx       *sql.Tx
	out      io.Writer
	keys     []ed25519.PublicKey
	external map[string][]checkpoint // by origin
	archive  string
	names    []string // of the accounts, by id
	faults   int
}

func (v *verifier) fault(format string, args ...any) {
	v.faults++
	fmt.Fprintf(v.out, "FAULT "+format+"\n", args...)
}

func (v *verifier) verify(path, keys string, checkpoints []string) (err error) {
	if v.keys, err = readKeys(keys); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro", OmitHost: true}).String())
	if err != nil {
		return err
	}
	defer db.Close()
	if v.tx, err = db.Begin(); err != nil { // one snapshot
		return err
	}
	defer func() { err = errors.Join(err, v.tx.Rollback()) }()
	_, row, err := v.query(`SELECT name, application_id FROM archive, pragma_application_id`)
	if err != nil || len(row) != 1 || row[0].int(1) != 1668244274 {
		return errors.Join(fmt.Errorf("%s is not an archive of cocsync", path), err)
	}
	v.archive = string(row[0].bytes(0))
	_, accounts, err := v.query(`SELECT name, id FROM accounts ORDER BY id`)
	for i, a := range accounts {
		if v.names = append(v.names, string(a.bytes(0))); a.int(1) != int64(i+1) {
			v.fault("account %d is missing", i+1)
		}
	}
	for _, file := range checkpoints {
		err = errors.Join(err, v.readCheckpoints(file))
	}
	if err = errors.Join(err, v.contents(), v.columns()); err != nil {
		return err
	}
	for i := range accounts {
		if err := v.account(int64(i + 1)); err != nil {
			return err
		}
	}
	for origin := range v.external {
		v.fault("there is no log %s", origin)
	}
	return nil
}

// row has the values of a row: nil, int64, string or []byte.
type row []any

func (r row) int(i int) int64 { n, _ := r[i].(int64); return n }

func (r row) bytes(i int) []byte {
	if s, ok := r[i].(string); ok {
		return []byte(s)
	}
	b, _ := r[i].([]byte)
	return b
}

func (v *verifier) query(query string, args ...any) (names []string, list []row, err error) {
	rows, err := v.tx.Query(query, args...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	names, err = rows.Columns()
	for err == nil && rows.Next() {
		r, dest := make(row, len(names)), make([]any, len(names))
		for i := range r {
			dest[i] = &r[i]
		}
		err = rows.Scan(dest...)
		list = append(list, r)
	}
	return names, list, errors.Join(err, rows.Err())
}

// checkpoint is a note and where it is from. Its size is -1 if only the note says it.
type checkpoint struct {
	what string
	note []byte
	size int64
}

// open verifies a note, and returns the key that signed it under a name: one of the given keys, or one
// for which they vouch.
func (v *verifier) open(note []byte, name string, more ...ed25519.PublicKey) (ed25519.PublicKey, string, error) {
	text, signatures, _ := strings.Cut(string(note), "\n\n")
	text += "\n"
	for line := range strings.Lines(signatures) {
		encoded, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— "+name+" ")
		b, err := base64.StdEncoding.DecodeString(encoded)
		for _, key := range append(more, v.keys...) {
			if ok && err == nil && len(b) == 4+ed25519.SignatureSize && bytes.Equal(b[:4], keyID(name, key)) &&
				ed25519.Verify(key, []byte(text), b[4:]) {
				return key, text, nil
			}
		}
	}
	return nil, text, errors.New("no given key signed it")
}

func keyID(name string, key []byte) []byte {
	h := sha256.Sum256(slices.Concat([]byte(name), []byte{'\n', 1}, key))
	return h[:4]
}

// readKeys reads verifier keys.
func readKeys(file string) (keys []ed25519.PublicKey, err error) {
	b, err := os.ReadFile(file)
	for _, line := range strings.Fields(string(b)) {
		parts := strings.SplitN(line, "+", 3)
		key, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
		if err != nil || len(parts) != 3 || len(key) != 33 || key[0] != 1 || parts[1] != hex.EncodeToString(keyID(parts[0], key[1:])) {
			return nil, fmt.Errorf("%s: %q is not a verifier key", file, line)
		}
		keys = append(keys, key[1:])
	}
	return keys, err
}

// readCheckpoints reads a file of checkpoints or a head file.
func (v *verifier) readCheckpoints(file string) error {
	b, err := os.ReadFile(file)
	var head struct{ Logs []struct{ Note string } }
	if bytes.HasPrefix(b, []byte("{")) {
		_, text, err := v.open(b, "cocsync-head/"+v.archive)
		if err = errors.Join(err, json.Unmarshal([]byte(text), &head)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		b = nil
	}
	parts := strings.Split(strings.TrimSpace(string(b)), "\n\n")
	for _, l := range head.Logs {
		parts = append(parts, strings.SplitN(strings.TrimSpace(l.Note), "\n\n", 2)...)
	}
	if len(head.Logs) > 0 {
		parts = parts[1:]
	}
	for ; len(parts) > 1; parts = parts[2:] {
		origin, _, _ := strings.Cut(parts[0], "\n")
		v.external[origin] = append(v.external[origin], checkpoint{file, []byte(parts[0] + "\n\n" + parts[1] + "\n"), -1})
	}
	return err
}
