package diff

import "cocsync/internal/diff/lines"

// What package lines knows of lines, under the names that a reader of differences
// needs.
type (
	Op      = lines.Op
	Line    = lines.Line
	Hunk    = lines.Hunk
	Options = lines.Options
)

// The values are the marks of a unified diff.
const (
	Same   = lines.Same
	Delete = lines.Delete
	Insert = lines.Insert
)

// Hunks returns the changed lines with up to o.Context unchanged ones on either
// side; changes that close together share a hunk. A nil Text counts as empty.
// There are none when the contents are equal. The lines alias the contents.
func Hunks(old, new *Text, o Options) []Hunk { return lines.Hunks(old.text(), new.text(), o) }

// Unified returns the difference in unified format, which GNU patch and git
// apply turn back into the new bytes, whatever those are. A nil Text counts as
// empty. It returns nil when the contents are equal.
func Unified(old, new *Text, oldName, newName string, o Options) []byte {
	return lines.Unified(old.text(), new.text(), oldName, newName, o)
}

// text is the content's lines; a nil Text has none.
func (t *Text) text() *lines.Text {
	if t == nil {
		return lines.Read(nil)
	}
	return &t.Text
}
