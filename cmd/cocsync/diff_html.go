package main

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"cocsync/internal/answer"
	"cocsync/internal/web"
)

// writeHTML writes the comparison as a fragment of a page. It says nothing of its
// encoding, as a page does that it stands in; so all that is not ASCII is written
// by number, and the fragment reads right as a file of its own too.
func writeHTML(w io.Writer, c *answer.Comparison, f diffFlags) error {
	var page bytes.Buffer
	err := web.DiffFragment(&page, web.Diff{
		Title: answer.Arrow(c.FromName(), c.Doc.Name), Old: c.Was, New: c.Now, OldLabel: c.Old, NewLabel: c.New,
		Context: int(f.context), IgnoreSpace: f.ignoreSpace,
	})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for text := page.Bytes(); len(text) > 0; {
		r, n := utf8.DecodeRune(text)
		if r < utf8.RuneSelf {
			out.WriteByte(text[0])
		} else {
			fmt.Fprintf(&out, "&#%d;", r)
		}
		text = text[n:]
	}
	_, err = w.Write(out.Bytes())
	return err
}
