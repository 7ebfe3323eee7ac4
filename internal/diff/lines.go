package diff

import "cocsync/internal/diff/lines"

// Names of package lines for readers of differences.
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

// Hunks returns the changed lines with up to o.Context unchanged ones on either side;
// adjacent changes share a hunk. A nil Text counts as empty. The result is empty if
// the contents are equal. The lines alias the contents.
func Hunks(old, new *Text, o Options) []Hunk { return lines.Hunks(old.text(), new.text(), o) }

// Unified returns the difference in unified format, which GNU patch and git apply turn
// back into the exact new bytes. A nil Text counts as empty. It returns nil if the
// contents are equal.
func Unified(old, new *Text, oldName, newName string, o Options) []byte {
	return lines.Unified(old.text(), new.text(), oldName, newName, o)
}

// text returns the content's lines; a nil Text has none.
func (t *Text) text() *lines.Text {
	if t == nil {
		return lines.Read(nil)
	}
	return &t.Text
}
