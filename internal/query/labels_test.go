package query

import (
	"fmt"
	"path/filepath"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Fault: a version with an @ or a # in its label could not be named: DOC@REF was split at the last
// @, and a label at its first #.
func TestLabelsWithAtAndHash(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
	must(t, err)
	defer d.Close()
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	must(t, d.Commit(t.Context(), step("prod", "DM-1", "job", 1, kept("v3", 1), kept("v3#2", 2), kept("a@b", 3),
		kept("@", 4), kept("x#y", 5), kept("#", 6))))
	for i, label := range []string{"v3", "x#y", "a@b"} { // each is rewritten once
		again := kept(label, 7+i)
		again.Revision.Number, again.Revision.Content = 2, coc.Content{Bytes: []byte(label + " again")}
		must(t, d.Commit(t.Context(), step("prod", "DM-1", "job", 7+i, again)))
	}
	must(t, d.Commit(t.Context(), step("prod", "DM-2", "job@a", 10, kept("b", 10), kept("c@d", 10))))
	h := archive(d)
	for spec, want := range map[string]string{
		"job@v3#1":      "DM-1: v3",
		"job@v3#2":      "DM-1: v3#2", // the label as it is
		"job@v3#02":     "DM-1: v3 again",
		"job@x#y":       "DM-1: x#y again",
		"job@x#y#1":     "DM-1: x#y",
		"job@x#y#2":     "DM-1: x#y again",
		"job@#":         "DM-1: #",
		"job@@":         "DM-1: @",
		"job@a@b":       "DM-2: b", // the longest that names a document
		"DM-1@a@b":      "DM-1: a@b again",
		"DM-1@a@b#1":    "DM-1: a@b",
		"prod/job@x#y":  "DM-1: x#y again",
		"job@a@c@d":     "DM-2: c@d",
		"prod/DM-1@a@b": "DM-1: a@b again",
	} {
		doc, ref, err := h.Split(t.Context(), spec)
		must(t, err)
		v, err := h.Version(t.Context(), doc, ref)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		c, err := h.Content(t.Context(), v)
		must(t, err)
		if got := fmt.Sprintf("%s: %s", doc.DocumentID, c.Bytes); got != want {
			t.Errorf("%s is %q, want %q", spec, got, want)
		}
	}
}
