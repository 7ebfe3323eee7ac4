package cocsim

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// maxCorpusFile bounds one file of a corpus. COC's own limit for a content is
// 64 KB, which it does not check.
const maxCorpusFile = 8 << 20

// LoadCorpus reads a folder of histories: each folder in it is a document of that
// name, and the files in it are its versions, in the order of their names, byte for
// byte. Other files, hidden ones and empty folders are ignored. Versions are a day
// apart and end before now.
func LoadCorpus(dir string, now time.Time) ([]Document, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read corpus: %w", err)
	}
	var docs []Document
	for _, e := range entries {
		if !e.IsDir() || hidden(e) {
			continue
		}
		versions, err := loadVersions(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read corpus: %w", err)
		}
		if len(versions) == 0 {
			continue
		}
		start := now.Add(-time.Duration(len(versions)) * 24 * time.Hour).
			Add(-time.Duration(len(docs)) * time.Minute).Truncate(time.Millisecond)
		for i := range versions {
			versions[i].CreatedAt = start.Add(time.Duration(i) * 24 * time.Hour)
		}
		d := Document{Name: e.Name(), Creator: "COC-corpus", Versions: versions}
		if len(versions) > 1 {
			d.Modifier = "COC-corpus"
		}
		docs = append(docs, d)
	}
	if len(docs) == 0 {
		return nil, fmt.Errorf("read corpus: no folder in %s has a file", dir)
	}
	return docs, nil
}

func hidden(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }

// loadVersions reads the files of one document.
func loadVersions(dir string) ([]Version, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var versions []Version
	for _, e := range entries {
		if e.IsDir() || hidden(e) {
			continue
		}
		content, err := loadText(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		versions = append(versions, Version{Content: content})
	}
	return versions, nil
}

func loadText(path string) (_ string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCorpusFile+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxCorpusFile:
		return "", fmt.Errorf("%s: larger than %d bytes", path, maxCorpusFile)
	case !utf8.Valid(b):
		return "", fmt.Errorf("%s: not valid UTF-8", path)
	}
	return string(b), nil
}
