// Pairs compares two files, or the files of the same names in two folders, and
// writes the line diffs; with "all" the structure before each. The benchmark of
// whole processes measures it against other programs.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"cocsync/internal/diff"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pairs:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: pairs lines|all OLD NEW")
	}
	out := bufio.NewWriter(os.Stdout)
	names := []string{""}
	if info, err := os.Stat(args[1]); err != nil {
		return err
	} else if info.IsDir() {
		names = names[:0]
		entries, err := os.ReadDir(args[1])
		if err != nil {
			return err
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		if err := pair(out, args[0] == "all", filepath.Join(args[1], name), filepath.Join(args[2], name)); err != nil {
			return err
		}
	}
	return out.Flush()
}

func pair(out *bufio.Writer, all bool, from, to string) error {
	a, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(to)
	if err != nil {
		return err
	}
	old := diff.Read(a)
	new := diff.ReadAfter(old, b)
	if all {
		if err := json.NewEncoder(out).Encode(diff.Compare(old, new)); err != nil {
			return err
		}
	}
	_, err = out.Write(diff.Unified(old, new, from, to, diff.Options{Context: 3}))
	return err
}
