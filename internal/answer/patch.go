package answer

import (
	"strings"

	"cocsync/internal/diff"
)

// PatchContext is how many unchanged lines stand around a change, as in git.
const PatchContext = 3

// Patch writes a line diff that patch and git apply take. A nil old is no file.
func Patch(name, documentID string, old, now *diff.Text, o diff.Options) []byte {
	was, is := fileNames(name, documentID, old == nil)
	return diff.Unified(old, now, was, is, o)
}

// fileNames are what a patch calls both sides: the document's name, as a file in
// the working directory.
func fileNames(name, documentID string, first bool) (old, now string) {
	file := strings.ReplaceAll(name, "/", "_")
	if file == "" || file == "." || file == ".." {
		file = documentID
	}
	if first {
		return "/dev/null", "b/" + file
	}
	return "a/" + file, "b/" + file
}

// Patch writes the line diff of a comparison, as Patch does.
func (c *Comparison) Patch(o diff.Options) []byte {
	was, is := c.FileNames()
	return diff.Unified(c.Was, c.Now, was, is, o)
}

// FileNames are what a patch calls both sides.
func (c *Comparison) FileNames() (was, is string) {
	was, _ = fileNames(c.OldDoc().Name, c.OldDoc().DocumentID, c.Was == nil)
	_, is = fileNames(c.Doc.Name, c.Doc.DocumentID, c.Was == nil)
	return was, is
}
