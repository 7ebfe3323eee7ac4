// Patch compares two files, or the files of the same names in two folders, and
// writes their line diffs. The benchmark of whole processes measures it against
// git diff --no-index.
package main

import (
	"os"
	"path/filepath"

	"cocsync/internal/diff/lines"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		os.Stderr.WriteString("patch: " + err.Error() + "\n")
		os.Exit(1)
	}
}

func run(old, new string) error {
	info, err := os.Stat(old)
	if err != nil {
		return err
	}
	names := []string{""}
	if info.IsDir() {
		entries, err := os.ReadDir(old)
		if err != nil {
			return err
		}
		names = names[:0]
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	var out []byte
	for _, name := range names {
		a, b := filepath.Join(old, name), filepath.Join(new, name)
		was, err := os.ReadFile(a)
		if err != nil {
			return err
		}
		is, err := os.ReadFile(b)
		if err != nil {
			return err
		}
		out = append(out, lines.Unified(lines.Read(was), lines.Read(is), a, b, lines.Options{Context: 3})...)
	}
	_, err = os.Stdout.Write(out)
	return err
}
