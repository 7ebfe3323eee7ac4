package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// cosigner returns the verifier key of a witness and its private key.
func cosigner(t *testing.T, name string) (WitnessKey, ed25519.PrivateKey) {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := append([]byte{4}, private.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(name+"\n"), public...))
	key, err := ParseWitnessKey(fmt.Sprintf(" %s+%x+%s\n", name, id[:4], base64.StdEncoding.EncodeToString(public)))
	if err != nil {
		t.Fatal(err)
	}
	return key, private
}

func cosignature(private ed25519.PrivateKey, at uint64, text string) Cosignature {
	return append(binary.BigEndian.AppendUint64(nil, at), ed25519.Sign(private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))...)
}

// A note with cosignatures is still that of the log, and has the time of each witness.
func TestCosigned(t *testing.T) {
	key, notes, _, _ := logOf(t, "cocsync/0f3a/prod", 3)
	a, private := cosigner(t, "witness.example/a")
	b, _ := cosigner(t, "witness.example/b")
	text, _, _ := strings.Cut(string(notes[3]), "\n\n")
	text += "\n"
	c := cosignature(private, 1767225600, text)
	line := c.Line(a)
	signed := string(notes[3]) + line
	if _, err := Open([]byte(signed), key.Public()); err != nil {
		t.Errorf("Open = %v", err)
	}
	if got, err := Cosigned([]byte(signed), a); err != nil || !got.At().Equal(time.Date(2026, 1, 1, 0, 0, 0, 0,
		time.UTC)) || string(got) != string(c) {
		t.Errorf("Cosigned = %x of %s, %v", got, got.At(), err)
	}
	if _, err := Cosigned([]byte(signed), b); !errors.Is(err, ErrNotCosigned) {
		t.Errorf("Cosigned by another = %v, want ErrNotCosigned", err)
	}
	for name, bad := range map[string]string{
		"another checkpoint": string(notes[2]) + line,
		"another time":       string(notes[3]) + append(cosignature(private, 1767225601, text)[:8:8], c[8:]...).Line(a),
		"a time after 2262":  string(notes[3]) + cosignature(private, math.MaxInt64+1, text).Line(a),
		"a plain signature":  string(notes[3]) + Cosignature(ed25519.Sign(private, []byte(text))).Line(a),
		"a byte more":        string(notes[3]) + append(c[:len(c):len(c)], 0).Line(a),
		"no line feed":       strings.TrimSuffix(signed, "\n"),
		"no checkpoint":      "a text\n\n" + cosignature(private, 1, "a text\n").Line(a),
	} {
		if got, err := Cosigned([]byte(bad), a); err == nil || errors.Is(err, ErrNotCosigned) {
			t.Errorf("%s: Cosigned = %x, %v, want an error", name, got, err)
		}
	}
	for _, short := range []Cosignature{nil, {}, c[:8]} {
		if !short.At().IsZero() {
			t.Errorf("%x is of %s", short, short.At())
		}
	}
	// The demo and notify preview print a message with bars.
	if pasted, err := ParsePasted("Daily checkpoint\n  │ │ " + strings.ReplaceAll(signed, "\n", "\n  │ │ ")); err != nil || string(pasted[0].Note) != signed {
		t.Errorf("with bars: %+v, %v", pasted, err)
	}
	// A mail program wraps the line anywhere.
	for at := strings.LastIndex(signed, " ") + 1; at < len(signed)-1; at++ {
		pasted, err := ParsePasted(signed[:at] + "\n" + signed[at:] + "\nregards\n" + signed)
		if err != nil || len(pasted) != 2 || string(pasted[0].Note) != signed || string(pasted[1].Note) != signed {
			t.Fatalf("wrapped at %d: %+v, %v", at, pasted, err)
		}
	}
}

// Keys of other types, and damaged ones, are refused.
func TestParseWitnessKey(t *testing.T) {
	key, _ := cosigner(t, "witness.example/a")
	if got, err := ParseWitnessKey(key.String()); err != nil || got != key {
		t.Errorf("ParseWitnessKey(%q) = %v, %v", key, got, err)
	}
	log, _, _, _ := logOf(t, "cocsync/0f3a/prod", 1)
	text := key.String()
	at := strings.LastIndex(text, "+")
	for bad, want := range map[string]string{
		"":                                     "is not the verifier key of a witness",
		"witness.example/a":                    "is not the verifier key of a witness",
		text[:at]:                              "is not the verifier key of a witness",
		text[:at+1]:                            "is not the verifier key of a witness",
		text + "A":                             "is not the verifier key of a witness",
		"a b" + text:                           "is not the verifier key of a witness",
		text + "\n" + text:                     "is not the verifier key of a witness",
		"\xff" + text:                          "is not the verifier key of a witness",
		"x" + text:                             "is damaged",
		strings.ToUpper(text[:at]) + text[at:]: "is damaged",
		text[:at+1] + "BA==":                   "has the type 4",
		text[:at+1] + "Bpku":                   "has the type 6, which is not supported",
		log.Public().Verifier("w"):             "is the key of a log",
	} {
		if got, err := ParseWitnessKey(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseWitnessKey(%q) = %v, %v, want %q", bad, got, err, want)
		}
	}
}
