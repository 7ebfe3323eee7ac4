package query

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzFileNames changed two texts of hundreds of bytes, each for one name only: making
// an input small took a minute, and no two names met. So a byte of the input is a part
// of a name, and an account has several documents.
//
// No name leaves its directory, enters a repository or looks like an option. No two documents have
// the same file, for any names and in any case.
func FuzzFileNames(f *testing.F) {
	parts := nameParts()
	for i := range parts {
		b, next := byte(i), byte((i+1)%len(parts))
		f.Add([]byte{b})
		f.Add([]byte{b, b, next})
		f.Add([]byte{b, next, nameEnd, b, next, nameEnd, next, b, nameEnd, b})
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 16 {
			return
		}
		names := strings.Split(spelled(parts, input), "\xfe")
		if len(names) > 4 || len(names[0]) > 400 { // the account's name is computed again for each document
			return
		}
		account, ids := names[0], []string{"DM1", "../DM2", strings.Repeat("x", 300)}
		var files fileNames
		var again fileNames
		taken := map[string]string{}
		for _, name := range names {
			for _, id := range ids {
				path := files.of(account, name, id)
				checkFileName(t, account, name, path)
				if other, ok := taken[strings.ToLower(path)]; ok {
					t.Errorf("%q of %q and %s have one file %q", name, account, other, path)
				}
				taken[strings.ToLower(path)] = name
				if same := again.of(account, name, id); same != path {
					t.Errorf("of(%q, %q, %q) = %q, then %q", account, name, id, path, same)
				}
			}
		}
	})
}

// nameEnd ends a name in the fuzzer's input.
const nameEnd = 0xfe

// nameParts are the parts of names: what is special to a file system, to git or to
// a shell, and letters with several forms.
func nameParts() []string {
	return []string{
		"a", "A", "dm", "DM1", "-DM1", "-2", "-", ".", "..", "/", "\\", ":", "~", "~1", " ", "\t", "\n", "\x00", "\x1b[31m",
		"\x7f", "*", "?", "\"", "<", "|",
		".git", "git", ".yaml", "con", "NUL", "com1", "lpt9", "COM", ".x", "\xff", "\xc3", "\u00e9", "e\u0301", "\u0301", "İ",
		"ı", "ſ", "ß", "K", "\u202e", "\ufeff", "\u200b",
		"注", "册", "\U0001F600", strings.Repeat("注", 67), strings.Repeat("n", 199), "$(x)", "`", "'", "%2e", "_",
	}
}

func spelled(parts []string, input []byte) string {
	var b strings.Builder
	for _, c := range input {
		if c == nameEnd {
			b.WriteByte(c)
			continue
		}
		b.WriteString(parts[int(c)%len(parts)])
	}
	return b.String()
}

func checkFileName(t *testing.T, account, name, path string) {
	t.Helper()
	if !filepath.IsLocal(path) || !utf8.ValidString(path) || strings.Count(path, "/") != 1 || strings.ContainsAny(path, "\\:*?\"<>|~") ||
		strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("of(%q, %q) = %q", account, name, path)
	}
	folder, file, _ := strings.Cut(path, "/")
	for _, part := range []string{folder, file} {
		base := part
		if part == file {
			base = strings.TrimSuffix(file, ".yaml")
		}
		if len(part) > 255 || base == "" || strings.ContainsRune(".- ", rune(part[0])) || strings.HasSuffix(base, " ") ||
			strings.HasSuffix(part, ".") || reserved(part) {
			t.Errorf("of(%q, %q) = %q", account, name, path)
		}
	}
}
