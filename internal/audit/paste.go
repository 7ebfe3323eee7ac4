package audit

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode"
)

// Pasted is a checkpoint from a message, a terminal or an e-mail.
type Pasted struct {
	Checkpoint
	Note []byte // with its signatures, as it was signed; nil if it has none
}

// maxPasted bounds such a text in bytes. A note has a few hundred, and a file has those of all logs.
const maxPasted = 1 << 20

// maxExtension bounds the lines of a checkpoint after its root. Those of cocsync have none.
const maxExtension = 100

// ParsePasted finds the checkpoints in a text. It ignores what programs add to a text that
// is copied: indentation, quotation marks, bars and code fences, CRLF, no-break spaces, wrapped
// signatures, and lines before and after them. The signatures are not verified.
func ParsePasted(text string) (list []Pasted, err error) {
	if len(text) > maxPasted {
		return nil, errors.New("it is too long for checkpoints")
	}
	lines := pastedLines(text)
	for i := 0; i+2 < len(lines); i++ {
		c, err := ParseCheckpoint(strings.Join(lines[i:i+3], "\n") + "\n")
		if err != nil {
			continue
		}
		end := i + 3
		for end < min(len(lines), i+3+maxExtension) && lines[end] != "" && !isSignature(lines[end]) { // of an extension
			end++
		}
		body := strings.Join(lines[i:end], "\n") + "\n"
		for end < len(lines) && lines[end] == "" {
			end++
		}
		p := Pasted{Checkpoint: c}
		if signatures := pastedSignatures(lines[end:]); signatures != "" {
			p.Note = []byte(body + "\n" + signatures)
		}
		list = append(list, p)
		i += 2
	}
	if len(list) == 0 {
		err = errors.New("it has no checkpoint: three lines with the log's name, its size and its root")
	}
	return list, err
}

// pastedLines returns the lines of a text without what surrounds them.
func pastedLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.Map(func(r rune) rune {
			switch {
			case unicode.Is(unicode.Zs, r):
				return ' '
			case unicode.Is(unicode.Cf, r):
				return -1
			}
			return r
		}, line)
		line = strings.TrimSpace(strings.TrimLeft(line, "> \t│"))
		lines[i] = strings.Trim(line, "`")
	}
	return lines
}

func isSignature(line string) bool { return strings.HasPrefix(line, "— ") }

// pastedSignatures returns the signature lines at the start of some lines. A mail program
// may have wrapped a signature.
func pastedSignatures(lines []string) string {
	var b strings.Builder
	for i := 0; i < len(lines) && isSignature(lines[i]); i++ {
		line := lines[i]
		for i+1 < len(lines) && !isWhole(line) && isBase64(lines[i+1]) {
			i++
			if strings.Count(line, " ") == 1 { // wrapped after the name
				line += " "
			}
			line += lines[i]
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// isWhole reports whether a signature line has a whole Ed25519 signature, four bytes of its
// key's hash and 64, or a whole cosignature, which has eight more. The part of a line that was
// wrapped ends before the padding, so its length is another one.
func isWhole(line string) bool {
	b, err := base64.StdEncoding.DecodeString(line[strings.LastIndexByte(line, ' ')+1:])
	return err == nil && (len(b) == 4+64 || len(b) == 4+cosignatureSize)
}

func isBase64(line string) bool {
	return line != "" && strings.Trim(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == ""
}
