package query

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"cocsync/internal/db"
	"cocsync/internal/text"
)

// ExportFolder writes the newest versions, or those at a.At, into an empty folder, which it
// creates if it does not exist: a file for each document, with its current name. It returns
// their number. Documents that did not exist then are left out; those that cannot be written
// are reported at the end and do not stop the others.
func (a *Archive) ExportFolder(ctx context.Context, folder string) (n int, err error) {
	root, err := emptyFolder(folder)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	var failed []error
	var files fileNames
	u := a.db.Unpacker()
	for d, err := range a.db.ListDocuments(ctx, db.DocumentQuery{}) {
		if err != nil {
			return n, err
		}
		doc := newDocument(d.Document)
		all, err := a.revisions(ctx, doc.key)
		if err != nil {
			return n, err
		}
		v, ok, err := a.newestOf(ctx, doc, all, a.At)
		if err != nil {
			return n, err
		}
		if !ok {
			continue
		}
		content, err := u.Content(ctx, doc.key.Account, v.db.Hash)
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		name := files.of(doc.Account, doc.Name, doc.DocumentID)
		if err != nil {
			err = contentError(err, v.Version, doc.Name)
		} else if err = root.MkdirAll(path.Dir(name), 0o700); err == nil {
			err = root.WriteFile(name, content.Bytes, 0o600)
		}
		failed = append(failed, err)
		if err == nil {
			n++
		}
	}
	return n, errors.Join(failed...)
}

// emptyFolder opens an empty folder. No name of a document can write outside of it.
func emptyFolder(folder string) (*os.Root, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty", text.Visible(folder))
	}
	return os.OpenRoot(folder)
}

// maxFileName is the longest name of a file, in bytes: file systems allow 255.
const maxFileName = 200

// fileNames assigns each document a file: ACCOUNT/NAME.yaml, or if that is used already,
// ACCOUNT/NAME-DOCUMENT_ID.yaml. The same documents in the same order get the same files,
// whatever documents follow. Names that differ only in case or Unicode normalization count
// as equal, as on some file systems.
type fileNames struct {
	taken   map[string]bool
	folders map[string]string // by account
}

func (f *fileNames) of(account, name, documentID string) string {
	if f.taken == nil {
		f.taken, f.folders = map[string]bool{}, map[string]string{}
	}
	if f.folders[account] == "" {
		f.folders[account] = f.unused("", account, "-2", "")
	}
	return f.unused(f.folders[account]+"/", name, "-"+cutBytes(FileName(documentID), maxFileName/2), ".yaml")
}

// unused returns the first path not yet used: without a suffix, with the given one, else with
// a number.
func (f *fileNames) unused(folder, name, suffix, extension string) string {
	for n := 0; ; n++ {
		end := fmt.Sprintf("-%d", n)
		switch n {
		case 0:
			end = ""
		case 1:
			end = suffix
		}
		path := folder + cutBytes(FileName(name), maxFileName-len(end)) + end + extension
		if key := fileKey(path); !f.taken[key] {
			f.taken[key] = true
			return path
		}
	}
}

// fileKey returns an equal key for names that some file system treats as one file: macOS
// ignores normalization, and macOS and Windows ignore case.
func fileKey(name string) string {
	mapped := strings.Map(func(r rune) rune {
		folded := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			folded = min(folded, f)
		}
		return folded
	}, norm.NFD.String(name))
	return norm.NFD.String(mapped)
}

// cutBytes cuts a text to at most limit bytes, at a rune.
func cutBytes(s string, limit int) string {
	for len(s) > max(limit, 0) {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// FileName makes a name valid for a file on any system and in git: without separators,
// control characters and characters that are special to a system, and without a dot or a
// dash at its start, so that it is neither "..", ".git" nor an option.
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
	s = strings.TrimRight(cutBytes(s, maxFileName), ". ")
	if reserved(s) {
		s = "_" + s
	}
	return s
}

// reserved reports whether Windows reserves the name for a device: https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
func reserved(name string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch base {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(base) == 4 && (base[:3] == "COM" || base[:3] == "LPT") && base[3] >= '0' && base[3] <= '9'
}
