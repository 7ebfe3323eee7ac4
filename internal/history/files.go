package history

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxFileName bounds the name of a file, in bytes: file systems take 255.
const maxFileName = 200

// fileNames gives each document a file of its own: ACCOUNT/NAME.yaml, or where that is
// taken, ACCOUNT/NAME-DOCUMENT_ID.yaml. The same documents in the same order get the
// same files, and further ones change nothing for them. Names that a file system may take
// for one, as they differ only in case or in Unicode normalisation, are made distinct.
type fileNames struct {
	taken   map[string]bool
	folders map[string]string // by account
}

func (f *fileNames) of(account, name, documentID string) string {
	if f.taken == nil {
		f.taken, f.folders = map[string]bool{}, map[string]string{}
	}
	folder := f.folder(account)
	for n := 0; ; n++ {
		suffix := ""
		switch {
		case n == 1:
			suffix = "-" + cutBytes(FileName(documentID), maxFileName/2)
		case n > 1:
			suffix = fmt.Sprintf("-%d", n)
		}
		path := folder + "/" + cutBytes(FileName(name), maxFileName-len(suffix)) + suffix + ".yaml"
		if f.take(path) {
			return path
		}
	}
}

// folder gives each account a folder of its own.
func (f *fileNames) folder(account string) string {
	folder, ok := f.folders[account]
	for n := 1; !ok; n++ {
		folder = FileName(account)
		if n > 1 {
			suffix := fmt.Sprintf("-%d", n)
			folder = cutBytes(folder, maxFileName-len(suffix)) + suffix
		}
		ok = f.take(folder)
	}
	f.folders[account] = folder
	return folder
}

// take reports whether no name that a file system may take for this one was taken.
func (f *fileNames) take(path string) bool {
	key := sameFile(path)
	if f.taken[key] {
		return false
	}
	f.taken[key] = true
	return true
}

// sameFile is one text for all names that are one file somewhere: macOS takes no notice of
// normalisation, and neither macOS nor Windows of case.
func sameFile(name string) string {
	folded := strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, norm.NFD.String(name))
	return norm.NFD.String(folded)
}

// cutBytes cuts a text to a number of bytes, and no rune in two.
func cutBytes(s string, most int) string {
	for len(s) > max(most, 0) {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// FileName makes a name fit to be a file's on any system, and in git: without
// separators, control characters and those with a meaning to a system or a shell that
// can't be quoted, and not beginning with a dot or a dash, so that neither "..",
// ".git" nor an option comes of it.
func FileName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(name, "_") {
		if r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|~`, r) {
			r = '_'
		}
		b.WriteRune(r)
	}
	s := b.String()
	if first, _ := utf8.DecodeRuneInString(s); s == "" || first == '.' || first == '-' || first == ' ' {
		s = "_" + strings.TrimLeft(s, ". -")
	}
	if s = strings.TrimRight(cutBytes(s, maxFileName), ". "); reserved(s) {
		s = "_" + s
	}
	return s
}

// reserved reports whether Windows keeps the name for a device: https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
func reserved(name string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch base {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(base) == 4 && (base[:3] == "COM" || base[:3] == "LPT") && base[3] >= '0' && base[3] <= '9'
}
