// Compare compares two files and writes what Compare finds as JSON, and the line
// diff. The benchmark of whole processes measures it against dyff.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"cocsync/internal/diff"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	a, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(to)
	if err != nil {
		return err
	}
	old := diff.Read(a)
	new := diff.Read(b)
	out := bufio.NewWriter(os.Stdout)
	if err := json.NewEncoder(out).Encode(diff.Compare(old, new)); err != nil {
		return err
	}
	if _, err := out.Write(diff.Unified(old, new, from, to, diff.Options{Context: 3})); err != nil {
		return err
	}
	return out.Flush()
}
