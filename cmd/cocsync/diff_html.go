package main

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"cocsync/internal/web"
)

// html writes the comparison as a fragment of a page. It says nothing of its
// encoding, as a page does that it stands in; so all that is not ASCII is written
// by number, and the fragment reads right as a file of its own too.
func (c *comparison) html(w io.Writer, f diffFlags) error {
	var page bytes.Buffer
	err := web.DiffFragment(&page, web.Diff{
		Title: arrow(c.fromName(), c.doc.Name), Old: c.was, New: c.now, OldLabel: c.old, NewLabel: c.new,
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
